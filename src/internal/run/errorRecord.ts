/** Failures as data: what is kept of an error, and shown of it, wherever it came from. */

import { inspect } from "node:util"
import * as Cause from "effect/Cause"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { FlowError } from "../../FlowError.ts"
import type { ErrorRecord, TaskStatus } from "../../RunRecord.ts"
import * as ErrorCodec from "./errorCodec.ts"

/** Why something failed: the first typed failure, else the first defect, else that it was interrupted. */
export const fromCause = (cause: Cause.Cause<unknown>, schema?: Schema.Top): ErrorRecord => {
  const failure = cause.reasons.find(Cause.isFailReason)
  if (failure !== undefined) {
    const record = fromError(failure.error)
    if (ErrorCodec.isOwn(failure.error)) return { ...record, kind: "own", data: ErrorCodec.encodeOwn(failure.error) }
    if (schema === undefined) return record
    const data = safely(() => Schema.encodeUnknownExit(ErrorCodec.codecOf(schema))(failure.error), undefined)
    return data !== undefined && Exit.isSuccess(data) ? { ...record, data: data.value } : record
  }
  const defect = cause.reasons.find(Cause.isDieReason)
  if (defect !== undefined) {
    const record = { ...fromError(defect.defect), kind: "defect" as const }
    if (ErrorCodec.isOwn(defect.defect)) return { ...record, data: ErrorCodec.encodeOwn(defect.defect) }
    const stack = safely(() => stackOf(defect.defect), undefined)
    return stack === undefined ? record : { ...record, stack }
  }
  return { tag: "Interrupted", message: "It was interrupted." }
}

const stackOf = (defect: unknown): string | undefined =>
  defect instanceof Error && !(defect instanceof FlowError) && typeof defect.stack === "string"
    ? defect.stack
    : undefined

/** What is kept of an error. It never throws, whatever the error is. */
export const fromError = (error: unknown): ErrorRecord => {
  const record = describeError(error)
  const causes = safely(() => causesOf(error), [])
  return causes.length === 0 ? record : { ...record, causes }
}

/** How far a chain of causes is followed. */
const mostCauses = 8

const causesOf = (error: unknown): ReadonlyArray<{ readonly tag: string; readonly message: string }> => {
  const found: Array<{ readonly tag: string; readonly message: string }> = []
  let at = error
  while (typeof at === "object" && at !== null && "cause" in at && found.length < mostCauses) {
    at = at.cause
    if (at === undefined || at === null) break
    // A cause of Effect's own is the failure that it holds.
    if (Cause.isCause(at)) at = Cause.squash(at)
    const { message, tag } = describeError(at)
    found.push({ tag, message })
  }
  return found
}

/** Reads something of an error that a user's code made: a getter, a `toString` or a codec of it may throw. */
const safely = <A>(read: () => A, otherwise: A): A => {
  try {
    return read()
  } catch {
    return otherwise
  }
}

const describeError = (error: unknown): { readonly tag: string; readonly message: string } =>
  safely(() => describeReadable(error), {
    tag: "Error",
    message: "It failed with an error that can't be read: reading it throws."
  })

const describeReadable = (error: unknown): { readonly tag: string; readonly message: string } => {
  if (typeof error === "object" && error !== null) {
    const { _tag, name, message } = error as {
      readonly _tag?: unknown
      readonly name?: unknown
      readonly message?: unknown
    } // looked at below
    const tag = typeof _tag === "string" ? _tag : typeof name === "string" ? name : "Error"
    return { tag, message: typeof message === "string" && message !== "" ? message : describe(error, tag) }
  }
  return { tag: typeof error, message: String(error) }
}

/** An error without a message, by its data. */
const describe = (error: object, tag: string): string => {
  const data = Object.fromEntries(
    Object.entries(error).filter(([key]) => !["_tag", "name", "message", "stack", "cause"].includes(key))
  )
  return Object.keys(data).length === 0 ? tag : `${tag} ${inspect(data, { breakLength: Number.POSITIVE_INFINITY })}`
}

/** How something that failed ended. */
export const statusOf = (cause: Cause.Cause<unknown>): TaskStatus =>
  Cause.hasInterruptsOnly(cause) ? "interrupted" : "failed"

/** The typed failure of a cause, if that is what it is. */
export const failureOf = (cause: Cause.Cause<unknown>): { readonly error: unknown } | undefined => {
  const found = Cause.findError(cause)
  return Result.isSuccess(found) ? { error: found.success } : undefined
}
