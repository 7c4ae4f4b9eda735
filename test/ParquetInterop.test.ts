/** Parquet of other writers, and ours in other readers: every codec, encoding, page version and kind of column. */
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Encoding } from "hyparquet"
import { parquetWriteBuffer } from "hyparquet-writer"
import * as Artifact from "../src/Artifact.ts"
import * as Parquet from "../src/Parquet.ts"
import { dataFile, hasData } from "./support/data.ts"
import { temporaryDirectory } from "./support/directory.ts"
import * as DuckDb from "./support/duckdb.ts"

const rows = 5000

/** Columns of all sorts, each with a mate that misses every seventh value. */
const numbers = Array.from({ length: rows }, (_, i) => i)
const expected = {
  n: numbers.map((i) => i * 3 - 7000),
  s: numbers.map((i) => `text ${i % 11} é`),
  unique: numbers.map((i) => `only once: ${i}`),
  d: numbers.map((i) => i / 8),
  b: numbers.map((i) => i % 3 === 0)
}
const missing = <A>(values: ReadonlyArray<A>): ReadonlyArray<A | null> =>
  values.map((value, i) => (i % 7 === 2 ? null : value))

const fields = {
  n: Schema.Int,
  s: Schema.String,
  unique: Schema.String,
  d: Schema.Number,
  b: Schema.Boolean,
  n_: Schema.NullOr(Schema.Int),
  s_: Schema.NullOr(Schema.String),
  unique_: Schema.NullOr(Schema.String),
  d_: Schema.NullOr(Schema.Number),
  b_: Schema.NullOr(Schema.Boolean)
}

const columns = {
  ...expected,
  n_: missing(expected.n),
  s_: missing(expected.s),
  unique_: missing(expected.unique),
  d_: missing(expected.d),
  b_: missing(expected.b)
}

