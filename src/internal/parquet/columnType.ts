/**
 * How a column's schema is laid out in Parquet. A schema whose values are numbers, texts, booleans, bigints, dates or
 * bytes (or null beside them) has a Parquet type of its own; what becomes of any other is `NestedLayout`'s to say: lists and
 * structs of such values, or else JSON text, value by value. Where the type says all that the schema says, a column is
 * checked in one loop; else each value goes through the schema too.
 */
import type * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import type * as SchemaAST from "effect/SchemaAST"
import type * as SchemaIssue from "effect/SchemaIssue"
import * as SchemaParser from "effect/SchemaParser"
import * as Description from "../schema/description.ts"
import { toCodecJson } from "../schema/jsonCodec.ts"
import type { StorableSchema } from "../schema/storableSchema.ts"
import { type Unions, unionsOf } from "../schema/unions.ts"
import { isEmpty, type LeafKind, membersOf, partOf } from "./leafKind.ts"

/** The arrays that hold a column of plain numbers. */
export interface NumberArrays {
  readonly float32: Float32Array
  readonly float64: Float64Array
  readonly int32: Int32Array
  readonly int64: BigInt64Array
}

const TypeId: unique symbol = Symbol.for("effect-flow/NumberColumn")

/** A column of plain numbers, which is a typed array in memory. */
export interface NumberColumn<T extends keyof NumberArrays = keyof NumberArrays> {
  readonly [TypeId]: typeof TypeId
  /** The element type. */
  readonly type: T
}

/**
 * A column of plain numbers: a typed array in memory, and a FLOAT, DOUBLE, INT32 or INT64 in the file. Use it where code
 * computes on whole columns; a column declared by a schema is an array of its values.
 *
 * @param type The element type: `float32`, `float64`, `int32` or `int64`.
 *
 * @example
 * ```ts
 * const Samples = Artifact.table({ at: Artifact.column("int64"), value: Artifact.column("float64") })
 * ```
 */
export const column = <const T extends keyof NumberArrays>(type: T): NumberColumn<T> => ({ [TypeId]: TypeId, type })

/** What holds a column of plain numbers. */
export const numberArrays = { float32: Float32Array, float64: Float64Array, int32: Int32Array, int64: BigInt64Array }

/** Whether a kind's column is a typed array. */
export const isNumbers = (kind: Kind): kind is keyof NumberArrays => kind in numberArrays

/** What a table declares for a column. */
export type ColumnField = StorableSchema | NumberColumn

/** Whether a column is one of plain numbers. */
export const isNumberColumn = (field: ColumnField): field is NumberColumn => TypeId in field

/** What a column's values are in the file. */
export type Kind = LeafKind | keyof NumberArrays

/** What SQL calls the type of a column. */
export const sqlTypes: { readonly [K in Kind]: string } = {
  text: "VARCHAR",
  json: "VARCHAR",
  int: "BIGINT",
  bigint: "BIGINT",
  int64: "BIGINT",
  int32: "INTEGER",
  number: "DOUBLE",
  float64: "DOUBLE",
  float32: "FLOAT",
  boolean: "BOOLEAN",
  date: "TIMESTAMP",
  bytes: "VARCHAR"
}

/** How a column is stored and checked. */
export interface ColumnType {
  readonly name: string
  readonly kind: Kind
  /** How it was declared, for messages: `Int`. */
  readonly declared: string
  /** Whether a value may be missing, and what stands for it then. */
  readonly optional: boolean
  readonly empty: null | undefined
  /** The only values there may be, where they are listed. */
  readonly allowed: ReadonlySet<unknown> | undefined
  /** The declared schema; nothing for a column of plain numbers. */
  readonly schema: StorableSchema | undefined
  /** The schema's own codec, where the kind and `allowed` do not say all that the schema says. */
  readonly codec: ValueCodec | undefined
}

