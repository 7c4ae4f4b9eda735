/** Values that readers get wrong: each arrives as its schema says, or the read fails with the row and a way around. */
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as BigDecimal from "effect/BigDecimal"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Artifact from "../src/Artifact.ts"
import * as Parquet from "../src/Parquet.ts"
import { temporaryDirectory } from "./support/directory.ts"
import * as DuckDb from "./support/duckdb.ts"
import { duckdbColumns, ours } from "./support/parquet.ts"

const { Array: List, BigInt: Big, Int, NullOr, Number: Num, ReadonlyMap: MapOf, String: Text, Struct, Unknown } = Schema

/** A file of one column `c`, made by DuckDB from a list of expressions. */
const made = Effect.fnUntraced(function* (...values: ReadonlyArray<string>) {
  const path = join(yield* temporaryDirectory, "a.parquet")
  const rows = values.map((value, i) => `select ${i} as i, ${value} as c`).join(" union all ")
  yield* DuckDb.query(`copy (select c from (${rows}) order by i) to '${path}' (format parquet)`)
  return path
})

const read = <F extends Artifact.TableFields[string]>(path: string, c: F) =>
  Effect.map(Parquet.read(path, Artifact.table({ c })), ({ columns }) => columns.c as unknown)

const refusal = Effect.fnUntraced(function* (path: string, c: Artifact.TableFields[string]) {
  const error = yield* Effect.flip(Parquet.read(path, Artifact.table({ c })))
  assert.strictEqual(error.column, "c")
  return error.message.slice(path.length + 2)
})

