/**
 * What the leaves of a Parquet schema hold, by their physical and logical types. Everything that needs to know what a
 * column is (reading, messages, `Parquet.schema`, the page) asks here.
 *
 * The types: https://github.com/apache/parquet-format/blob/master/LogicalTypes.md
 */
import type { SchemaElement, SchemaTree } from "hyparquet"

/** A unit of time, as the format spells it. */
export type TimeUnit = "MILLIS" | "MICROS" | "NANOS"

/** What a leaf holds. */
export type Leaf =
  | { readonly kind: "text" | "json" | "boolean" | "float16" | "float" | "double" | "date" | "uuid" | "interval" }
  | { readonly kind: "integer"; readonly bits: 8 | 16 | 32 | 64; readonly isSigned: boolean }
  | { readonly kind: "decimal"; readonly precision: number | undefined; readonly scale: number }
  | { readonly kind: "timestamp"; readonly unit: TimeUnit; readonly isUtc: boolean }
  | { readonly kind: "int96" }
  | { readonly kind: "time"; readonly unit: TimeUnit; readonly isUtc: boolean }
  /** Bytes: `what` says of which sort, where the file says so; `isText` where an old writer may have left texts unmarked. */
  | { readonly kind: "bytes"; readonly what: string | undefined; readonly isText: boolean }
  /** The type of a column that is always null. */
  | { readonly kind: "null" }

/** What a leaf holds. A logical type that does not fit its physical type, or that is not known, is ignored. */
export const leafOf = (element: SchemaElement): Leaf => {
  const { converted_type: converted, type } = element
  const logical = logicalOf(element)
  switch (type) {
    case "BOOLEAN":
      return { kind: "boolean" }
    case "FLOAT":
      return { kind: "float" }
    case "DOUBLE":
      return { kind: "double" }
    case "INT96":
      return { kind: "int96" }
    case "INT32":
    case "INT64":
      return ofIntegers(element, type === "INT32" ? 32 : 64)
    case "FIXED_LEN_BYTE_ARRAY":
      if (logical?.type === "UUID" && element.type_length === 16) return { kind: "uuid" }
      if (logical?.type === "FLOAT16" && element.type_length === 2) return { kind: "float16" }
      if (converted === "INTERVAL" && element.type_length === 12) return { kind: "interval" }
      return decimalOf(element) ?? { kind: "bytes", what: undefined, isText: false }
    default: {
      if (converted === "JSON" || logical?.type === "JSON") return { kind: "json" }
      if (converted === "UTF8" || converted === "ENUM") return { kind: "text" }
      if (logical?.type === "STRING" || logical?.type === "ENUM") return { kind: "text" }
      const decimal = decimalOf(element)
      if (decimal !== undefined) return decimal
      const what = logical?.type === "GEOMETRY" || logical?.type === "GEOGRAPHY" ? logical.type : converted
      return { kind: "bytes", what: logical?.type === "BSON" ? "BSON" : what, isText: what === undefined }
    }
  }
}

const ofIntegers = (element: SchemaElement, bits: 32 | 64): Leaf => {
  const { converted_type: converted } = element
  const logical = logicalOf(element)
  if (bits === 32 && (converted === "DATE" || logical?.type === "DATE")) return { kind: "date" }
  if (logical?.type === "TIMESTAMP" && bits === 64) {
    return { kind: "timestamp", unit: logical.unit, isUtc: logical.isAdjustedToUTC }
  }
  if (logical?.type === "TIME") return { kind: "time", unit: logical.unit, isUtc: logical.isAdjustedToUTC }
  if (converted === "TIMESTAMP_MILLIS" && bits === 64) return { kind: "timestamp", unit: "MILLIS", isUtc: true }
  if (converted === "TIMESTAMP_MICROS" && bits === 64) return { kind: "timestamp", unit: "MICROS", isUtc: true }
  if (converted === "TIME_MILLIS") return { kind: "time", unit: "MILLIS", isUtc: true }
  if (converted === "TIME_MICROS") return { kind: "time", unit: "MICROS", isUtc: true }
  if (logical?.type === "NULL") return { kind: "null" }
  const width =
    logical?.type === "INTEGER" ? logical.bitWidth : Number(/^U?INT_(\d+)$/.exec(converted ?? "")?.[1] ?? bits)
  const isSigned = logical?.type === "INTEGER" ? logical.isSigned : converted?.startsWith("UINT_") !== true
  return (
    decimalOf(element) ?? {
      kind: "integer",
      bits: width === 8 || width === 16 || width === 32 ? width : bits,
      isSigned
    }
  )
}

