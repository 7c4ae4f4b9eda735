/**
 * Makes attempts at a task until one succeeds or no other is due, and records each. The executor decides where an
 * attempt runs (on a fiber, a thread, a worker); this module decides for all executors when to make another one.
 */
import type * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Pull from "effect/Pull"
import * as Schedule from "effect/Schedule"
import type { AttemptRecord, ErrorRecord, TaskRecord, TaskStatus } from "../../RunRecord.ts"
import { endMs } from "../monotonic.ts"
import { AttemptSink, attempt, type Base, type Memory, type Place, type Reported } from "./attempt.ts"
import { runPredicate } from "./callback.ts"
import type { Definition } from "./definition.ts"
import { failureOf, fromCause, statusOf } from "./errorRecord.ts"
import * as FailedTask from "./failedTask.ts"
import type * as Inputs from "./inputs.ts"
import { onOwnFiber } from "./ownFiber.ts"
import * as Replay from "./replay.ts"
import type { RunContext } from "./runContext.ts"
import * as Tracing from "./tracing.ts"

/**
 * Makes attempts until one succeeds or no other is due, and keeps a record of each. Yields the outputs' refs. As long as it
 * lasts, the run knows of the task: a run that ends interrupts what it still knows of.
 */
export const make = (
  run: RunContext,
  definition: Definition,
  inputs: Inputs.Inputs,
  base: Base,
  place: Place,
  begun: TaskRecord | undefined
) =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const fiber = yield* thisFiber
      if (run.scope.isOver) return yield* Effect.interrupt
      run.scope.enter(fiber)
      const clock = Context.get(fiber.context as Context.Context<never>, Clock.Clock) // a reference has a default
      const began = begun?.startedAt ?? clock.currentTimeMillisUnsafe()
      const made: Array<AttemptRecord> = begun?.attempts.filter(({ status }) => status !== "running") ?? []
      const next = definition.retry === undefined ? undefined : yield* makeRetry(definition.name, definition.retry)
      const memory: Memory = { checkpoints: begun !== undefined }
      const task: Ending = { run, definition, inputs, base, began, made, fiber }
      if (next !== undefined) {
        const context = yield* Effect.context<never>()
        const resumed = yield* Replay.advance(made, definition.error, (at, error) =>
          onOwnFiber(next(at, error), context)
        )
        // The driver died while it waited for the next attempt, or before it recorded that there is none.
        if (begun?.attempts.at(-1)?.status === "failed" && resumed !== undefined) {
          if (resumed.delayMs === undefined) return yield* fail(task, "failed", resumed.cause, resumed.error)
          const waited = yield* Effect.exit(restore(Effect.sleep(resumed.delayMs)))
          if (Exit.isFailure(waited)) return yield* fail(task, "interrupted", waited.cause, resumed.error)
        }
      }
      while (true) {
        const number = made.length + 1
        const startedAt = number === 1 ? began : timeAfter(clock, task)
        const startedNanos = clock.monotonicTimeNanosUnsafe()
        const waiting: TaskRecord = {
          ...base,
          status: "running",
          how: "executed",
          startedAt: began,
          attempts: [...made],
          outputs: []
        }
        const tell = (_tag: "TaskWaiting" | "TaskStarted", task: TaskRecord) => {
          run.recorder.running({ _tag: "Task", task, blobs: inputs.blobs, schemas: inputs.schemas })
          run.observe({ _tag, task })
        }
        const starts = (at?: number) => {
          const began = at === undefined ? undefined : { beganAt: Math.max(startedAt, at) }
          tell("TaskStarted", { ...waiting, attempts: [...made, { number, status: "running", startedAt, ...began }] })
        }
        const hasPlaces = run.executor.hasPlaces === true
        if (hasPlaces) tell("TaskWaiting", waiting)
        else starts()
        const reported: Reported = hasPlaces ? { onBegin: starts } : {}

        const untraced = attempt({
          run,
          definition,
          base,
          number,
          place,
          inputs,
          memory,
          reported,
          context: fiber.context,
          clock
        })
        const exit = yield* Effect.exit(
          restore(
            run.traced
              ? Tracing.span(untraced, `attempt ${definition.name}`, {
                  flow: run.flow.flowName,
                  run: run.id,
                  step: definition.name,
                  task: base.id,
                  attempt: number
                })
              : untraced
          )
        )
        const finishedAt = endMs(clock, startedAt, startedNanos)
        // A worker's clock is not this one.
        const waited =
          reported.beganAt === undefined
            ? undefined
            : { beganAt: Math.max(startedAt, Math.min(reported.beganAt, finishedAt)) }
        if (Exit.isSuccess(exit)) {
          const { outputs, blobs, checkpoints = memory.checkpoints, schemas, ...where } = exit.value
          made.push({ number, status: "succeeded", startedAt, ...waited, finishedAt, ...where })
          const record: TaskRecord = {
            ...waiting,
            status: "succeeded",
            finishedAt,
            attempts: [...made], // an array that was pushed to has room for 16 more
            outputs
          }
          yield* run.recorder.write([
            {
              _tag: "Task",
              task: record,
              blobs: [...inputs.blobs, ...blobs],
              schemas: [...inputs.schemas, ...schemas]
            },
            ...(checkpoints ? [{ _tag: "CheckpointsRemoved" as const, run: run.id, task: base.id }] : [])
          ])
          run.observe({ _tag: "TaskFinished", task: record })
          if (run.traced) yield* Tracing.annotateTask(record)
          Tracing.measureTask(fiber.context, run.flow.flowName, record)
          run.scope.leave(fiber)
          return outputs
        }
        let error = fromCause(exit.cause, definition.error)
        const status = statusOf(exit.cause)
        const failure = failureOf(exit.cause)
        // The user's own conditions decide on another attempt: where they throw, there is none.
        const decided =
          failure === undefined || next === undefined
            ? Exit.succeed(undefined)
            : yield* onOwnFiber(next(finishedAt, failure.error), yield* Effect.context<never>())
        if (Exit.isFailure(decided)) {
          const { message, tag } = fromCause(decided.cause)
          const beside = {
            tag,
            message: `\`retry\` of step "${definition.name}" could not decide on another attempt: ${message}`
          }
          error = { ...error, causes: [...(error.causes ?? []), beside] }
          new AttemptSink(run, base.id, number, memory).log({
            at: finishedAt,
            level: "Error",
            message: `${beside.message} (${tag})`
          })
        }
        // One that was interrupted before it had a place was never made.
        if (!hasPlaces || status !== "interrupted" || waited !== undefined)
          made.push({ number, status, startedAt, ...waited, finishedAt, ...reported.failsOn, error })
        const delay = Exit.isSuccess(decided) ? decided.value : undefined
        if (delay === undefined) return yield* fail(task, status, exit.cause, error)
        // The attempt must be recorded for a process that continues the run.
        const between: TaskRecord = { ...waiting, attempts: [...made] }
        yield* run.recorder.write([{ _tag: "Task", task: between, blobs: inputs.blobs, schemas: inputs.schemas }])
        const slept = yield* Effect.exit(restore(Effect.sleep(delay)))
        if (Exit.isFailure(slept)) return yield* fail(task, "interrupted", slept.cause, error)
      }
    })
  )

