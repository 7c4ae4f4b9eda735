/**
 * What each routine of this library's own gains over hyparquet's, hyparquet-compressors' and hyparquet-writer's, side by
 * side in one run: `tsx test/bench/parquet.ts`. Ratios above 1 are gains. DuckDB's own read stands beside the reader's.
 */
import { readFileSync } from "node:fs"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { gzipSync, zstdCompressSync } from "node:zlib"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { parquetRead } from "hyparquet"
import { deltaBinaryUnpack } from "hyparquet/src/delta.js"
import { readRleBitPackedHybrid } from "hyparquet/src/encoding.js"
import { compressors } from "hyparquet-compressors"
import { ByteWriter, parquetWriteBuffer } from "hyparquet-writer"
import { deltaBinaryPack } from "hyparquet-writer/src/delta.js"
import * as Artifact from "../../src/Artifact.ts"
import * as Compression from "../../src/internal/parquet/compression.ts"
import * as Encodings from "../../src/internal/parquet/encodings.ts"
import * as Runs from "../../src/internal/parquet/hybridRuns.ts"
import * as Parquet from "../../src/Parquet.ts"
import { encode } from "../support/codec.ts"
import { dataFile, hasData } from "../support/data.ts"
import * as DuckDb from "../support/duckdb.ts"

type Run = () => unknown

/** Runs both in turn, so that whatever else the machine does slows both, and prints the shortest times. */
const compare = async (name: string, ours: Run, theirs: Run, rounds = 9) => {
  const shortest = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]
  for (let round = 0; round < rounds; round++) {
    for (const [i, run] of [ours, theirs].entries()) {
      const start = performance.now()
      await run()
      shortest[i] = Math.min(shortest[i] as number, performance.now() - start)
    }
  }
  const [own, other] = shortest as [number, number]
  console.log(`${name.padEnd(62)} ${own.toFixed(2)} ms against ${other.toFixed(2)} ms: ${(other / own).toFixed(2)}`)
}

const rows = 200_000
const count = Array.from({ length: rows }, (_, i) => i)
const directory = await mkdtemp(join(tmpdir(), "effect-flow-bench-"))
const read = (path: string, fields: Artifact.TableFields) => () =>
  Effect.runPromise(Parquet.read(path, Artifact.table(fields)))
const hyparquet = (path: string, columns: Array<string>) => {
  const file = new Uint8Array(readFileSync(path)).buffer
  return () => parquetRead({ file, compressors, columns, onChunk: () => undefined })
}

console.log("Codecs, a megabyte of text")
const text = Buffer.from(count.map((i) => `line ${i % 977} of many\n`).join("")).subarray(0, 1 << 20)
for (const [codec, bytes] of [
  ["ZSTD", zstdCompressSync(text)],
  ["GZIP", gzipSync(text)]
] as const) {
  const theirs = compressors[codec] as (input: Uint8Array, length: number) => Uint8Array // it is there
  await compare(
    codec,
    () => Compression.decompress(codec, bytes, text.length),
    () => theirs(bytes, text.length)
  )
}

console.log("\nEncodings, 200,000 values")
const indexes = Uint32Array.from(count, (i) => (i * 7919) % 1000)
const packed = Runs.encode(indexes, 10)
const reader = (bytes: Uint8Array) => ({
  view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength),
  offset: 0
})
await compare(
  "hybrid runs of 10 bits",
  () => Runs.decode(packed, 0, 10, new Uint32Array(rows)),
  () => readRleBitPackedHybrid(reader(packed), 10, new Array(rows), packed.length)
)
const packing = new ByteWriter()
deltaBinaryPack(
  packing,
  count.map((i) => BigInt(i * 3 + (i % 7))),
  "INT64"
)
const differences = packing.getBytes()
await compare(
  "differences of 64-bit integers",
  () => Encodings.decode(differences, "INT64", "DELTA_BINARY_PACKED", rows, undefined),
  () => deltaBinaryUnpack(reader(differences), rows, new BigInt64Array(rows))
)

console.log("\nWriting 200,000 rows to memory, against hyparquet-writer (Snappy, which is its only codec)")
const Written = Artifact.table({ n: Schema.Int, t: Schema.String, d: Artifact.column("float64") })
const written = { numRows: rows, columns: { n: count, t: count.map((i) => `text ${i}`), d: Float64Array.from(count) } }
await compare(
  "a table of integers, texts and doubles",
  () => Effect.runPromise(encode(Written, written)),
  () =>
    parquetWriteBuffer({
      columnData: [
        { name: "n", data: BigInt64Array.from(count, BigInt) },
        { name: "t", data: written.columns.t },
        { name: "d", data: written.columns.d }
      ]
    }),
  5
)

if (DuckDb.unavailable === undefined) {
  console.log("\nReading 200,000 rows, against hyparquet's unchecked columns")
  const path = join(directory, "a.parquet")
  await Effect.runPromise(
    DuckDb.query(`copy (select i as n, case when i % 3 = 0 then null else i end as o, 'kind ' || i % 7 as k, 'text ' || i as t,
      (i * 0.01)::decimal(18, 2) as p, [i, i + 1, i + 2] as l, {'a': i, 'b': 'x' || i} as s, map {'k': i} as m
      from range(${rows}) r(i)) to '${path}' (format parquet)`)
  )
  const nullable = Schema.NullOr
  const fields = {
    n: nullable(Schema.Int),
    o: nullable(Schema.Int),
    k: nullable(Schema.String),
    t: nullable(Schema.String),
    p: nullable(Schema.Number),
    l: nullable(Schema.Array(nullable(Schema.Int))),
    s: nullable(Schema.Struct({ a: nullable(Schema.Int), b: nullable(Schema.String) })),
    m: nullable(Schema.Record(Schema.String, nullable(Schema.Int)))
  }
  const names = {
    n: "integers",
    o: "integers with nulls",
    k: "texts that repeat",
    t: "texts",
    p: "decimals",
    l: "lists of three",
    s: "structs",
    m: "maps"
  }
  for (const [name, what] of Object.entries(names) as ReadonlyArray<readonly [keyof typeof fields, string]>) {
    await compare(what, read(path, { [name]: fields[name] }), hyparquet(path, [name]), 5)
  }
  const flat = join(directory, "flat.parquet")
  await Effect.runPromise(DuckDb.query(`copy (select unnest(l) as n from '${path}') to '${flat}' (format parquet)`))
  await compare(
    "lists of three, against as many integers in a flat column",
    read(path, { l: fields.l }),
    read(flat, { n: fields.n }),
    5
  )
}

if (hasData) {
  console.log("\nThe tutorial's training data: 20,377 reviews")
  const path = dataFile("train.parquet")
  const Reviews = { labels: Schema.Int, review: Schema.String }
  await compare(
    "Parquet.read, against hyparquet's unchecked columns",
    read(path, Reviews),
    hyparquet(path, ["labels", "review"]),
    15
  )
  if (DuckDb.unavailable === undefined) {
    await compare(
      "Parquet.read, against DuckDB's read into JavaScript",
      read(path, Reviews),
      () => DuckDb.columns(`select labels, review from '${path}'`),
      5
    )
  }
}

await rm(directory, { recursive: true, force: true })
