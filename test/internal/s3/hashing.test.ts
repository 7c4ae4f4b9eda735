/** Digests of bytes that are computed on this thread or on another, in arrays that are used again. */
import { createHash } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import * as Hashing from "../../../src/internal/s3/hashing.ts"

describe("a digest in the making", () => {
  for (const [where, size] of [
    ["this thread", 0],
    ["another thread", 2 ** 40]
  ] as const) {
    it(`is computed on ${where}, of parts in their order`, async () => {
      const hashing = Hashing.make(size)
      try {
        const expected = createHash("sha256")
        const array = hashing.array(100_000)
        assert.strictEqual(array.buffer instanceof SharedArrayBuffer, where === "another thread")
        for (let part = 0; part < 50; part++) {
          const bytes = array.subarray(0, 50_000 + part).fill(part)
          expected.update(bytes)
          await hashing.add(bytes)
        }
        // Several at once, and arrays that are not shared.
        const parts = Array.from({ length: 20 }, (_, part) => new Uint8Array(1000).fill(part))
        for (const part of parts) expected.update(part)
        await Promise.all(parts.map(hashing.add))
        assert.strictEqual(await hashing.digest(), expected.digest("hex"))
      } finally {
        hashing.close()
      }
    })
  }

  it("fails if its thread ends", async () => {
    const hashing = Hashing.make(2 ** 40)
    hashing.close()
    const failure = await hashing.digest().then(
      () => undefined,
      (cause: Error) => cause.message
    )
    assert.strictEqual(failure, "the thread that computes a digest has ended")
  })
})
