/**
 * What is kept of a run: the records that a `RunStore` writes and reads. They are plain data with schemas, so that the
 * same shapes serve every store, the command line, the web page and another process. Times are milliseconds since the
 * epoch. Statuses are written when they change; only `crashed` (a run that is recorded as
 * running while its process is gone) is inferred by the reader.
 */
import * as Schema from "effect/Schema"

/** Why a run, a task or an attempt failed, as data. */
export const ErrorRecord = Schema.Struct({
  /** The `_tag` of a typed failure, or the name of the thrown error. */
  tag: Schema.String,
  message: Schema.String,
  /** Its causes, the nearest one first. */
  causes: Schema.optionalKey(Schema.Array(Schema.Struct({ tag: Schema.String, message: Schema.String }))),
  /** Only for a defect: something that was thrown, and that no type announced. */
  stack: Schema.optionalKey(Schema.String),
  /** `own` for one of effect-flow's own errors, `defect` for something that was thrown; left out for a step's own failure. */
  kind: Schema.optionalKey(Schema.Literals(["own", "defect"])),
  /** The failure encoded by the step's `error` schema, if it declares one, or by the schema of effect-flow's own error. */
  data: Schema.optionalKey(Schema.Json)
})

/** Why a run, a task or an attempt failed, as data. */
export interface ErrorRecord extends Schema.Schema.Type<typeof ErrorRecord> {}

/** How a run ended, or that it has not. */
export const RunStatus = Schema.Literals(["running", "succeeded", "failed", "interrupted"])

/** How a run ended, or that it is still running. */
export type RunStatus = typeof RunStatus.Type

/** A request to cancel a run. */
export const CancelRecord = Schema.Struct({
  at: Schema.Number,
  /** Who asked. */
  by: Schema.String,
  reason: Schema.optionalKey(Schema.String)
})

/** A request to cancel a run. */
export interface CancelRecord extends Schema.Schema.Type<typeof CancelRecord> {}

/** One execution of a flow. */
export const RunRecord = Schema.Struct({
  id: Schema.String,
  /** The run's place in the order of runs, if a caller gave its id: generated ids sort by start, given ones do not. */
  place: Schema.optionalKey(Schema.String),
  flow: Schema.String,
  status: RunStatus,
  /** The run that this one resumed. */
  origin: Schema.optionalKey(Schema.String),
  /** The newest run that resumed this one. Derived when a run is read, never written. */
  resumedBy: Schema.optionalKey(Schema.String),
  /** The step that was executed again because `from` named it, if the run was resumed that way. */
  from: Schema.optionalKey(Schema.String),
  /** The run (and its task count at the time) that called this one by `Flow.call`. */
  parent: Schema.optionalKey(Schema.String),
  /** Each parameter in its encoded form. */
  parameters: Schema.Record(Schema.String, Schema.Json),
  startedAt: Schema.Number,
  finishedAt: Schema.optionalKey(Schema.Number),
  heartbeatAt: Schema.Number,
  host: Schema.String,
  pid: Schema.Int,
  /** The fencing token of the process that drives the run: see `RunStore.Driver`. */
  driver: Schema.optionalKey(Schema.String),
  /** Who asked to cancel the run. Written by `RunStore.write` with a `Cancel` change, never with the record. */
  cancel: Schema.optionalKey(CancelRecord),
  error: Schema.optionalKey(ErrorRecord),
  /** What the flow's body yielded, its refs as data. */
  output: Schema.optionalKey(Schema.Json),
  /** System tags, which are set when the run starts and never change: user, host, versions, git commit. */
  systemTags: Schema.Record(Schema.String, Schema.String),
  /** The user's tags, sorted. */
  tags: Schema.Array(Schema.String)
})

/** One execution of a flow. */
export interface RunRecord extends Schema.Schema.Type<typeof RunRecord> {}

/** A ref as data: an artifact's address, and the task that wrote it. */
export const RefRecord = Schema.Struct({
  /** The name under which the task knows it; a join's inputs are `branch.name` or `branch.3.name`. */
  name: Schema.String,
  digest: Schema.String,
  size: Schema.Number,
  format: Schema.String,
  mediaType: Schema.String,
  /** The extension of the file that was stored, `.jpg`. */
  extension: Schema.optionalKey(Schema.String),
  /** The digest of the schema's description. */
  schema: Schema.String,
  /** The artifacts that hold a dataset's rows. They are kept, verified and copied with it. */
  parts: Schema.optionalKey(Schema.Array(Schema.Struct({ digest: Schema.String, size: Schema.Number }))),
  /** The task that wrote it, `RUN/train/3`; missing for a literal that was passed in. */
  writer: Schema.optionalKey(Schema.String)
})

/** A ref as data: an artifact's address, and the task that wrote it. */
export interface RefRecord extends Schema.Schema.Type<typeof RefRecord> {}

/** How a task ended, or that it has not. */
export const TaskStatus = Schema.Literals(["running", "succeeded", "failed", "interrupted"])

/** How a task ended, or that it is still running. */
export type TaskStatus = typeof TaskStatus.Type

/** One attempt at a task. */
export const AttemptRecord = Schema.Struct({
  number: Schema.Int,
  status: TaskStatus,
  startedAt: Schema.Number,
  /** When its body started, where it had to wait for a place: on fibers with a limit, a thread, a worker. */
  beganAt: Schema.optionalKey(Schema.Number),
  finishedAt: Schema.optionalKey(Schema.Number),
  error: Schema.optionalKey(ErrorRecord),
  /** CPU milliseconds and the thread or process it ran on, where the executor knows. */
  cpu: Schema.optionalKey(Schema.Number),
  worker: Schema.optionalKey(Schema.String)
})

