/**
 * The data that the server sends to the page: views of runs, tasks, artifacts and their contents, and live events. The
 * page imports only the types, so both sides are checked against one definition and the page's bundle has no schemas.
 */
import * as Schema from "effect/Schema"
import { AttemptRecord, RefRecord, RunRecord, TaskRecord } from "../../RunRecord.ts"

export * from "./artifactShapes.ts"

/**
 * The status of a run, a task or an attempt, or `crashed`: it is recorded as running, but the process of its run no
 * longer exists.
 */
export const ShownStatus = Schema.Literals(["running", "succeeded", "failed", "interrupted", "crashed"])
export type ShownStatus = typeof ShownStatus.Type

/** The number of tasks of a step in a status. */
export const Count = Schema.Struct({ step: Schema.String, status: ShownStatus, count: Schema.Int })
export type Count = typeof Count.Type

/** A run in a list. */
export const RunView = RunRecord.mapFields(({ output: _, status: __, ...shared }) => ({
  ...shared,
  status: ShownStatus,
  /** When it ended. For a crashed run this is the time of the last sign of life. */
  endedAt: Schema.optionalKey(Schema.Number),
  counts: Schema.Array(Count)
}))
export type RunView = typeof RunView.Type

/** The beginnings of command lines for a run: the words of a verb can be appended to each. */
export const Commands = Schema.Struct({
  /** Reads the run: `show`, `logs`, `why`, `dump`, `diff`. */
  read: Schema.String,
  /** Resumes it. Absent if the store doesn't know which program runs its flow. */
  resume: Schema.optionalKey(Schema.String)
})
export type Commands = typeof Commands.Type

/** A run with its related runs. */
export const RunDetail = Schema.Struct({
  run: RunView,
  output: Schema.optionalKey(Schema.Json),
  /** The commands that resume the run and read it, as far as they are known. */
  commands: Commands,
  /** Runs that this run called, newest first. */
  children: Schema.Array(RunView)
})
export type RunDetail = typeof RunDetail.Type

/** A task in the graph, the waterfall and lists. */
const TaskView = Schema.Struct({
  id: Schema.String,
  step: Schema.String,
  index: Schema.Int,
  status: ShownStatus,
  how: TaskRecord.fields.how,
  source: Schema.optionalKey(Schema.String),
  startedAt: Schema.Number,
  finishedAt: Schema.optionalKey(Schema.Number),
  attempts: Schema.Array(
    Schema.Struct({
      number: Schema.Int,
      status: ShownStatus,
      startedAt: Schema.Number,
      finishedAt: Schema.optionalKey(Schema.Number)
    })
  ),
  parents: Schema.Array(Schema.String),
  /**
   * The names of its inputs by the task that wrote them, `RUN/train/3`, without branches. An empty writer stands for
   * literals. If there are many writers, their steps are listed instead.
   */
  given: Schema.Array(Schema.Struct({ writer: Schema.String, names: Schema.Array(Schema.String) })),
  outputs: Schema.Array(Schema.String),
  /** The total size of its outputs in bytes. */
  bytes: Schema.Number,
  error: Schema.optionalKey(Schema.Struct({ tag: Schema.String, message: Schema.String }))
})
export type TaskView = typeof TaskView.Type

/**
 * Tasks are sent as plain JSON without encoding each field, because a busy run sends thousands of them per second and
 * needs the CPU itself.
 */
export const TaskViews = Schema.declare((tasks): tasks is ReadonlyArray<TaskView> => Array.isArray(tasks))

/** A task in full. */
export const TaskDetail = Schema.Struct({
  run: RunView,
  task: Schema.Struct({
    ...TaskRecord.fields,
    status: ShownStatus,
    attempts: Schema.Array(AttemptRecord.mapFields((fields) => ({ ...fields, status: ShownStatus }))),
    inputs: Schema.Array(RefRecord)
  }),
  commands: Commands,
  /** Tasks that read outputs of this task. */
  children: Schema.Array(Schema.String)
})
export type TaskDetail = typeof TaskDetail.Type

/** Why a task was executed or not, as in the verb `why`. */
export const WhyView = Schema.Struct({ lines: Schema.Array(Schema.String) })
export type WhyView = typeof WhyView.Type

export const LogView = Schema.Struct({
  sequence: Schema.Number,
  task: Schema.String,
  attempt: Schema.Int,
  at: Schema.Number,
  level: Schema.String,
  message: Schema.String
})
export type LogView = typeof LogView.Type

/**
 * A metric of a task, as columns. Long series are thinned out to what a chart can show. `total` is the original number
 * of points.
 */
export const SeriesView = Schema.Struct({
  task: Schema.String,
  name: Schema.String,
  steps: Schema.Array(Schema.Number),
  /** `null` for values that are not finite. */
  values: Schema.Array(Schema.NullOr(Schema.Finite)),
  total: Schema.Int,
  /** The place of the last point: `after` in a query for what is new. */
  last: Schema.Number
})
export type SeriesView = typeof SeriesView.Type