/** A task whose last record is to be written. */
interface Ending {
  readonly run: RunContext
  readonly definition: Definition
  readonly inputs: Inputs.Inputs
  readonly base: Base
  readonly began: number
  readonly made: ReadonlyArray<AttemptRecord>
  readonly fiber: Fiber.Fiber<unknown, unknown>
}

/** The time of day, or the end of the last attempt where that is set back since. */
const timeAfter = (clock: Clock.Clock, { began, made }: Pick<Ending, "began" | "made">): number =>
  Math.max(clock.currentTimeMillisUnsafe(), made.at(-1)?.finishedAt ?? began)

/** Ends a task with a failure. */
const fail = Effect.fnUntraced(function* (
  { base, began, definition, fiber, inputs, made, run }: Ending,
  status: TaskStatus,
  cause: Cause.Cause<unknown>,
  error: ErrorRecord
) {
  const record: TaskRecord = {
    ...base,
    status,
    how: "executed",
    startedAt: began,
    finishedAt: timeAfter(yield* Clock.Clock, { began, made }),
    attempts: made,
    outputs: [],
    error
  }
  yield* run.recorder.write([{ _tag: "Task", task: record, blobs: inputs.blobs, schemas: inputs.schemas }])
  run.observe({ _tag: "TaskFinished", task: record })
  if (run.traced) yield* Tracing.annotateTask(record)
  Tracing.measureTask(fiber.context, run.flow.flowName, record)
  run.scope.leave(fiber)
  const failed = { flow: run.flow.flowName, run: run.id, step: definition.name, task: base.id }
  return yield* Effect.failCause(FailedTask.ofTask(failed)(cause))
})

const thisFiber = Effect.withFiber((fiber) => Effect.succeed(fiber))

/** From an error, how long to wait before the next attempt; nothing where none is due. */
const makeRetry = Effect.fnUntraced(function* (step: string, retry: NonNullable<Definition["retry"]>) {
  const nextDelay = retry.schedule === undefined ? undefined : yield* Schedule.toStep(retry.schedule)
  const condition = retry.while
  let count = 0
  return Effect.fnUntraced(function* (now: number, error: unknown) {
    if (
      condition !== undefined &&
      !(yield* runPredicate(`\`retry.while\` of step "${step}"`, () => condition(error)))
    ) {
      return undefined
    }
    if (retry.times !== undefined && count >= retry.times) return undefined
    count++
    if (nextDelay === undefined) return Duration.zero
    return yield* Effect.map(nextDelay(now, error), ([, delay]) => delay).pipe(
      Pull.catchDone(() => Effect.succeed(undefined))
    )
  })
})
