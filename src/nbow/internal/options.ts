/** Decodes options with a schema: adds defaults, rejects unknown names, and reports mistakes in a sentence. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import * as CodecIssue from "../../internal/schema/codecIssue.ts"

/** An option has an invalid value. */
export class OptionsError extends Schema.TaggedError<OptionsError>()("OptionsError", {
  message: Schema.String,
  /** The option's name, for example `earlyStopping.patience`. Empty if the options as a whole are invalid. */
  option: Schema.String
}) {}

/** Refuses a number of epochs between two checkpoints that is none. */
export const checkCheckpointEvery = (owner: string, epochs: unknown): Effect.Effect<void, OptionsError> =>
  epochs === undefined || (typeof epochs === "number" && Number.isSafeInteger(epochs) && epochs >= 0)
    ? Effect.void
    : Effect.fail(
        invalid(owner, "checkpointEvery", `expected a whole number of at least 0, got ${CodecIssue.valueText(epochs)}`)
      )

/** A number of results. Throws where it is none: a negative one would cut off the other end of a list. */
export const limitOf = (owner: string, limit: number): number => {
  if (Number.isSafeInteger(limit) && limit >= 0) return limit
  throw invalid(owner, "limit", `expected a whole number of at least 0, got ${CodecIssue.valueText(limit)}`)
}

/** An optional field with a default. */
export const orElse = <S extends Schema.Constraint>(schema: S, value: S["Encoded"]): Schema.withDecodingDefault<S> =>
  Schema.withDecodingDefault<S>(Effect.succeed(value))(schema)

/** Decodes options with their schema. `owner` is the function that messages name. */
export const decode = <S extends Schema.ConstraintDecoder<unknown>>(
  schema: S,
  owner: string
): ((options: unknown) => Effect.Effect<S["Type"], OptionsError>) => {
  const parse = Schema.decodeUnknownEffect(schema, { onExcessProperty: "error", errors: "all" })
  return (options) => Effect.mapError(parse(options), ({ issue }) => errorOf(owner, issue, options))
}

const format = SchemaIssue.makeFormatterStandardSchemaV1()

/** Messages about keys. If one of several forms is accepted, the other forms report their keys, too, which is noise. */
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