describe.skipIf(DuckDb.unavailable !== undefined)("Parquet values", () => {
  it.effect("unsigned integers", () =>
    Effect.gen(function* () {
      const u32 = yield* made("4294967295::uinteger", "7::uinteger")
      assert.deepStrictEqual(yield* read(u32, NullOr(Int)), [4_294_967_295, 7])
      assert.deepStrictEqual(yield* read(u32, NullOr(Big)), [4_294_967_295n, 7n])
      const u64 = yield* made("18446744073709551615::ubigint", "7::ubigint")
      assert.deepStrictEqual(yield* read(u64, NullOr(Big)), [18_446_744_073_709_551_615n, 7n])
      assert.match(
        yield* refusal(u64, NullOr(Int)),
        /^row 1 of column c: 18446744073709551615 is more than a number holds/
      )
      assert.deepStrictEqual(yield* read(yield* made("[4294967295::uinteger]"), NullOr(List(NullOr(Int)))), [
        [4_294_967_295]
      ])
    })
  )

  it.effect("decimals: exact as texts, BigDecimals and bigints; as numbers where no other decimal is meant", () =>
    Effect.gen(function* () {
      const prices = yield* made("0.35::decimal(18, 2)", "-12.30::decimal(18, 2)")
      assert.deepStrictEqual(yield* read(prices, NullOr(Num)), [0.35, -12.3])
      assert.deepStrictEqual(yield* read(prices, NullOr(Text)), ["0.35", "-12.30"])
      assert.deepStrictEqual(yield* read(prices, NullOr(Big)), [35n, -1230n])
      const exact = (yield* read(prices, NullOr(Schema.BigDecimal))) as ReadonlyArray<BigDecimal.BigDecimal>
      assert.deepStrictEqual(exact.map(BigDecimal.format), ["0.35", "-12.3"])
      const large = yield* made("9007199254740993::decimal(38, 0)", "1::decimal(38, 0)")
      assert.deepStrictEqual(yield* read(large, NullOr(Text)), ["9007199254740993", "1"])
      assert.strictEqual(
        yield* refusal(large, NullOr(Num)),
        "row 1 of column c: 9007199254740993 is more than a number holds exactly; declare the column String, BigDecimal or BigInt"
      )
      assert.deepStrictEqual(yield* read(yield* made("[1.5::decimal(4, 1)]"), NullOr(List(NullOr(Num)))), [[1.5]])
    })
  )

  it.effect("timestamps before 1970 are cut towards the past; infinity is refused", () =>
    Effect.gen(function* () {
      const before = yield* made("timestamp '1969-12-31 23:59:59.999999'", "timestamp '1950-01-01 00:00:00.000001'")
      assert.deepStrictEqual(yield* read(before, NullOr(Schema.Date)), [
        new Date("1969-12-31T23:59:59.999Z"),
        new Date("1950-01-01T00:00:00.000Z")
      ])
      assert.deepStrictEqual(yield* read(before, NullOr(Big)), [-1n, -631_151_999_999_999n])
      const moments = (yield* read(before, NullOr(Schema.DateTimeUtcFromString))) as ReadonlyArray<DateTime.Utc>
      assert.deepStrictEqual(moments.map(DateTime.formatIso), ["1969-12-31T23:59:59.999Z", "1950-01-01T00:00:00.000Z"])
      const infinite = yield* made("timestamp '2020-01-01'", "'infinity'::timestamp")
      assert.match(
        yield* refusal(infinite, NullOr(Schema.Date)),
        /^row 2 of column c: the timestamp 9223372036854775807 is beyond/
      )
      assert.deepStrictEqual(yield* read(infinite, NullOr(Big)), [1_577_836_800_000_000n, 9_223_372_036_854_775_807n])
      assert.match(
        yield* refusal(yield* made("'-infinity'::date"), NullOr(Schema.Date)),
        /^row 1 of column c: day -2147483647 since 1970/
      )
    })
  )

  it.effect("times, intervals, UUIDs, enums and half precision", () =>
    Effect.gen(function* () {
      const time = yield* made("time '12:34:56.789'")
      assert.deepStrictEqual(yield* read(time, NullOr(Text)), ["12:34:56.789000"])
      assert.deepStrictEqual(yield* read(time, NullOr(Big)), [45_296_789_000n])
      assert.match(
        yield* refusal(time, NullOr(Int)),
        /declare it as Schema.String, or Schema.BigInt for the count of its unit$/
      )
      assert.deepStrictEqual(yield* read(yield* made("interval '14 months 3 days 4500 milliseconds'"), NullOr(Text)), [
        "P14M3DT4.500S"
      ])
      const uuid = yield* made("'00000000-0000-0000-0000-00000000000a'::uuid")
      assert.deepStrictEqual(yield* read(uuid, NullOr(Text)), ["00000000-0000-0000-0000-00000000000a"])
      assert.deepStrictEqual(
        yield* read(uuid, NullOr(Schema.Uint8Array)),
        [Buffer.from("0000000000000000000000000000000a", "hex")].map((bytes) => new Uint8Array(bytes))
      )
    })
  )

  it.effect("lists of bytes, dates, big integers and NaN", () =>
    Effect.gen(function* () {
      const bytes = (yield* read(
        yield* made("['\\xFF\\xFE\\x00'::blob, null]"),
        NullOr(List(NullOr(Schema.Uint8Array)))
      )) as ReadonlyArray<ReadonlyArray<unknown>> // one row of a list
      assert.deepStrictEqual(bytes[0]?.map(ours), ["fffe00", null])
      assert.deepStrictEqual(yield* read(yield* made("[9007199254740993]"), NullOr(List(NullOr(Big)))), [
        [9_007_199_254_740_993n]
      ])
      assert.match(
        yield* refusal(yield* made("[1]", "[9007199254740993]"), NullOr(List(NullOr(Int)))),
        /^row 2 of column c: 9007199254740993 is more/
      )
      assert.deepStrictEqual(
        yield* read(yield* made("['NaN'::double, '-infinity'::double]"), NullOr(List(NullOr(Num)))),
        [[Number.NaN, Number.NEGATIVE_INFINITY]]
      )
      assert.deepStrictEqual(
        yield* read(yield* made("{'at': [date '2024-02-29']}"), NullOr(Struct({ at: List(Schema.Date) }))),
        [{ at: [new Date("2024-02-29")] }]
      )
      assert.match(yield* refusal(yield* made("[1, null]"), NullOr(List(Int))), /^row 1 of column c: /)
    })
  )

  it.effect("maps: any keys, their order, and what an object can't be", () =>
    Effect.gen(function* () {
      const structs = yield* made("map {{'a': 1}: 'x', {'a': 2}: 'y'}")
      const entries = (yield* read(structs, NullOr(MapOf(Struct({ a: Int }), Text)))) as ReadonlyArray<
        ReadonlyMap<unknown, unknown>
      >
      assert.deepStrictEqual(
        [...(entries[0] ?? [])],
        [
          [{ a: 1 }, "x"],
          [{ a: 2 }, "y"]
        ]
      )
      assert.deepStrictEqual(yield* read(structs, NullOr(Unknown)), [
        [
          [{ a: 1 }, "x"],
          [{ a: 2 }, "y"]
        ]
      ])
      const proto = (yield* read(
        yield* made("map {'__proto__': 1, 'b': 2}"),
        NullOr(Schema.Record(Text, Int))
      )) as ReadonlyArray<object>
      assert.deepStrictEqual(Object.entries(proto[0] ?? {}), [
        ["__proto__", 1],
        ["b", 2]
      ])
      const ordered = yield* made("map {'10': 1, '9': 2}")
      const map = (yield* read(ordered, NullOr(MapOf(Text, Int)))) as ReadonlyArray<ReadonlyMap<string, number>>
      assert.deepStrictEqual(
        [...(map[0] ?? [])],
        [
          ["10", 1],
          ["9", 2]
        ]
      )
      assert.match(
        yield* refusal(ordered, NullOr(Schema.Record(Text, Int))),
        /^row 1 of column c: an object does not keep the place of the key "9"/
      )
    })
  )

  it.effect("a column of another shape, a field that is not there, a hint", () =>
    Effect.gen(function* () {
      const list = yield* made("[1, 2]")
      assert.strictEqual(
        yield* refusal(list, Text),
        "column c is LIST in the file and String in the table; declare it as the schema of its values"
      )
      const struct = yield* made("{'a': 1}")
      assert.match(
        yield* refusal(struct, Struct({ b: Int })),
        /^column c has no field b in the file; its fields are: a/
      )
      assert.deepStrictEqual(yield* read(struct, NullOr(Struct({ a: Int, b: Schema.optionalKey(Int) }))), [{ a: 1 }])
    })
  )

  it.effect("random tables nested three deep are what DuckDB reads", () =>
    Effect.gen(function* () {
      const path = join(yield* temporaryDirectory, "a.parquet")
      const parts = [
        "i::integer",
        "i * 1000000007",
        "(i / 7)::double",
        "'é' || i",
        "('x' || i)::blob",
        "(i % 2 = 0)",
        "date '1960-01-01' + i::integer",
        "(i * 0.01)::decimal(20, 4)",
        "timestamp '1950-01-01' + interval (i) minute"
      ]
      const some = (value: string, i: number) => `case when (i + ${i}) % 3 = 0 then null else ${value} end`
      const columns = parts.flatMap((part, i) => [
        `${some(part, i)} as a${i}`,
        `${some(`[${some(part, 1)}, ${part}]`, i)} as b${i}`,
        `${some(`[{'x': ${some(part, 2)}, 'y': map {i: [${some(part, 0)}]}}, null]`, i)} as c${i}`,
        `case when i % 4 = 0 then [] else [[${part}], [], null] end as d${i}`
      ])
      for (const version of ["V1", "V2"]) {
        yield* DuckDb.query(
          `copy (select ${columns.join(", ")} from range(100) r(i)) to '${path}' (format parquet, parquet_version ${version}, row_group_size 40)`
        )
        const expected = yield* Effect.promise(() => duckdbColumns(path))
        const { columns: found } = yield* Parquet.readAny(path)
        for (const [name, values] of Object.entries(found))
          assert.deepStrictEqual<unknown>(values.map(ours), expected[name as keyof typeof expected], name)
      }
    })
  )
})

