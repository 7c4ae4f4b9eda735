/**
 * What the page shows, as it is sent to it: views of runs, tasks, artifacts and their insides, and the events that tell of
 * changes. The page imports the types and nothing else of it, so that both sides are checked against one description and
 * the page carries no schema.
 */
import * as Schema from "effect/Schema"
import { AttemptRecord, RefRecord, RunRecord, TaskRecord, TaskStatus } from "../../RunRecord.ts"

/** How many tasks of a step are in a status. */
export const Count = Schema.Struct({ step: Schema.String, status: TaskStatus, count: Schema.Int })
export type Count = typeof Count.Type

/** A run's status, and `crashed`: it says that it is running while its process is gone. */
export const ShownStatus = Schema.Literals(["running", "succeeded", "failed", "interrupted", "crashed"])
export type ShownStatus = typeof ShownStatus.Type

/** A run as a list shows it. */
export const RunView = RunRecord.mapFields(({ output: _, status: __, ...shared }) => ({
  ...shared,
  status: ShownStatus,
  counts: Schema.Array(Count)
}))
export type RunView = typeof RunView.Type

/** A run with the runs around it. */
export const RunDetail = Schema.Struct({
  run: RunView,
  output: Schema.optionalKey(Schema.Json),
  /** Runs that this one called, newest first. */
  children: Schema.Array(RunView)
})
export type RunDetail = typeof RunDetail.Type

/** A task as the graph, the waterfall and the lists show it. */
const TaskView = Schema.Struct({
  id: Schema.String,
  step: Schema.String,
  index: Schema.Int,
  status: TaskStatus,
  how: TaskRecord.fields.how,
  source: Schema.optionalKey(Schema.String),
  startedAt: Schema.Number,
  finishedAt: Schema.optionalKey(Schema.Number),
  attempts: Schema.Array(
    Schema.Struct({
      number: Schema.Int,
      status: TaskStatus,
      startedAt: Schema.Number,
      finishedAt: Schema.optionalKey(Schema.Number)
    })
  ),
  parents: Schema.Array(Schema.String),
  /**
   * What it was given: names by the task that wrote them, `RUN/train/3`, without their branches; an empty writer is a
   * literal. Of many writers only the step is told.
   */
  given: Schema.Array(Schema.Struct({ writer: Schema.String, names: Schema.Array(Schema.String) })),
  outputs: Schema.Array(Schema.String),
  /** Bytes of its outputs. */
  bytes: Schema.Number,
  error: Schema.optionalKey(Schema.Struct({ tag: Schema.String, message: Schema.String }))
})
export type TaskView = typeof TaskView.Type

/**
 * Tasks as they are sent: JSON already, so they are not walked field by field. A run that goes on tells of thousands of them
 * a second, while it could use the processor itself.
 */
export const TaskViews = Schema.declare((tasks): tasks is ReadonlyArray<TaskView> => Array.isArray(tasks))

/** A task in full. */
export const TaskDetail = Schema.Struct({
  run: RunView,
  task: Schema.Struct({ ...TaskRecord.fields, attempts: Schema.Array(AttemptRecord), inputs: Schema.Array(RefRecord) }),
  /** Tasks that were given something of this one. */
  children: Schema.Array(Schema.String)
})
export type TaskDetail = typeof TaskDetail.Type

/** Why a task ran or did not, as `why` says it. */
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

/** A metric of a task, as columns. Long series are thinned to what a chart can show; `total` says how many there are. */
export const SeriesView = Schema.Struct({
  task: Schema.String,
  name: Schema.String,
  steps: Schema.Array(Schema.Number),
  /** `null` where the value was no finite number. */
  values: Schema.Array(Schema.NullOr(Schema.Finite)),
  total: Schema.Int
})
export type SeriesView = typeof SeriesView.Type

/** A card: where it is, and the components themselves; `cardData.ts` has their schema. */
export const CardView = Schema.Struct({
  task: Schema.String,
  attempt: Schema.Int,
  digest: Schema.String,
  at: Schema.Number,
  card: Schema.Json
})
export type CardView = typeof CardView.Type

/** What is known of an artifact before its bytes are read. */
export const ArtifactView = Schema.Struct({
  ref: RefRecord,
  /** How the page shows it. */
  viewer: Schema.Literals(["json", "table", "tensors", "text", "image", "bytes"]),
  /** The schema's own description, as it was stored. */
  schema: Schema.optionalKey(Schema.Json),
  /** The task that wrote it, in the run that really wrote it. */
  writer: Schema.optionalKey(Schema.String)
})
export type ArtifactView = typeof ArtifactView.Type

/** A task that reads or wrote an artifact. */
export const UseView = Schema.Struct({
  run: Schema.String,
  task: Schema.String,
  side: Schema.Literals(["input", "output"]),
  name: Schema.String
})
export type UseView = typeof UseView.Type

