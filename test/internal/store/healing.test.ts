/** Damaged artifacts: what notices them, and how the right bytes come back. */
import * as Fs from "node:fs/promises"
import * as Path from "node:path"
import { DatabaseSync } from "node:sqlite"
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Artifact, ArtifactStore, Flow, Run, Step, Storage, Why } from "effect-flow"
import * as Digest from "../../../src/internal/schema/digest.ts"
import { RunStore } from "../../../src/RunStore.ts"
import { temporaryDirectory } from "../../conformance/layers.ts"
import { putTask, ref, task } from "../../conformance/records.ts"

const { ArtifactStore: Store } = ArtifactStore

const blobsOf = async (directory: string): Promise<ReadonlyArray<string>> =>
  (await Fs.readdir(Path.join(directory, "blobs"), { recursive: true, withFileTypes: true })).flatMap((entry) =>
    entry.isFile() && entry.parentPath.length === Path.join(directory, "blobs", "ab").length
      ? [Path.join(entry.parentPath, entry.name)]
      : []
  )

/** Ways to damage a file. */
const damages: Readonly<Record<string, (path: string) => Promise<void>>> = {
  "other bytes of the same size": async (path) => {
    const { size } = await Fs.stat(path)
    await Fs.writeFile(path, "y".repeat(size))
  },
  "one bit": async (path) => {
    const bytes = await Fs.readFile(path)
    const middle = bytes.length >> 1
    bytes[middle] = (bytes[middle] ?? 0) ^ 1
    await Fs.writeFile(path, bytes)
  },
  "a shorter file": (path) => Fs.truncate(path, 10),
  "an empty file": (path) => Fs.truncate(path, 0),
  "a longer file": (path) => Fs.appendFile(path, "more"),
  "no file": (path) => Fs.rm(path)
}

let executed: Array<string> = []

const big = Step.make("big", {
  output: { bulk: Artifact.bytes() },
  run: () =>
    Effect.sync(() => {
      executed.push("big")
      return { bulk: new Uint8Array(100_000).fill(7) }
    })
})
const small = Step.make("small", {
  cache: { version: "1" },
  input: { bulk: Artifact.bytes() },
  output: { size: Schema.Int },
  run: ({ bulk }) =>
    Effect.sync(() => {
      executed.push("small")
      return { size: bulk.length }
    })
})
const DamageFlow = Flow.make("DamageFlow", {
  steps: [big, small],
  run: Effect.fnUntraced(function* () {
    const { bulk } = yield* big()
    const { size } = yield* small({ bulk })
    return { bulk, size }
  })
})

describe("a damaged blob file", () => {
  for (const [name, damage] of Object.entries(damages)) {
    it.live(`is replaced by the task that made it, and why says so: ${name}`, () =>
      Effect.gen(function* () {
        const directory = yield* temporaryDirectory
        yield* Effect.gen(function* () {
          const first = yield* Flow.run(DamageFlow, {})
          yield* Effect.promise(async () => {
            for (const path of await blobsOf(directory)) {
              await Fs.chmod(path, 0o644)
              await damage(path)
            }
          })
          executed = []
          const resumed = yield* Flow.resume(DamageFlow, { origin: first.id })
          assert.deepStrictEqual(executed, ["big"])
          assert.strictEqual((yield* resumed.output.bulk).length, 100_000)
          const { tasks } = yield* Why.explain(resumed.id)
          assert.deepStrictEqual(tasks[0]?.reason, { _tag: "Lost", artifact: `${first.id}/big/1/bulk` })
          assert.include(
            Why.toText(yield* Why.explain(resumed.id, "big")),
            `executed: ${first.id}/big/1/bulk was missing or damaged in the store`
          )
          assert.strictEqual((yield* Run.tasks(resumed.id))[1]?.how, "takenOver")
        }).pipe(Effect.provide(Storage.layerLocal({ directory })))
        // Read by another process, which trusts nothing of this one.
        yield* Effect.gen(function* () {
          const store = yield* Store
          for (const path of yield* Effect.promise(() => blobsOf(directory))) yield* store.get(Path.basename(path))
        }).pipe(Effect.provide(Storage.layerLocal({ directory })))
      }).pipe(Effect.scoped)
    )

    it.live(`is replaced when the same bytes are put: ${name}`, () =>
      Effect.gen(function* () {
        const directory = yield* temporaryDirectory
        const bytes = new Uint8Array(100_000).fill(9)
        const digest = Digest.ofChunks([bytes])
        const put = (address?: { readonly digest: string; readonly size: number }) =>
          Effect.flatMap(Store, (store) => store.put([bytes], address)).pipe(
            Effect.provide(Storage.layerLocal({ directory }))
          )
        yield* put()
        for (const address of [undefined, { digest, size: bytes.length }]) {
          yield* Effect.promise(async () => {
            for (const path of await blobsOf(directory)) {
              await Fs.chmod(path, 0o644)
              await damage(path)
            }
          })
          yield* put(address)
          const read = yield* Effect.flatMap(Store, (store) => store.get(digest)).pipe(
            Effect.provide(Storage.layerLocal({ directory }))
          )
          assert.deepStrictEqual(read, bytes)
        }
      }).pipe(Effect.scoped)
    )
  }

  it.live("is moved aside by the read that finds it, and replaced then", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      yield* Effect.gen(function* () {
        const store = yield* Store
        const { digest } = yield* store.put([new Uint8Array(100_000)])
        const path = yield* store.path(digest)
        // As a disk would: no time changes.
        yield* Effect.promise(async () => {
          const { mtime } = await Fs.stat(path)
          await Fs.chmod(path, 0o644)
          await Fs.writeFile(path, new Uint8Array(100_000).fill(1))
          await Fs.utimes(path, mtime, mtime)
        })
        assert.strictEqual((yield* Effect.flip(store.get(digest))).reason, "altered")
        assert.strictEqual((yield* Effect.flip(store.get(digest))).reason, "altered")
        assert.deepStrictEqual(yield* store.touch([digest]), new Set())
        yield* store.put([new Uint8Array(100_000)])
        assert.strictEqual((yield* store.get(digest)).length, 100_000)
        assert.deepStrictEqual(yield* Effect.promise(() => Fs.readdir(Path.join(directory, "blobs", "damaged"))), [])
      }).pipe(Effect.provide(Storage.layerLocal({ directory })))
    }).pipe(Effect.scoped)
  )
})