describe.skipIf(DuckDb.unavailable !== undefined)("tables whose columns are not known", () => {
  it.effect("their schema, statistics and declaration", () =>
    Effect.gen(function* () {
      const path = join(yield* temporaryDirectory, "a.parquet")
      yield* DuckDb.query(`copy (select i::integer as id, (i * 1.25)::decimal(10, 2) as price, timestamptz '2020-01-01 00:00:00+00' as at,
        [i] as list, map {'k': i} as map, case when i % 2 = 0 then null else i end as n from range(10) r(i)) to '${path}' (format parquet)`)
      const found = yield* Parquet.schema(path)
      assert.strictEqual(found.numRows, 10)
      assert.strictEqual(found.rowGroups.length, 1)
      const [id, price, at, list, map, n] = found.columns
      assert.deepInclude(id, {
        name: "id",
        type: "INT32",
        bits: 32,
        isSigned: true,
        optional: true,
        nullCount: 0,
        min: 0,
        max: 9
      })
      assert.deepInclude(price, { type: "DECIMAL(10, 2)", precision: 10, scale: 2, min: "0.00", max: "11.25" })
      assert.deepInclude(at, {
        type: "TIMESTAMP_MICROS",
        unit: "MICROS",
        isUtc: true,
        min: new Date("2020-01-01T00:00:00Z")
      })
      assert.deepInclude(list?.element, { type: "INT64", optional: true })
      assert.deepInclude(map?.key, { type: "STRING", optional: false })
      assert.deepInclude(n, { nullCount: 5, min: 1n, max: 9n })
      assert.include(found.code, "price: Schema.NullOr(Schema.String)")
      assert.include(found.code, "map: Schema.NullOr(Schema.ReadonlyMap(Schema.String, Schema.NullOr(Schema.BigInt)))")
    })
  )

  it.effect("row ranges, column subsets, patterns and lists", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      for (const name of ["a", "b"]) {
        yield* DuckDb.query(
          `copy (select i::integer as i, '${name}' || i as t from range(5000) r(i)) to '${join(directory, `${name}.parquet`)}' (format parquet, row_group_size 2048)`
        )
      }
      const pattern = join(directory, "*.parquet")
      const across = yield* Parquet.readAny(pattern, { rows: { start: 4999, end: 5001 }, columns: ["t"] })
      assert.deepStrictEqual<unknown>(across.columns, { t: ["a4999", "b0"] })
      const T = Artifact.table({ t: Schema.NullOr(Schema.String) })
      const list = yield* Parquet.read([join(directory, "b.parquet"), join(directory, "a.parquet")], T)
      assert.deepStrictEqual([list.numRows, list.columns.t[0], list.columns.t[5000]], [10_000, "b0", "a0"])
      assert.strictEqual((yield* Parquet.read(pattern, T, { rows: { start: 20_000 } })).numRows, 0)
      assert.strictEqual((yield* Parquet.schema(pattern)).numRows, 10_000)
      const none = yield* Effect.flip(Parquet.read(join(directory, "z*.parquet"), T))
      assert.strictEqual(none.message, `${join(directory, "z*.parquet")}: no file fits the pattern`)
      const negative = yield* Effect.flip(Parquet.read(pattern, T, { rows: { start: -1 } }))
      assert.match(
        negative.message,
        /rows are counted from 0 in whole numbers, and the range asked for is -1 to Infinity$/
      )
      const typo = yield* Effect.flip(Parquet.readAny(pattern, { columns: ["tt"] }))
      assert.match(typo.message, /it has no column tt; its columns are: i, t$/)
    })
  )

  it.effect("CSV and JSON Lines", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const csv = join(directory, "a.csv")
      yield* Effect.promise(() => writeFile(csv, 'zip,n,note\n007,1,"a,b"\n010,2,\n'))
      const table = yield* Parquet.read(csv, Artifact.table({ zip: Schema.String, n: Schema.Int, note: Schema.String }))
      assert.deepStrictEqual<unknown>(table.columns, { zip: ["007", "010"], n: [1, 2], note: ["a,b", ""] })
      const lines = join(directory, "a.jsonl")
      yield* Effect.promise(() => writeFile(lines, '{"a":1,"b":["x"]}\n{"a":null,"b":[]}\n'))
      const any = yield* Parquet.readAny(lines)
      assert.deepStrictEqual<unknown>(any.columns, { a: [1n, null], b: [["x"], []] })
      const wrong = yield* Effect.flip(Parquet.read(csv, Artifact.table({ note: Schema.Int })))
      assert.strictEqual(wrong._tag, "ParquetError")
      assert.match(wrong.message, /a\.csv: it can't be read as CSV: .*"note"/)
    })
  )
})
