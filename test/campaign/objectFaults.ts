/**
 * Random faults between a store and its object storage server: every artifact that was put is there and right, or the put
 * failed with a typed error; no reader ever gets a part of an artifact, or other bytes; nothing hangs.
 *
 * Run it with `tsx test/campaign/objectFaults.ts [COUNT] [SEED]`; it starts a server of its own. `npm run
 * test:programs` runs a short form.
 */
import { createHash } from "node:crypto"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { ArtifactStore } from "../../src/ArtifactStore.ts"
import type { BucketLocation } from "../../src/internal/store/artifactStore.ts"
import { open } from "../../src/internal/store/s3/open.ts"
import * as SqliteStorage from "../../src/internal/store/sql/sqlite.ts"
import * as FaultProxy from "../support/faultProxy.ts"
import * as ObjectServer from "../support/objectServer.ts"

/** What a campaign found. */
export interface Result {
  readonly faults: number
  readonly puts: { readonly succeeded: number; readonly failed: number }
  readonly reads: { readonly right: number; readonly failed: number }
  /** Sentences about what must not happen. */
  readonly wrong: ReadonlyArray<string>
  readonly counts: Readonly<Record<string, number>>
}

/** A generator of numbers from 0 to 1 that a seed determines. (Mulberry32, by Tommy Ettinger.) */
const randomOf = (seed: number) => (): number => {
  seed = (seed + 0x6d2b79f5) | 0
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296
}

/** A dead connection is given up sooner than in earnest, so that thousands of them fit into minutes. */
const tuning = { stallMs: 250, pauseMs: 5, attempts: 4 }

/** No operation takes longer, however many of its attempts stall. */
const limit = Duration.seconds(60)

/** Runs operations until so many faults have happened. */
export const campaign = Effect.fnUntraced(function* (
  place: ObjectServer.TestBucket,
  options: { readonly faults: number; readonly seed: number; readonly directory: string }
) {
  const random = randomOf(options.seed)
  let happened = 0
  const proxy = yield* FaultProxy.make(place.endpoint, () => {
    if (happened >= options.faults || random() > 0.4) return "none"
    happened++
    return FaultProxy.faults[Math.floor(random() * FaultProxy.faults.length)] ?? "none"
  })
  const location: Omit<BucketLocation, "kind" | "runs"> = {
    bucket: place.bucket,
    prefix: `seed-${options.seed}/`,
    endpoint: proxy.endpoint,
    credentials: place.credentials,
    cache: { limitBytes: 1e9 }
  }
  const layer = SqliteStorage.layer({
    filename: join(options.directory, "runs.sqlite"),
    blobs: open(location, false, tuning),
    valueBytes: 0,
    sync: false
  })
  const wrong: Array<string> = []
  const puts = { succeeded: 0, failed: 0 }
  const reads = { right: 0, failed: 0 }
  const bytesOf = (size: number): Uint8Array => {
    const bytes = new Uint8Array(size)
    for (let at = 0; at < size; at += 997) bytes[at] = Math.floor(random() * 256)
    return bytes
  }
  const sizes = [70_000, 300_000, 1_000_000, 9_000_000]
  const known: Array<{ readonly digest: string; readonly size: number }> = []

  const one = Effect.fnUntraced(function* (index: number) {
    const store = yield* ArtifactStore
    const bytes = bytesOf(sizes[index % sizes.length] ?? 0)
    const put = yield* Effect.exit(store.put([bytes]))
    if (put._tag === "Success") {
      puts.succeeded++
      known.push(put.value)
    } else {
      puts.failed++
      if (!/ArtifactError|StoreError/.test(String(put.cause))) wrong.push(`A put failed with ${put.cause}.`)
    }
    for (const { digest, size } of known.slice(-2)) {
      const read =
        index % 3 === 0
          ? Effect.map(Stream.runCollect(store.stream(digest)), (parts) => Buffer.concat(parts))
          : store.get(digest)
      const got = yield* Effect.exit(read)
      if (got._tag === "Failure") {
        reads.failed++
        if (!String(got.cause).includes("ArtifactError")) wrong.push(`A read failed with ${got.cause}.`)
        continue
      }
      reads.right++
      if (got.value.length !== size || createHash("sha256").update(got.value).digest("hex") !== digest)
        wrong.push(`Artifact ${digest} was read with other bytes.`)
    }
  })

  yield* Effect.gen(function* () {
    const store = yield* ArtifactStore
    for (let index = 0; happened < options.faults; index += 4) {
      yield* Effect.all(
        [0, 1, 2, 3].map((offset) =>
          Effect.timeoutOrElse(one(index + offset), {
            duration: limit,
            orElse: () => Effect.sync(() => void wrong.push("An operation hung."))
          })
        ),
        { concurrency: "unbounded" }
      )
    }
    // The faults are over: what was put is there.
    const there = yield* store.touch(known)
    for (const { digest } of known) {
      if (!there.has(digest)) wrong.push(`Artifact ${digest} was put and is not there.`)
      else yield* store.get(digest)
    }
  }).pipe(Effect.provide(layer))
  return { faults: happened, puts, reads, wrong, counts: Object.fromEntries(proxy.counts) } satisfies Result
}, Effect.scoped)

const main = Effect.gen(function* () {
  const [count = "500", seed = "1"] = process.argv.slice(2)
  const directory = yield* Effect.promise(() => mkdtemp(join(tmpdir(), "effect-flow-faults-")))
  const { endpoint } = yield* Effect.promise(() => ObjectServer.start(join(directory, "server")))
  const place = yield* ObjectServer.bucketOn(endpoint)
  const result = yield* Effect.ensuring(
    campaign(place, { faults: Number(count), seed: Number(seed), directory }),
    Effect.promise(async () => {
      await ObjectServer.stop(join(directory, "server"))
      await rm(directory, { recursive: true, force: true })
    })
  )
  console.log(JSON.stringify(result, undefined, 2))
  if (result.wrong.length > 0) process.exitCode = 1
})

if (import.meta.main) await Effect.runPromise(main)
