/**
 * Options that a schema checks: defaults put in, unknown names refused, and what is wrong said in a sentence.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as CodecIssue from "../../internal/codecIssue.ts"

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
  const parse = Schema.decodeUnknownEffect(schema, { onExcessProperty: "error" })
  return (options) =>
    Effect.mapError(parse(options), ({ issue }) => {
      const { message, path } = CodecIssue.describe(issue, options)
      return invalid(owner, path.map(String).join("."), message)
    })
}

/** An error about one option. */
export const invalid = (owner: string, option: string, message: string): OptionsError =>
  new OptionsError({ option, message: `${owner}: ${option === "" ? "options" : `option ${option}`}: ${message}` })
