/** Random artifacts of every format, each with a value: schemas are put together at random, too. The same for one seed. */
import * as BigDecimal from "effect/BigDecimal"
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as fc from "fast-check"
import * as Artifact from "../../src/Artifact.ts"
import { anyCharacter } from "./anyCharacter.ts"

/** A field that a step may declare, with a value of it. */
export interface Case {
  readonly name: string
  readonly field: Artifact.Field
  readonly value: unknown
}

interface Kind {
  readonly schema: Schema.Codec<any, any>
  readonly value: fc.Arbitrary<unknown>
}

class Point extends Schema.Class<Point>("Point")({ x: Schema.Number, at: Schema.Date }) {}

const text = fc.string({ unit: anyCharacter, maxLength: 8 })
const wellFormed = text.map((value) => value.toWellFormed())
const int = fc.oneof(fc.constantFrom(0, 1, -1), fc.maxSafeInteger())
const number = fc.oneof(fc.constantFrom(0, -0, Number.NaN, Number.NEGATIVE_INFINITY, 5e-324), fc.double())
const date = fc.date({ noInvalidDate: true })
const key = fc.string({ maxLength: 4 }).filter((name) => name !== "__proto__")

const leaves: ReadonlyArray<Kind> = [
  { schema: Schema.String, value: text },
  { schema: Schema.Int, value: int },
  { schema: Schema.Number, value: number },
  { schema: Schema.Boolean, value: fc.boolean() },
  { schema: Schema.BigInt, value: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }) },
  { schema: Schema.Null, value: fc.constant(null) },
  { schema: Schema.Literals(["a", 1, true]), value: fc.constantFrom("a", 1, true) },
  { schema: Schema.Date, value: date },
  { schema: Schema.DateFromString, value: date },
  { schema: Schema.FiniteFromString, value: fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => n + 0) },
  { schema: Schema.Uint8Array, value: fc.uint8Array({ maxLength: 6 }) },
  // Effect has one value for all durations of 0 ms: a step that changes it changes the module itself.
  { schema: Schema.Duration, value: fc.integer({ min: 1 }).map(Duration.millis) },
  { schema: Schema.BigDecimal, value: fc.bigInt().map((value) => BigDecimal.normalize(BigDecimal.make(value, 2))) },
  { schema: Schema.Unknown, value: fc.jsonValue({ maxDepth: 3, stringUnit: anyCharacter }).filter(hasNoPrototypeKey) },
  { schema: Point, value: fc.record({ x: number, at: date }).map((fields) => new Point(fields)) }
]

function hasNoPrototypeKey(value: unknown): boolean {
  return !JSON.stringify(value).includes("__proto__")
}

const arrayOf = ({ schema, value }: Kind): Kind => ({
  schema: Schema.Array(schema),
  value: fc.array(value, { maxLength: 4 })
})

const combine = (inner: ReadonlyArray<Kind>): fc.Arbitrary<Kind> => {
  const kind = fc.constantFrom(...inner)
  return fc.oneof(
    kind,
    kind.map(arrayOf),
    kind.map(({ schema, value }) => ({ schema: Schema.NullOr(schema), value: fc.option(value) })),
    kind.map(({ schema, value }) => ({
      schema: Schema.Option(schema),
      value: fc.option(value.map((some) => Option.some(some))).map((value) => value ?? Option.none())
    })),
    kind.map(({ schema, value }) => ({
      schema: Schema.Record(Schema.String, schema),
      value: fc.dictionary(key, value, { maxKeys: 4, noNullPrototype: true })
    })),
    fc.tuple(kind, kind).map(([a, b]) => ({
      schema: Schema.ReadonlyMap(a.schema, b.schema),
      value: fc.array(fc.tuple(a.value, b.value), { maxLength: 4 }).map((entries) => new Map(entries))
    })),
    kind.map(({ schema, value }) => ({
      schema: Schema.ReadonlySet(schema),
      value: fc.array(value, { maxLength: 4 }).map((items) => new Set(items))
    })),
    fc.tuple(kind, kind, kind).map(([a, b, c]) => ({
      schema: Schema.Struct({ b: a.schema, a: Schema.optionalKey(b.schema), "10": Schema.Option(c.schema) }),
      value: fc
        .record({
          b: a.value,
          a: fc.option(b.value),
          "10": fc.option(c.value.map(Option.some)).map((value) => value ?? Option.none())
        })
        .map(({ a: optional, ...rest }) => (optional === null ? rest : { ...rest, a: optional }))
    })),
    fc.tuple(kind, kind).map(([a, b]) => ({
      schema: Schema.Union([
        Schema.Struct({ _tag: Schema.Literal("a"), value: a.schema }),
        Schema.Struct({ _tag: Schema.Literal("b"), value: b.schema })
      ]),
      value: fc.oneof(
        a.value.map((value) => ({ _tag: "a", value })),
        b.value.map((value) => ({ _tag: "b", value }))
      )
    })),
    fc.tuple(kind, kind).map(([a, b]) => ({
      schema: Schema.Tuple([a.schema, b.schema]),
      value: fc.tuple(a.value, b.value)
    }))
  )
}

