/**
 * Encodes failures that are sent between threads and processes. A step's failure is encoded with the step's `error`
 * schema and decoded as the same typed error. effect-flow's own errors have their own schemas. A failure without a
 * schema can't be restored, so it becomes an `ExecutorError` that names the step and says what to declare.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import { ExecutorError, type TaskDescription } from "../../Executor.ts"
import { namedError } from "../cause.ts"
import * as ErrorCodec from "../run/errorCodec.ts"
import { type CauseRecord, fromCause, withCauses } from "../run/errorRecord.ts"
import * as TaggedJson from "../schema/taggedJson.ts"

/** The causes of a failure. They are sent separately, because error schemas rarely include them. */
const causes = Schema.optionalKey(Schema.Array(Schema.Struct({ tag: Schema.String, message: Schema.String })))

/** One reason of a failure, as data. */
const Single = Schema.Union([
  /** Encoded with the step's `error` schema. `text` describes it where it can't be decoded. */
  Schema.Struct({ kind: Schema.Literal("error"), data: Schema.Json, text: Schema.optionalKey(Schema.String), causes }),
  /** One of effect-flow's own errors. `defect` is true if it was a defect. */
  Schema.Struct({ kind: Schema.Literal("own"), data: Schema.Json, defect: Schema.Boolean, causes }),
  /** Not encoded: the step has no `error` schema, or it does not accept the error, or it throws: `problem` says what. */
  Schema.Struct({
    kind: Schema.Literal("undeclared"),
    tag: Schema.String,
    message: Schema.String,
    problem: Schema.optionalKey(Schema.String),
    causes
  }),
  Schema.Struct({
    kind: Schema.Literal("defect"),
    name: Schema.String,
    message: Schema.String,
    stack: Schema.optionalKey(Schema.String),
    causes
  }),
  /** A defect that is data, such as a text: it arrives as it is. */
  Schema.Struct({ kind: Schema.Literal("data"), data: Schema.Json, causes }),
  Schema.Struct({ kind: Schema.Literal("interrupt") }),
  /** A cause without any reason. */
  Schema.Struct({ kind: Schema.Literal("empty") })
])
type Single = typeof Single.Type

/** A failure, as data. */
export const Failure = Schema.Union([
  Single,
  /** What failed at the same time, such as concurrent effects, or an effect and its finalizer: all of it arrives. */
  Schema.Struct({ kind: Schema.Literal("several"), reasons: Schema.Array(Single) })
])
export type Failure = typeof Failure.Type

/** Encodes a cause. */
export const encode = (cause: Cause.Cause<unknown>, error: Schema.Top | undefined): Failure => {
  if (cause.reasons.length < 2) return encodeOne(cause, error)
  return { kind: "several", reasons: cause.reasons.map((reason) => encodeOne(Cause.fromReasons([reason]), error)) }
}

/** Encodes a cause with one reason, or none. */
const encodeOne = (cause: Cause.Cause<unknown>, error: Schema.Top | undefined): Single => {
  const { causes } = fromCause(cause)
  return causes === undefined ? encodeAlone(cause, error) : withCausesOf(encodeAlone(cause, error), causes)
}

const withCausesOf = (failure: Single, causes: ReadonlyArray<CauseRecord>): Single =>
  failure.kind === "interrupt" || failure.kind === "empty" ? failure : { ...failure, causes }

const encodeAlone = (cause: Cause.Cause<unknown>, error: Schema.Top | undefined): Single => {
  const failure = cause.reasons.find(Cause.isFailReason)
  if (failure !== undefined) {
    if (ErrorCodec.isOwn(failure.error)) return own(failure.error, false)
    const data = error === undefined ? undefined : ErrorCodec.encode(error, failure.error)
    const { message, tag } = fromCause(cause)
    if (data === undefined) return { kind: "undeclared", tag, message }
    if (Exit.isSuccess(data)) return { kind: "error", data: data.value, text: `${tag}: ${message}` }
    return Cause.hasDies(data.cause)
      ? { kind: "undeclared", tag, message, problem: fromCause(data.cause).message }
      : { kind: "undeclared", tag, message }
  }
  const defect = cause.reasons.find(Cause.isDieReason)
  if (defect === undefined) return { kind: cause.reasons.length === 0 ? "empty" : "interrupt" }
  if (ErrorCodec.isOwn(defect.defect)) return own(defect.defect, true)
  const data = dataOf(defect.defect)
  if (data !== undefined) return { kind: "data", data }
  const { message, stack, tag } = fromCause(cause)
  return { kind: "defect", name: tag, message: explain(message), ...(stack === undefined ? {} : { stack }) }
}

