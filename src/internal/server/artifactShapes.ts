/** The data that the server sends to the page about artifacts: what they are, rows of tables, tensors and models. */
import * as Schema from "effect/Schema"
import { RefRecord } from "../../RunRecord.ts"

/** An artifact's metadata, known without reading its bytes. */
export const ArtifactView = Schema.Struct({
  ref: RefRecord,
  /** The viewer that shows it. */
  viewer: Schema.Literals(["json", "table", "tensors", "text", "image", "bytes", "dataset", "model"]),
  /** The stored description of its schema. */
  schema: Schema.optionalKey(Schema.Json),
  /** The task that wrote it, in the run that executed it. */
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

/** A column's kind and a summary of its values in the sampled rows. */
export const ColumnView = Schema.Struct({
  name: Schema.String,
  kind: Schema.String,
  nulls: Schema.Int,
  distinct: Schema.optionalKey(Schema.Int),
  histogram: Schema.optionalKey(Histogram),
  /** The most frequent values of texts and booleans. */
  top: Schema.optionalKey(Schema.Array(Schema.Struct({ value: Schema.String, count: Schema.Int })))
})
export type ColumnView = typeof ColumnView.Type

/** A condition on a column. */
export const Condition = Schema.Struct({
  column: Schema.String,
  op: Schema.Literals(["contains", "is", "isNot", "atLeast", "atMost", "isNull", "isNotNull"]),
  value: Schema.String
})
export type Condition = typeof Condition.Type

/** One array per row. Like tasks, rows are sent as plain JSON without encoding each cell. */
const Cells = Schema.declare((rows): rows is ReadonlyArray<ReadonlyArray<Schema.Json>> => Array.isArray(rows))

/** A page of a table. */
export const TableView = Schema.Struct({
  /** All rows of the table. */
  rows: Schema.Int,
  /** The rows that the filters leave. Absent without filters. */
  matches: Schema.optionalKey(Schema.Int),
  /** The numbers of the rows, where they are not in the order of the table. */
  at: Schema.optionalKey(Schema.Array(Schema.Int)),
  columns: Schema.Array(Schema.Struct({ name: Schema.String, kind: Schema.String })),
  offset: Schema.Int,
  /** One array per row, in the order of `columns`. Long texts are cut. */
  values: Cells
})
export type TableView = typeof TableView.Type

/** What a column holds in all rows. The distinct values are absent if they are too many to count. */
export const ColumnStatistics = Schema.Struct({
  name: Schema.String,
  kind: Schema.String,
  nulls: Schema.Int,
  distinct: Schema.optionalKey(Schema.Int),
  min: Schema.optionalKey(Schema.Number),
  max: Schema.optionalKey(Schema.Number),
  mean: Schema.optionalKey(Schema.Number),
  deviation: Schema.optionalKey(Schema.Number),
  nonFinite: Schema.optionalKey(Schema.Int),
  histogram: Schema.optionalKey(Histogram),
  top: Schema.optionalKey(Schema.Array(Schema.Struct({ value: Schema.String, count: Schema.Int })))
})
export type ColumnStatistics = typeof ColumnStatistics.Type

/** The statistics of a table over all of its rows. */
export const StatisticsView = Schema.Struct({ rows: Schema.Int, columns: Schema.Array(ColumnStatistics) })
export type StatisticsView = typeof StatisticsView.Type

/** A summary of each column of a table, computed from its first rows. */
export const ColumnsView = Schema.Struct({ sampled: Schema.Int, rows: Schema.Int, columns: Schema.Array(ColumnView) })
export type ColumnsView = typeof ColumnsView.Type

/** A tensor with a summary of its first elements. */
export const TensorView = Schema.Struct({
  name: Schema.String,
  dtype: Schema.String,
  shape: Schema.Array(Schema.Int),
  bytes: Schema.Number,
  sampled: Schema.Int,
  elements: Schema.Int,
  min: Schema.optionalKey(Schema.Number),
  max: Schema.optionalKey(Schema.Number),
  mean: Schema.optionalKey(Schema.Number),
  nonFinite: Schema.optionalKey(Schema.Int),
  histogram: Schema.optionalKey(Histogram)
})
export type TensorView = typeof TensorView.Type

/** A tensors file: its tensors and its metadata (where a model keeps its vocabulary and options). */
export const TensorsView = Schema.Struct({
  tensors: Schema.Array(TensorView),
  metadata: Schema.Record(Schema.String, Schema.String)
})
export type TensorsView = typeof TensorsView.Type

/** A term, and how far it alone moves the log-odds of a label. */
const TermEffect = Schema.Struct({ term: Schema.String, effect: Schema.Number })

/** A trained bag-of-words model: how it was trained, how that went, and what its terms say. */
export const ModelView = Schema.Struct({
  options: Schema.Record(Schema.String, Schema.Json),
  history: Schema.Array(Schema.Record(Schema.String, Schema.Number)),
  /** The epoch that the weights are from. */
  epoch: Schema.Int,
  /** The number of terms in the vocabulary. */
  terms: Schema.Int,
  /** The terms that speak for each label, the strongest first. */
  labels: Schema.Array(Schema.Struct({ label: Schema.String, terms: Schema.Array(TermEffect) }))
})
export type ModelView = typeof ModelView.Type

/** Why a text is scored as it is. */
export const ScoreView = Schema.Struct({
  /** The probability of each label that the model scores. */
  scores: Schema.Array(Schema.Struct({ label: Schema.String, score: Schema.Number })),
  /** The label that the effects are on: label 1, or the most probable class. */
  label: Schema.String,
  baseline: Schema.Number,
  logOdds: Schema.Number,
  terms: Schema.Array(Schema.Struct({ ...TermEffect.fields, count: Schema.Int }))
})
export type ScoreView = typeof ScoreView.Type
