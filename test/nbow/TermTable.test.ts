import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { TermTable } from "../../src/nbow/internal/TermTable.ts"

/** Enough text for a table to go on in WebAssembly. */
const before = "one Two 3 four_5 ".repeat(2000)

/** A table and what it should find, by a regular expression and a map. */
class Compared {
  private readonly table = new TermTable(null)
  private readonly numbers = new Map<string, number>()

  scan(text: string, whenUnknown: "learn" | "skip" | "mark"): void {
    const expected: Array<number> = []
    for (const token of text.toLowerCase().match(/[\p{L}\p{N}_]{2,}/gu) ?? []) {
      let number = this.numbers.get(token)
      if (number === undefined) {
        if (whenUnknown === "skip") continue
        number = whenUnknown === "mark" ? -1 : this.numbers.size
        if (whenUnknown === "learn") this.numbers.set(token, number)
      }
      expected.push(number)
    }
    this.table.marksUnknown = whenUnknown === "mark"
    const count = this.table.scan(text, whenUnknown === "learn")
    assert.deepStrictEqual(Array.from(this.table.tokens.subarray(0, count)), expected)
  }

  checkTerms(): void {
    assert.strictEqual(this.table.size, this.numbers.size)
    for (const [term, number] of this.numbers) assert.strictEqual(this.table.term(number), term)
  }
}

const letter = fc.constantFrom(..."abcABCzZ019_")
const separator = fc.constantFrom(" ", "  ", "'", "\0", "@[`{/:\x7f", ". -", "\n")
const token = fc.oneof(
  fc.string({ unit: letter, minLength: 1, maxLength: 4 }),
  // Longer than a key, alike at its end, and across blocks.
  fc.tuple(fc.string({ unit: letter, maxLength: 80 }), fc.constant("abcdefgh")).map((parts) => parts.join(""))
)
const text = fc
  .array(
    fc.oneof({ weight: 9, arbitrary: token }, { weight: 1, arbitrary: fc.constantFrom("é", "ΣΑΣ", "服装", "x") }),
    {
      maxLength: 40
    }
  )
  .chain((tokens) =>
    fc
      .array(separator, { minLength: tokens.length, maxLength: tokens.length })
      .map((separators) => tokens.map((part, i) => part + separators[i]).join(""))
  )

describe("TermTable", () => {
  it("finds in WebAssembly what the pattern finds", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(text, fc.constantFrom("learn", "skip", "mark")), { maxLength: 20 }),
        fc.boolean(),
        (texts, isLate) => {
          const compared = new Compared()
          if (isLate) compared.scan(before, "learn")
          for (const [each, whenUnknown] of texts) compared.scan(each, whenUnknown)
          compared.checkTerms()
        }
      )
    )
  })

  it("finds tokens of all lengths at all places of a block", () => {
    const compared = new Compared()
    compared.scan(before, "learn")
    for (let place = 0; place < 130; place++) {
      for (let length = 1; length < 20; length++) {
        compared.scan(`${" ".repeat(place)}${"x".repeat(length)} y${length}`, place < 65 ? "learn" : "mark")
      }
    }
    compared.checkTerms()
  })

  it("learns more terms than its tables had room for, from short and long texts by turns", () => {
    const compared = new Compared()
    const words = (from: number, count: number) =>
      Array.from({ length: count }, (_, i) => `w${(from + i).toString(36)}`).join(" ")
    compared.scan(before, "learn")
    for (let from = 0; from < 60_000; from += 3000) {
      compared.scan(words(from, 1000), "learn")
      compared.scan(`${words(from + 1000, 1000)} Ünïcode${from}`, "learn")
      compared.scan(`${words(from + 2000, 1000)} ${before}${before}`, "learn")
    }
    compared.checkTerms()
  })
})
