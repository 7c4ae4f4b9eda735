/**
 * What a Parquet file's columns hold, in words, and which of them a declared column can be read from.
 */
import type { SchemaElement, SchemaTree } from "hyparquet"
import type { ColumnType, Kind } from "./columnType.ts"

/** What a column of a file holds. */
export type Holds =
  | "text"
  | "json"
  | "integer"
  | "float"
  | "double"
  | "decimal"
  | "boolean"
  | "date"
  | "bytes"
  | "nested"
  | "other"

/** The kind of a file's column. */
export const holds = (node: SchemaTree): Holds => {
  const { converted_type: converted, logical_type: logical, repetition_type, type } = node.element
  if (node.children.length > 0 || repetition_type === "REPEATED") return "nested"
  if (converted === "DECIMAL" || logical?.type === "DECIMAL") return "decimal"
  if (type === "INT96" || converted === "DATE" || logical?.type === "DATE") return "date"
  if (converted?.startsWith("TIMESTAMP") === true || logical?.type === "TIMESTAMP") return "date"
  if (converted?.startsWith("TIME_") === true || logical?.type === "TIME") return "other"
  if (converted === "JSON" || logical?.type === "JSON") return "json"
  if (converted === "UTF8" || converted === "ENUM" || logical?.type === "STRING" || logical?.type === "ENUM")
    return "text"
  if (logical?.type === "UUID") return "text"
  if (logical?.type === "FLOAT16") return "float"
  switch (type) {
    case "BOOLEAN":
      return "boolean"
    case "INT32":
    case "INT64":
      return "integer"
    case "FLOAT":
      return "float"
    case "DOUBLE":
      return "double"
    case "BYTE_ARRAY":
      // Old writers left texts unmarked, so these are read as either.
      return converted === undefined && logical === undefined ? "bytes" : "other"
    case "FIXED_LEN_BYTE_ARRAY":
      return converted === undefined && logical === undefined ? "bytes" : "other"
    default:
      return "other"
  }
}

const readable: { readonly [K in Kind]: ReadonlyArray<Holds> } = {
  text: ["text", "json", "bytes"],
  int: ["integer"],
  number: ["double", "float", "integer", "decimal"],
  boolean: ["boolean"],
  bigint: ["integer"],
  date: ["date"],
  bytes: ["bytes"],
  json: ["json", "text", "nested"],
  float32: ["float"],
  float64: ["double", "float"],
  int32: ["integer"],
  int64: ["integer"]
}

/** Whether a declared column can be read from a file's. */
export const accepts = (type: ColumnType, node: SchemaTree): boolean => {
  if (!readable[type.kind].includes(holds(node))) return false
  const { element } = node
  if (type.kind === "text" && holds(node) === "bytes") return element.type === "BYTE_ARRAY"
  if (type.kind === "int32") return element.type === "INT32"
  if (type.kind === "float32") return element.type === "FLOAT"
  return true
}

const suggestions: { readonly [H in Holds]?: string } = {
  text: "Schema.String",
  json: "the schema of its values",
  integer: "Schema.Int or Schema.BigInt",
  float: "Schema.Number",
  double: "Schema.Number",
  decimal: "Schema.Number",
  boolean: "Schema.Boolean",
  date: "Schema.Date",
  bytes: "Schema.Uint8Array",
  nested: "the schema of its values"
}

/** Why a declared column can't be read from a file's, and what to declare instead. */
export const refusal = (type: ColumnType, node: SchemaTree): string => {
  const suggestion = suggestions[holds(node)]
  const advice = suggestion === undefined ? "" : `; declare it as ${suggestion}`
  return `column ${type.name} is ${typeText(node)} in the file and ${type.declared} in the table${advice}`
}

/** The type of a file's column, as the format calls it: `INT64`, `STRING`, `LIST`. */
export const typeText = ({ children, element }: SchemaTree): string => {
  const { converted_type: converted, logical_type: logical, type } = element
  if (logical?.type === "INTEGER") return `${logical.isSigned ? "INT" : "UINT"}${logical.bitWidth}`
  if (logical !== undefined) return logical.type
  if (converted === "UTF8") return "STRING"
  if (converted !== undefined) return converted
  return type ?? (children.length > 0 ? "STRUCT" : "nothing")
}

/** Whether a column may lack values. */
export const isOptional = (element: SchemaElement): boolean => element.repetition_type !== "REQUIRED"
