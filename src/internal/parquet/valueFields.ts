/**
 * The columns of a table in memory whose declaration is not at hand, from its values: typed arrays are columns of plain
 * numbers, and a list is of what its values are. A list of different things is stored as JSON.
 */
import * as Schema from "effect/Schema"
import { type ColumnField, column } from "./columnType.ts"

/** A declaration that holds the values. */
export const fieldsOf = (columns: {
  readonly [name: string]: ArrayLike<unknown>
}): { readonly [name: string]: ColumnField } =>
  Object.fromEntries(Object.entries(columns).map(([name, values]) => [name, fieldOf(values)]))

const fieldOf = (values: ArrayLike<unknown>): ColumnField => {
  if (values instanceof Float32Array) return column("float32")
  if (values instanceof Float64Array) return column("float64")
  if (values instanceof Int32Array) return column("int32")
  if (values instanceof BigInt64Array) return column("int64")
  const kinds = new Set(Array.from(values, kindOf))
  const isNullable = kinds.delete("null")
  if (kinds.has("int") && kinds.has("number")) kinds.delete("int")
  const [kind] = kinds
  const schema = kinds.size === 1 && kind !== undefined ? schemas[kind] : kinds.size === 0 ? Schema.String : Schema.Json
  return isNullable && schema !== Schema.Json ? Schema.NullOr(schema) : schema
}

const kindOf = (value: unknown): keyof typeof schemas => {
  if (value === null) return "null"
  if (value instanceof Date) return "date"
  if (value instanceof Uint8Array) return "bytes"
  if (typeof value === "number") return Number.isSafeInteger(value) && !Object.is(value, -0) ? "int" : "number"
  if (typeof value === "string") return "string"
  if (typeof value === "boolean") return "boolean"
  return typeof value === "bigint" ? "bigint" : "json"
}

const schemas = {
  null: Schema.Null,
  date: Schema.Date,
  bytes: Schema.Uint8Array,
  int: Schema.Int,
  number: Schema.Number,
  string: Schema.String,
  boolean: Schema.Boolean,
  bigint: Schema.BigInt,
  json: Schema.Json
}
