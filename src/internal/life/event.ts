/** The events of a run as data, and how they are derived from a task's record. */
import * as Schema from "effect/Schema"
import { ErrorRecord, type RunRecord, RunStatus, type TaskRecord, TaskStatus } from "../../RunRecord.ts"

const happened = {
  /** Where to go on reading after this event: what `Run.events` takes as `after`. */
  cursor: Schema.String,
  run: Schema.String,
  /** Milliseconds since the epoch. */
  at: Schema.Number
}

const ofATask = {
  ...happened,
  /** The task's id, `train/3`. */
  task: Schema.String,
  step: Schema.String
}

const RunStarted = Schema.TaggedStruct("RunStarted", { ...happened, flow: Schema.String })

const TaskStarted = Schema.TaggedStruct("TaskStarted", ofATask)

const AttemptStarted = Schema.TaggedStruct("AttemptStarted", { ...ofATask, attempt: Schema.Int })

const AttemptFinished = Schema.TaggedStruct("AttemptFinished", {
  ...ofATask,
  attempt: Schema.Int,
  status: TaskStatus,
  error: Schema.optionalKey(ErrorRecord)
})

const TaskFinished = Schema.TaggedStruct("TaskFinished", {
  ...ofATask,
  status: TaskStatus,
  /** Executed, taken over from the run that this one resumed, or found in the cache. */
  how: Schema.Literals(["executed", "takenOver", "cached"]),
  error: Schema.optionalKey(ErrorRecord)
})

/** A line of a log; `task` is empty for what the flow's body logged. */
const Logged = Schema.TaggedStruct("Logged", {
  ...happened,
  task: Schema.String,
  attempt: Schema.Int,
  level: Schema.String,
  message: Schema.String
})

/** A point of a metric. */
const Measured = Schema.TaggedStruct("Measured", {
  ...happened,
  task: Schema.String,
  name: Schema.String,
  step: Schema.Number,
  value: Schema.Number
})

/** The current card of a task, as the digest of an artifact. Replaced cards are left out. */
const CardShown = Schema.TaggedStruct("CardShown", {
  ...happened,
  task: Schema.String,
  attempt: Schema.Int,
  digest: Schema.String,
  size: Schema.Number
})

/** The run's process died and another run resumed it. The events of that run follow. */
const RunResumed = Schema.TaggedStruct("RunResumed", { ...happened, by: Schema.String })

const RunFinished = Schema.TaggedStruct("RunFinished", {
  ...happened,
  status: RunStatus,
  error: Schema.optionalKey(ErrorRecord)
})

/** Something that happened in a run, as data that JSON can hold. */
export const Event = Schema.Union([
  RunStarted,
  TaskStarted,
  AttemptStarted,
  AttemptFinished,
  TaskFinished,
  Logged,
  Measured,
  CardShown,
  RunResumed,
  RunFinished
])

// Spelled out, so that a stream of events hovers as `Stream<Event, …>`. Interfaces would have no name outside of this package.
/** Something that happened in a run, as data that JSON can hold. */
export type Event =
  | typeof RunStarted.Type
  | typeof TaskStarted.Type
  | typeof AttemptStarted.Type
  | typeof AttemptFinished.Type
  | typeof TaskFinished.Type
  | typeof Logged.Type
  | typeof Measured.Type
  | typeof CardShown.Type
  | typeof RunResumed.Type
  | typeof RunFinished.Type

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
  status: run.status,
  ...error(run.error)
})
