/**
 * Which columns of a file a declared column can be read from, and what to say where it can't.
 */
import type { SchemaTree } from "hyparquet"
import type { LeafColumn } from "./columnChunk.ts"
import type { ColumnType } from "./columnType.ts"
import { isFlat, isOptional, type Leaf, leafOf, typeText } from "./leaf.ts"
import { conversion } from "./leafValues.ts"
import { type Assembly, assemble } from "./nested.ts"
import { Refusal } from "./nestedFault.ts"
import { isPlainWant } from "./wants.ts"

/** How a declared column is read from the file's: one value a row from one leaf, or put together from several. */
export type Plan = { readonly type: ColumnType; readonly node: SchemaTree } & (
  | { readonly flat: LeafColumn; readonly nested?: undefined }
  | { readonly nested: Assembly; readonly flat?: undefined }
)

/** How a declared column is read from the file's, or why it can't be and what to declare instead. */
export const planOf = (type: ColumnType, node: SchemaTree, isPandas: boolean): Plan | Refusal => {
  const { element, path } = node
  if (isFlat(node)) {
    const leaf = leafOf(element)
    const convert = isAllowed(type, leaf) ? conversion(leaf, type.kind) : undefined
    if (convert !== undefined) {
      const maxDefinition = isOptional(element) ? 1 : 0
      return { type, node, flat: { element, path, leaf, target: type.kind, convert, maxDefinition, maxRepetition: 0 } }
    }
  }
  if (type.kind === "json" && type.schema !== undefined) {
    const nested = assemble(node, type.schema)
    return nested instanceof Refusal
      ? new Refusal(`column ${type.name} ${nested.message}${suffix(type, node, isPandas)}`)
      : { type, node, nested }
  }
  return new Refusal(`column ${type.name} is ${typeText(node)} in the file${suffix(type, node, isPandas)}`)
}

/** A plain text is no place for a moment; a schema that decodes texts (`Schema.DateTimeUtcFromString`) gets ISO 8601. */
const isAllowed = (type: ColumnType, leaf: Leaf): boolean =>
  type.kind === "json"
    ? leaf.kind === "json" || !isOpen(type)
    : type.kind !== "text" ||
      type.codec !== undefined ||
      (leaf.kind !== "date" && leaf.kind !== "timestamp" && leaf.kind !== "int96")

/** Whether a text is a value of the column's schema, so that it need not be JSON. */
const isOpen = ({ schema }: ColumnType): boolean => schema !== undefined && isPlainWant(schema)

const suffix = (type: ColumnType, node: SchemaTree, isPandas: boolean): string => {
  const suggestion = isFlat(node) ? suggestions[leafOf(node.element).kind] : "the schema of its values"
  const hint =
    isPandas && isFlat(node) && leafOf(node.element).kind === "double" && type.kind === "int"
      ? " (pandas stores integers with missing values that way)"
      : ""
  return ` and ${type.declared} in the table; declare it as ${suggestion}${hint}`
}

const suggestions: { readonly [K in Leaf["kind"]]: string } = {
  text: "Schema.String",
  json: "the schema of its values",
  integer: "Schema.Int or Schema.BigInt",
  float16: "Schema.Number",
  float: "Schema.Number",
  double: "Schema.Number",
  decimal: "Schema.String, Schema.BigDecimal, Schema.Number, or Schema.BigInt for its digits without the point",
  boolean: "Schema.Boolean",
  date: "Schema.Date",
  timestamp: "Schema.Date",
  int96: "Schema.Date",
  time: "Schema.String, or Schema.BigInt for the count of its unit",
  uuid: "Schema.String",
  interval: "Schema.String",
  bytes: "Schema.Uint8Array",
  null: "Schema.Null"
}
