/**
 * The exit of an effect as tagged JSON, and back. A failure keeps every reason of its cause. A defect is usually an error of a class
 * that nothing here knows: it comes back as an `Error` with its name, message, stack and causes.
 */
import * as Cause from "effect/Cause"
import * as Exit from "effect/Exit"
import type * as Schema from "effect/Schema"
import { namedError, setCause } from "../cause.ts"

type Reason =
  | { readonly fail: Schema.Json }
  | { readonly die: Schema.Json }
  | { readonly thrown: Thrown }
  | { readonly interrupt: number | null }

/** A defect that is an error. */
interface Thrown {
  readonly [name: string]: Schema.Json
  readonly name: string
  readonly message: string
}

type Encoded = { readonly value: Schema.Json } | { readonly reasons: ReadonlyArray<Reason> }

/** The depth to which the causes of a defect are followed. */
const causesLimit = 16

/**
 * An exit as JSON.
 *
 * @param part Encodes its value, and its errors. The key is its place in the exit.
 * @param own Encodes a defect of a class that the caller knows; `undefined` for all others.
 */
export const encode = (
  exit: Exit.Exit<unknown, unknown>,
  part: (value: unknown, key: PropertyKey) => Schema.Json,
  own: (defect: object) => Schema.Json | undefined
): Encoded => {
  if (Exit.isSuccess(exit)) return { value: part(exit.value, "value") }
  const reasonJson = (reason: Cause.Reason<unknown>): Reason => {
    if (Cause.isFailReason(reason)) return { fail: part(reason.error, "error") }
    if (!Cause.isDieReason(reason)) return { interrupt: reason.fiberId ?? null }
    const { defect } = reason
    if (!(defect instanceof Error)) return { die: part(defect, "defect") }
    const known = own(defect)
    return known === undefined ? { thrown: thrownJson(defect, 0) } : { die: known }
  }
  return { reasons: exit.cause.reasons.map(reasonJson) }
}

const thrownJson = (error: Error, depth: number): Thrown => ({
  name: String(error.name),
  message: String(error.message),
  ...(typeof error.stack === "string" ? { stack: error.stack } : {}),
  ...(error.cause instanceof Error && depth < causesLimit ? { cause: thrownJson(error.cause, depth + 1) } : {})
})

/** The exit that was encoded. */
export const decode = (encoded: unknown, part: (json: unknown) => unknown): Exit.Exit<unknown, unknown> => {
  const exit = encoded as Encoded // nothing else is written under its tag
  if ("value" in exit) return Exit.succeed(part(exit.value))
  return Exit.failCause(
    Cause.fromReasons(
      exit.reasons.map((reason) => {
        if ("fail" in reason) return Cause.makeFailReason(part(reason.fail))
        if ("interrupt" in reason) return Cause.makeInterruptReason(reason.interrupt ?? undefined)
        return Cause.makeDieReason("die" in reason ? part(reason.die) : thrownIn(reason.thrown))
      })
    )
  )
}

const thrownIn = ({ cause, message, name, stack }: Thrown): Error => {
  const error = namedError(name, message, stack as string | undefined)
  return cause === undefined ? error : setCause(error, thrownIn(cause as Thrown))
}

/** An encoded exit for people and other programs. */
export const display = (encoded: unknown, part: (json: unknown) => unknown): unknown => {
  const exit = encoded as Encoded // as in `decode`
  if ("value" in exit) return { success: part(exit.value) }
  const [first, ...others] = exit.reasons.map((reason) => {
    if ("fail" in reason) return { failure: part(reason.fail) }
    if ("interrupt" in reason) return { interrupted: true }
    return { defect: "die" in reason ? part(reason.die) : `${reason.thrown.name}: ${reason.thrown.message}` }
  })
  return others.length === 0 && first !== undefined ? first : [first, ...others]
}
