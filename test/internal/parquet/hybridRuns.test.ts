import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { readRleBitPackedHybrid } from "hyparquet/src/encoding.js"
import { ByteWriter } from "hyparquet-writer"
import { writeRleBitPackedHybrid } from "hyparquet-writer/src/encoding.js"
import * as Runs from "../../../src/internal/parquet/hybridRuns.ts"

/** Numbers of so many bits, with stretches of equal ones. */
const numbers = fc.integer({ min: 1, max: 20 }).chain((width) =>
  fc.tuple(
    fc.constant(width),
    fc
      .array(fc.tuple(fc.nat(2 ** width - 1), fc.integer({ min: 1, max: 40 })), { minLength: 1, maxLength: 20 })
      .map((runs) => Uint32Array.from(runs.flatMap(([value, count]) => new Array<number>(count).fill(value))))
  )
)

describe("Runs", () => {
  it("decodes what it encoded, and says where it ended", () => {
    fc.assert(
      fc.property(numbers, ([width, values]) => {
        const bytes = Runs.encode(values, width)
        const back = new Uint32Array(values.length)
        assert.strictEqual(Runs.decode(bytes, 0, width, back), bytes.length)
        assert.deepStrictEqual(back, values)
      })
    )
  })

  it("is what hyparquet reads", () => {
    fc.assert(
      fc.property(numbers, ([width, values]) => {
        const bytes = Runs.encode(values, width)
        const back = new Array<number>(values.length)
        readRleBitPackedHybrid({ view: new DataView(bytes.buffer), offset: 0 }, width, back, bytes.length)
        assert.deepStrictEqual(back.slice(0, values.length), [...values])
      })
    )
  })

  it("reads what hyparquet-writer writes, runs and packed bits in turn", () => {
    fc.assert(
      fc.property(numbers, ([width, values]) => {
        const writer = new ByteWriter()
        writeRleBitPackedHybrid(writer, values, width)
        const back = new Uint32Array(values.length)
        Runs.decode(writer.getBytes(), 0, width, back)
        assert.deepStrictEqual(back, values)
      })
    )
  })

  it("reads numbers of up to 32 bits", () => {
    for (const width of [24, 25, 31, 32]) {
      const values = Uint32Array.from({ length: 16 }, (_, i) => (i * 0x1357_9bdf) % 2 ** width)
      const bytes = new Uint8Array(1 + 2 * width)
      bytes[0] = 2 * 2 + 1 // two groups of eight packed numbers
      for (const [i, value] of values.entries()) {
        for (let bit = 0; bit < width; bit++) {
          const at = i * width + bit
          bytes[1 + (at >> 3)] = (bytes[1 + (at >> 3)] as number) | (((value >>> bit) & 1) << (at & 7))
        }
      }
      const back = new Uint32Array(16)
      Runs.decode(bytes, 0, width, back)
      assert.deepStrictEqual(back, values)
    }
  })

  it("throws, and writes nothing beyond its output, where bytes are damaged", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 30 }), fc.integer({ min: 1, max: 40 }), (bytes, width) => {
        const output = new Uint32Array(64)
        try {
          assert.isAtMost(Runs.decode(bytes, 0, width, output), bytes.length)
        } catch (error) {
          assert.match((error as Error).message, /end too soon|not part of the format/)
        }
      })
    )
    assert.throws(() => Runs.decode(Uint8Array.of(0x80, 0x80, 0x80, 0x80, 0x80, 0x80), 0, 1, new Uint8Array(8)))
    assert.throws(() => Runs.decode(Uint8Array.of(0, 0), 0, 1, new Uint8Array(8)), /end too soon/)
  })
})
