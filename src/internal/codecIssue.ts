/**
 * What a schema objects to, as one sentence, and the path to where.
 */
import * as SchemaIssue from "effect/SchemaIssue"
import { CodecError } from "../Artifact.ts"

const format = SchemaIssue.makeFormatterStandardSchemaV1()

/** The path and the sentence of an issue; of several the first. */
export const describe = (
  issue: SchemaIssue.Issue
): { readonly path: ReadonlyArray<PropertyKey>; readonly message: string } => {
  const { issues } = format(issue)
  const first = issues[0]
  if (first === undefined) return { path: [], message: "the value does not fit its schema" }
  const path = (first.path ?? []).map((segment) => (typeof segment === "object" ? segment.key : segment))
  const message = first.message.replace(/\s*\n\s*/g, "; ")
  return { path, message: /^[A-Z][a-z]/.test(message) ? message.charAt(0).toLowerCase() + message.slice(1) : message }
}

/** A `CodecError` of an issue. */
export const toError = (issue: SchemaIssue.Issue): CodecError => new CodecError(describe(issue))
