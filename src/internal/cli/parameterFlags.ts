/**
 * Turns a flow's parameters into flags: `trainFile` becomes `--train-file`. The JSON form of the parameter's schema
 * decides which values a flag accepts: text, a number, `--yes` and `--no-yes`, one of a union's literals, or JSON text
 * for structured values. The schema itself decodes the value, so a flow's checks also apply on the command line.
 */
import * as CliError from "effect/cli/CliError"
import * as Flag from "effect/cli/Flag"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as AST from "effect/SchemaAST"
import type { Any as AnyFlow } from "../../Flow.ts"
import { strict } from "../run/parameters.ts"
import { quote } from "./program.ts"

type Codec = Schema.Codec<unknown, unknown>

/** A parameter as a flag. */
export interface ParameterFlag {
  readonly parameter: string
  /** The flag's name without dashes. */
  readonly flag: string
  /** Whether the flag is required. */
  readonly required: boolean
  /** The flag for the command parser. `none` if it was not given. */
  readonly param: Flag.Flag<Option.Option<unknown>>
}

/** `trainFile` and `train_file` become `train-file`. */
export const kebab = (name: string): string =>
  name
    .replace(/(\p{Ll}|\p{N})(\p{Lu})/gu, "$1-$2")
    .replace(/(\p{Lu})(\p{Lu}\p{Ll})/gu, "$1-$2")
    .replace(/_+/g, "-")
    .replace(/^-+|-+$/g, "")
    .toLowerCase()

/** How a value is written on the command line. */
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
      // Encoded numbers include words such as "NaN", for which JSON has no number. They are still entered as numbers.
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

/** Short names of units, in addition to those that Effect parses. */
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

/** Parses a duration: `90s`, `1h 30m`, `5 minutes`, `Infinity`. */
const durationOf = (text: string): Option.Option<Duration.Duration> => {
  const parts = text.trim().match(/-?[\d.]+\s*[a-z]+/g)
  if (parts === null || parts.join("").length !== text.replace(/\s+(?=[\d-]|$)|^\s+/g, "").length)
    return Duration.fromInput(text.trim() as Duration.Input) // other texts yield `none`
  const durations = parts.map((part) => {
    const [, amount, unit = ""] = /^(-?[\d.]+)\s*([a-z]+)$/.exec(part) ?? []
    const written = `${amount} ${Object.hasOwn(durationUnits, unit) ? durationUnits[unit] : unit}`
    return Duration.fromInput(written as Duration.Input) // as above
  })
  return Option.map(Option.all(durations), (all) => all.reduce(Duration.sum, Duration.zero))
}

/** The JSON values that a text may represent, the most likely first. */
const readings = (kind: Kind, codec: Codec, text: string): ReadonlyArray<unknown> => {
  switch (kind._tag) {
    case "Text":
      return [text]
    case "Number":
      // Numbers that JSON can't represent, such as NaN, are texts in a number's JSON form.
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
        // In the schema's own form: a number, a text. A duration that the schema refuses is refused in any form.
        onSome: (duration) => [
          Option.getOrElse(Schema.encodeUnknownOption(codec)(duration), () =>
            Schema.encodeSync(Schema.toCodecJson(Schema.Duration))(duration)
          )
        ]
      })
  }
}

/** A default value as a user would type it. */
const defaultText = (field: Codec, kind: Kind): Effect.Effect<string | undefined> => {
  const fallback = AST.resolve(field.ast)?.default
  const byDefault = fallback === undefined ? field.ast.context?.constructorDefault : Effect.succeed(fallback)
  if (byDefault === undefined) return Effect.succeed(undefined)
  if (kind._tag === "Duration")
    return Effect.map(Effect.option(byDefault as Effect.Effect<Duration.Duration, unknown>), (value) =>
      Option.isSome(value) && Duration.isDuration(value.value) ? Duration.format(value.value) : undefined
    )
  return (byDefault as Effect.Effect<unknown, unknown>).pipe(
    Effect.flatMap(Schema.encodeUnknownEffect(Schema.toCodecJson(field))),
    Effect.map((value) => (kind._tag === "Json" || typeof value !== "string" ? JSON.stringify(value) : value)),
    Effect.orElseSucceed(() => undefined)
  )
}

/**
 * The flags of a flow's parameters.
 *
 * @param taken Names of the command's own flags. A parameter of such a name becomes `--parameter-NAME`.
 * @param options.partial Whether all flags are optional, as for resume.
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

/** A flag that yields the text that was typed. */
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

/** Decodes a text with the parameter's schema. Fails with a description of the expected value. */
const decode = Effect.fnUntraced(function* (kind: Kind, codec: Codec, text: string) {
  let expected: string | undefined
  for (const reading of readings(kind, codec, text)) {
    const result = yield* Effect.result(Schema.decodeUnknownEffect(codec)(reading, strict))
    if (Result.isSuccess(result)) return result.success
    expected ??= result.failure.message
      .replace(/\s*\n\s*/g, " ")
      .replace(/^Expected (?=array|object)/, "an ")
      // In JSON, these words stand for numbers that it has no form for. A user types a number.
      .replace('"Infinity" | "-Infinity" | "NaN"', "a number")
      .replace(/^Expected no excess property at/, "no properties beyond its schema's, but found one at")
  }
  if (kind._tag === "Number" && (Number.isNaN(Number(text)) || text.trim() === ""))
    return yield* Effect.fail("a number")
  if (kind._tag === "Duration" && Option.isNone(durationOf(text)))
    return yield* Effect.fail('a duration, such as 90s, 1.5h or "5 minutes"')
  if (kind._tag !== "Json") return yield* Effect.fail(expected ?? "another value")
  const list = yield* Effect.filter(
    // What is a list already is not put into one as a text.
    readings(kind, codec, text).flatMap((reading) => (/^\s*[[{]/.test(text) && reading === text ? [] : [[reading]])),
    (list) => Effect.map(Effect.exit(Schema.decodeUnknownEffect(codec)(list, strict)), Exit.isSuccess)
  )
  return yield* Effect.fail(
    `${expected} (as JSON text${list.length === 0 ? "" : `, such as ${quote(JSON.stringify(list[0]))}`})`
  )
})
