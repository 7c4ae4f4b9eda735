import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as fc from "fast-check"
import { parquetReadObjects } from "hyparquet"
import { compressors } from "hyparquet-compressors"
import * as Artifact from "../src/Artifact.ts"
import { anyCharacter } from "./support/anyCharacter.ts"
import { decode, encode, roundTrip } from "./support/codec.ts"

const tableOf = <F extends Artifact.TableFields>(
  fields: F,
  columns: Artifact.Columns<F>
): readonly [Artifact.TableArtifact<F>, Artifact.Table<F>] => [
  Artifact.table(fields),
  { numRows: Object.values<ArrayLike<unknown>>(columns)[0]?.length ?? 0, columns }
]

/** Rows as another reader sees them. */
const rowsOf = (bytes: Uint8Array) =>
  Effect.promise(() => parquetReadObjects({ file: bytes.slice().buffer, compressors }))

describe("Artifact.table", () => {
  it.effect("gives a column of each kind back", () =>
    Effect.gen(function* () {
      const [artifact, value] = tableOf(
        {
          int: Schema.Int,
          number: Schema.Number,
          text: Schema.String,
          boolean: Schema.Boolean,
          bigint: Schema.BigInt,
          date: Schema.Date,
          bytes: Schema.Uint8Array,
          literal: Schema.Literals(["a", "b"]),
          float32: Artifact.column("float32"),
          float64: Artifact.column("float64"),
          int32: Artifact.column("int32"),
          int64: Artifact.column("int64")
        },
        {
          int: [0, -1, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER],
          number: [Number.NaN, Number.NEGATIVE_INFINITY, -0, 1e-320],
          text: ["", "a\u0000b", "😀 café", "\uFEFFx"],
          boolean: [true, false, false, true],
          bigint: [0n, -1n, 2n ** 63n - 1n, -(2n ** 63n)],
          date: [new Date(0), new Date(-1), new Date(8.64e15), new Date(-8.64e15)],
          bytes: [Uint8Array.of(), Uint8Array.of(255), Uint8Array.of(0, 1), Uint8Array.of(2)],
          literal: ["a", "b", "b", "a"],
          float32: Float32Array.of(0.1, Number.NaN, -0, 3e38),
          float64: Float64Array.of(0.1, Number.NaN, -0, 1e308),
          int32: Int32Array.of(0, -1, 2 ** 31 - 1, -(2 ** 31)),
          int64: BigInt64Array.of(0n, -1n, 2n ** 63n - 1n, -(2n ** 63n))
        }
      )
      const back = yield* roundTrip(artifact, value)
      assert.deepStrictEqual(back.numRows, 4)
      assert.deepStrictEqual(back.columns, value.columns)
      assert.isTrue(Object.is(back.columns.number[2], -0))
    })
  )

  it.effect("gives back what may be missing, as its schema has it", () =>
    Effect.gen(function* () {
      const [artifact, value] = tableOf(
        {
          null: Schema.NullOr(Schema.Int),
          undefined: Schema.UndefinedOr(Schema.String),
          optional: Schema.optional(Schema.Number),
          option: Schema.OptionFromNullOr(Schema.String),
          boolean: Schema.NullOr(Schema.Boolean),
          bigint: Schema.NullOr(Schema.BigInt),
          date: Schema.NullOr(Schema.Date),
          bytes: Schema.NullOr(Schema.Uint8Array),
          json: Schema.NullOr(Schema.Struct({ a: Schema.Int })),
          all: Schema.NullOr(Schema.String)
        },
        {
          null: [null, 1, null],
          undefined: ["a", undefined, "b"],
          optional: [undefined, 1.5, 2],
          option: [Option.some("x"), Option.none(), Option.some("")],
          boolean: [null, true, false],
          bigint: [1n, null, 2n],
          date: [null, new Date(1), null],
          bytes: [Uint8Array.of(1), null, Uint8Array.of()],
          json: [{ a: 1 }, null, { a: 2 }],
          all: [null, null, null]
        }
      )
      assert.deepStrictEqual((yield* roundTrip(artifact, value)).columns, value.columns)
    })
  )

  it.effect("stores lists, structs and maps as Parquet's own", () =>
    Effect.gen(function* () {
      const [artifact, value] = tableOf(
        {
          list: Schema.Array(Schema.Number),
          struct: Schema.Struct({
            at: Schema.Date,
            tags: Schema.Array(Schema.String),
            extra: Schema.optionalKey(Schema.Int)
          }),
          record: Schema.Record(Schema.String, Schema.NullOr(Schema.BigInt)),
          map: Schema.ReadonlyMap(Schema.Int, Schema.Array(Schema.Boolean)),
          set: Schema.NullOr(Schema.ReadonlySet(Schema.DateFromString)),
          open: Schema.Array(Schema.Json)
        },
        {
          list: [[1, Number.NaN, -0], []],
          struct: [
            { at: new Date(5), tags: [], extra: 1 },
            { at: new Date(6), tags: ["a", ""] }
          ],
          record: [{ b: 1n, a: null }, {}],
          map: [new Map(), new Map([[7, [true]]])],
          set: [null, new Set([new Date(0)])],
          open: [[null, { a: [1] }, "x"], []]
        }
      )
      assert.deepStrictEqual((yield* roundTrip(artifact, value)).columns, value.columns)
      const rows = yield* rowsOf(yield* encode(artifact, value))
      assert.deepStrictEqual(rows[0]?.record, { b: 1n, a: null })
      assert.deepStrictEqual(rows[1], {
        list: [],
        struct: { at: new Date(6), tags: ["a", ""], extra: null },
        record: {},
        map: { 7: [true] },
        set: ["1970-01-01T00:00:00.000Z"],
        open: []
      })
    })
  )

  it.effect("says where a list or struct has a value that the file can't hold", () =>
    Effect.gen(function* () {
      const row = Schema.Struct({
        items: Schema.Array(Schema.Struct({ n: Schema.Int, big: Schema.BigInt, t: Schema.String }))
      })
      const messageOf = (item: (typeof row.Type)["items"][number]) =>
        Effect.map(Effect.flip(encode(...tableOf({ row }, { row: [{ items: [] }, { items: [item] }] }))), String)
      assert.include(
        yield* messageOf({ n: -0, big: 0n, t: "" }),
        "row 2 of column row: at items.0.n: -0 would come back as 0"
      )
      assert.include(
        yield* messageOf({ n: 0, big: 2n ** 63n, t: "" }),
        "row 2 of column row: at items.0.big: 9223372036854775808 does not fit the 64 bits"
      )
      assert.include(
        yield* messageOf({ n: 0, big: 0n, t: "\ud800" }),
        "row 2 of column row: at items.0.t: the text has half a surrogate pair"
      )
    })
  )

  it.effect("stores values without a form in Parquet as JSON text, by their schema", () =>
    Effect.gen(function* () {
      const [artifact, value] = tableOf(
        {
          tuple: Schema.Tuple([Schema.Date, Schema.Number]),
          mixed: Schema.Union([Schema.String, Schema.Int]),
          any: Schema.Json,
          absentOrNull: Schema.Struct({ a: Schema.optionalKey(Schema.NullOr(Schema.Int)) })
        },
        {
          tuple: [
            [new Date(5), 1],
            [new Date(6), Number.NaN]
          ],
          mixed: ["1", 1],
          any: [null, { a: [1] }],
          absentOrNull: [{}, { a: null }]
        }
      )
      assert.deepStrictEqual((yield* roundTrip(artifact, value)).columns, value.columns)
      const rows = yield* rowsOf(yield* encode(artifact, value))
      assert.deepStrictEqual(rows[1]?.tuple, ["1970-01-01T00:00:00.006Z", "NaN"])
    })
  )

  it.effect("stores transformed values by their encoded form", () =>
    Effect.gen(function* () {
      const [artifact, value] = tableOf(
        { date: Schema.DateFromString, number: Schema.FiniteFromString },
        { date: [new Date(0)], number: [4] }
      )
      assert.deepStrictEqual((yield* roundTrip(artifact, value)).columns, value.columns)
      const rows = yield* rowsOf(yield* encode(artifact, value))
      assert.deepStrictEqual(rows, [{ date: "1970-01-01T00:00:00.000Z", number: "4" }])
    })
  )

  it.effect("returns what it was given, whatever is in the columns", () => {
    const fields = {
      int: Schema.Int,
      nullInt: Schema.NullOr(Schema.Int),
      number: Schema.Number,
      text: Schema.String,
      nullText: Schema.NullOr(Schema.String),
      boolean: Schema.NullOr(Schema.Boolean),
      bytes: Schema.NullOr(Schema.Uint8Array),
      float32: Artifact.column("float32")
    }
    const artifact = Artifact.table(fields)
    const wellFormed = fc.string({ unit: anyCharacter, maxLength: 12 }).map((text) => text.toWellFormed())
    const row = fc.record({
      int: fc.maxSafeInteger(),
      nullInt: fc.option(fc.maxSafeInteger()),
      number: fc.double(),
      // few different ones, so that some columns get a dictionary
      text: fc.oneof(fc.constantFrom("a", "b", "c"), wellFormed),
      nullText: fc.option(fc.constantFrom("", "x", "yy"), { freq: 3 }),
      boolean: fc.option(fc.boolean()),
      bytes: fc.option(fc.uint8Array({ maxLength: 4 })),
      float32: fc.float()
    })
    return Effect.promise(() =>
      fc.assert(
        fc.asyncProperty(fc.array(row, { maxLength: 300, size: "max" }), async (rows) => {
          const columns = {
            int: rows.map((row) => row.int),
            nullInt: rows.map((row) => row.nullInt),
            number: rows.map((row) => row.number),
            text: rows.map((row) => row.text),
            nullText: rows.map((row) => row.nullText),
            boolean: rows.map((row) => row.boolean),
            bytes: rows.map((row) => row.bytes),
            float32: Float32Array.from(rows, (row) => row.float32)
          }
          const bytes = await Effect.runPromise(encode(artifact, { numRows: rows.length, columns }))
          const back = await Effect.runPromise(decode(artifact, bytes))
          assert.deepStrictEqual(back.columns, columns)
          // and hyparquet alone reads the same texts
          const others = await Effect.runPromise(rowsOf(bytes))
          assert.deepStrictEqual(
            others.map((other) => other.nullText ?? null),
            columns.nullText
          )
        }),
        { numRuns: 60 }
      )
    )
  })

  it.effect("has equal bytes for equal tables", () =>
    Effect.gen(function* () {
      const [artifact, value] = tableOf(
        { n: Schema.Int, s: Schema.String },
        { n: Array.from({ length: 5000 }, (_, i) => i), s: Array.from({ length: 5000 }, (_, i) => `row ${i % 7}`) }
      )
      assert.deepStrictEqual(yield* encode(artifact, value), yield* encode(artifact, structuredClone(value)))
    })
  )

  it.effect("writes texts longer than a page, dictionaries, and more rows than a group holds", () =>
    Effect.gen(function* () {
      const long = "é".repeat(900_000)
      const [texts, longValue] = tableOf({ s: Schema.String }, { s: ["a", long, "b", long, "c"] })
      assert.deepStrictEqual((yield* roundTrip(texts, longValue)).columns, longValue.columns)
      const rows = 230_000
      const [many, value] = tableOf(
        { id: Schema.Int, group: Schema.String, gap: Schema.NullOr(Schema.Number) },
        {
          id: Array.from({ length: rows }, (_, i) => i),
          group: Array.from({ length: rows }, (_, i) => `group ${i % 1000}`),
          gap: Array.from({ length: rows }, (_, i) => (i % 3 === 0 ? null : i / 2))
        }
      )
      assert.deepStrictEqual((yield* roundTrip(many, value)).columns, value.columns)
    })
  )

  it.effect("may have no rows", () =>
    Effect.gen(function* () {
      const [artifact, value] = tableOf(
        { n: Schema.Int, f: Artifact.column("float32") },
        { n: [], f: new Float32Array() }
      )
      assert.deepStrictEqual({ ...(yield* roundTrip(artifact, value)) }, value)
    })
  )

  it.effect("keeps a column of any name", () =>
    Effect.gen(function* () {
      const [artifact, value] = tableOf(
        { "a.b": Schema.Int, "": Schema.Int, ünï: Schema.Int },
        { "a.b": [1], "": [2], ünï: [3] }
      )
      assert.deepStrictEqual((yield* roundTrip(artifact, value)).columns, value.columns)
    })
  )

  it.effect("copies no plain numbers where compressing them would save nothing", () =>
    Effect.gen(function* () {
      const data = Float32Array.from({ length: 50_000 }, (_, i) => Math.sin(i * i) * 1e6)
      const [artifact, value] = tableOf({ data: Artifact.column("float32") }, { data })
      const parts = (yield* artifact.encode(value)) as ReadonlyArray<Uint8Array>
      assert.isTrue(parts.some((part) => part.buffer === data.buffer))
    })
  )

  it.effect("says which row of which column does not fit, and how", () =>
    Effect.gen(function* () {
      const of = <F extends Artifact.TableFields>(fields: F, columns: object, numRows = 2) =>
        Effect.flip(encode(Artifact.table(fields), { numRows, columns } as Artifact.Table<F>))
      const cases: ReadonlyArray<
        readonly [Effect.Effect<Artifact.CodecError, unknown>, string, ReadonlyArray<PropertyKey>]
      > = [
        [of({ n: Schema.Int }, { n: [1, 1.5] }), "row 2 of column n: expected Int, got 1.5", ["columns", "n", 1]],
        [of({ n: Schema.Int }, { n: [1, "1"] }), 'row 2 of column n: expected Int, got "1"', ["columns", "n", 1]],
        [
          of({ n: Schema.Number }, { n: [null, 1] }),
          "row 1 of column n: expected Number, got null",
          ["columns", "n", 0]
        ],
        [
          of({ s: Schema.String }, { s: ["a", undefined] }),
          "row 2 of column s: expected String, got undefined",
          ["columns", "s", 1]
        ],
        [
          of({ s: Schema.String }, { s: ["a", "\uD800"] }),
          "row 2 of column s: the text has half a surrogate pair, which UTF-8 can't hold",
          ["columns", "s", 1]
        ],
        [
          of({ l: Schema.Literals([0, 1]) }, { l: [0, 2] }),
          "row 2 of column l: expected 0 | 1, got 2",
          ["columns", "l", 1]
        ],
        [
          of({ n: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1 })) }, { n: [0, 7] }),
          "row 2 of column n: expected a value between 0 and 1, got 7",
          ["columns", "n", 1]
        ],
        [
          of({ d: Schema.Date }, { d: [new Date(0), new Date(Number.NaN)] }),
          "row 2 of column d: expected Date, got an invalid Date",
          ["columns", "d", 1]
        ],
        [
          of({ b: Schema.BigInt }, { b: [0n, 2n ** 63n] }),
          "row 2 of column b: 9223372036854775808 does not fit the 64 bits of an integer column",
          ["columns", "b", 1]
        ],
        [of({ n: Schema.Int }, { n: [1] }), "column n: it has 1 values, and numRows is 2", ["columns", "n"]],
        [of({ n: Schema.Int }, {}), "column n: it is missing from the table", ["columns", "n"]],
        [of({ n: Schema.Int }, { n: "12" }), "column n: its values must be in an array", ["columns", "n"]],
        [
          of({ n: Artifact.column("float32") }, { n: [1, 2] }),
          "column n: its values must be in a Float32Array",
          ["columns", "n"]
        ]
      ]
      for (const [effect, message, path] of cases) {
        const error = yield* effect
        assert.strictEqual(error.message, message)
        assert.deepStrictEqual(error.path, path)
      }
    })
  )

  it.effect("says what differs where the stored table has other columns", () =>
    Effect.gen(function* () {
      const bytes = yield* encode(
        ...tableOf({ labels: Schema.Int, review: Schema.String }, { labels: [2], review: ["a"] })
      )
      const message = (fields: Artifact.TableFields) =>
        Effect.map(Effect.flip(decode(Artifact.table(fields), bytes)), (error) => error.message)
      assert.strictEqual(
        yield* message({ stars: Schema.Int }),
        "it has no column stars; its columns are: labels, review"
      )
      assert.strictEqual(
        yield* message({ labels: Schema.String }),
        "column labels is INT64 in the file and String in the table; declare it as Schema.Int or Schema.BigInt"
      )
      assert.strictEqual(
        yield* message({ labels: Schema.Literals([0, 1]) }),
        "row 1 of column labels: expected 0 | 1, got 2"
      )
    })
  )
})