const kind: fc.Arbitrary<Kind> = fc.oneof(
  fc.constantFrom(...leaves),
  combine(leaves),
  fc.array(combine(leaves), { minLength: 2, maxLength: 4 }).chain(combine)
)

const json: fc.Arbitrary<Case> = kind.chain(({ schema, value }) =>
  value.map((value) => ({ name: "json", field: schema, value }))
)

const bytes: fc.Arbitrary<Case> = fc
  .tuple(fc.uint8Array({ maxLength: 20 }), fc.constantFrom("array", "buffer", "view", "clamped"))
  .map(([array, how]) => ({
    name: `bytes ${how}`,
    field: Artifact.bytes(),
    value:
      how === "buffer" ? Buffer.from(array) : how === "view" ? Uint8Array.of(9, ...array, 9).subarray(1, -1) : array
  }))

const texts: fc.Arbitrary<Case> = wellFormed.map((value) => ({ name: "text", field: Artifact.text(), value }))

const tensors: fc.Arbitrary<Case> = fc
  .record({
    a: fc.float32Array({ maxLength: 6 }),
    b: fc.float64Array({ maxLength: 3 }),
    c: fc.uint8Array({ maxLength: 5 }),
    d: fc.bigInt64Array({ maxLength: 3 }),
    metadata: fc.dictionary(key, wellFormed, { maxKeys: 2, noNullPrototype: true })
  })
  .map(({ a, b, c, d, metadata }) => ({
    name: "tensors",
    field: Artifact.tensors(),
    value: {
      tensors: {
        a: { dtype: "F32", shape: [a.length], data: a },
        b: { dtype: "F64", shape: [1, b.length], data: b },
        c: { dtype: "U8", shape: [c.length], data: Buffer.from(c) },
        d: { dtype: "I64", shape: [d.length], data: d }
      },
      metadata
    }
  }))

const columnsOf = (rows: number): fc.Arbitrary<ReadonlyArray<readonly [Artifact.ColumnField, ArrayLike<unknown>]>> => {
  const numbers = fc.constantFrom("float32", "float64", "int32", "int64").chain((type) => {
    const options = { minLength: rows, maxLength: rows }
    const values =
      type === "float32"
        ? fc.float32Array(options)
        : type === "float64"
          ? fc.float64Array(options)
          : type === "int32"
            ? fc.int32Array(options)
            : fc.bigInt64Array(options)
    return values.map((values) => [Artifact.column(type as "float64"), values] as const)
  })
  const bigint = { schema: Schema.BigInt, value: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }) }
  const flat: ReadonlyArray<Kind> = [
    { schema: Schema.String, value: wellFormed },
    { schema: Schema.NullOr(Schema.String), value: fc.option(fc.constantFrom("a", "b")) },
    { schema: Schema.UndefinedOr(Schema.Number), value: fc.option(number, { nil: undefined }) },
    bigint
  ]
  const storable = kind.filter(({ schema }) => schema !== Schema.String && schema !== Schema.BigInt)
  const listed = fc
    .oneof(fc.constantFrom(...flat), storable)
    .chain(({ schema, value }) =>
      fc.array(value, { minLength: rows, maxLength: rows }).map((values) => [schema, values] as const)
    )
  return fc.array(fc.oneof(numbers, listed), { minLength: 1, maxLength: 4 })
}

const tables: fc.Arbitrary<Case> = fc.nat(12).chain((numRows) =>
  columnsOf(numRows).map((columns) => ({
    name: "table",
    field: Artifact.table(Object.fromEntries(columns.map(([field], i) => [`c${i}`, field]))),
    value: { numRows, columns: Object.fromEntries(columns.map(([, values], i) => [`c${i}`, values])) }
  }))
)

/** So many cases of a seed, all formats among them. */
export const randomCases = (seed: number, count: number): ReadonlyArray<Case> =>
  fc.sample(fc.oneof({ arbitrary: json, weight: 4 }, bytes, texts, tensors, { arbitrary: tables, weight: 2 }), {
    seed,
    numRuns: count
  })
