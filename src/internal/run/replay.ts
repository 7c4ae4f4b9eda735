/**
 * What a driver that continues another one's run does about tasks that had not succeeded. A recorded final failure is
 * replayed as that failure, so that a body which caught it takes the same branch again; retries continue where they stopped.
 * (`Flow.resume` is different: it starts a new run, and executes failed tasks again.)
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import type { AttemptRecord, ErrorRecord, TaskRecord } from "../../RunRecord.ts"
import { namedError } from "../cause.ts"
import * as ErrorCodec from "./errorCodec.ts"
import { failureOf } from "./errorRecord.ts"

/**
 * The failure that a record describes: the typed error that the step's `error` schema decodes, one of effect-flow's own, or
 * a defect with its stack. An error that no schema describes has its `_tag`, message and causes.
 */
export const restore = (record: ErrorRecord, schema: Schema.Top | undefined): Cause.Cause<unknown> => {
  const isDefect = record.kind === "defect" || record.stack !== undefined
  const by = record.kind === undefined ? schema : ErrorCodec.Own
  const decoded =
    record.data === undefined || by === undefined
      ? undefined
      : Schema.decodeUnknownExit(ErrorCodec.codecOf(by))(record.data)
  const error = decoded !== undefined && Exit.isSuccess(decoded) ? decoded.value : plainError(record, isDefect)
  return isDefect ? Cause.die(error) : Cause.fail(error)
}

const plainError = ({ causes = [], message, stack, tag }: ErrorRecord, isDefect: boolean): Error => {
  const error = namedError(tag, message, stack)
  const [cause, ...further] = causes
  if (cause !== undefined) error.cause = plainError({ ...cause, causes: further }, isDefect)
  return isDefect ? error : Object.assign(error, { _tag: tag })
}

/**
 * Tells a retry's schedule of the failures that were recorded before, so that it continues where it stopped.
 *
 * @param decide From the time and the error of a failed attempt, how long to wait before the next; nothing if none is due.
 * @returns What it decided about the last one: how much of its wait is left.
 */
export const advance = Effect.fnUntraced(function* (
  attempts: ReadonlyArray<AttemptRecord>,
  schema: Schema.Top | undefined,
  decide: (at: number, error: unknown) => Effect.Effect<Exit.Exit<Duration.Duration | undefined, unknown>>
) {
  let last: { delayMs: number | undefined; cause: Cause.Cause<unknown>; error: ErrorRecord } | undefined
  for (const { error, finishedAt, startedAt, status } of attempts) {
    if (status !== "failed" || error === undefined) continue
    const cause = restore(error, schema)
    const failure = failureOf(cause)
    if (failure === undefined) continue
    const at = finishedAt ?? startedAt
    const decided = yield* decide(at, failure.error)
    const delay = Exit.isSuccess(decided) ? decided.value : undefined
    const passedMs = (yield* Clock.currentTimeMillis) - at
    const delayMs = delay === undefined ? undefined : Duration.toMillis(delay)
    last = {
      cause,
      error,
      delayMs: delayMs === undefined ? undefined : Math.min(delayMs, Math.max(0, delayMs - passedMs))
    }
  }
  return last
})

/** A task that was interrupted is not held back for longer than this. */
const longestWaitMs = 600_000

/**
 * How long a task that was interrupted is held back, in case the flow interrupts it again: it lost a race or exceeded a
 * timeout of the flow, and executing it again could turn out differently. If the run needs it after all (it was interrupted
 * because its driver was), it is executed then.
 */
export const holdBack = ({ finishedAt, startedAt }: TaskRecord): Duration.Duration =>
  Duration.millis(Math.min(Math.max(0, (finishedAt ?? startedAt) - startedAt) + 1000, longestWaitMs))

/** A task that a run had begun, and never asked for again after its driver died: it is closed when the run ends. */
export const closed = (task: TaskRecord, at: number): TaskRecord => {
  const error = {
    tag: "Interrupted",
    message: "The process that drove the run was gone, and the flow did not ask for this task again."
  }
  return interrupted(task, error, at)
}

/**
 * The record of a task that was running when it was interrupted. Another process may record that, whose clock is behind: it
 * ended no earlier than it began.
 */
export const interrupted = (task: TaskRecord, error: ErrorRecord, at: number): TaskRecord => {
  const ending = ({ startedAt }: { readonly startedAt: number }) => ({
    status: "interrupted" as const,
    finishedAt: Math.max(at, startedAt),
    error
  })
  return {
    ...task,
    ...ending(task),
    attempts: task.attempts.map((attempt) =>
      attempt.status === "running" ? { ...attempt, ...ending(attempt) } : attempt
    )
  }
}
