/**
 * Failures on their way between threads and processes. What a step fails with crosses as data, by the step's `error`
 * schema, and arrives as the same typed error; effect-flow's own errors cross by theirs. A failure that no schema
 * describes can't arrive as what it was: it becomes an `ExecutorError` that names the step and says what to declare.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import { ExecutorError, type TaskDescription } from "../../Executor.ts"
import * as ErrorCodec from "../run/errorCodec.ts"
import { type CauseRecord, fromCause, withCauses } from "../run/errorRecord.ts"

/** What a failure came of. A schema brings an error's own fields, and rarely its cause. */
const causes = Schema.optionalKey(Schema.Array(Schema.Struct({ tag: Schema.String, message: Schema.String })))

/** A failure, as data. */
export const Failure = Schema.Union([
  /** By the step's `error` schema. */
  Schema.Struct({ kind: Schema.Literal("error"), data: Schema.Json, causes }),
  /** One of effect-flow's own; `defect` where it was thrown and not failed with. */
  Schema.Struct({ kind: Schema.Literal("own"), data: Schema.Json, defect: Schema.Boolean, causes }),
  /** By nothing: the step's `error` schema, if it has one, does not accept it. */
  Schema.Struct({ kind: Schema.Literal("undeclared"), tag: Schema.String, message: Schema.String, causes }),
  Schema.Struct({
    kind: Schema.Literal("defect"),
    name: Schema.String,
    message: Schema.String,
    stack: Schema.optionalKey(Schema.String),
    causes
  }),
  Schema.Struct({ kind: Schema.Literal("interrupt") })
])
export type Failure = typeof Failure.Type

/** Turns a failure into data that can cross. */
export const encode = (cause: Cause.Cause<unknown>, error: Schema.Top | undefined): Failure => {
  const { causes } = fromCause(cause)
  return causes === undefined ? encodeAlone(cause, error) : withCausesOf(encodeAlone(cause, error), causes)
}

const withCausesOf = (failure: Failure, causes: ReadonlyArray<CauseRecord>): Failure =>
  failure.kind === "interrupt" ? failure : { ...failure, causes }

const encodeAlone = (cause: Cause.Cause<unknown>, error: Schema.Top | undefined): Failure => {
  const failure = cause.reasons.find(Cause.isFailReason)
  if (failure !== undefined) {
    if (ErrorCodec.isOwn(failure.error)) return own(failure.error, false)
    const data = error === undefined ? undefined : Schema.encodeUnknownExit(ErrorCodec.codecOf(error))(failure.error)
    if (data !== undefined && Exit.isSuccess(data)) return { kind: "error", data: data.value }
    const { message, tag } = fromCause(cause)
    return { kind: "undeclared", tag, message }
  }
  const defect = cause.reasons.find(Cause.isDieReason)
  if (defect === undefined) return { kind: "interrupt" }
  if (ErrorCodec.isOwn(defect.defect)) return own(defect.defect, true)
  const { message, stack, tag } = fromCause(cause)
  return { kind: "defect", name: tag, message: explain(message), ...(stack === undefined ? {} : { stack }) }
}

const own = (error: ErrorCodec.Own, defect: boolean): Failure => ({
  kind: "own",
  data: ErrorCodec.encodeOwn(error),
  defect
})

/** A missing service means something else in a worker than at home. */
const explain = (message: string): string =>
  message.startsWith("Service not found")
    ? `${message}. A worker has only what the flow carries: give it the service with Flow.provide(flow, layer).`
    : message

/** Makes a failure of the data that crossed. */
export const decode = (
  failure: Failure,
  task: Pick<TaskDescription, "run" | "step" | "task">,
  error: Schema.Top | undefined
): Effect.Effect<never, unknown> => {
  switch (failure.kind) {
    case "interrupt":
      return Effect.interrupt
    case "defect": {
      const defect = new Error(failure.message)
      defect.name = failure.name
      if (failure.stack !== undefined) defect.stack = failure.stack
      return Effect.die(withCauses(defect, failure.causes))
    }
    case "own": {
      const decoded = Effect.orDie(Schema.decodeUnknownEffect(ErrorCodec.codecOf(ErrorCodec.Own))(failure.data))
      return Effect.flatMap(decoded, (error) => {
        withCauses(error, failure.causes)
        return failure.defect ? Effect.die(error) : Effect.fail(error)
      })
    }
    case "error":
      if (error === undefined) return refuse(task, "It failed by an `error` schema that this process's step has not.")
      return Effect.flatMap(
        Effect.catch(Schema.decodeUnknownEffect(ErrorCodec.codecOf(error))(failure.data), (issue) =>
          refuse(task, `Its failure does not fit the step's \`error\` schema here: ${issue.message}`)
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
                ? `and it declares no \`error\`. Give the step the schema of what it fails with, \`error: ${failure.tag}\`, so that the failure can cross as what it is.`
                : `which its \`error\` schema does not accept. Add it there, so that the failure can cross as what it is.`)
          }),
          failure.causes
        )
      )
  }
}

const refuse = (task: Pick<TaskDescription, "run" | "step" | "task">, why: string) =>
  Effect.fail(
    new ExecutorError({
      reason: "version",
      message: `${task.task} of run ${task.run} was executed by another version of step "${task.step}" than this process has. ${why}`
    })
  )
