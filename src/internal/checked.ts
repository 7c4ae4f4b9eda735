/** Validates options, because a number out of range, or an option of another kind, would hang a run or silently change it. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { hasProperty } from "effect/Predicate"
import * as Schema from "effect/Schema"
import { FlowError } from "../FlowError.ts"

/** A value in a sentence. What callers confuse most (steps, flows, tasks, schemas) is called what it is. */
export const shown = (given: unknown): string => {
  if (typeof given === "string") return JSON.stringify(given)
  if (Object.is(given, -0)) return "-0"
  if (hasProperty(given, "stepName")) return `step "${given.stepName}"`
  if (hasProperty(given, "flowName")) return `flow "${given.flowName}"`
  if (Schema.isSchema(given)) return "a schema"
  if (hasProperty(given, Symbol.for("effect-flow/Ref"))) return "a ref"
  if (typeof given === "function") return "a function"
  if (Array.isArray(given)) return "a list"
  if (given instanceof URL) return "a URL"
  if (given instanceof Promise) return "a promise"
  if (Effect.isEffect(given)) return "an Effect"
  return typeof given === "object" && given !== null ? "an object" : String(given)
}

const refuse = (option: string, wanted: string, given: unknown, reason: "number" | "option" = "number"): never =>
  fail(`${option} must be ${wanted}, but it is ${shown(given)}.`, reason)

const fail = (message: string, reason: "number" | "option"): never => {
  throw new FlowError({ reason, message })
}

/**
 * An option as it is, if it is of its kind. Not every caller is type-checked.
 *
 * @param option The option's name in messages: `` `cache` of step "train" ``.
 * @param wanted What it must be: `a function`.
 */
export const expect = <A>(option: string, given: A, isFine: boolean, wanted: string): A =>
  isFine ? given : refuse(option, wanted, given, "option")

/** Options, which are an object or left out. A list is none. */
export const options = <A>(of: string, given: A): A =>
  expect(`The options of ${of}`, given, given === undefined || isPlainObject(given), "an object")

/** Whether a value may be an object of options or of things by name: anything that is not a list or an Effect. */
export const isPlainObject = (given: unknown): given is object =>
  typeof given === "object" && given !== null && !Array.isArray(given) && !Effect.isEffect(given)

/** An object of things by name, such as the branches of a join. A step, a list or a schema is none. */
export const things = <A>(what: string, given: A, wanted: string): A =>
  expect(what, given, isPlainObject(given) && !Schema.isSchema(given), wanted)

/** A list whose items are all of a kind. If one is not, the message says which. */
export const list = <A>(option: string, given: A, isItem: (item: unknown) => boolean, wanted: string): A => {
  if (!Array.isArray(given)) return refuse(option, `a list of ${wanted}`, given, "option")
  const wrong = given.findIndex((item) => !isItem(item))
  return wrong < 0
    ? given
    : fail(`${option} must be a list of ${wanted}, but item ${wrong} is ${shown(given[wrong])}.`, "option")
}

/** A list of strings, or `undefined`. A string alone would be taken for a list of its letters, or for nothing. */
export const strings = <A>(option: string, given: A): A =>
  given === undefined ? given : list(option, given, (item) => typeof item === "string", "strings")

/** One of several words, or `undefined`. */
export const word = <A extends string>(option: string, given: A | undefined, words: ReadonlyArray<A>): A | undefined =>
  expect(option, given, given === undefined || words.includes(given), words.map((one) => `"${one}"`).join(" or "))

/**
 * A whole number of at least `least`, or `undefined`.
 *
 * @param option The option's name in messages: `Executor.layerFibers: concurrency`.
 */
export const wholeNumber = <A extends number | undefined>(option: string, given: A, least: 0 | 1): A =>
  given === undefined || (Number.isSafeInteger(given) && given >= least)
    ? given
    : refuse(option, `a whole number of at least ${least}`, given)

/** A number of at least `least`, which may be a fraction, or `undefined`. */
export const number = <A extends number | undefined>(option: string, given: A, least = Number.NEGATIVE_INFINITY): A =>
  given === undefined || (Number.isFinite(given) && given >= least)
    ? given
    : refuse(option, `a number${least === Number.NEGATIVE_INFINITY ? "" : ` of at least ${least}`}`, given)

/** The number of a port: from 0, which takes any free one, to 65535; or `undefined`. */
export const port = <A extends number | undefined>(option: string, given: A): A =>
  given === undefined || (Number.isInteger(given) && given >= 0 && given < 65_536)
    ? given
    : refuse(option, "a whole number from 0 to 65535", given)

/** A concurrency: a whole number of at least 1, or "unbounded" (or `Infinity`). */
export const concurrency = <A extends number | "unbounded" | undefined>(option: string, given: A): A =>
  given === "unbounded" || given === Number.POSITIVE_INFINITY || given === undefined
    ? given
    : Number.isSafeInteger(given) && (given as number) >= 1
      ? given
      : refuse(option, 'a whole number of at least 1, or "unbounded"', given)

const millisecondsOf = (given: Duration.Input): number => {
  const duration = Option.getOrUndefined(Duration.fromInput(given))
  return duration === undefined ? Number.NaN : Duration.toMillis(duration)
}

/** A positive duration in milliseconds, or `undefined`. */
export const durationMs = (option: string, given: Duration.Input | undefined): number | undefined => {
  if (given === undefined) return undefined
  const milliseconds = millisecondsOf(given)
  // Node's timers are limited to 2^31 - 1 ms, but Effect's clock waits for longer durations in parts.
  return milliseconds > 0 ? milliseconds : refuse(option, 'a duration of more than 0, such as "30 seconds"', given)
}

/** A duration in milliseconds, which may be 0, or `undefined`. */
export const durationOrZeroMs = (option: string, given: Duration.Input | undefined): number | undefined => {
  if (given === undefined) return undefined
  // Effect makes a duration of 0 of a negative number and of NaN.
  const milliseconds = typeof given === "number" && !(given >= 0) ? Number.NaN : millisecondsOf(given)
  return milliseconds >= 0 ? milliseconds : refuse(option, 'a duration, such as "30 seconds"', given)
}
