/** Large encoded values go to a temporary file and are read from one; small ones stay in memory. */
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Artifact from "../../../src/Artifact.ts"
import * as Spill from "../../../src/internal/artifact/spill.ts"
import { encode } from "../../support/codec.ts"
import { temporaryDirectory } from "../../support/directory.ts"

const parts = Array.from({ length: 9 }, (_, i) => new Uint8Array(10).fill(i))
const whole = new Uint8Array(Buffer.concat(parts))

describe("Spill", () => {
  it.effect("keeps few bytes in memory", () =>
    Effect.gen(function* () {
      const spill = Spill.make(1000)
      yield* spill.add(parts)
      assert.deepStrictEqual(yield* spill.end, parts)
    })
  )

  it.effect("moves many bytes to a file, in their order, which whoever stores it removes", () =>
    Effect.gen(function* () {
      const spill = Spill.make(25)
      for (const part of parts) yield* spill.add([part])
      const encoded = yield* spill.end
      if (!("path" in encoded)) return assert.fail("it is in memory")
      assert.deepStrictEqual(new Uint8Array(readFileSync(encoded.path)), whole)
      yield* encoded.remove ?? assert.fail("nobody removes it")
      assert.isFalse(existsSync(encoded.path))
    })
  )

  it.effect("leaves nothing behind when it is discarded", () =>
    Effect.gen(function* () {
      const spill = Spill.make(25)
      yield* spill.add(parts)
      const other = Spill.make(25)
      yield* other.add(parts)
      const encoded = yield* other.end
      if (!("path" in encoded)) return assert.fail("it is in memory")
      yield* spill.discard
      assert.isTrue(existsSync(encoded.path))
      yield* encoded.remove ?? Effect.void
    })
  )
})

describe("Artifact.table", () => {
  it.effect("reads a large table from a file instead of from bytes in memory", () =>
    Effect.gen(function* () {
      const artifact = Artifact.table({ n: Schema.Int })
      const path = join(yield* temporaryDirectory, "table")
      writeFileSync(path, yield* encode(artifact, { numRows: 2, columns: { n: [1, 2] } }))
      const bytes = Effect.die("the bytes are not asked for")
      const { columns } = yield* artifact.decode({ bytes, path: Effect.succeed(path), size: 2 ** 30 })
      assert.deepStrictEqual(columns.n, [1, 2])
    })
  )
})
