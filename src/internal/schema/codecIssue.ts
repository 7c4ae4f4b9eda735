/**
 * What a schema objects to, as one sentence, and the path to where: `expected an integer, got 1.5`.
 */
import * as Cause from "effect/Cause"
import * as Option from "effect/Option"
import * as SchemaIssue from "effect/SchemaIssue"
import { CodecError } from "./codecError.ts"

const format = SchemaIssue.makeFormatterStandardSchemaV1()

/** A value in a few words, for messages. */
export const valueText = (value: unknown): string => {
  switch (typeof value) {
    case "string":
      return value.length <= 40 ? JSON.stringify(value) : `${JSON.stringify(value.slice(0, 39)).slice(0, -1)}…"`
    case "bigint":
      return `${value}n`
    case "function":
      return "a function"
    case "object": {
      if (value === null) return "null"
      if (Array.isArray(value)) return `an array of ${value.length}`
      if (value instanceof Date) return Number.isNaN(value.getTime()) ? "an invalid Date" : value.toISOString()
      const { constructor } = value
      const name = typeof constructor === "function" ? constructor.name : ""
      return name === "" || name === "Object" ? "an object" : `${/^[AEIOU]/.test(name) ? "an" : "a"} ${name}`
    }
    default:
      return String(value)
  }
}

/** The path and the sentence of an issue with a value; of several the first. */
export const describe = (
  issue: SchemaIssue.Issue,
  value: unknown
): { readonly path: ReadonlyArray<PropertyKey>; readonly message: string } => {
  const [first] = format(issue).issues
  if (first === undefined) return { path: [], message: "the value does not fit its schema" }
  const path = (first.path ?? []).map((segment) => (typeof segment === "object" ? segment.key : segment))
  const message = first.message.replace(/\s*\n\s*/g, "; ")
  if (message === "Missing key") return { path, message: "it is missing" }
  const sentence = /^[A-Z][a-z]/.test(message) ? message.charAt(0).toLowerCase() + message.slice(1) : message
  const at = path.reduce<Option.Option<unknown>>(
    (found, key) =>
      Option.flatMap(found, (inner) =>
        typeof inner === "object" && inner !== null && key in inner
          ? Option.some((inner as Record<PropertyKey, unknown>)[key]) // just seen to be there
          : Option.none()
      ),
    Option.some(value)
  )
  return {
    path,
    message: sentence.startsWith("expected") && Option.isSome(at) ? `${sentence}, got ${valueText(at.value)}` : sentence
  }
}

/** A `CodecError` of an issue with a value. */
export const toError =
  (value: unknown) =>
  (issue: SchemaIssue.Issue): CodecError =>
    new CodecError(describe(issue, value))

/** The sentence of a failure of a schema that was run at once. */
export const causeText = (cause: Cause.Cause<SchemaIssue.Issue>, value: unknown): string => {
  const failure = cause.reasons.find(Cause.isFailReason)
  if (failure !== undefined) return describe(failure.error, value).message
  const defect = cause.reasons.find(Cause.isDieReason)?.defect
  return defect instanceof Error ? defect.message : "the schema needs time, and a column's values are checked at once"
}
