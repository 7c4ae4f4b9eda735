/** Validates options, because a number out of range, or an option of another kind, would hang a run or silently change it. */
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import { FlowError } from "../FlowError.ts"

/** A value in a sentence. */
export const shown = (given: unknown): string => {
  if (typeof given === "string") return JSON.stringify(given)
  if (Object.is(given, -0)) return "-0"
  if (typeof given === "function") return "a function"
  return typeof given === "object" && given !== null ? "an object" : String(given)
}

const refuse = (option: string, wanted: string, given: unknown, reason: "number" | "option" = "number"): never => {
  throw new FlowError({ reason, message: `${option} must be ${wanted}, but it is ${shown(given)}.` })
}

/**
 * An option as it is, if it is of its kind. Not every caller is type-checked.
 *
 * @param option The option's name in messages: `` `cache` of step "train" ``.
 * @param wanted What it must be: `a function`.
 */
export const expect = <A>(option: string, given: A, isFine: boolean, wanted: string): A =>
  isFine ? given : refuse(option, wanted, given, "option")

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