/** One attempt at a task. */
export interface AttemptRecord extends Schema.Schema.Type<typeof AttemptRecord> {}

/** A step applied to its inputs. */
export const TaskRecord = Schema.Struct({
  run: Schema.String,
  /** `train/3` */
  id: Schema.String,
  step: Schema.String,
  /** The number in the id: tasks of a run are numbered from 1 in the order in which they were called. */
  index: Schema.Int,
  status: TaskStatus,
  /** Executed here, taken over from the origin run, or found in the cache. */
  how: Schema.Literals(["executed", "takenOver", "cached"]),
  /** The task that was really executed, `RUN/train/3`, if this one took over its outputs. */
  source: Schema.optionalKey(Schema.String),
  /**
   * An artifact of the task that would have been taken over or found in the cache, `RUN/train/3/model`, if the artifact was missing or
   * damaged and this task was therefore executed.
   */
  lost: Schema.optionalKey(Schema.String),
  key: Schema.String,
  /** The digest of the step's source, formatting and comments aside, in the process that drove the run. */
  code: Schema.optionalKey(Schema.String),
  /** For a task that was taken over or cached: the digest of the source that was really executed. */
  sourceCode: Schema.optionalKey(Schema.String),
  /** The step's version in the task's key; `code` if the key has the digest of the source instead. */
  version: Schema.String,
  /** The step's cache version, where it has one. */
  cache: Schema.optionalKey(Schema.String),
  startedAt: Schema.Number,
  finishedAt: Schema.optionalKey(Schema.Number),
  /**
   * The places that the task's events have among those of its run, in this order: it started; each attempt started, and ended;
   * it ended. A run numbers its events from 1; a driver that takes the run over begins at the next multiple of 2³².
   */
  places: Schema.optionalKey(Schema.Array(Schema.Number)),
  attempts: Schema.Array(AttemptRecord),
  /** Ids of the tasks whose outputs this one was given. */
  parents: Schema.Array(Schema.String),
  inputs: Schema.Array(RefRecord),
  outputs: Schema.Array(RefRecord),
  error: Schema.optionalKey(ErrorRecord)
})

/** A step applied to its inputs. */
export interface TaskRecord extends Schema.Schema.Type<typeof TaskRecord> {}

/**
 * When the body of an attempt started, or of a task's first attempt: the time before it that an attempt waited for a place is
 * not part of the time that it took.
 *
 * @example
 * ```ts
 * const took = (task: RunRecord.TaskRecord) => (task.finishedAt ?? Date.now()) - RunRecord.beganAt(task)
 * ```
 */
export const beganAt = (record: AttemptRecord | TaskRecord): number =>
  "attempts" in record ? (record.attempts[0]?.beganAt ?? record.startedAt) : (record.beganAt ?? record.startedAt)

/**
 * Whether a task that is recorded as running waits: for a place where it is executed, or for its next attempt. Of a task that
 * is executed by a cluster this is not known before a worker has ended it.
 *
 * @example
 * ```ts
 * const waiting = (yield* Run.tasks("latest")).filter(RunRecord.isWaiting)
 * ```
 */
export const isWaiting = ({ attempts, how, status }: TaskRecord): boolean =>
  status === "running" && how === "executed" && attempts.at(-1)?.status !== "running"

/** A value that a task saved while it ran, for its next attempt or a resume to continue from. */
export const CheckpointRecord = Schema.Struct({
  run: Schema.String,
  /** The task's id, `train/3`. */
  task: Schema.String,
  /** A task may have several, each with a name. */
  name: Schema.String,
  /** The execution that may save. A later one that opens the checkpoint takes its place, so an earlier one can't overwrite it. */
  writer: Schema.String,
  /** The task's key: a checkpoint of other inputs is never used. */
  key: Schema.String,
  /** The digest of the step's source: a checkpoint of other code is never used. Empty where the source can't be read. */
  code: Schema.String,
  attempt: Schema.Int,
  at: Schema.Number,
  /** The value; left out until one is saved. */
  ref: Schema.optionalKey(RefRecord)
})

/** A value that a task saved while it ran, for its next attempt or a resume to continue from. */
export interface CheckpointRecord extends Schema.Schema.Type<typeof CheckpointRecord> {}

/** A line that a step logged. */
export const LogRecord = Schema.Struct({
  run: Schema.String,
  /** The task's id, `train/3`; empty for what the flow's body logged. */
  task: Schema.String,
  attempt: Schema.Int,
  at: Schema.Number,
  level: Schema.String,
  message: Schema.String
})

/** A line that a step logged. */
export interface LogRecord extends Schema.Schema.Type<typeof LogRecord> {}

/** A point of a metric's series. */
export const MetricRecord = Schema.Struct({
  run: Schema.String,
  task: Schema.String,
  name: Schema.String,
  step: Schema.Number,
  value: Schema.Number,
  at: Schema.Number
})

/** A point of a metric's series. */
export interface MetricRecord extends Schema.Schema.Type<typeof MetricRecord> {}

/** The card of a task as it is now: an artifact, replaced by another while the task adds to it. */
export const CardRecord = Schema.Struct({
  run: Schema.String,
  task: Schema.String,
  attempt: Schema.Int,
  at: Schema.Number,
  digest: Schema.String,
  size: Schema.Number
})

/** The current card of a task. */
export interface CardRecord extends Schema.Schema.Type<typeof CardRecord> {}
