/** Turns failures into records, which are stored and shown. */

import { inspect } from "node:util"
import * as Cause from "effect/Cause"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import { FlowError } from "../../FlowError.ts"
import type { ErrorRecord, TaskStatus } from "../../RunRecord.ts"
import { namedError, setCause } from "../cause.ts"
import * as ErrorCodec from "./errorCodec.ts"

/**
 * The record of a cause: its first typed failure, else its first defect, else an interruption. Other failures, for
 * example of a finalizer or a concurrent branch, are added to its causes. Never throws.
 */
export const fromCause = (cause: Cause.Cause<unknown>, schema?: Schema.Top): ErrorRecord =>
  safely(() => readCause(cause, schema), { tag: "Error", message: unreadable })

const unreadable = "It failed with an error that can't be read: reading it throws."

const readCause = (cause: Cause.Cause<unknown>, schema: Schema.Top | undefined): ErrorRecord => {
  const failure = cause.reasons.find(Cause.isFailReason)
  if (failure !== undefined) {
    const record = withOthers(fromError(failure.error), cause, failure)
    if (ErrorCodec.isOwn(failure.error)) return { ...record, kind: "own", data: ErrorCodec.encodeOwn(failure.error) }
    if (schema === undefined) return record
    const data = ErrorCodec.encode(schema, failure.error)
    return Exit.isSuccess(data) ? { ...record, data: data.value } : record
  }
  const defect = cause.reasons.find(Cause.isDieReason)
  if (defect !== undefined) {
    const record = { ...withOthers(fromError(defect.defect), cause, defect), kind: "defect" as const }
    if (ErrorCodec.isOwn(defect.defect)) return { ...record, data: ErrorCodec.encodeOwn(defect.defect) }
    const stack = safely(() => stackOf(defect.defect), undefined)
    return stack === undefined ? record : { ...record, stack }
  }
  return { tag: "Interrupted", message: "It was interrupted." }
}

/** Adds the other errors of a cause to the first one's record. */
const withOthers = (record: ErrorRecord, cause: Cause.Cause<unknown>, first: Cause.Reason<unknown>): ErrorRecord => {
  const errorOf = (reason: Cause.Reason<unknown>): unknown =>
    Cause.isFailReason(reason) ? reason.error : Cause.isDieReason(reason) ? reason.defect : undefined
  const errors = new Set([errorOf(first), undefined])
  const others = cause.reasons.filter((reason) => {
    const error = errorOf(reason)
    return !errors.has(error) && errors.add(error) !== undefined
  })
  if (others.length === 0) return record
  const causes = others.flatMap((reason) => {
    const { causes, message, tag } = fromError(errorOf(reason))
    return [{ tag, message }, ...(causes ?? [])]
  })
  return { ...record, causes: [...(record.causes ?? []), ...causes].slice(0, causesLimit) }
}

const stackOf = (defect: unknown): string | undefined =>
  defect instanceof Error && !(defect instanceof FlowError) && typeof defect.stack === "string"
    ? defect.stack
    : undefined

/** The record of an error. Never throws. */
export const fromError = (error: unknown): ErrorRecord => {
  const record = describeError(error)
  const causes = safely(() => causesOf(error), [])
  return causes.length === 0 ? record : { ...record, causes }
}

/** The maximum number of causes kept. */
const causesLimit = 16

/** The record of an error in the causes of another. */
export type CauseRecord = NonNullable<ErrorRecord["causes"]>[number]

/** The causes of an error, the nearest first: those of an `AggregateError` one after the other, each with its own. */
const causesOf = (error: unknown): ReadonlyArray<CauseRecord> => {
  const causes: Array<CauseRecord> = []
  const seen = new Set<unknown>([error]) // an error may be its own cause
  const follow = (at: unknown): void => {
    if (typeof at !== "object" || at === null || isConfigError(at)) return
    const inner = [
      ...("errors" in at && Array.isArray(at.errors) ? (at.errors as ReadonlyArray<unknown>) : []),
      ...("cause" in at && at.cause !== undefined && at.cause !== null ? [at.cause] : [])
    ]
    // A cause of Effect's own stands for the failures that it holds.
    for (const cause of inner.flatMap((cause) => (Cause.isCause(cause) ? errorsOf(cause) : [cause]))) {
      if (causes.length >= causesLimit || seen.has(cause)) continue
      seen.add(cause)
      const { message, tag } = describeError(cause)
      causes.push({ tag, message })
      follow(cause)
    }
  }
  follow(error)
  return causes
}

