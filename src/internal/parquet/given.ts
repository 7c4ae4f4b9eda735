/** Refuses what a caller without type checks gives to the functions of `Parquet`: most often, arguments in another order. */
import { hasProperty } from "effect/Predicate"
import * as Checked from "../checked.ts"

const isFile = (given: unknown): boolean => typeof given === "string" || given instanceof URL

/** Refuses a source that is neither a path or URL nor a list of them. */
export const source = (of: string, given: unknown): void => {
  if (Array.isArray(given)) Checked.list(`The first argument of ${of}`, given, isFile, "paths and URLs")
  else Checked.expect(`The first argument of ${of}`, given, isFile(given), "a path, a URL, or a list of them")
}

/** Refuses a table's declaration that is none. */
export const declaration = (of: string, given: unknown): void => {
  const isFine = hasProperty(given, "format") && given.format === "table" && hasProperty(given, "fields")
  Checked.expect(`The second argument of ${of}`, given, isFine, "a table's declaration, such as Artifact.table gives")
}

/** Refuses what can't be written as a table. Its columns are looked at one by one when they are. */
export const table = (of: string, given: unknown): void => {
  const isFine = hasProperty(given, "columns") && Checked.isPlainObject(given.columns)
  Checked.expect(`The third argument of ${of}`, given, isFine, "a table, { numRows, columns }")
}
