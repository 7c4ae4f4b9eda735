/**
 * Every file of apache/parquet-testing, read here and by DuckDB, and compared cell by cell: equal, or refused with the
 * sentence that is listed. Its bad files end in typed errors.
 */
import { readdirSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Artifact from "../src/Artifact.ts"
import * as Parquet from "../src/Parquet.ts"
import * as DuckDb from "./support/duckdb.ts"
import { duckdbColumns, hasSuite, ours, suite } from "./support/parquet.ts"

const filesOf = (folder: string) =>
  hasSuite ? readdirSync(join(suite, folder)).filter((name) => name.endsWith(".parquet")) : []

const checksum = (column: string) =>
  `it is damaged: column ${column} of row group 1 can't be decoded (a page does not match its checksum)`

/** What is refused, by file and column. */
const refusals: { readonly [file: string]: { readonly [column: string]: string } } = {
  "datapage_v1-corrupt-checksum.parquet": { a: checksum("a"), b: checksum("b") },
  "rle-dict-uncompressed-corrupt-checksum.parquet": {
    long_field: checksum("long_field"),
    binary_field: checksum("binary_field")
  },
  "int96_from_spark.parquet": {
    a: "row 6 of column a: the timestamp -9338916936435842064384 is beyond what a Date holds (some writers put infinity there); declare the column BigInt to read the count"
  },
  "large_string_map.brotli.parquet": {
    arr: "column arr.key_value.key of row group 1 can't be read: a page of 1073741828 bytes is larger than the 536870912 that are read"
  }
}

/** Files that DuckDB does not read, with a value that another reader found in them. */
const beyondDuckDb: { readonly [file: string]: readonly [column: string, row: number, value: unknown] } = {
  "byte_stream_split_extended.gzip.parquet": ["float16_byte_stream_split", 0, "10.3046875"],
  "hadoop_lz4_compressed.parquet": ["c1", 1, Buffer.from("def").toString("hex")],
  "non_hadoop_lz4_compressed.parquet": ["v11", 1, "7.7"],
  "map_no_value.parquet": ["my_map_no_v", 0, ["1", "2", "3"]],
  "large_string_map.brotli.parquet": ["", 0, undefined]
}

/** The texts of a kilobyte that unfold to 2 GiB keep DuckDB's client busy for a minute before it gives up. */
const isTooLarge = (name: string) => name === "large_string_map.brotli.parquet"

describe.skipIf(!hasSuite || DuckDb.unavailable !== undefined)("apache/parquet-testing, data", () => {
  for (const name of filesOf("data")) {
    it.effect(name, () =>
      Effect.gen(function* () {
        const file = join(suite, "data", name)
        const { columns, numRows } = yield* Parquet.schema(file)
        const expected = isTooLarge(name) ? { error: "" } : yield* Effect.promise(() => duckdbColumns(file))
        for (const column of columns.map((column) => column.name)) {
          const refusal = refusals[name]?.[column]
          const read = Parquet.readAny(file, { columns: [column] })
          if (refusal !== undefined) {
            const error = yield* Effect.flip(read)
            assert.strictEqual(error._tag, "ParquetError")
            assert.strictEqual(error.message, `${file}: ${refusal}`)
            continue
          }
          const table = yield* read
          assert.strictEqual(table.numRows, numRows)
          const values = (table.columns[column] ?? []).map(ours)
          if (!("error" in expected))
            assert.deepStrictEqual(values, expected[column] ?? []) // DuckDB has no column without rows
          else {
            const [known, row, value] = beyondDuckDb[name] ?? ["DuckDB refuses it", 0, expected.error]
            if (known === column) assert.deepStrictEqual(values[row], value)
            else assert.property(beyondDuckDb, name, String(expected.error))
          }
        }
      })
    )
  }

  it.effect("moments beyond a Date are read as their count", () =>
    Effect.gen(function* () {
      const file = join(suite, "data", "int96_from_spark.parquet")
      const { columns } = yield* Parquet.read(file, Artifact.table({ a: Schema.NullOr(Schema.BigInt) }))
      assert.deepStrictEqual(columns.a[0], 1_704_141_296_123_456_000n)
      assert.deepStrictEqual(columns.a[5], -9_338_916_936_435_842_064_384n)
    })
  )
})

/** Whole files are read, so one damaged column is enough. */
describe.skipIf(!hasSuite)("apache/parquet-testing, bad_data", () => {
  for (const name of filesOf("bad_data")) {
    it.effect(name, () =>
      Effect.gen(function* () {
        const file = join(suite, "bad_data", name)
        const whole = yield* Effect.result(Parquet.readAny(file))
        // It is odd, and readable: DuckDB and this library agree on it.
        if (name === "ARROW-GH-43605.parquet") {
          assert.strictEqual(whole._tag, "Success")
          const expected = yield* Effect.promise(() => duckdbColumns(file))
          if (whole._tag === "Success" && !("error" in expected)) {
            for (const [column, values] of Object.entries(whole.success.columns)) {
              assert.deepStrictEqual(values.map(ours), expected[column])
            }
          }
          return
        }
        if (whole._tag === "Success") assert.fail("it was read")
        assert.strictEqual(whole.failure._tag, "ParquetError")
        assert.strictEqual(whole.failure.reason, "damaged")
        assert.isTrue(whole.failure.message.startsWith(`${file}: it is damaged: `), whole.failure.message)
      })
    )
  }
})
