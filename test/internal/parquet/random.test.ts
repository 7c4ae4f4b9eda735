/** Random tables of all column types, nested three deep, through this library's writer: DuckDB and its reader agree. */
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as fc from "fast-check"
import * as Artifact from "../../../src/Artifact.ts"
import * as Parquet from "../../../src/Parquet.ts"
import { anyCharacter } from "../../support/anyCharacter.ts"
import { temporaryDirectory } from "../../support/directory.ts"
import * as DuckDb from "../../support/duckdb.ts"
import { duckdbColumns, ours } from "../../support/parquet.ts"

const tables = Number(process.env.EFFECT_FLOW_TABLES ?? 40)
const seed = Number(process.env.EFFECT_FLOW_TABLES_SEED ?? 7)

/** A column: its declaration, its values, and whether they are stored as JSON. */
interface Kind {
  readonly field: Artifact.TableFields[string]
  readonly value: fc.Arbitrary<unknown>
  readonly isJson?: boolean
  /** What the file has in place of a value that is there, where that is another one. */
  readonly inFile?: (value: unknown) => unknown
  /** What holds the values, where it is a typed array. */
  readonly hold?: (values: ReadonlyArray<unknown>) => ArrayLike<unknown>
}

const text = fc
  .string({ unit: anyCharacter, maxLength: 12 })
  .filter((value) => value.isWellFormed() && !value.includes("\0"))
const int = fc.maxSafeInteger().map((value) => value + 0) // no -0
const double = fc.double({ noNaN: false })
const finite = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => (Object.is(value, -0) ? 0 : value))
const date = fc.date({ min: new Date("1677-09-22"), max: new Date("2262-04-11"), noInvalidDate: true })

const scalars: ReadonlyArray<Kind> = [
  { field: Schema.String, value: text },
  { field: Schema.Int, value: int },
  { field: Schema.Number, value: double },
  { field: Schema.Boolean, value: fc.boolean() },
  { field: Schema.BigInt, value: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }) },
  { field: Schema.Date, value: date },
  { field: Schema.Uint8Array, value: fc.uint8Array({ maxLength: 9 }) },
  { field: Schema.Literals(["red", "blue"]), value: fc.constantFrom("red", "blue") },
  {
    field: Artifact.column("float64"),
    value: double,
    hold: (values) => Float64Array.from(values as ReadonlyArray<number>)
  },
  {
    field: Artifact.column("int32"),
    value: fc.integer(),
    hold: (values) => Int32Array.from(values as ReadonlyArray<number>)
  }
]