const decimalOf = (element: SchemaElement): Leaf | undefined => {
  const logical = logicalOf(element)
  if (logical?.type === "DECIMAL") return { kind: "decimal", precision: logical.precision, scale: logical.scale }
  if (element.converted_type !== "DECIMAL") return undefined
  return { kind: "decimal", precision: element.precision, scale: element.scale ?? 0 }
}

/** The logical type, where the format's reader knows it. Of an unknown one it gives the undecoded fields. */
const logicalOf = ({ logical_type: logical }: SchemaElement) =>
  typeof (logical as { readonly type?: unknown } | undefined)?.type === "string" ? logical : undefined

/** Whether a column may lack values. */
export const isOptional = (element: SchemaElement): boolean => element.repetition_type !== "REQUIRED"

/** Whether a column is a leaf of its own, with at most one value a row. */
export const isFlat = ({ children, element }: SchemaTree): boolean =>
  element.type !== undefined && children.length === 0 && element.repetition_type !== "REPEATED"

/** Whether a group is annotated as a list, in any of the ways that writers have used. */
export const isList = ({ element }: SchemaTree): boolean =>
  element.converted_type === "LIST" || logicalOf(element)?.type === "LIST"

/** Whether a group is annotated as a map. */
export const isMap = ({ element }: SchemaTree): boolean =>
  element.converted_type === "MAP" || element.converted_type === "MAP_KEY_VALUE" || logicalOf(element)?.type === "MAP"

/**
 * Whether the repeated field of a list is its element, and not a group around it. The rules are the format's:
 * https://github.com/apache/parquet-format/blob/master/LogicalTypes.md#backward-compatibility-rules
 */
export const isElement = (list: SchemaTree, repeated: SchemaTree): boolean =>
  repeated.children.length !== 1 ||
  repeated.element.name === "array" ||
  repeated.element.name === `${list.element.name}_tuple` ||
  isList(repeated) ||
  isMap(repeated)

/** Whether a group holds values of any type in a binary form. */
export const isVariant = ({ element }: SchemaTree): boolean => logicalOf(element)?.type === "VARIANT"

/** The type of a file's column, as the format calls it: `INT64`, `STRING`, `DECIMAL(10, 2)`, `LIST`. */
export const typeText = (node: SchemaTree): string => {
  const { children, element } = node
  if (element.type === undefined) {
    return isList(node)
      ? "LIST"
      : isMap(node)
        ? "MAP"
        : isVariant(node)
          ? "VARIANT"
          : children.length > 0
            ? "STRUCT"
            : "nothing"
  }
  const leaf = leafOf(element)
  const text = leafText(leaf, element)
  return element.repetition_type === "REPEATED" ? `repeated ${text}` : text
}

const leafText = (leaf: Leaf, element: SchemaElement): string => {
  switch (leaf.kind) {
    case "integer": {
      if (leaf.isSigned && String(element.type) === `INT${leaf.bits}`) return `INT${leaf.bits}`
      return `${leaf.isSigned ? "INT" : "UINT"}${leaf.bits}`
    }
    case "decimal":
      return leaf.precision === undefined ? "DECIMAL" : `DECIMAL(${leaf.precision}, ${leaf.scale})`
    case "timestamp":
      return `TIMESTAMP_${leaf.unit}`
    case "time":
      return `TIME_${leaf.unit}`
    case "text":
      return element.converted_type === "ENUM" || logicalOf(element)?.type === "ENUM" ? "ENUM" : "STRING"
    case "bytes":
      return leaf.what ?? String(element.type)
    default:
      return {
        json: "JSON",
        boolean: "BOOLEAN",
        float16: "FLOAT16",
        float: "FLOAT",
        double: "DOUBLE",
        date: "DATE",
        uuid: "UUID",
        interval: "INTERVAL",
        int96: "INT96",
        null: "NULL"
      }[leaf.kind]
  }
}

/** The kind of a column in one word, for people: `text`, `integer`, `time`, `list`. */
export const kindText = (node: SchemaTree): string => {
  const { element } = node
  if (element.repetition_type === "REPEATED") return "list"
  if (element.type === undefined) return isList(node) ? "list" : isMap(node) ? "map" : "struct"
  const leaf = leafOf(element)
  switch (leaf.kind) {
    case "json":
      return "JSON"
    case "float16":
    case "float":
    case "double":
      return "number"
    case "timestamp":
    case "int96":
      return "time"
    case "uuid":
      return "text"
    default:
      return leaf.kind
  }
}
