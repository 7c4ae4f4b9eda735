/**
 * Infers a file's columns: each column's full type, the schema that reads it whole and exactly, and the code of that
 * schema to paste into a program.
 *
 * Exactness decides: a 64-bit integer becomes a bigint and a decimal a text with all of its digits. Moments become dates,
 * which keep milliseconds.
 */
import * as Schema from "effect/Schema"
import type { SchemaTree } from "hyparquet"
import type { StorableSchema } from "../schema/storableSchema.ts"
import { isElement, isList, isMap, isOptional, type Leaf, leafOf, type TimeUnit, typeText } from "./leaf.ts"

/** The full type of a column, or of a part of a nested one. */
export interface FileColumn {
  readonly name: string
  /** As the format calls it: `INT64`, `STRING`, `DECIMAL(10, 2)`, `TIMESTAMP_MICROS`, `LIST` … */
  readonly type: string
  /** Whether it may be null. */
  readonly optional: boolean
  /** The digits of a decimal, all and after the point. */
  readonly precision?: number
  readonly scale?: number
  /** The width of an integer in bits, and whether it has a sign. */
  readonly bits?: number
  readonly isSigned?: boolean
  /** The unit of a time or a timestamp. */
  readonly unit?: TimeUnit
  /** Whether a time or a timestamp is in UTC; if not, it is the local time of nobody knows where. */
  readonly isUtc?: boolean
  /** What the elements of a list are. */
  readonly element?: FileColumn
  /** What the keys and values of a map are. */
  readonly key?: FileColumn
  readonly value?: FileColumn
  /** The fields of a struct. */
  readonly fields?: ReadonlyArray<FileColumn>
}

/** A column's full type, and the schema that reads it. */
export interface Inferred {
  readonly column: FileColumn
  readonly schema: StorableSchema
  /** The schema's code: `Schema.NullOr(Schema.Int)`. */
  readonly code: string
}

/** A part of a type: its schema as if it were never null. */
interface Part {
  readonly schema: StorableSchema
  readonly code: string
  readonly details?: Partial<FileColumn>
}

/** Infers a column of a file. */
export const infer = (node: SchemaTree): Inferred => {
  const { element } = node
  if (element.repetition_type === "REPEATED") {
    const item = inferred(node, content(node), false)
    return inferred(
      node,
      { schema: Schema.Array(item.schema), code: `Schema.Array(${item.code})`, details: { element: item.column } },
      false
    )
  }
  return inferred(node, content(node), isOptional(element))
}

const inferred = (node: SchemaTree, { code, details, schema }: Part, optional: boolean): Inferred => ({
  column: { name: node.element.name, type: typeText(node), optional, ...details },
  schema: optional && schema !== Schema.Null ? Schema.NullOr(schema) : schema,
  code: optional && schema !== Schema.Null ? `Schema.NullOr(${code})` : code
})

const content = (node: SchemaTree): Part => {
  const { children, element } = node
  if (children.length === 0) return leafPart(leafOf(element))
  const [repeated] = children
  if (repeated !== undefined && children.length === 1 && repeated.element.repetition_type === "REPEATED") {
    const [first, second] = repeated.children
    if (isMap(node) && first !== undefined && second !== undefined && repeated.children.length === 2) {
      const key = infer(first)
      const value = infer(second)
      return {
        schema: Schema.ReadonlyMap(key.schema, value.schema),
        code: `Schema.ReadonlyMap(${key.code}, ${value.code})`,
        details: { key: key.column, value: value.column }
      }
    }
    if (isList(node) || isMap(node)) {
      const item =
        isElement(node, repeated) || first === undefined ? inferred(repeated, content(repeated), false) : infer(first)
      return {
        schema: Schema.Array(item.schema),
        code: `Schema.Array(${item.code})`,
        details: { element: item.column }
      }
    }
  }
  const fields = children.map(infer)
  return {
    schema: Schema.Struct(Object.fromEntries(fields.map(({ column, schema }) => [column.name, schema]))),
    code: `Schema.Struct(${objectCode(fields)})`,
    details: { fields: fields.map(({ column }) => column) }
  }
}

/** The code of an object of schemas, by name. */
export const objectCode = (fields: ReadonlyArray<Inferred>, separator = " "): string =>
  fields.length === 0
    ? "{}"
    : `{${separator}${fields.map(({ code, column }) => `${keyCode(column.name)}: ${code}`).join(`,${separator}`)}${separator.replace(/ {2}$/, "")}}`

const keyCode = (name: string): string =>
  /^[A-Za-z_$][\w$]*$/.test(name) && name !== "__proto__" ? name : JSON.stringify(name)

const text: Part = { schema: Schema.String, code: "Schema.String" }
const int: Part = { schema: Schema.Int, code: "Schema.Int" }
const bigint: Part = { schema: Schema.BigInt, code: "Schema.BigInt" }
const number: Part = { schema: Schema.Number, code: "Schema.Number" }
const date: Part = { schema: Schema.Date, code: "Schema.Date" }

const leafPart = (leaf: Leaf): Part => {
  switch (leaf.kind) {
    case "text":
    case "uuid":
    case "interval":
      return text
    case "json":
      return { schema: Schema.Unknown, code: "Schema.Unknown" }
    case "boolean":
      return { schema: Schema.Boolean, code: "Schema.Boolean" }
    case "integer": {
      const { bits, isSigned } = leaf
      return { ...(bits <= 32 ? int : bigint), details: { bits, isSigned } }
    }
    case "float16":
    case "float":
    case "double":
      return number
    case "decimal": {
      const { precision, scale } = leaf
      return { ...text, details: { ...(precision === undefined ? {} : { precision }), scale } }
    }
    case "date":
    case "int96":
      return date
    case "timestamp":
      return { ...date, details: { unit: leaf.unit, isUtc: leaf.isUtc } }
    case "time":
      return { ...text, details: { unit: leaf.unit, isUtc: leaf.isUtc } }
    case "bytes":
      return { schema: Schema.Uint8Array, code: "Schema.Uint8Array" }
    case "null":
      return { schema: Schema.Null, code: "Schema.Null" }
  }
}