describe.skipIf(DuckDb.unavailable !== undefined)("Parquet and DuckDB", () => {
  const select = `
    select *, case when i % 7 = 2 then null else n end as n_, case when i % 7 = 2 then null else s end as s_,
      case when i % 7 = 2 then null else "unique" end as unique_, case when i % 7 = 2 then null else d end as d_,
      case when i % 7 = 2 then null else b end as b_
    from (select i, i * 3 - 7000 as n, 'text ' || i % 11 || ' é' as s, 'only once: ' || i as "unique", (i / 8)::double as d, i % 3 = 0 as b
      from range(${rows}) r(i)) order by i`

  for (const codec of ["uncompressed", "snappy", "gzip", "zstd", "brotli", "lz4_raw"]) {
    for (const version of ["V1", "V2"]) {
      it.effect(`${codec} pages of ${version} are read`, () =>
        Effect.gen(function* () {
          const path = join(yield* temporaryDirectory, "a.parquet")
          yield* DuckDb.query(
            `copy (${select}) to '${path}' (format parquet, codec ${codec}, parquet_version ${version}, row_group_size 2048)`
          )
          const table = yield* Parquet.read(path, Artifact.table(fields))
          assert.deepStrictEqual(table.columns, columns)
        })
      )
    }
  }

  it.effect("integers of every width, decimals, dates, times, UUIDs and blobs are read", () =>
    Effect.gen(function* () {
      const path = join(yield* temporaryDirectory, "a.parquet")
      yield* DuckDb.query(`copy (select
          (-5)::tinyint as i8, (-300)::smallint as i16, (-70000)::integer as i32, 200::utinyint as u8, 60000::usmallint as u16,
          4000000000::uinteger as u32, 18000000000000000000::ubigint as u64, 1.25::decimal(10, 2) as decimal,
          1.5::float as float, date '2024-02-29' as date, timestamp '2024-02-29 12:34:56.789' as micros,
          timestamptz '2024-02-29 12:34:56.789+00' as zoned, timestamp_ms '2024-02-29 12:34:56.789' as millis,
          '00000000-0000-0000-0000-00000000000a'::uuid as uuid, 'ab'::blob as blob, 'red'::enum('red', 'blue') as enum
        ) to '${path}' (format parquet)`)
      const { columns } = yield* Parquet.read(
        path,
        Artifact.table({
          i8: Schema.Int,
          i16: Schema.Int,
          i32: Schema.Int,
          u8: Schema.Int,
          u16: Schema.Int,
          u32: Schema.Int,
          u64: Schema.BigInt,
          decimal: Schema.Number,
          float: Schema.Number,
          date: Schema.Date,
          micros: Schema.Date,
          zoned: Schema.Date,
          millis: Schema.Date,
          uuid: Schema.String,
          blob: Schema.Uint8Array,
          enum: Schema.Literals(["red", "blue"])
        })
      )
      const moment = new Date("2024-02-29T12:34:56.789Z")
      assert.deepStrictEqual(columns, {
        i8: [-5],
        i16: [-300],
        i32: [-70000],
        u8: [200],
        u16: [60000],
        u32: [4_000_000_000],
        u64: [18_000_000_000_000_000_000n],
        decimal: [1.25],
        float: [1.5],
        date: [new Date("2024-02-29T00:00:00Z")],
        micros: [moment],
        zoned: [moment],
        millis: [moment],
        uuid: ["00000000-0000-0000-0000-00000000000a"],
        blob: [new TextEncoder().encode("ab")],
        enum: ["red"]
      })
    })
  )

  it.effect("lists, structs and maps are read by the schema of their values", () =>
    Effect.gen(function* () {
      const path = join(yield* temporaryDirectory, "a.parquet")
      yield* DuckDb.query(`copy (select
          case when i = 2 then null else [i, i + 1] end as list, {'a': i, 'b': ['x', 'y']} as struct, map {'k': i} as map
          from range(4) r(i)) to '${path}' (format parquet)`)
      const { columns } = yield* Parquet.read(
        path,
        Artifact.table({
          list: Schema.NullOr(Schema.Array(Schema.Int)),
          struct: Schema.Struct({ a: Schema.Int, b: Schema.Array(Schema.String) }),
          map: Schema.Record(Schema.String, Schema.Int)
        })
      )
      assert.deepStrictEqual(columns.list, [[0, 1], [1, 2], null, [3, 4]])
      assert.deepStrictEqual(columns.struct[3], { a: 3, b: ["x", "y"] })
      assert.deepStrictEqual(columns.map[1], { k: 1 })
      const wrong = yield* Effect.flip(Parquet.read(path, Artifact.table({ list: Schema.Array(Schema.Int) })))
      assert.strictEqual(wrong.message, `${path}: row 3 of column list: it is null, and Array<Int> is required`)
    })
  )

  it.effect("a file that was written here is one that DuckDB reads", () =>
    Effect.gen(function* () {
      const path = join(yield* temporaryDirectory, "a.parquet")
      const table = Artifact.table({
        ...fields,
        date: Schema.Date,
        json: Schema.Struct({ a: Schema.Int }),
        data: Artifact.column("float32"),
        bytes: Schema.Uint8Array
      })
      const value = {
        numRows: rows,
        columns: {
          ...columns,
          date: numbers.map((i) => new Date(i * 1000)),
          json: numbers.map((a) => ({ a })),
          data: Float32Array.from(numbers, (i) => i / 4),
          bytes: numbers.map((i) => Uint8Array.of(i & 255))
        }
      }
      yield* Parquet.write(path, table, value, { rowGroupSize: 2048 })
      const [sums] = yield* DuckDb.query(`select count(*) as rows, sum(n)::double as n, count(n_) as n_, sum(d) as d,
        sum(d_) as d_, count(distinct s) as s, count(distinct "unique") as unique, count(s_) as s_, sum(b::int)::int as b,
        count(b_) as b_, sum(data)::double as data, max(json->>'a') as json, max(epoch(date))::double as date,
        sum(octet_length(bytes))::int as bytes from '${path}'`)
      const there = rows - missing(numbers).filter((value) => value === null).length
      const sum = (values: ReadonlyArray<number | null>) => values.reduce<number>((a, b) => a + (b ?? 0), 0)
      assert.deepStrictEqual(sums, {
        rows: BigInt(rows),
        n: sum(columns.n),
        n_: BigInt(there),
        d: sum(columns.d),
        d_: sum(columns.d_),
        s: 11n,
        unique: BigInt(rows),
        s_: BigInt(there),
        b: columns.b.filter(Boolean).length,
        b_: BigInt(there),
        data: sum(numbers) / 4,
        json: "999",
        date: rows - 1,
        bytes: rows
      })
      const types = yield* DuckDb.query(
        `select name, type from parquet_schema('${path}') where name in ('data', 'n', 'd', 's')`
      )
      assert.deepStrictEqual(types, [
        { name: "n", type: "INT64" },
        { name: "s", type: "BYTE_ARRAY" },
        { name: "d", type: "DOUBLE" },
        { name: "data", type: "FLOAT" }
      ])
      const third = yield* DuckDb.query(`select s, s_, unique_ from '${path}' limit 1 offset 4002`)
      assert.deepStrictEqual(third, [{ s: columns.s[4002], s_: columns.s_[4002], unique_: columns.unique_[4002] }])
    })
  )

  it.effect.skipIf(!hasData)("the tutorial's data written here are the same to DuckDB", () =>
    Effect.gen(function* () {
      const path = join(yield* temporaryDirectory, "train.parquet")
      const Reviews = Artifact.table({ labels: Schema.Int, review: Schema.String })
      const train = yield* Parquet.read(dataFile("train.parquet"), Reviews)
      yield* Parquet.write(path, Reviews, train)
      const [same] = yield* DuckDb.query(`select count(*) as rows from
        (select row_number() over () as i, labels, review from '${path}') a
        join (select row_number() over () as i, labels, review from '${dataFile("train.parquet")}') b
        on a.i = b.i and a.labels = b.labels and a.review = b.review`)
      assert.deepStrictEqual(same, { rows: 20_377n })
    })
  )
})