/** A card: its address and its components. `card/data.ts` has their schema. */
export const CardView = Schema.Struct({
  task: Schema.String,
  attempt: Schema.Int,
  digest: Schema.String,
  at: Schema.Number,
  /** The place of the card: `after` in a query for what is new. */
  sequence: Schema.Number,
  card: Schema.Json
})
export type CardView = typeof CardView.Type

/** A parameter or a metric on both sides. It is absent on a side that does not have it. */
export const Pair = Schema.Struct({
  name: Schema.String,
  left: Schema.optionalKey(Schema.Json),
  right: Schema.optionalKey(Schema.Json),
  same: Schema.Boolean
})
export type Pair = typeof Pair.Type

/** A run's tasks of one step. */
export const StepSide = Schema.Struct({
  tasks: Schema.Int,
  version: Schema.String,
  statuses: Schema.Record(Schema.String, Schema.Int),
  took: Schema.optionalKey(Schema.Number)
})
export type StepSide = typeof StepSide.Type

/** The comparison of two runs, as in the verb `diff`. */
export const CompareView = Schema.Struct({
  /** The beginning of command lines that read both runs. */
  commands: Commands,
  left: RunView,
  right: RunView,
  parameters: Schema.Array(Pair),
  /** The last value of each metric. */
  metrics: Schema.Array(Pair),
  /** Artifacts that differ, with a line diff if they are small. */
  artifacts: Schema.Array(
    Schema.Struct({
      name: Schema.String,
      left: Schema.optionalKey(RefRecord),
      right: Schema.optionalKey(RefRecord),
      diff: Schema.Array(Schema.String)
    })
  ),
  /** The number of equal artifacts. */
  sameArtifacts: Schema.Int,
  /** Steps that differ. */
  steps: Schema.Array(
    Schema.Struct({
      name: Schema.String,
      left: Schema.optionalKey(StepSide),
      right: Schema.optionalKey(StepSide)
    })
  )
})
export type CompareView = typeof CompareView.Type

/** A change that is sent to open pages. */
export const LiveEvent = Schema.Union([
  /** Sent first and then every few seconds, so that a page can detect a lost connection. */
  Schema.TaggedStruct("Beat", { at: Schema.Number }),
  Schema.TaggedStruct("Runs", { runs: Schema.Array(RunView) }),
  Schema.TaggedStruct("Tasks", { tasks: TaskViews }),
  /** New log lines of these tasks (an empty id is the flow's body), up to this sequence number. */
  Schema.TaggedStruct("Logs", { tasks: Schema.Array(Schema.String), last: Schema.Number }),
  Schema.TaggedStruct("Metrics", {}),
  Schema.TaggedStruct("Cards", { tasks: Schema.Array(Schema.String) }),
  /** These runs no longer exist. Without ids, some of the runs of the list don't. */
  Schema.TaggedStruct("Removed", { runs: Schema.Array(Schema.String) }),
  /** The store can't be read. The page shows the message and keeps listening. */
  Schema.TaggedStruct("Broken", { message: Schema.String })
])
export type LiveEvent = typeof LiveEvent.Type

/** About the server: the store it shows, and the command line to suggest. */
export const About = Schema.Struct({
  store: Schema.String,
  /** The command line for the store, to which the words of a verb can be appended. */
  command: Schema.String,
  /** The flow that the command line runs. Absent for the package's own, which runs none. */
  flow: Schema.optionalKey(Schema.String),
  version: Schema.String,
  now: Schema.Number
})
export type About = typeof About.Type

/** An event with the channel that it belongs to: a run's id, or `*` for the list of runs. */
export const ChannelEvent = Schema.Struct({ of: Schema.String, event: LiveEvent })
export type ChannelEvent = typeof ChannelEvent.Type

/** A place that a search found. */
export const PlaceView = Schema.Struct({
  kind: Schema.Literals(["run", "flow", "tag", "step", "artifact"]),
  text: Schema.String,
  /** Where it is, for example a run's flow and status. */
  detail: Schema.String,
  url: Schema.String
})
export type PlaceView = typeof PlaceView.Type

/** What the list of runs can be filtered by. */
export const NamesView = Schema.Struct({ flows: Schema.Array(Schema.String), tags: Schema.Array(Schema.String) })
export type NamesView = typeof NamesView.Type

/** The workers of a cluster, and the tasks that wait for one. Empty for a store without a cluster. */
export const WorkersView = Schema.Struct({
  workers: Schema.Array(
    Schema.Struct({
      address: Schema.String,
      group: Schema.String,
      host: Schema.String,
      pid: Schema.Int,
      version: Schema.String,
      flows: Schema.Array(Schema.String),
      threads: Schema.Int,
      busy: Schema.Int,
      queued: Schema.Int,
      draining: Schema.Boolean,
      startedAt: Schema.Number,
      seenAt: Schema.Number
    })
  ),
  queues: Schema.Array(
    Schema.Struct({ group: Schema.String, waiting: Schema.Int, oldestWaitMs: Schema.optionalKey(Schema.Number) })
  )
})
export type WorkersView = typeof WorkersView.Type
