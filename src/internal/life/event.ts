/** What happens in a run, as data: the shapes of events, and how they are made of a task's record. */
import type { ErrorRecord, RunRecord, RunStatus, TaskRecord, TaskStatus } from "../../RunRecord.ts"

interface Happened {
  /** Where to go on reading after this event. */
  readonly cursor: string
  readonly run: string
  /** Milliseconds since the epoch. */
  readonly at: number
}

interface OfTask extends Happened {
  /** The task's id, `train/3`. */
  readonly task: string
  readonly step: string
}

/** Something that happened in a run. */
export type Event =
  | ({ readonly _tag: "RunStarted"; readonly flow: string } & Happened)
  | ({ readonly _tag: "TaskStarted" } & OfTask)
  | ({ readonly _tag: "AttemptStarted"; readonly attempt: number } & OfTask)
  | ({
      readonly _tag: "AttemptFinished"
      readonly attempt: number
      readonly status: TaskStatus
      readonly error?: ErrorRecord
    } & OfTask)
  | ({
      readonly _tag: "TaskFinished"
      readonly status: TaskStatus
      /** Executed, taken over from the run that this one resumed, or found in the cache. */
      readonly how: TaskRecord["how"]
      readonly error?: ErrorRecord
    } & OfTask)
  /** A line of a log; `task` is empty for what the flow's body logged. */
  | ({
      readonly _tag: "Logged"
      readonly task: string
      readonly attempt: number
      readonly level: string
      readonly message: string
    } & Happened)
  /** A point of a metric. */
  | ({
      readonly _tag: "Measured"
      readonly task: string
      readonly name: string
      readonly step: number
      readonly value: number
    } & Happened)
  /** A task's card as it is now: an artifact, by its digest. Cards that were replaced meanwhile are left out. */
  | ({
      readonly _tag: "CardShown"
      readonly task: string
      readonly attempt: number
      readonly digest: string
      readonly size: number
    } & Happened)
  /** The run's process was gone, and another run resumed it: that one's events follow. */
  | ({ readonly _tag: "RunResumed"; readonly by: string } & Happened)
  | ({
      readonly _tag: "RunFinished"
      readonly status: Exclude<RunStatus, "running">
      readonly error?: ErrorRecord
    } & Happened)

/** An event that has no cursor yet: distributes over the union. */
export type WithoutCursor<E = Event> = E extends unknown ? Omit<E, "cursor"> : never

const error = (record: ErrorRecord | undefined): { readonly error?: ErrorRecord } =>
  record === undefined ? {} : { error: record }

/** The events of a task, in the order of `TaskRecord.places`. */
export const ofTask = (task: TaskRecord): ReadonlyArray<WithoutCursor> => {
  const base = { run: task.run, task: task.id, step: task.step }
  const events: Array<WithoutCursor> = [{ _tag: "TaskStarted", ...base, at: task.startedAt }]
  for (const attempt of task.attempts) {
    const of = { ...base, attempt: attempt.number }
    events.push({ _tag: "AttemptStarted", ...of, at: attempt.startedAt })
    if (attempt.status === "running") continue
    const at = attempt.finishedAt ?? attempt.startedAt
    events.push({ _tag: "AttemptFinished", ...of, at, status: attempt.status, ...error(attempt.error) })
  }
  if (task.status !== "running") {
    const at = task.finishedAt ?? task.startedAt
    events.push({ _tag: "TaskFinished", ...base, at, status: task.status, how: task.how, ...error(task.error) })
  }
  return events
}

/** The first event of a run. */
export const started = (run: RunRecord): WithoutCursor => ({
  _tag: "RunStarted",
  run: run.id,
  flow: run.flow,
  at: run.startedAt
})

/** The last event of a run. */
export const finished = (run: RunRecord): WithoutCursor => ({
  _tag: "RunFinished",
  run: run.id,
  at: run.finishedAt ?? run.startedAt,
  status: run.status as Exclude<RunStatus, "running">, // it has ended
  ...error(run.error)
})
