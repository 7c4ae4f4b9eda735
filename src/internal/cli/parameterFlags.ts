/**
 * A flow's parameters as flags: `trainFile` is `--train-file`. What a flag takes follows from the parameter's schema in its
 * JSON form: a text as it is, a number, `--yes` and `--no-yes`, one of a union's literals, and JSON text for what has a
 * structure. What was typed is decoded by the schema itself, so that a flow's checks are the command line's too.
 */
import * as CliError from "effect/cli/CliError"
import * as Flag from "effect/cli/Flag"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as AST from "effect/SchemaAST"
import type { Any as AnyFlow } from "../../Flow.ts"
import { strict } from "../run/parameters.ts"

type Codec = Schema.Codec<unknown, unknown>

/** A parameter as a flag. */
export interface ParameterFlag {
  readonly parameter: string
  /** Without the dashes. */
  readonly flag: string
  /** Whether it must be given. */
  readonly required: boolean
  /** For the command's own parser. `none` where it was not given. */
  readonly param: Flag.Flag<Option.Option<unknown>>
}

/** `trainFile` and `train_file` are `train-file`. */
export const kebab = (name: string): string =>
  name
    .replace(/(\p{Ll}|\p{N})(\p{Lu})/gu, "$1-$2")
    .replace(/(\p{Lu})(\p{Lu}\p{Ll})/gu, "$1-$2")
    .replace(/_+/g, "-")
    .replace(/^-+|-+$/g, "")
    .toLowerCase()

/** What a value is typed as. */
type Kind =
  | { readonly _tag: "Text" | "Number" | "Boolean" | "Json" | "Duration" }
  | { readonly _tag: "Choice"; readonly choices: ReadonlyMap<string, unknown> }

const kindOf = (ast: AST.AST): Kind => {
  switch (ast._tag) {
    case "String":
    case "TemplateLiteral":
      return { _tag: "Text" }
    case "Number":
      return { _tag: "Number" }
    case "Boolean":
      return { _tag: "Boolean" }
    case "Literal":
      return { _tag: "Choice", choices: new Map([[String(ast.literal), ast.literal]]) }
    case "Enum":
      return { _tag: "Choice", choices: new Map(ast.enums.map(([, value]) => [String(value), value])) }
    case "Union": {
      const kinds = ast.types.map(kindOf)
      const choices = new Map<string, unknown>()
      for (const kind of kinds) if (kind._tag === "Choice") for (const choice of kind.choices) choices.set(...choice)
      if (kinds.every((kind) => kind._tag === "Choice")) {
        return choices.size === 2 && choices.get("true") === true && choices.get("false") === false
          ? { _tag: "Boolean" }
          : { _tag: "Choice", choices }
      }
      // An encoded number may also be one of the words JSON has no number for: it is typed as a number all the same.
      const words = [...choices.keys()].every((word) => /^(NaN|-?Infinity)$/.test(word))
      return kinds.every((kind) => kind._tag === "Number" || kind._tag === "Choice") && words
        ? { _tag: "Number" }
        : { _tag: "Json" }
    }
    default:
      return { _tag: "Json" }
  }
}

const isDuration = (ast: AST.AST): boolean =>
  AST.isDeclaration(ast) && ast.annotations?.representation === Schema.Duration.ast.annotations?.representation

/** The short names of units, beside those that Effect reads by itself. */
const durationUnits: Readonly<Record<string, string>> = {
  ns: "nanos",
  us: "micros",
  ms: "millis",
  s: "seconds",
  m: "minutes",
  min: "minutes",
  h: "hours",
  d: "days"
}

/** A duration as it is typed: `90s`, `1h 30m`, `5 minutes`, `Infinity`. */
const durationOf = (text: string): Option.Option<Duration.Duration> => {
  const parts = text.trim().match(/-?[\d.]+\s*[a-z]+/g)
  if (parts === null || parts.join("").length !== text.replace(/\s+(?=[\d-]|$)|^\s+/g, "").length)
    return Duration.fromInput(text.trim() as Duration.Input) // a text that is no duration yields nothing
  const durations = parts.map((part) => {
    const [, amount, unit = ""] = /^(-?[\d.]+)\s*([a-z]+)$/.exec(part) ?? []
    const written = `${amount} ${Object.hasOwn(durationUnits, unit) ? durationUnits[unit] : unit}`
    return Duration.fromInput(written as Duration.Input) // as above
  })
  return Option.map(Option.all(durations), (all) => all.reduce(Duration.sum, Duration.zero))
}

