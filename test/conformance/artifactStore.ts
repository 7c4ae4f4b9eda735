/** What every `ArtifactStore` does, whatever it keeps its bytes in. */
import { createCipheriv } from "node:crypto"
import * as Fs from "node:fs/promises"
import * as Path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { TestClock } from "effect/testing"
import * as FastCheck from "fast-check"
import { ArtifactStore } from "../../src/ArtifactStore.ts"
import * as Digest from "../../src/internal/schema/digest.ts"
import { RunStore, type StoreError } from "../../src/RunStore.ts"
import { temporaryDirectory } from "./layers.ts"
import { putTask, ref, task } from "./records.ts"

/** Bytes that differ with their seed: what a cipher makes of zeros, which costs a few milliseconds for megabytes. */
const bytesOf = (size: number, seed = 1): Uint8Array<ArrayBuffer> =>
  createCipheriv("aes-128-ctr", Buffer.alloc(16, seed), Buffer.alloc(16)).update(new Uint8Array(size))

const inParts = (bytes: Uint8Array, size: number): ReadonlyArray<Uint8Array> =>
  Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.subarray(i * size, (i + 1) * size))

const same = (actual: Uint8Array, expected: Uint8Array): void =>
  assert.isTrue(Buffer.compare(actual, expected) === 0, `${actual.length} bytes differ from ${expected.length}`)

