/** A sweep that ended between taking a file away and removing it, or putting it back: nobody misses the file. */
import * as Fs from "node:fs/promises"
import * as Path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { ArtifactStore } from "../../../src/ArtifactStore.ts"
import * as Storage from "../../../src/Storage.ts"
import { temporaryDirectory } from "../../conformance/layers.ts"

const bytes = new Uint8Array(200_000).fill(7)

/** Runs with an artifact that a sweep has just taken away. */
const interrupted = <A, E>(use: (digest: string, path: string) => Effect.Effect<A, E, ArtifactStore>) =>
  Effect.gen(function* () {
    const directory = yield* temporaryDirectory
    return yield* Effect.gen(function* () {
      const store = yield* ArtifactStore
      const { digest } = yield* store.put([bytes])
      const path = Path.join(directory, "blobs", digest.slice(0, 2), digest)
      const away = Path.join(directory, "blobs", "tmp", `swept-${digest}`)
      yield* Effect.promise(() => Fs.mkdir(Path.dirname(away), { recursive: true }).then(() => Fs.rename(path, away)))
      return yield* use(digest, path)
    }).pipe(Effect.provide(Storage.layerLocal({ directory })))
  }).pipe(Effect.scoped)

describe("a sweep that was cut short", () => {
  it.live("leaves an artifact that can be read, streamed, found and used as a file", () =>
    Effect.gen(function* () {
      const read = yield* interrupted((digest) => Effect.flatMap(ArtifactStore, (store) => store.get(digest)))
      assert.strictEqual(read.length, bytes.length)
      const streamed = yield* interrupted((digest) =>
        Effect.flatMap(ArtifactStore, (store) => Stream.runCollect(store.stream(digest)))
      )
      assert.strictEqual(
        streamed.reduce((sum, part) => sum + part.length, 0),
        bytes.length
      )
      const found = yield* interrupted((digest, path) =>
        Effect.gen(function* () {
          const store = yield* ArtifactStore
          assert.isTrue((yield* store.touch([digest])).has(digest))
          assert.strictEqual(yield* store.path(digest), path)
          return (yield* Effect.promise(() => Fs.stat(path))).size
        })
      )
      assert.strictEqual(found, bytes.length)
    })
  )

  it.live("is made good by the next one, which keeps what is in use", () =>
    interrupted((digest, path) =>
      Effect.gen(function* () {
        const store = yield* ArtifactStore
        yield* store.sweep({ keep: new Set([digest]), before: 0 })
        assert.strictEqual((yield* Effect.promise(() => Fs.stat(path))).size, bytes.length)
        const swept = yield* store.sweep({ keep: new Set(), before: Number.MAX_SAFE_INTEGER })
        assert.strictEqual(swept.artifacts, 1)
      })
    )
  )
})
