/**
 * Ranges of rows: the same values as in the whole column, from the pages that have them. A file with an offset index is
 * asked for these pages alone.
 */
import { readdirSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { AsyncBuffer } from "hyparquet"
import { parquetWriteBuffer } from "hyparquet-writer"
import * as ColumnType from "../../../src/internal/parquet/columnType.ts"
import { inferAll } from "../../../src/internal/parquet/fileSchema.ts"
import { metadata } from "../../../src/internal/parquet/footer.ts"
import * as Reader from "../../../src/internal/parquet/reader.ts"
import { bufferOf } from "../../../src/internal/parquet/source.ts"
import * as Parquet from "../../../src/Parquet.ts"
import { hasSuite, ours, suite } from "../../support/parquet.ts"

/** Bytes as a file that counts what is read of it. */
const counting = (bytes: Uint8Array): { readonly file: AsyncBuffer; readonly read: () => number } => {
  const file = bufferOf(bytes)
  let count = 0
  return {
    file: {
      byteLength: file.byteLength,
      slice: (start, end = file.byteLength) => {
        count += end - start
        return file.slice(start, end)
      }
    },
    read: () => count
  }
}

const opened = Effect.fnUntraced(function* (file: AsyncBuffer) {
  const fields = inferAll(yield* metadata(file)).map(({ column, schema }) => [column.name, schema] as const)
  return yield* Reader.open(file, ColumnType.lazy(Object.fromEntries(fields))())
})

const rows = 20_000

/** A file of many pages: numbers, texts that repeat and ones that don't, missing values, lists. */
const file = (withIndex: boolean) =>
  new Uint8Array(
    parquetWriteBuffer({
      columnData: [
        { name: "number", data: Array.from({ length: rows }, (_, row) => row), type: "INT32", offsetIndex: withIndex },
        {
          name: "text",
          data: Array.from({ length: rows }, (_, row) => (row % 7 === 0 ? null : `the text of row ${row}`)),
          type: "STRING",
          offsetIndex: withIndex
        },
        {
          name: "colour",
          data: Array.from({ length: rows }, (_, row) => (row % 5 === 0 ? null : `colour ${row % 11}`)),
          type: "STRING",
          offsetIndex: withIndex
        },
        {
          name: "list",
          data: Array.from({ length: rows }, (_, row) =>
            row % 9 === 0 ? null : Array.from({ length: row % 4 }, (_, i) => row * 10 + i)
          ),
          offsetIndex: withIndex
        }
      ],
      pageSize: 4000,
      rowGroupSize: 8000
    })
  )

const windows: ReadonlyArray<readonly [start: number, end: number]> = [
  [0, 10],
  [3990, 4010],
  [7999, 8001],
  [8000, 16_000],
  [15_995, 20_000],
  [0, 20_000],
  [12_345, 12_345]
]

describe("a range of rows", () => {
  for (const withIndex of [true, false]) {
    it.effect(`has the values of the whole, ${withIndex ? "by an offset index" : "without an index"}`, () =>
      Effect.gen(function* () {
        const open = yield* opened(bufferOf(file(withIndex)))
        const whole = yield* Reader.readRows(open)
        for (const [start, end] of windows) {
          const part = yield* Reader.readRows(open, { start, end })
          assert.strictEqual(part.numRows, end - start)
          for (const [name, values] of Object.entries(part.columns)) {
            assert.deepStrictEqual(Array.from(values), Array.from(whole.columns[name] ?? []).slice(start, end), name)
          }
        }
      })
    )
  }

  it.effect("reads the pages that it needs and no others", () =>
    Effect.gen(function* () {
      const bytes = file(true)
      const { file: counted, read } = counting(bytes)
      const open = yield* opened(counted)
      const before = read()
      yield* Reader.readRows(open, { start: 12_000, end: 12_010 })
      assert.isBelow(read() - before, bytes.length / 10)
    })
  )
})

describe.skipIf(!hasSuite)("a range of rows of the files of apache/parquet-testing", () => {
  const names = hasSuite
    ? readdirSync(join(suite, "data")).filter(
        (name) => name.endsWith(".parquet") && !name.startsWith("large_string_map")
      )
    : []
  for (const name of names) {
    it.effect(name, () =>
      Effect.gen(function* () {
        const path = join(suite, "data", name)
        const { columns } = yield* Parquet.schema(path)
        for (const { name: column } of columns) {
          const whole = yield* Effect.result(Parquet.readAny(path, { columns: [column] }))
          if (whole._tag === "Failure") continue
          const { columns, numRows } = whole.success
          const values = (columns[column] ?? []).map(ours)
          for (const [from, to] of [
            [0, 1],
            [0.3, 0.31],
            [0.49, 0.9],
            [0.99, 1]
          ] as const) {
            const range = { start: Math.floor(from * numRows), end: Math.ceil(to * numRows) }
            const part = yield* Parquet.readAny(path, { columns: [column], rows: range })
            assert.deepStrictEqual((part.columns[column] ?? []).map(ours), values.slice(range.start, range.end), column)
          }
        }
      })
    )
  }
})
