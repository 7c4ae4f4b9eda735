/** Why a nested column, or a value of one, can't be read as it is declared. */
import type { SchemaTree } from "hyparquet"
import { typeText } from "./leaf.ts"

/** Thrown where a value of a row can't have the form that the schema wants. */
export class ShapeError extends Error {}

/** Why a column can't be read as it is declared: the end of a sentence that begins with the column. */
export class Refusal {
  readonly message: string
  constructor(message: string) {
    this.message = message
  }
}

/** The file has another type at this place. */
export const mismatch = (node: SchemaTree): Refusal =>
  new Refusal(
    `${node.path.length > 1 ? `has at ${node.path.slice(1).join(".")} a ` : "is "}${typeText(node)} in the file`
  )