describe("Parquet encodings", () => {
  const encodings: ReadonlyArray<readonly [Encoding, keyof typeof fields]> = [
    ["PLAIN", "s"],
    ["PLAIN", "n"],
    ["RLE_DICTIONARY", "s"],
    ["RLE_DICTIONARY", "n"],
    ["RLE_DICTIONARY", "d"],
    ["DELTA_BINARY_PACKED", "n"],
    ["DELTA_LENGTH_BYTE_ARRAY", "s"],
    ["DELTA_BYTE_ARRAY", "unique"],
    ["BYTE_STREAM_SPLIT", "d"],
    ["RLE", "b"]
  ]
  for (const [encoding, name] of encodings) {
    it.effect(`${encoding} of column ${name} is read, with and without nulls, in one page and in many`, () =>
      Effect.gen(function* () {
        const path = join(yield* temporaryDirectory, "a.parquet")
        for (const pageSize of [1 << 20, 512]) {
          for (const column of [name, `${name}_` as keyof typeof fields]) {
            const values = columns[column] as ReadonlyArray<unknown>
            const data =
              name === "n" ? values.map((value) => (value === null ? null : BigInt(value as number))) : [...values]
            const type = { n: "INT64", s: "STRING", unique: "STRING", d: "DOUBLE", b: "BOOLEAN" }[
              name as keyof typeof expected
            ]
            const file = parquetWriteBuffer({
              columnData: [{ name: column, data, encoding, type: type as "INT64", nullable: column !== name }],
              pageSize,
              rowGroupSize: 2000
            })
            yield* Effect.promise(() => writeFile(path, new Uint8Array(file)))
            const table = yield* Parquet.read(path, Artifact.table({ [column]: fields[column] }))
            assert.deepStrictEqual<unknown>(table.columns[column], values)
          }
        }
      })
    )
  }
})