describe("damaged files that were set apart", () => {
  it.live("go after the grace, and a week later where they are the only copies", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const damaged = Path.join(directory, "blobs", "damaged")
      const names = Effect.promise(() => Fs.readdir(damaged))
      yield* Effect.gen(function* () {
        const store = yield* Store
        const hour = 60 * 60 * 1000
        const now = yield* Clock.currentTimeMillis
        const put = Effect.fnUntraced(function* (fill: number) {
          const { digest } = yield* store.put([new Uint8Array(100_000).fill(fill)])
          const path = yield* store.path(digest)
          yield* Effect.promise(() => Fs.chmod(path, 0o644).then(() => Fs.truncate(path, 10)))
          assert.strictEqual((yield* Effect.flip(store.get(digest))).reason, "altered")
          return digest
        })
        const [only, unused] = [yield* put(1), yield* put(2)]
        const sweep = (before: number) => store.sweep({ keep: new Set([only]), before })
        yield* sweep(now - hour)
        assert.sameMembers(yield* names, [only, unused])
        yield* sweep(now + hour)
        assert.deepStrictEqual(yield* names, [only])
        yield* sweep(now + 6 * 24 * hour)
        assert.deepStrictEqual(yield* names, [only])
        yield* sweep(now + 8 * 24 * hour)
        assert.deepStrictEqual(yield* names, [])
        assert.strictEqual((yield* Effect.flip(store.get(only))).reason, "missing")
      }).pipe(Effect.provide(Storage.layerLocal({ directory })))
    }).pipe(Effect.scoped)
  )
})

describe("a damaged artifact in the database", () => {
  for (const sql of [
    "UPDATE blobs SET bytes = x'00'",
    "UPDATE blobs SET bytes = zeroblob(length(bytes))",
    "UPDATE blobs SET bytes = x''",
    "DELETE FROM blobs"
  ]) {
    it.live(`is replaced by the task that made it, and why says so: ${sql}`, () =>
      Effect.gen(function* () {
        const directory = yield* temporaryDirectory
        const layer = () => Storage.layerLocal({ directory })
        const first = yield* Effect.provide(Flow.run(DamageFlow, {}), layer())
        const database = new DatabaseSync(Path.join(directory, "runs.sqlite"))
        database.exec(sql)
        database.close()
        yield* Effect.gen(function* () {
          executed = []
          const resumed = yield* Flow.resume(DamageFlow, { origin: first.id })
          assert.deepStrictEqual(executed, ["small"])
          assert.strictEqual(yield* resumed.output.size, 100_000)
          const { tasks } = yield* Why.explain(resumed.id)
          assert.deepStrictEqual(tasks[1]?.reason, { _tag: "Lost", artifact: `${first.id}/small/2/size` })
          // And by the cache, once it is damaged again.
          const again = yield* Flow.run(DamageFlow, {})
          assert.strictEqual(yield* again.output.size, 100_000)
        }).pipe(Effect.provide(layer()))
      }).pipe(Effect.scoped)
    )
  }

  it.live("is marked by the read that finds it, and replaced with the next task that writes the same bytes", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const bytes = new TextEncoder().encode("right")
      const digest = Digest.ofChunks([bytes])
      const put = putTask(task("r", 1, { outputs: [ref("x", digest)] }), { blobs: [{ digest, bytes }] })
      yield* Effect.gen(function* () {
        const store = yield* Store
        const runs = yield* RunStore
        yield* runs.write([put])
        const database = new DatabaseSync(Path.join(directory, "runs.sqlite"))
        database.exec("UPDATE blobs SET bytes = x'00'")
        database.close()
        assert.strictEqual((yield* Effect.flip(store.get(digest))).reason, "altered")
        assert.deepStrictEqual(yield* store.touch([digest]), new Set())
        yield* runs.write([put])
        assert.deepStrictEqual(yield* store.get(digest), bytes)
        assert.deepStrictEqual(yield* store.touch([digest]), new Set([digest]))
      }).pipe(Effect.provide(Storage.layerLocal({ directory })))
    }).pipe(Effect.scoped)
  )
})