/** Bars between `min` and `max`. */
export const Histogram = Schema.Struct({
  min: Schema.Number,
  max: Schema.Number,
  bars: Schema.Array(Schema.Int)
})
export type Histogram = typeof Histogram.Type

/** A column's kind and what its values look like, over the rows that were looked at. */
export const ColumnView = Schema.Struct({
  name: Schema.String,
  kind: Schema.String,
  nulls: Schema.Int,
  distinct: Schema.optionalKey(Schema.Int),
  histogram: Schema.optionalKey(Histogram),
  /** The most frequent values, for texts and booleans. */
  top: Schema.optionalKey(Schema.Array(Schema.Struct({ value: Schema.String, count: Schema.Int })))
})
export type ColumnView = typeof ColumnView.Type

/** A page of a table. */
export const TableView = Schema.Struct({
  rows: Schema.Int,
  columns: Schema.Array(Schema.Struct({ name: Schema.String, kind: Schema.String })),
  offset: Schema.Int,
  /** One array a row, in the order of `columns`; long texts are cut. */
  values: Schema.Array(Schema.Array(Schema.Json))
})
export type TableView = typeof TableView.Type

/** Each column of a table, looked at over its first rows. */
export const ColumnsView = Schema.Struct({ looked: Schema.Int, rows: Schema.Int, columns: Schema.Array(ColumnView) })
export type ColumnsView = typeof ColumnsView.Type

/** A tensor, looked at over its first elements. */
export const TensorView = Schema.Struct({
  name: Schema.String,
  dtype: Schema.String,
  shape: Schema.Array(Schema.Int),
  bytes: Schema.Number,
  looked: Schema.Int,
  elements: Schema.Int,
  min: Schema.optionalKey(Schema.Number),
  max: Schema.optionalKey(Schema.Number),
  mean: Schema.optionalKey(Schema.Number),
  nonFinite: Schema.optionalKey(Schema.Int),
  histogram: Schema.optionalKey(Histogram)
})
export type TensorView = typeof TensorView.Type

/** A tensors file: its tensors, and the texts beside them (a model keeps its vocabulary and options there). */
export const TensorsView = Schema.Struct({
  tensors: Schema.Array(TensorView),
  metadata: Schema.Record(Schema.String, Schema.String)
})
export type TensorsView = typeof TensorsView.Type

/** A parameter or a metric on both sides; what is absent is not set there. */
export const Pair = Schema.Struct({
  name: Schema.String,
  left: Schema.optionalKey(Schema.Json),
  right: Schema.optionalKey(Schema.Json),
  same: Schema.Boolean
})
export type Pair = typeof Pair.Type

/** What a run's tasks of a step did. */
export const StepSide = Schema.Struct({
  tasks: Schema.Int,
  version: Schema.String,
  statuses: Schema.Record(Schema.String, Schema.Int),
  took: Schema.optionalKey(Schema.Number)
})
export type StepSide = typeof StepSide.Type

/** Two runs side by side, as `diff` has them. */
export const CompareView = Schema.Struct({
  left: RunView,
  right: RunView,
  parameters: Schema.Array(Pair),
  /** The last value of each metric. */
  metrics: Schema.Array(Pair),
  /** Those that differ, and how, line by line, where they are small. */
  artifacts: Schema.Array(
    Schema.Struct({
      name: Schema.String,
      left: Schema.optionalKey(RefRecord),
      right: Schema.optionalKey(RefRecord),
      diff: Schema.Array(Schema.String)
    })
  ),
  /** How many artifacts are the same. */
  sameArtifacts: Schema.Int,
  /** Those that differ. */
  steps: Schema.Array(
    Schema.Struct({
      name: Schema.String,
      left: Schema.optionalKey(StepSide),
      right: Schema.optionalKey(StepSide)
    })
  )
})
export type CompareView = typeof CompareView.Type

/** What happened, as it is told to an open page. */
export const LiveEvent = Schema.Union([
  /** Sent first, and every few seconds: a page that hears nothing knows that the connection is gone. */
  Schema.TaggedStruct("Beat", { at: Schema.Number }),
  Schema.TaggedStruct("Runs", { runs: Schema.Array(RunView) }),
  Schema.TaggedStruct("Tasks", { tasks: TaskViews }),
  /** New lines of these tasks (empty: of the flow's body), up to this sequence. */
  Schema.TaggedStruct("Logs", { tasks: Schema.Array(Schema.String), last: Schema.Number }),
  Schema.TaggedStruct("Metrics", {}),
  Schema.TaggedStruct("Cards", { tasks: Schema.Array(Schema.String) }),
  /** The store does not answer; the page says so and goes on listening. */
  Schema.TaggedStruct("Broken", { message: Schema.String })
])
export type LiveEvent = typeof LiveEvent.Type

/** About the server: the store it shows, and how its command line is called. */
export const About = Schema.Struct({
  store: Schema.String,
  command: Schema.String,
  version: Schema.String,
  now: Schema.Number
})
export type About = typeof About.Type
