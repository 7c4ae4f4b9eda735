/** Text for terminals: durations, sizes, widths, columns, stacks. */
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { invocation, quote } from "../../src/internal/cli/program.ts"
import * as Text from "../../src/internal/text.ts"
import * as Units from "../../src/internal/units.ts"

describe("text", () => {
  it("says durations and sizes shortly", () => {
    const durations = [0, 70.4, 999, 1000, 3249, 59_949, 59_950, 60_000, 125_000, 3_599_400, 3_600_000, 7_380_000]
    assert.deepStrictEqual(durations.map(Units.duration), [
      ...["0 ms", "70 ms", "999 ms", "1.0 s", "3.2 s", "59.9 s", "1 min 0 s", "1 min 0 s", "2 min 5 s"],
      ...["59 min 59 s", "1 h 0 min", "2 h 3 min"]
    ])
    assert.deepStrictEqual([0, 999, 1000, 1536, 999_949, 999_950, 2_100_000, 5e12, 5e15].map(Units.bytes), [
      ...["0 B", "999 B", "1.0 kB", "1.5 kB", "999.9 kB", "1.0 MB", "2.1 MB", "5.0 TB", "5000.0 TB"]
    ])
  })

  it("counts the columns that a terminal shows", () => {
    const widths = { abc: 3, "": 0, 日本: 4, "e\u0301": 1, "👍": 2, "\x1b[31mred\x1b[39m": 3, "한글 x": 6 }
    for (const [text, width] of Object.entries(widths)) assert.strictEqual(Text.width(text), width, text)
  })

  it("cuts to a width, never beyond it", () => {
    assert.strictEqual(Text.fit("abcdef", 6), "abcdef")
    assert.strictEqual(Text.fit("abcdefg", 6), "abcde…")
    assert.strictEqual(Text.fit("日本語", 5), "日本…")
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), fc.integer({ min: 1, max: 20 }), (text, columns) => {
        const plain = Text.printable(text.replaceAll("\n", "").replaceAll("\t", ""))
        assert.isAtMost(Text.width(Text.fit(plain, columns)), columns)
      })
    )
  })

  it("aligns columns", () => {
    const rows = [
      ["a", "10", "x"],
      ["bcd", "9", ""]
    ]
    assert.strictEqual(Text.columns(rows, new Set([1])), "a    10  x\nbcd   9")
  })

  it("keeps a user's own frames of a stack, and all where there is none", () => {
    const own = "TypeError: x\n    at f (/app/flow.ts:3:4)"
    const library =
      "    at run (/app/node_modules/effect/dist/Effect.js:1:2)\n    at node:internal/process/task_queues:95:5"
    assert.strictEqual(Text.ownFrames(`${own}\n${library}`), own)
    assert.strictEqual(Text.ownFrames(`TypeError: x\n${library}`), `TypeError: x\n${library}`)
  })
})

describe("the program's name", () => {
  it("is what a user would type", () => {
    const started = { argv: ["node", "/app/flows/my flow.ts"], execArgv: [], cwd: "/app", bin: false }
    assert.strictEqual(invocation(started), "node 'flows/my flow.ts'")
    const loader = ["--require", "/app/node_modules/tsx/dist/preflight.cjs"]
    assert.strictEqual(invocation({ ...started, argv: ["node", "/app/a.ts"], execArgv: loader }), "npx tsx a.ts")
    assert.strictEqual(invocation({ ...started, argv: ["node", "/elsewhere/a.js"] }), "node /elsewhere/a.js")
    assert.strictEqual(invocation({ ...started, bin: true }), "npx effect-flow")
    assert.strictEqual(quote("it's"), `'it'\\''s'`)
  })
})