const errorsOf = (cause: Cause.Cause<unknown>): ReadonlyArray<unknown> =>
  cause.reasons.flatMap((reason) =>
    Cause.isFailReason(reason) ? [reason.error] : Cause.isDieReason(reason) ? [reason.defect] : []
  )

/** Restores the causes of an error that was sent as data, unless its schema has already restored them. */
export const withCauses = (error: unknown, causes: ReadonlyArray<CauseRecord> | undefined): unknown => {
  if (causes === undefined || typeof error !== "object" || error === null) return error
  if (("cause" in error && error.cause !== undefined) || !Object.isExtensible(error)) return error
  const chain = causes.reduceRight<Error | undefined>((cause, { message, tag }) => {
    const error = namedError(tag, message)
    if (cause !== undefined) setCause(error, cause)
    return error
  }, undefined)
  return chain === undefined ? error : setCause(error, chain)
}

/** Reads a property of a user's error, whose getters, `toString` or codec may throw. */
const safely = <A>(read: () => A, otherwise: A): A => {
  try {
    return read()
  } catch {
    return otherwise
  }
}

/** The error of a `Config`. Its message is all that its cause says. */
const isConfigError = (error: object): boolean => "_tag" in error && error._tag === "ConfigError"

/** A schema's text about a setting as a sentence that names it. */
const configText = (message: string): string => {
  const setting = settingIn(message)
  return setting === undefined
    ? message
    : `The setting ${setting.name} is missing or not valid: expected ${setting.expected}`
}

/** Which setting the message of a `ConfigError` is about, and what it had to be: Effect tells that in this text alone. */
export const settingIn = (message: string): { readonly name: string; readonly expected: string } | undefined => {
  const [, expected, path] = /^SchemaError\(Expected (.+?)\s+at (\["[^\n]+"\])\)$/s.exec(message) ?? []
  return expected === undefined || path === undefined
    ? undefined
    : { name: path.slice(2, -2).replaceAll('"]["', "."), expected }
}

const describeError = (error: unknown): { readonly tag: string; readonly message: string } =>
  safely(() => describeReadable(error), { tag: "Error", message: unreadable })

const describeReadable = (error: unknown): { readonly tag: string; readonly message: string } => {
  if (typeof error === "object" && error !== null) {
    const { _tag, name, message } = error as {
      readonly _tag?: unknown
      readonly name?: unknown
      readonly message?: unknown
    } // handled below
    const tag = typeof _tag === "string" ? _tag : typeof name === "string" ? name : "Error"
    if (isConfigError(error) && typeof message === "string") return { tag, message: configText(message) }
    return { tag, message: typeof message === "string" && message !== "" ? message : describe(error, tag) }
  }
  return { tag: typeof error, message: String(error) }
}

/** Describes an error without a message by its data. */
const describe = (error: object, tag: string): string => {
  const data = Object.fromEntries(
    Object.entries(error).filter(([key]) => !["_tag", "name", "message", "stack", "cause", "errors"].includes(key))
  )
  return Object.keys(data).length === 0 ? tag : `${tag} ${inspect(data, { breakLength: Number.POSITIVE_INFINITY })}`
}

/** The status of something that ended with a cause. */
export const statusOf = (cause: Cause.Cause<unknown>): TaskStatus =>
  Cause.hasInterruptsOnly(cause) ? "interrupted" : "failed"

/** The typed failure of a cause, if it has one. */
export const failureOf = (cause: Cause.Cause<unknown>): { readonly error: unknown } | undefined => {
  const failure = Cause.findError(cause)
  return Result.isSuccess(failure) ? { error: failure.success } : undefined
}
