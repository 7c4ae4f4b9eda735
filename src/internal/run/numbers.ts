/**
 * Checks numeric options where they are given, once for all of them: a number that is out of range would hang a run, or
 * change it without a word.
 */
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import { FlowError } from "../../FlowError.ts"

const refuse = (option: string, wanted: string, given: unknown): never => {
  const shown =
    typeof given === "string"
      ? JSON.stringify(given)
      : Object.is(given, -0)
        ? "-0"
        : typeof given === "object"
          ? "an object"
          : String(given)
  throw new FlowError({ reason: "number", message: `${option} must be ${wanted}, and it is ${shown}.` })
}

/**
 * A whole number from a least one on; what is left out stays so.
 *
 * @param option How a sentence calls the option: `Executor.layerFibers: concurrency`.
 */
export const wholeNumber = <A extends number | undefined>(option: string, given: A, least: 0 | 1): A =>
  given === undefined || (Number.isSafeInteger(given) && given >= least)
    ? given
    : refuse(option, `a whole number of at least ${least}`, given)

/** How many run at once: a whole number from 1 on, or "unbounded" (which `Infinity` means, too). */
export const concurrency = <A extends number | "unbounded" | undefined>(option: string, given: A): A =>
  given === "unbounded" || given === Number.POSITIVE_INFINITY || given === undefined
    ? given
    : Number.isSafeInteger(given) && (given as number) >= 1
      ? given
      : refuse(option, 'a whole number of at least 1, or "unbounded"', given)

/** A duration of more than nothing, in milliseconds; what is left out stays so. */
export const durationMs = (option: string, given: Duration.Input | undefined): number | undefined => {
  if (given === undefined) return undefined
  const duration = Option.getOrUndefined(Duration.fromInput(given))
  const milliseconds = duration === undefined ? Number.NaN : Duration.toMillis(duration)
  // A timer of Node's holds no more than 2^31 - 1 milliseconds; Effect's clock waits for longer ones in parts.
  return milliseconds > 0 ? milliseconds : refuse(option, 'a duration of more than 0, such as "30 seconds"', given)
}
