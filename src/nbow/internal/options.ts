/**
 * Options that a schema checks: defaults put in, unknown names refused, and what is wrong said in a sentence.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import * as CodecIssue from "../../internal/schema/codecIssue.ts"

/** An option has a value that makes no sense. */
export class OptionsError extends Schema.TaggedError<OptionsError>()("OptionsError", {
  message: Schema.String,
  /** The option's name, `earlyStopping.patience`; empty where the options as a whole are wrong. */
  option: Schema.String
}) {}

/** A field that may be left out, and has this value then. */
export const orElse = <S extends Schema.Constraint>(schema: S, value: S["Encoded"]): Schema.withDecodingDefault<S> =>
  Schema.withDecodingDefault<S>(Effect.succeed(value))(schema)

/** Checks options against their schema. `owner` is who they were given to. */
export const decode = <S extends Schema.ConstraintDecoder<unknown>>(
  schema: S,
  owner: string
): ((options: unknown) => Effect.Effect<S["Type"], OptionsError>) => {
  const parse = Schema.decodeUnknownEffect(schema, { onExcessProperty: "error", errors: "all" })
  return (options) => Effect.mapError(parse(options), ({ issue }) => errorOf(owner, issue, options))
}

const format = SchemaIssue.makeFormatterStandardSchemaV1()

/** What there is to say about keys. Where one of several forms is wanted, the others object to keys too, to no avail. */
const aboutKeys: { readonly [message: string]: string } = {
  "Expected no excess property": "there is no such option",
  "Missing key": "it is missing"
}

const errorOf = (owner: string, issue: SchemaIssue.Issue, options: unknown): OptionsError => {
  const { issues } = format(issue)
  const first = issues.find(({ message }) => aboutKeys[message] === undefined) ?? issues[0]
  const path = (first?.path ?? []).map((segment) => String(typeof segment === "object" ? segment.key : segment))
  const message = first?.message ?? "they do not fit their schema"
  const value = path.reduce<unknown>(
    (at, key) => (at as { readonly [key: string]: unknown } | undefined)?.[key],
    options
  ) // undefined where there is none
  const expected = message
    .replace(/^Expected/, "expected")
    .replace(" | undefined", "")
    .replaceAll(" | ", " or ")
  return invalid(owner, path.join("."), aboutKeys[message] ?? `${expected}, got ${CodecIssue.valueText(value)}`)
}

/** An error about one option. */
export const invalid = (owner: string, option: string, message: string): OptionsError =>
  new OptionsError({ option, message: `${owner}: ${option === "" ? "options" : `option ${option}`}: ${message}` })