/** What a typed text may stand for, the likeliest first. */
const readings = (kind: Kind, text: string): ReadonlyArray<unknown> => {
  switch (kind._tag) {
    case "Text":
      return [text]
    case "Number":
      // What JSON has no number for is a text in a number's JSON form.
      return text.trim() === "" || !Number.isFinite(Number(text)) ? [text] : [Number(text)]
    case "Choice":
      return [kind.choices.has(text) ? kind.choices.get(text) : text]
    case "Boolean":
      return [text === "true"]
    case "Json": {
      const json = Result.try(() => JSON.parse(text) as unknown)
      return Result.isSuccess(json) ? [json.success, text] : [text]
    }
    case "Duration":
      return Option.match(durationOf(text), {
        onNone: () => [text],
        onSome: (duration) => [Schema.encodeSync(Schema.toCodecJson(Schema.Duration))(duration)]
      })
  }
}

/** A default as it would be typed. */
const defaultText = (field: Codec, kind: Kind): Effect.Effect<string | undefined> => {
  const fallback = AST.resolve(field.ast)?.default
  const made = fallback === undefined ? field.ast.context?.constructorDefault : Effect.succeed(fallback)
  if (made === undefined) return Effect.succeed(undefined)
  if (kind._tag === "Duration")
    return Effect.map(Effect.option(made as Effect.Effect<Duration.Duration, unknown>), (value) =>
      Option.isSome(value) ? Duration.format(value.value) : undefined
    )
  return (made as Effect.Effect<unknown, unknown>).pipe(
    Effect.flatMap(Schema.encodeUnknownEffect(Schema.toCodecJson(field))),
    Effect.map((value) => (kind._tag === "Json" || typeof value !== "string" ? JSON.stringify(value) : value)),
    Effect.orElseSucceed(() => undefined)
  )
}

/**
 * The flags of a flow's parameters.
 *
 * @param taken Names of flags that the command has for itself: a parameter of such a name is `--parameter-NAME`.
 * @param options.partial Whether all may be left out, as on resume.
 */
export const flags = Effect.fnUntraced(function* (
  flow: AnyFlow,
  taken: ReadonlySet<string>,
  options: { readonly partial: boolean }
) {
  const names = new Set(taken)
  const result: Array<ParameterFlag> = []
  for (const [parameter, schema] of Object.entries(flow.parameters)) {
    const field = schema as Codec // a parameter needs no services
    const codec = Schema.toCodecJson(field)
    const kind: Kind = isDuration(field.ast) ? { _tag: "Duration" } : kindOf(AST.toEncoded(codec.ast))
    const short = kebab(parameter)
    let flag = short
    while (flag === "" || names.has(flag)) flag = `parameter-${flag === "" ? parameter : flag}`
    names.add(flag).add(`no-${flag}`)
    const byDefault = yield* defaultText(field, kind)
    const optional = field.ast.context?.isOptional === true || field.ast.context?.constructorDefault !== undefined
    const description = AST.resolveDescription(field.ast)
    const about = [
      description,
      byDefault === undefined || options.partial ? undefined : `(default: ${byDefault === "" ? '""' : byDefault})`
    ].filter((part) => part !== undefined)
    result.push({
      parameter,
      flag,
      required: !optional && !options.partial,
      param: make(flag, kind, codec, about.join(" "), !optional && !options.partial)
    })
  }
  return result
})

const make = (
  name: string,
  kind: Kind,
  codec: Codec,
  description: string,
  required: boolean
): Flag.Flag<Option.Option<unknown>> => {
  const decoded = base(name, kind).pipe(
    Flag.withDescription(description),
    Flag.mapEffect((text) =>
      Effect.mapError(
        decode(kind, codec, text),
        (expected) => new CliError.InvalidValue({ option: name, value: text, expected, kind: "flag" })
      )
    )
  )
  return required ? Flag.map(decoded, Option.some) : Flag.optional(decoded)
}

/** A flag that yields what was typed. */
const base = (name: string, kind: Kind): Flag.Flag<string> => {
  switch (kind._tag) {
    case "Boolean":
      return Flag.map(Flag.Boolean(name), String)
    case "Choice":
      return Flag.Literals(name, [...kind.choices.keys()])
    default:
      return Flag.withMetavar(Flag.String(name), kind._tag.toLowerCase())
  }
}

/** What was typed, by the parameter's schema. Fails with what was expected. */
const decode = Effect.fnUntraced(function* (kind: Kind, codec: Codec, text: string) {
  let expected: string | undefined
  for (const reading of readings(kind, text)) {
    const result = yield* Effect.result(Schema.decodeUnknownEffect(codec)(reading, strict))
    if (Result.isSuccess(result)) return result.success
    expected ??= result.failure.message
      .replace(/\s*\n\s*/g, " ")
      .replace(/^Expected no excess property at/, "no property that its schema does not have, as there is at")
  }
  if (kind._tag === "Number" && Number.isNaN(Number(text))) return yield* Effect.fail("a number")
  if (kind._tag === "Duration" && Option.isNone(durationOf(text)))
    return yield* Effect.fail('a duration, such as 90s, 1.5h or "5 minutes"')
  return yield* Effect.fail(kind._tag === "Json" ? `${expected} (as JSON text)` : (expected ?? "another value"))
})
