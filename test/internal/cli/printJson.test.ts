/** JSON that is printed in pieces is the JSON of the whole. */
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import * as Cli from "../../../src/internal/cli/cli.ts"

const printed = (value: { readonly [key: string]: unknown }) => {
  const pieces: Array<string> = []
  const cli = { stdout: { write: (text: string) => pieces.push(text) } } as unknown as Cli.Cli // nothing else of it is used
  Cli.printJson(cli, value)
  return pieces
}

describe("printJson", () => {
  it("prints what JSON.stringify would", () => {
    const part = fc.oneof(fc.jsonValue(), fc.array(fc.jsonValue()), fc.constant(undefined))
    fc.assert(
      fc.property(fc.dictionary(fc.string({ minLength: 1 }), part, { minKeys: 1, noNullPrototype: true }), (value) => {
        assert.strictEqual(
          printed(value).join(""),
          `${JSON.stringify(value, undefined, 2).replace(/^\{\}$/, "{\n}")}\n`
        )
      })
    )
  })

  it("writes a long list in pieces", () => {
    const pieces = printed({
      run: "a",
      tasks: Array.from({ length: 10_000 }, (_, index) => ({ index, text: "a task" }))
    })
    assert.isAbove(pieces.length, 5)
    assert.isBelow(Math.max(...pieces.map(({ length }) => length)), 100_000)
  })
})