/** A value to what is stored of it and back, at once. */
export interface ValueCodec {
  readonly encode: (value: unknown) => Exit.Exit<unknown, SchemaIssue.Issue>
  readonly decode: (stored: unknown) => Exit.Exit<unknown, SchemaIssue.Issue>
  /** The schema's unions, where a value may be taken for another member. */
  readonly unions: () => Unions | undefined
}

const remembered = new WeakMap<ColumnField, Omit<ColumnType, "name">>()

/** The types of a table's columns, which are worked out at the first call: most programs that import a flow never do. */
export const lazy = (fields: { readonly [name: string]: ColumnField }): (() => ReadonlyArray<ColumnType>) => {
  let types: ReadonlyArray<ColumnType> | undefined
  return () => {
    types ??= Object.entries(fields).map(([name, field]) => make(name, field))
    return types
  }
}

const make = (name: string, field: ColumnField): ColumnType => {
  let type = remembered.get(field)
  if (type === undefined) {
    type = isNumberColumn(field) ? ofNumbers(field) : ofSchema(field)
    remembered.set(field, type)
  }
  return { name, ...type }
}

const ofNumbers = (field: NumberColumn): Omit<ColumnType, "name"> => ({
  kind: field.type,
  declared: field.type,
  optional: false,
  empty: null,
  allowed: undefined,
  schema: undefined,
  codec: undefined
})

const ofSchema = (schema: StorableSchema): Omit<ColumnType, "name"> => {
  const declared = Description.typeText(schema)
  const layout = layoutOf(Schema.toEncoded(schema).ast)
  if (layout !== undefined) {
    const { exact, ...rest } = layout
    const codec = exact && !isTransformed(schema.ast) ? undefined : codecOf(schema)
    return { declared, ...rest, schema, codec }
  }
  const json = toCodecJson(schema)
  const encoded = layoutOf(Schema.toEncoded(json).ast)
  return {
    declared,
    kind: encoded?.kind ?? "json",
    optional: encoded?.optional ?? isNullable(Schema.toEncoded(json).ast),
    empty: encoded?.empty ?? null,
    allowed: undefined,
    schema,
    codec: codecOf(json)
  }
}

const codecOf = (schema: StorableSchema): ValueCodec => {
  let unions: { readonly found: Unions | undefined } | undefined
  return {
    encode: SchemaParser.encodeUnknownExit(schema),
    decode: SchemaParser.decodeUnknownExit(schema),
    unions: () => {
      unions ??= { found: unionsOf(schema.ast) }
      return unions.found
    }
  }
}

interface Layout {
  readonly kind: Kind
  readonly optional: boolean
  readonly empty: null | undefined
  readonly allowed: ReadonlySet<unknown> | undefined
  /** Whether kind, emptiness and `allowed` are all that the schema asks for. */
  readonly exact: boolean
}

const isTransformed = (ast: SchemaAST.AST): boolean =>
  ast.encoding !== undefined || (ast._tag === "Union" && ast.types.some(isTransformed))

const isNullable = (ast: SchemaAST.AST): boolean => membersOf(ast).some(isEmpty)

/** The layout of an encoded schema; none where only JSON text will do. */
const layoutOf = (ast: SchemaAST.AST): Layout | undefined => {
  const members = membersOf(ast)
  const parts = members.filter((member) => !isEmpty(member)).map(partOf)
  const [first] = parts
  if (first === undefined) return undefined
  let { kind } = first
  const values: Array<unknown> = []
  let exact = ast._tag !== "Union" || ast.checks === undefined
  let listed = true
  for (const part of parts) {
    if (part === undefined) return undefined
    if (part.kind !== kind) {
      const mixed = new Set([kind, part.kind])
      if (!(mixed.has("int") && mixed.has("number"))) return undefined
      kind = "number"
    }
    if (part.values === undefined) listed = false
    else values.push(...part.values)
    exact &&= part.exact
  }
  if (!listed && values.length > 0) exact = false
  return {
    kind,
    optional: members.some(isEmpty),
    empty: members.some((member) => member._tag === "Null") ? null : undefined,
    allowed: listed ? new Set(values) : undefined,
    exact
  }
}