const nested: ReadonlyArray<Kind> = [
  { field: Schema.Array(Schema.Int), value: fc.array(int, { maxLength: 3 }) },
  {
    field: Schema.Array(Schema.Array(Schema.Array(Schema.NullOr(Schema.String)))),
    value: fc.array(fc.array(fc.array(fc.option(text), { maxLength: 2 }), { maxLength: 2 }), { maxLength: 2 })
  },
  {
    field: Schema.Struct({ a: Schema.Struct({ b: Schema.Array(Schema.Struct({ c: Schema.Finite })) }) }),
    value: fc.record({ a: fc.record({ b: fc.array(fc.record({ c: finite }), { maxLength: 2 }) }) })
  },
  {
    field: Schema.Record(Schema.String, Schema.Array(Schema.Boolean)),
    value: fc.dictionary(text, fc.array(fc.boolean(), { maxLength: 2 }), { maxKeys: 3 }),
    inFile: (value) => Object.entries(value as object)
  },
  {
    field: Schema.Struct({
      at: Schema.NullOr(Schema.Date),
      raw: Schema.NullOr(Schema.Array(Schema.Uint8Array)),
      of: Schema.NullOr(
        Schema.Struct({ n: Schema.NullOr(Schema.BigInt), d: Schema.Array(Schema.NullOr(Schema.Number)) })
      )
    }),
    value: fc.record({
      at: fc.option(date),
      raw: fc.option(fc.array(fc.uint8Array({ maxLength: 3 }), { maxLength: 2 })),
      of: fc.option(
        fc.record({
          n: fc.option(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
          d: fc.array(fc.option(double), { maxLength: 3 })
        })
      )
    })
  },
  {
    field: Schema.ReadonlyMap(Schema.Int, Schema.NullOr(Schema.Array(Schema.Literals(["red", "blue"])))),
    value: fc
      .array(fc.tuple(int, fc.option(fc.array(fc.constantFrom("red", "blue"), { maxLength: 2 }))), { maxLength: 3 })
      .map((entries) => new Map(entries))
  },
  { field: Schema.Tuple([Schema.Int, Schema.String]), value: fc.tuple(int, text), isJson: true },
  {
    field: Schema.Array(Schema.Struct({ x: Schema.optionalKey(Schema.Int), y: Schema.NullOr(Schema.String) })),
    value: fc.array(fc.record({ x: int, y: fc.option(text) }, { requiredKeys: ["y"] }), { maxLength: 3 }),
    inFile: (value) => (value as ReadonlyArray<object>).map((item) => ({ x: null, ...item }))
  }
]

const kind: fc.Arbitrary<Kind> = fc
  .tuple(fc.constantFrom(...scalars, ...nested), fc.boolean())
  .map(([kind, optional]) =>
    optional && "ast" in kind.field
      ? {
          ...kind,
          field: Schema.NullOr(kind.field as Schema.Codec<unknown>),
          value: fc.option(kind.value, { freq: 3 })
        }
      : kind
  )

const table = fc
  .array(kind, { minLength: 1, maxLength: 5 })
  .chain((kinds) =>
    fc.tuple(
      fc.constant(kinds),
      fc.array(fc.tuple(...kinds.map(({ value }) => value)), { maxLength: 30 }),
      fc.constantFrom("zstd", "snappy", "gzip", "none"),
      fc.integer({ min: 1, max: 20 })
    )
  )

describe.skipIf(DuckDb.unavailable !== undefined)("random tables", () => {
  it.effect(`${tables} of them`, () =>
    Effect.flatMap(temporaryDirectory, (directory) =>
      Effect.promise(() =>
        fc.assert(
          fc.asyncProperty(table, async ([kinds, rows, compression, rowGroupSize]) => {
            const path = join(directory, "a.parquet")
            const fields = Object.fromEntries(kinds.map(({ field }, i) => [`c${i}`, field]))
            const columns = Object.fromEntries(
              kinds.map(({ hold = (values) => values }, i) => [`c${i}`, hold(rows.map((row) => row[i]))])
            )
            const artifact = Artifact.table(fields)
            const value = { numRows: rows.length, columns } as never // each column fits its field
            await Effect.runPromise(Parquet.write(path, artifact, value, { compression, rowGroupSize }))
            const back = await Effect.runPromise(Parquet.read(path, artifact))
            assert.deepStrictEqual<unknown>(back, value)
            const range = { start: Math.floor(rows.length / 3), end: Math.ceil(rows.length / 2) }
            const part = await Effect.runPromise(Parquet.read(path, artifact, { rows: range }))
            for (const [name, values] of Object.entries(columns)) {
              const wanted = Array.from(values as ArrayLike<unknown>).slice(range.start, range.end)
              assert.deepStrictEqual<unknown>(Array.from(part.columns[name] as ArrayLike<unknown>), wanted)
            }
            const expected = await duckdbColumns(path)
            for (const [i, { inFile = (value: unknown) => value, isJson }] of kinds.entries()) {
              const name = `c${i}`
              const found = Array.from((expected as Record<string, ReadonlyArray<unknown>>)[name] ?? [], (item) =>
                isJson === true && typeof item === "string" ? ours(JSON.parse(item)) : item
              )
              const stored = Array.from(columns[name] as ArrayLike<unknown>, (value) =>
                ours(value === null ? null : inFile(value))
              )
              assert.deepStrictEqual(stored, found, name)
            }
          }),
          { numRuns: tables, seed }
        )
      )
    )
  )
})