/** A defect as tagged JSON; `undefined` for an error, or another instance of a class. */
const dataOf = (defect: unknown): Schema.Json | undefined => {
  try {
    return TaggedJson.encode(defect)
  } catch {
    return undefined // its description arrives
  }
}

const own = (error: ErrorCodec.Own, defect: boolean): Single => ({
  kind: "own",
  data: ErrorCodec.encodeOwn(error),
  defect
})

/** A missing service has a different reason and fix in a worker. */
const explain = (message: string): string =>
  message.startsWith("Service not found")
    ? `${message}. A worker has only what the flow that its module exports carries: export Flow.provide(flow, layer).`
    : message

/** The task that failed, for messages. */
type Failed = Pick<TaskDescription, "run" | "step" | "task">

/** Decodes a failure. */
export const decode = (
  failure: Failure,
  task: Failed,
  error: Schema.Top | undefined
): Effect.Effect<never, unknown> => {
  if (failure.kind !== "several") return decodeOne(failure, task, error)
  const reasons = Effect.forEach(failure.reasons, (reason) =>
    reason.kind === "interrupt"
      ? Effect.succeed([Cause.makeInterruptReason()])
      : Effect.map(Effect.flip(Effect.sandbox(decodeOne(reason, task, error))), ({ reasons }) => reasons)
  )
  return Effect.flatMap(reasons, (all) => Effect.failCause(Cause.fromReasons(all.flat())))
}

const decodeOne = (failure: Single, task: Failed, error: Schema.Top | undefined): Effect.Effect<never, unknown> => {
  switch (failure.kind) {
    case "interrupt":
      return Effect.interrupt
    case "empty":
      return Effect.failCause(Cause.empty)
    case "data":
      return Effect.die(TaggedJson.decode(failure.data))
    case "defect":
      return Effect.die(withCauses(namedError(failure.name, failure.message, failure.stack), failure.causes))
    case "own": {
      const decoded = Effect.orDie(Schema.decodeUnknownEffect(ErrorCodec.codecOf(ErrorCodec.Own))(failure.data))
      return Effect.flatMap(decoded, (error) => {
        withCauses(error, failure.causes)
        return failure.defect ? Effect.die(error) : Effect.fail(error)
      })
    }
    case "error":
      if (error === undefined) return undecodable(task, failure, "The step has no `error` schema here")
      return Effect.flatMap(
        Effect.catchCause(Schema.decodeUnknownEffect(ErrorCodec.codecOf(error))(failure.data), (cause) =>
          undecodable(task, failure, `The step's \`error\` schema could not decode it: ${fromCause(cause).message}`)
        ),
        (error) => Effect.fail(withCauses(error, failure.causes))
      )
    case "undeclared":
      return Effect.fail(
        withCauses(
          new ExecutorError({
            reason: "error-schema",
            message:
              `Step "${task.step}" (${task.task} of run ${task.run}) failed in a worker with ${failure.tag}: ${failure.message} — ` +
              (error === undefined
                ? `but it declares no \`error\`. Give the step the schema of its error, \`error: ${failure.tag}\`, so that the error can be sent between processes.`
                : failure.problem === undefined
                  ? `which its \`error\` schema does not accept. Add it there, so that the error can be sent between processes.`
                  : `which its \`error\` schema could not encode: ${failure.problem}`)
          }),
          failure.causes
        )
      )
  }
}

/** Only another version of the step, or a schema that does not read what it writes, leads here. */
const undecodable = (
  task: Failed,
  { causes, text = "an error" }: Extract<Failure, { readonly kind: "error" }>,
  why: string
) =>
  Effect.fail(
    withCauses(
      new ExecutorError({
        reason: "version",
        message: `Step "${task.step}" (${task.task} of run ${task.run}) failed in a worker with ${text} — but the error can't be decoded in this process. ${why}. Start the workers with the same code.`
      }),
      causes
    )
  )
