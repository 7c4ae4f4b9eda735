/** Rows of a stored dataset and of a stored table, as `dump` prints them. */
import { existsSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Artifact from "../../src/Artifact.ts"
import * as Flow from "../../src/Flow.ts"
import * as Step from "../../src/Step.ts"
import * as Storage from "../../src/Storage.ts"
import { line } from "./line.ts"

const Rows = Artifact.dataset({ n: Schema.Int, word: Schema.NullOr(Schema.String) }, { rowsPerPart: 10 })
const rows = Stream.map(Stream.range(1, 25), (n) => ({ n, word: n === 2 ? null : `a "word", ${n}` }))
const write = Step.make("write", {
  output: { data: Rows, table: Rows.table, count: Schema.Int },
  run: Effect.fnUntraced(function* () {
    const data = yield* Rows.write(rows)
    const [table = { numRows: 0, columns: { n: [], word: [] } }] = yield* Stream.runCollect(data.stream())
    return { data, table, count: 25 }
  })
})
const RowsFlow = Flow.make("RowsFlow", { steps: [write], run: () => Effect.asVoid(write({})) })

const directory = mkdtempSync(join(tmpdir(), "effect-flow-"))
afterAll(() => rmSync(directory, { recursive: true, force: true }))
beforeAll(() => Effect.runPromise(Effect.provide(Flow.run(RowsFlow, {}), Storage.layerLocal({ directory }))))

const bin = line(undefined, "", directory)
const dump = (...flags: ReadonlyArray<string>) => bin("dump", "latest/write/data", ...flags)

describe("dump of a dataset", () => {
  it.live("prints the first rows, and how many there are", () =>
    Effect.gen(function* () {
      const { stderr, stdout } = yield* dump("--rows", "2")
      assert.deepStrictEqual(
        stdout.split("\n").map((text) => text.trimEnd()),
        ["n  word", '1  a "word", 1', "2", ""]
      )
      assert.strictEqual(stderr, "25 rows in 3 parts, 2 columns; showing the first 2\n")
    })
  )

  it.live("prints the last rows, a range over parts, and one column", () =>
    Effect.gen(function* () {
      const numbers = (...flags: ReadonlyArray<string>) =>
        Effect.map(dump("--columns", "n", "--json", ...flags), ({ stdout }) => JSON.parse(stdout))
      assert.deepStrictEqual(yield* numbers("--tail", "--rows", "3"), [{ n: 23 }, { n: 24 }, { n: 25 }])
      assert.deepStrictEqual(yield* numbers("--from", "9", "--rows", "3"), [{ n: 9 }, { n: 10 }, { n: 11 }])
      assert.deepStrictEqual(yield* numbers("--from", "99"), [])
      assert.match((yield* dump("--from", "99")).stderr, /; showing none of them\n$/)
    })
  )

  it.live("prints CSV, of a table too", () =>
    Effect.gen(function* () {
      const { stdout } = yield* dump("--csv")
      const lines = stdout.split("\n")
      assert.strictEqual(lines.length, 27)
      assert.deepStrictEqual(lines.slice(0, 3), ["n,word", '1,"a ""word"", 1"', "2,"])
      const table = yield* bin("dump", "latest/write/table", "--csv", "--columns", "n", "--from", "10")
      assert.strictEqual(table.stdout, "n\n10\n")
    })
  )

  it.live("refuses flags that would change nothing", () =>
    Effect.gen(function* () {
      const refused = (...flags: ReadonlyArray<string>) =>
        Effect.map(dump(...flags), ({ code, stderr, stdout }) => {
          assert.deepStrictEqual([code, stdout], [2, ""])
          return stderr
        })
      const out = join(directory, "data.csv")
      assert.match(yield* refused("--csv", "--out", out), /^--out writes the stored bytes as they are.* --csv > /)
      assert.isFalse(existsSync(out))
      assert.strictEqual(yield* refused("--columns", "n, x"), 'data has no column "x". Its columns: n, word.\n')
      assert.strictEqual(yield* refused("--tail", "--from", "3"), "--tail and --from exclude each other.\n")
      const json = yield* bin("dump", "latest/write/count", "--rows", "3")
      assert.deepStrictEqual(
        [json.code, json.stderr],
        [2, "count is json, and --rows is for the rows of a table or dataset.\n"]
      )
    })
  )
})
