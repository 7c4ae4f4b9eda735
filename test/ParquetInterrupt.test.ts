/** A read or a write that is interrupted, or that fails, leaves no file behind. */
import { readdirSync, readFileSync } from "node:fs"
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as Artifact from "../src/Artifact.ts"
import * as Parquet from "../src/Parquet.ts"
import { temporaryDirectory } from "./support/directory.ts"
import * as DuckDb from "./support/duckdb.ts"

const Texts = Artifact.table({ n: Schema.Int, text: Schema.String })
const rows = 200_000
const texts = {
  numRows: rows,
  columns: {
    n: Array.from({ length: rows }, (_, row) => row),
    text: Array.from({ length: rows }, (_, row) => `the text of row ${row}`)
  }
}

/** A directory of its own for temporary files: tests of other processes have theirs in the common one. */
const ownTemporaryDirectory = Effect.gen(function* () {
  const directory = yield* temporaryDirectory
  const before = process.env.TMPDIR
  yield* Effect.acquireRelease(
    Effect.sync(() => {
      process.env.TMPDIR = directory
    }),
    () =>
      Effect.sync(() => {
        if (before === undefined) delete process.env.TMPDIR
        else process.env.TMPDIR = before
      })
  )
  return directory
})

/** Lets other fibers and the operating system go on until a condition holds. */
const until = (holds: () => boolean) =>
  Effect.promise(async () => {
    while (!holds()) await new Promise((resolve) => setImmediate(resolve))
  })

describe("Parquet", () => {
  it.live("leaves no file when it is interrupted while it writes", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const path = join(directory, "a.parquet")
      const fiber = yield* Effect.forkChild(Parquet.write(path, Texts, texts, { rowGroupSize: 1000 }))
      yield* until(() => readdirSync(directory).length > 0)
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(readdirSync(directory), [])
    })
  )

  it.live("leaves what was there when a table can't be written", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const path = join(directory, "a.parquet")
      yield* Effect.promise(() => writeFile(path, "as it was"))
      const broken = { ...texts, columns: { ...texts.columns, n: texts.columns.n.with(rows - 1, 0.5) } }
      const error = yield* Effect.flip(Parquet.write(path, Texts, broken, { rowGroupSize: 1000 }))
      assert.match(error.message, /row 200000 of column n/)
      assert.deepStrictEqual(readdirSync(directory), ["a.parquet"])
      assert.strictEqual(readFileSync(path, "utf8"), "as it was")
    })
  )

  it.live.skipIf(DuckDb.unavailable !== undefined)("leaves no file when it is interrupted while it reads CSV", () =>
    Effect.gen(function* () {
      const path = join(yield* temporaryDirectory, "a.csv")
      const lines = texts.columns.n.map((n) => `${n},"the text of row ${n}"`)
      yield* Effect.promise(() => writeFile(path, `n,text\n${lines.join("\n")}\n`))
      const scratch = yield* ownTemporaryDirectory
      const fiber = yield* Effect.forkChild(Parquet.read(path, Texts))
      yield* until(() => readdirSync(scratch).length > 0)
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(readdirSync(scratch), [])
    })
  )
})