export const suite = (name: string, layer: Layer.Layer<ArtifactStore | RunStore, StoreError>): void => {
  describe(`ArtifactStore: ${name}`, () => {
    const effect = <E>(title: string, body: () => Effect.Effect<void, E, ArtifactStore | RunStore>) =>
      it.effect(title, () => Effect.provide(body(), layer))

    effect("gives back what it was given, whatever its size and parts", () =>
      Effect.gen(function* () {
        const store = yield* ArtifactStore
        const limit = store.inlineLimit
        const samples = FastCheck.sample(FastCheck.uint8Array({ maxLength: 300 }), 30)
        for (const size of [0, 1, limit - 1, limit, limit + 1, 8 * 1024 * 1024 + 1, 9_000_000])
          samples.push(bytesOf(size))
        for (const bytes of samples) {
          const parts = inParts(bytes, Math.ceil(bytes.length / 3))
          const address = yield* store.put(parts)
          assert.deepStrictEqual(address, { digest: Digest.ofChunks([bytes]), size: bytes.length })
          same(yield* store.get(address.digest), bytes)
        }
      })
    )

    effect("trusts an address that it is given", () =>
      Effect.gen(function* () {
        const store = yield* ArtifactStore
        for (const size of [10, 1_000_000]) {
          const bytes = bytesOf(size)
          const address = { digest: Digest.ofChunks([bytes]), size }
          assert.deepStrictEqual(yield* store.put([bytes], address), address)
          assert.deepStrictEqual(yield* store.put([bytes], address), address)
          same(yield* store.get(address.digest), bytes)
        }
      })
    )

    effect("stores the same bytes from many at once", () =>
      Effect.gen(function* () {
        const store = yield* ArtifactStore
        for (const size of [100, 500_000]) {
          const bytes = bytesOf(size)
          const addresses = yield* Effect.all(
            Array.from({ length: 8 }, () => store.put([bytes])),
            { concurrency: "unbounded" }
          )
          assert.strictEqual(new Set(addresses.map(({ digest }) => digest)).size, 1)
          same(yield* store.get(addresses[0]?.digest ?? ""), bytes)
        }
      })
    )

    effect("stores a file", () =>
      Effect.gen(function* () {
        const store = yield* ArtifactStore
        const directory = yield* temporaryDirectory
        for (const size of [0, 5, 200_000, 8_500_000]) {
          const path = Path.join(directory, String(size))
          const bytes = bytesOf(size)
          yield* Effect.promise(() => Fs.writeFile(path, bytes))
          const address = yield* store.putFile(path)
          assert.deepStrictEqual(address, { digest: Digest.ofChunks([bytes]), size })
          same(yield* store.get(address.digest), bytes)
        }
      }).pipe(Effect.scoped)
    )

    effect("says which file can't be stored", () =>
      Effect.gen(function* () {
        const store = yield* ArtifactStore
        const error = yield* Effect.flip(store.putFile("/no/such/file"))
        assert.strictEqual(error.reason, "unreadable")
        assert.strictEqual(
          error.message,
          "The file /no/such/file can't be read: there is no such file or directory (ENOENT)."
        )
        const directory = yield* Effect.flip(store.putFile("/"))
        assert.strictEqual(directory.message, "The file / can't be read: it is a directory, not a file (EISDIR).")
      })
    )

    effect("says that an artifact is missing", () =>
      Effect.gen(function* () {
        const store = yield* ArtifactStore
        for (const digest of ["0".repeat(64), "../../etc/passwd", ""]) {
          for (const read of [store.get(digest), store.path(digest), Stream.runDrain(store.stream(digest))]) {
            const error = yield* Effect.flip(read)
            assert.strictEqual(error.reason, "missing")
            assert.strictEqual(error.digest, digest)
            assert.include(error.message, digest)
          }
        }
      })
    )

    effect("streams an artifact, and ranges of it", () =>
      Effect.gen(function* () {
        const store = yield* ArtifactStore
        for (const size of [1000, 9_000_000]) {
          const bytes = bytesOf(size)
          const { digest } = yield* store.put([bytes])
          const streamed = (range?: { readonly start: number; readonly end: number }) =>
            Effect.map(Stream.runCollect(store.stream(digest, range)), (parts) => Buffer.concat(parts))
          same(yield* streamed(), bytes)
          for (const [start, end] of [
            [0, 10],
            [10, size - 1],
            [size - 1, size],
            [5, 5],
            [size - 5, size + 100]
          ] as const) {
            same(yield* streamed({ start, end }), bytes.subarray(start, end))
          }
        }
      })
    )

    effect("has a local file of an artifact", () =>
      Effect.gen(function* () {
        const store = yield* ArtifactStore
        for (const size of [0, 1000, 700_000]) {
          const { digest } = yield* store.put([bytesOf(size)])
          const path = yield* store.path(digest)
          same(yield* Effect.promise(() => Fs.readFile(path)), bytesOf(size))
          assert.strictEqual(yield* store.path(digest), path)
        }
      })
    )

    effect("gives a local file the extension that is asked for", () =>
      Effect.gen(function* () {
        const store = yield* ArtifactStore
        for (const size of [0, 1000, 700_000]) {
          const bytes = bytesOf(size)
          const { digest } = yield* store.put([bytes.slice()])
          const extensions = [".csv", ".csv.gz", "parquet", ".JPG", ".données"]
          for (const extension of extensions) {
            const paths = yield* Effect.all(
              Array.from({ length: 8 }, () => store.path(digest, extension)),
              { concurrency: "unbounded" }
            )
            assert.strictEqual(new Set(paths).size, 1)
            const path = paths[0] as string // there are 8
            assert.isTrue(Path.isAbsolute(path))
            assert.strictEqual(Path.basename(path), `${digest}.${extension.replace(/^\./, "")}`)
            same(yield* Effect.promise(() => Fs.readFile(path)), bytes)
          }
          const plain = yield* store.path(digest)
          for (const bad of ["", ".", "../../x", "./etc", ".a b", ".a\0", `.${"x".repeat(300)}`])
            assert.strictEqual(yield* store.path(digest, bad), plain, bad)
        }
        const error = yield* Effect.flip(store.path("0".repeat(64), ".csv"))
        assert.strictEqual(error.reason, "missing")
      })
    )

    effect("forgets the names of files that it sweeps, and makes them again", () =>
      Effect.gen(function* () {
        const store = yield* ArtifactStore
        yield* TestClock.setTime(1_000_000)
        const { digest } = yield* store.put([bytesOf(100_000)])
        const path = yield* store.path(digest, ".csv")
        yield* TestClock.setTime(2_000_000)
        yield* store.sweep({ keep: new Set(), before: 1_500_000 })
        assert.strictEqual((yield* Effect.flip(store.path(digest, ".csv"))).reason, "missing")
        if (store.location !== undefined)
          assert.deepStrictEqual(yield* Effect.promise(() => Fs.readdir(Path.dirname(path))), [])
        yield* store.put([bytesOf(100_000)])
        same(
          yield* Effect.flatMap(store.path(digest, ".csv"), (again) => Effect.promise(() => Fs.readFile(again))),
          bytesOf(100_000)
        )
      })
    )

    effect("knows which artifacts are there", () =>
      Effect.gen(function* () {
        const store = yield* ArtifactStore
        const small = yield* store.put([bytesOf(10)])
        const large = yield* store.put([bytesOf(100_000)])
        assert.deepStrictEqual(
          yield* store.touch([small.digest, "0".repeat(64), large.digest, "nonsense"]),
          new Set([small.digest, large.digest])
        )
        assert.deepStrictEqual(yield* store.touch([]), new Set())
      })
    )

    effect("sweeps what is neither kept nor young", () =>
      Effect.gen(function* () {
        const store = yield* ArtifactStore
        yield* TestClock.setTime(1_000_000)
        const put = (size: number, seed: number) => Effect.map(store.put([bytesOf(size, seed)]), ({ digest }) => digest)
        for (const size of [100, 100_000]) {
          yield* TestClock.setTime(1_000_000)
          const kept = yield* put(size, 1)
          const touched = yield* put(size, 2)
          const again = yield* put(size, 3)
          const old = yield* put(size, 4)
          yield* TestClock.setTime(2_000_000)
          const young = yield* put(size, 5)
          yield* store.touch([touched])
          yield* put(size, 3)
          const options = { keep: new Set([kept]), before: 2_000_000 }
          assert.deepStrictEqual(yield* store.sweep({ ...options, dryRun: true }), { artifacts: 1, bytes: size })
          same(yield* store.get(old), bytesOf(size, 4))
          assert.deepStrictEqual(yield* store.sweep(options), { artifacts: 1, bytes: size })
          assert.deepStrictEqual(yield* store.sweep(options), { artifacts: 0, bytes: 0 })
          assert.deepStrictEqual(
            yield* store.touch([kept, touched, again, old, young]),
            new Set([kept, touched, again, young])
          )
          assert.strictEqual((yield* Effect.flip(store.get(old))).reason, "missing")
          same(yield* store.get(again), bytesOf(size, 3))
          assert.strictEqual(yield* put(size, 4), old)
          same(yield* store.get(old), bytesOf(size, 4))
          yield* store.sweep({ keep: new Set(), before: 1e15 })
          assert.deepStrictEqual(yield* store.touch([kept, touched, again, old, young]), new Set())
        }
      })
    )

    effect("keeps the age of what came with a task", () =>
      Effect.gen(function* () {
        const store = yield* ArtifactStore
        const runs = yield* RunStore
        yield* TestClock.setTime(5_000_000)
        const bytes = bytesOf(10)
        const digest = Digest.ofChunks([bytes])
        yield* runs.write([putTask(task("r", 1, { outputs: [ref("x", digest)] }), { blobs: [{ digest, bytes }] })])
        const keep = yield* runs.digests()
        assert.deepStrictEqual(yield* store.sweep({ keep, before: 9_000_000 }), { artifacts: 0, bytes: 0 })
        yield* runs.remove(["r"])
        const none = yield* runs.digests()
        assert.deepStrictEqual(yield* store.sweep({ keep: none, before: 5_000_000 }), { artifacts: 0, bytes: 0 })
        assert.deepStrictEqual(yield* store.sweep({ keep: none, before: 5_000_001 }), { artifacts: 1, bytes: 10 })
      })
    )

    effect("keeps decoded values", () =>
      Effect.gen(function* () {
        const { values } = yield* ArtifactStore
        const value = { a: 1 }
        values.set("key", value, 10)
        assert.strictEqual(values.get("key")?.value, value)
        assert.strictEqual(values.get("other"), undefined)
      })
    )
  })
}
