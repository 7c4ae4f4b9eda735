import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { boundsOf } from "../../../src/internal/parquet/statistics.ts"
import { anyCharacter } from "../../support/anyCharacter.ts"

describe("the bounds of a column chunk", () => {
  it("are those of the texts by their UTF-8 bytes", () => {
    const character = fc.oneof(anyCharacter, fc.constantFrom("a", "b", "\ud7ff", "\ue000", "\uffff", "\u{10000}"))
    const text = fc.string({ unit: character, maxLength: 4 })
    fc.assert(
      fc.property(fc.array(text, { minLength: 1, maxLength: 12 }), (texts) => {
        const sorted = texts.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
        assert.deepStrictEqual(boundsOf("text", texts), {
          min_value: sorted.at(0) ?? "",
          max_value: sorted.at(-1) ?? ""
        })
      })
    )
  })

  it("are none where there is no value, no order, or a NaN", () => {
    assert.isUndefined(boundsOf("text", []))
    assert.isUndefined(boundsOf("bytes", [new Uint8Array(1)]))
    assert.isUndefined(boundsOf("number", Float64Array.of(1, Number.NaN, 2)))
  })
})
