import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { argsort } from "../../src/nbow/internal/introsort.ts"
import { sha256 } from "./fixtures.ts"

/** D. R. Musser's permutation that sends a quicksort with the median of three to its worst depth. */
const killer = (length: number): Array<number> => {
  const values = new Array<number>(length).fill(0)
  for (let i = 1; i <= length / 2; i++) {
    if (i % 2 === 1) {
      values[i - 1] = i
      values[i] = length / 2 + i
    }
    values[length / 2 + i - 1] = 2 * i
  }
  return values
}

const fewValues = (length: number) => Array.from({ length }, (_, i) => (i * 7919) % 5)

// SHA-256 of numpy.argsort's order (NumPy 2.4.6 without its vector sorts, which is the algorithm of 1.24).
const cases: ReadonlyArray<readonly [name: string, values: ReadonlyArray<number>, order: string]> = [
  ["17 of five values", fewValues(17), "1b41ca7832059453eddc5104997ce63d789fe4c63ab25dd6e9e6e60c83b736b9"],
  ["40 of five values", fewValues(40), "66c634bb992b22054c32320919d599d550fd79b3d648ad580a88bc24ba275be3"],
  ["1000 of five values", fewValues(1000), "e79ca3034c2b25b87dd1ff97196090d9cc10e56c2baf78659572b738a16782e7"],
  [
    "1000, where two parts are heapsorted",
    killer(1000).map((value) => value >> 1),
    "e73dcab8173ccd45488862a2451a81f34b382c20cfc8ca3f5d1ab7239838ac9e"
  ],
  [
    "4000, where eight parts are heapsorted",
    killer(4000).map((value) => Math.floor(value / 10)),
    "f2857d0a5de2b832a680f504123c06d17c30b22b757e0180be733a27b00085a1"
  ]
]

describe("introsort", () => {
  for (const [name, values, order] of cases) {
    it(`orders equal numbers as NumPy does: ${name}`, () => {
      assert.strictEqual(sha256(argsort(Float64Array.from(values))), order)
    })
  }

  it("sorts any numbers, each once", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -9, max: 9 }), { maxLength: 200 }), (values) => {
        const order = Array.from(argsort(Float64Array.from(values)))
        assert.deepStrictEqual(
          order.map((index) => values[index]),
          values.toSorted((a, b) => a - b)
        )
        assert.deepStrictEqual(
          order.toSorted((a, b) => a - b),
          values.map((_, index) => index)
        )
      })
    )
  })
})
