/**
 * A dataset larger than the memory that it is worked on with: written, scanned, joined by DuckDB and scored by
 * `Nbow.predict`, each in a process of its own with a heap of 512 MB, whose peak of memory is printed beside the time.
 *
 * `npx tsx test/bench/dataset.ts` takes 512 MB of reviews; `--megabytes 4096` takes 4 GB. The sizes are those of the texts
 * in memory, as UTF-8.
 */
import { execFileSync } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { Nbow, Tensorflow } from "effect-flow/nbow"
import { generate } from "../../examples/data/reviews.ts"
import * as Artifact from "../../src/Artifact.ts"
import { ArtifactStore } from "../../src/ArtifactStore.ts"
import * as Duckdb from "../../src/Duckdb.ts"
import { StoredRef } from "../../src/internal/artifact/storedRef.ts"
import { capture, writeCaptured } from "../../src/internal/artifact/values.ts"
import type { RefRecord } from "../../src/RunRecord.ts"
import * as Storage from "../../src/Storage.ts"

const { values } = parseArgs({
  options: {
    megabytes: { type: "string", default: "512" },
    heap: { type: "string", default: "512" },
    part: { type: "string" },
    directory: { type: "string" },
    record: { type: "string" }
  }
})
const megabytes = Number(values.megabytes)

const Reviews = Artifact.dataset({ review: Schema.String, labels: Schema.Int, garment: Schema.Int })

/** Reviews until there are so many bytes of them; each text is a string of its own. */
const reviews = (bytes: number) =>
  Stream.unfold({ seed: 1, written: 0 }, ({ seed, written }) => {
    if (written >= bytes) return Effect.undefined
    return Effect.sync(() => {
      const { columns, numRows } = generate(5000, seed)
      // A reader of the stored texts meets long ones too.
      const review = columns.review.map((text, row) => `${text} ${seed}x${row} ${text} ${text} ${text}`)
      const more = review.reduce((sum, text) => sum + text.length, 0)
      const labels = Array.from(columns.labels)
      const garment = labels.map((_, row) => (row + seed) % 1000)
      return [
        { numRows, columns: { review, labels, garment } },
        { seed: seed + 1, written: written + more }
      ] as const
    })
  })

type Reviewed = Artifact.Dataset<(typeof Reviews)["fields"]>

/** What a process does with the dataset, and what it says of it. */
const parts: Record<string, (dataset: Reviewed) => Effect.Effect<string, unknown, ArtifactStore>> = {
  "scan all columns": (dataset) =>
    Stream.runFold(
      dataset.stream(),
      () => 0,
      (sum, { numRows }) => sum + numRows
    ).pipe(Effect.map((rows) => `${rows} rows`)),
  "scan where garment = 7, one column": (dataset) =>
    Stream.runFold(
      dataset.scan({ columns: ["labels"], where: { garment: 7 } }),
      () => 0,
      (sum, { numRows }) => sum + numRows
    ).pipe(Effect.map((rows) => `${rows} rows`)),
  "join and group in DuckDB": (dataset) =>
    Effect.map(
      Duckdb.query(
        "select name, count(*) as reviews, avg(length(review)) as length from reviews join garments on id = garment group by name",
        {
          reviews: dataset,
          garments: {
            numRows: 1000,
            columns: {
              id: Array.from({ length: 1000 }, (_, i) => i),
              name: Array.from({ length: 1000 }, (_, i) => `garment ${i % 10}`)
            }
          }
        },
        { memoryLimit: "200MB", threads: 2 }
      ),
      ({ numRows }) => `${numRows} groups`
    ),
  "score with Nbow.predict": (dataset) =>
    Effect.gen(function* () {
      const { columns } = generate(2000, 1)
      const model = yield* Nbow.fit(
        { texts: columns.review, labels: columns.labels },
        { vocabularySize: 750, epochs: 2 }
      ).pipe(Effect.provide(Tensorflow.layerCpu))
      const scores = yield* Nbow.predict(model, { dataset, texts: "review" })
      return `${scores.length} scores`
    }),
  "append 5,000 rows": (dataset) =>
    Effect.map(Reviews.append(dataset, reviews(1)), (grown) => {
      const { size } = grown.summaries.at(-1) ?? { size: 0 }
      return `${grown.parts.length - dataset.parts.length} part of ${(size / 2 ** 20).toFixed(1)} MB written`
    })
}

const peakMegabytes = () => process.resourceUsage().maxRSS / 1024

if (values.part !== undefined && values.directory !== undefined) {
  const { directory, part, record } = values
  const layer = Storage.layerLocal({ directory })
  const startedAt = performance.now()
  const told = await Effect.gen(function* () {
    const store = yield* ArtifactStore
    if (record === undefined) {
      const dataset = yield* Reviews.write(reviews(megabytes * 2 ** 20))
      const written = yield* writeCaptured(store, Reviews, capture(Reviews, dataset), "reviews", "reviews", undefined)
      if (written.blob !== undefined) yield* store.put([written.blob.bytes])
      const stored = dataset.summaries.reduce((sum, { size }) => sum + size, 0) / 2 ** 20
      const note = `${dataset.numRows} rows in ${dataset.parts.length} parts, ${stored.toFixed(0)} MB stored`
      return { note, record: written.record }
    }
    const dataset = yield* new StoredRef(JSON.parse(record) as RefRecord, Reviews, undefined) // written by the first process
    const run = parts[part]
    return { note: run === undefined ? "" : yield* run(dataset) }
  }).pipe(Effect.provide(layer), Effect.runPromise)
  console.log(JSON.stringify({ ...told, seconds: (performance.now() - startedAt) / 1000, peak: peakMegabytes() }))
} else {
  const directory = mkdtempSync(join(tmpdir(), "effect-flow-dataset-"))
  const inProcess = (part: string, record?: object) => {
    const output = execFileSync(
      process.execPath,
      [
        `--max-old-space-size=${values.heap}`,
        ...process.execArgv,
        import.meta.filename,
        "--part",
        part,
        "--directory",
        directory,
        "--megabytes",
        String(megabytes),
        ...(record === undefined ? [] : ["--record", JSON.stringify(record)])
      ],
      { stdio: ["ignore", "pipe", "inherit"], encoding: "utf8" }
    )
    const last = output.trim().split("\n").at(-1) ?? ""
    return JSON.parse(last) as { note: string; seconds: number; peak: number; record?: object } // what it printed
  }
  try {
    console.log(`${megabytes} MB of texts, a heap of ${values.heap} MB`)
    const print = (name: string, { note, peak, seconds }: { note: string; seconds: number; peak: number }) =>
      console.log(
        `${name.padEnd(36)} ${seconds.toFixed(1).padStart(7)} s  peak RSS ${peak.toFixed(0).padStart(5)} MB  ${note}`
      )
    const written = inProcess("write")
    print("write", written)
    for (const name of Object.keys(parts)) print(name, inProcess(name, written.record))
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
