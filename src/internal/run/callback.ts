/**
 * Calls the user's functions: the bodies of steps, joins and flows, and the functions passed to `forEach`, `when`,
 * `match`, `iterate` and `retry`. Not all code is type-checked, so every result is validated: a function that returns
 * the wrong kind of value becomes a defect with a message that names the function and the fix.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { FlowError } from "../../FlowError.ts"

/**
 * Calls a function that must return an Effect, and runs that. What the function throws becomes a defect.
 *
 * @param subject The function's name in messages: `The body of step "train"`.
 */
export const runEffect = (subject: string, call: () => unknown): Effect.Effect<unknown, unknown, unknown> =>
  Effect.suspend(() => checkedEffect(subject, call()))

/** Returns the value if it is an Effect, else a defect. */
export const checkedEffect = (subject: string, returned: unknown): Effect.Effect<unknown, unknown, unknown> =>
  Effect.isEffect(returned) ? returned : Effect.die(notAnEffect(subject, returned))

/** Calls a function that must return `true` or `false`. What it throws, or a value of another kind, becomes a defect. */
export const runPredicate = (subject: string, call: () => unknown): Effect.Effect<boolean> =>
  Effect.suspend(() => {
    const returned = call()
    return typeof returned === "boolean" ? Effect.succeed(returned) : Effect.die(notABoolean(subject, returned))
  })

/** The error of a condition that returned neither true nor false. */
export const notABoolean = (subject: string, returned: unknown): FlowError => {
  ignoreRejection(returned)
  return new FlowError({
    reason: "callback",
    message: `${subject} must return true or false, but it returned ${kindOf(returned)}.`
  })
}

const notAnEffect = (subject: string, returned: unknown): FlowError => {
  ignoreRejection(returned)
  return new FlowError({
    reason: "callback",
    message: `${subject} must return an Effect, but it returned ${kindOf(returned)}. ${remedy(returned)}`
  })
}

/** Nothing handles the rejection of a promise that was returned by mistake, and it must not end the process. */
const ignoreRejection = (returned: unknown): void => {
  if (returned instanceof Promise) returned.catch(() => {})
}

const remedy = (returned: unknown): string => {
  if (isThenable(returned))
    return "Return an Effect instead, for example Effect.promise(() => …) around the asynchronous code, or Effect.tryPromise if it can fail."
  if (isGenerator(returned))
    return "Wrap the generator function in Effect.fnUntraced(function* (…) { … }) or Effect.gen."
  return "Return an Effect instead, for example Effect.succeed(…) with the value, or Effect.sync(() => …) around the code."
}

/** The kind of a value, for messages. Never throws. */
export const kindOf = (value: unknown): string => {
  if (value === null || value === undefined) return String(value)
  if (typeof value !== "object") return typeof value === "function" ? "a function" : `a ${typeof value}`
  if (isThenable(value)) return "a Promise"
  if (isGenerator(value)) return "a generator"
  return Array.isArray(value) ? "a list" : "an object"
}

const hasMethod = (value: unknown, name: string): boolean => {
  try {
    return typeof value === "object" && value !== null && typeof (value as Record<string, unknown>)[name] === "function"
  } catch {
    return false // a getter that throws
  }
}

const isThenable = (value: unknown): boolean => hasMethod(value, "then")
const isGenerator = (value: unknown): boolean => hasMethod(value, "next") && hasMethod(value, "return")

/** The message with which Effect's run loop ends a fiber if a function returned something that is not an Effect. */
const notValid = "Fiber.runLoop: Not a valid effect: "

/**
 * Replaces the run loop's message about something that is not an Effect (a function within a body, given to
 * `Effect.flatMap` for one, returned a Promise) by a sentence that names the body.
 */
export const explainExit = <A, E>(subject: string, exit: Exit.Exit<A, E>): Exit.Exit<A, E> => {
  if (Exit.isSuccess(exit)) return exit
  const reported = exit.cause.reasons.find(
    (reason) => Cause.isDieReason(reason) && typeof reason.defect === "string" && reason.defect.startsWith(notValid)
  )
  if (reported === undefined) return exit
  const value = String((reported as Cause.Die).defect).slice(notValid.length)
  return Exit.die(
    new FlowError({
      reason: "callback",
      message: `${subject} ran something that is not an Effect (${value}): a function in it, for example one given to Effect.flatMap, must return an Effect. Wrap a promise in Effect.promise(() => …).`
    })
  )
}
