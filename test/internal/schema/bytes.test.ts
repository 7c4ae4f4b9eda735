/** Bytes that are kept take the memory of their content, and not that of the buffers they were made in. */
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import * as ValueCache from "../../../src/internal/artifact/valueCache.ts"
import * as Bytes from "../../../src/internal/schema/bytes.ts"
import * as Digest from "../../../src/internal/schema/digest.ts"
import * as MemoryArtifactStore from "../../../src/internal/store/memoryArtifactStore.ts"

setFlagsFromString("--expose-gc")
const collect = runInNewContext("gc") as () => void

/** Parts as a compressor leaves them: the beginnings of larger buffers. */
const begun = (sizes: ReadonlyArray<number>, room: number) =>
  sizes.map((size, i) => new Uint8Array(size + room).fill(i + 1).subarray(0, size))

const held = (parts: ReadonlyArray<Uint8Array>) =>
  [...new Set(parts.map(({ buffer }) => buffer))].reduce((sum, { byteLength }) => sum + byteLength, 0)

describe("parts that are made compact", () => {
  it("have the same content, and hold little more than that", () =>
    fc.assert(
      fc.property(fc.array(fc.nat(3000)), fc.nat(70_000), (sizes, room) => {
        const parts = begun(sizes, room)
        const compact = Bytes.compact(parts)
        assert.deepStrictEqual(Bytes.concat(compact), Bytes.concat(parts))
        assert.isAtMost(held(compact), 2 * Bytes.sizeOf(parts) + 1024)
      })
    ))

  it("are the parts themselves where little would be saved", () => {
    for (const parts of [begun([2000, 2000], 400), [new Uint8Array(5)], []]) {
      assert.strictEqual(Bytes.compact(parts), parts)
    }
    const whole = new Uint8Array(9000)
    const views = [whole.subarray(0, 4000), whole.subarray(4000)]
    assert.strictEqual(Bytes.compact(views), views)
  })
})

describe("small artifacts that were made in large buffers take little memory", () => {
  const room = 64 * 1024
  const count = 400

  /** How much the buffers of this process grow while something keeps the artifacts. */
  const growth = Effect.fnUntraced(function* (keep: (parts: ReadonlyArray<Uint8Array>) => Effect.Effect<unknown>) {
    collect()
    const before = process.memoryUsage().arrayBuffers
    for (let i = 0; i < count; i++) yield* keep([new Uint8Array(room).fill(i).subarray(0, 10 + i)])
    collect()
    return process.memoryUsage().arrayBuffers - before
  })

  it.effect("in the cache of values", () =>
    Effect.gen(function* () {
      const cache = ValueCache.make(1e9)
      const digest = (parts: ReadonlyArray<Uint8Array>) => Digest.ofChunks(parts)
      const bytes = yield* growth((parts) => Effect.sync(() => cache.setBytes(digest(parts), parts)))
      assert.isBelow(bytes, (count * room) / 10)
      assert.lengthOf(cache.takeBytes(digest([new Uint8Array(10)])) ?? [], 10)
    })
  )

  it.effect("in the store in memory", () =>
    Effect.gen(function* () {
      const { store } = MemoryArtifactStore.make({ inlineLimit: 0, valueBytes: 1e9 })
      const bytes = yield* growth((parts) => Effect.orDie(store.put(parts)))
      assert.isBelow(bytes, (count * room) / 10)
      assert.lengthOf(yield* store.get(Digest.ofChunks([new Uint8Array(10)])), 10)
    })
  )
})
