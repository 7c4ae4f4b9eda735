/**
 * The schema of a card. A card is data and never HTML. It is stored as a JSON artifact, so any program can read it for
 * as long as the run is kept.
 */
import * as Schema from "effect/Schema"

const optional = Schema.optionalKey(Schema.String)
/** A number, or a gap. */
const point = Schema.NullOr(Schema.Finite)

/** Text in Markdown: headings, lists, tables, quotes, code, links, emphasis. HTML in it is shown as it is written. */
export const Markdown = Schema.TaggedStruct("Markdown", { text: Schema.String })

/** A value of a table's cell. */
export const Scalar = Schema.Union([Schema.String, Schema.Finite, Schema.Boolean, Schema.Null])

export const Table = Schema.TaggedStruct("Table", {
  title: optional,
  columns: Schema.Array(Schema.String),
  rows: Schema.Array(Schema.Array(Scalar)),
  /** The original number of rows, if the card has only some of them. */
  total: Schema.optionalKey(Schema.Int)
})

export const Image = Schema.TaggedStruct("Image", {
  title: optional,
  mediaType: Schema.Literals(["image/png", "image/jpeg", "image/gif", "image/webp"]),
  /** The bytes, in base 64. */
  data: Schema.String,
  /** Alternative text for screen readers. */
  alt: Schema.String
})

const Axis = Schema.Struct({
  label: optional,
  min: Schema.optionalKey(Schema.Finite),
  max: Schema.optionalKey(Schema.Finite)
})

export const Line = Schema.TaggedStruct("Line", {
  title: optional,
  x: Schema.optionalKey(Axis),
  y: Schema.optionalKey(Axis),
  series: Schema.Array(
    Schema.Struct({
      name: Schema.String,
      x: Schema.Array(Schema.Finite),
      y: Schema.Array(point),
      dashed: Schema.optionalKey(Schema.Boolean)
    })
  )
})

export const Bar = Schema.TaggedStruct("Bar", {
  title: optional,
  labels: Schema.Array(Schema.String),
  series: Schema.Array(Schema.Struct({ name: Schema.String, values: Schema.Array(point) }))
})

export const Heatmap = Schema.TaggedStruct("Heatmap", {
  title: optional,
  /** The names of the row axis and the column axis. */
  rowLabel: optional,
  columnLabel: optional,
  rows: Schema.Array(Schema.String),
  columns: Schema.Array(Schema.String),
  values: Schema.Array(Schema.Array(point))
})

export const Progress = Schema.TaggedStruct("Progress", {
  title: Schema.String,
  value: Schema.Finite,
  total: Schema.Finite,
  unit: optional
})

/** A link to an artifact. */
export const Artifact = Schema.TaggedStruct("Artifact", {
  title: optional,
  name: Schema.String,
  digest: Schema.String,
  format: Schema.String,
  size: Schema.Number
})

/** A part of a card. */
export const Component = Schema.Union([Markdown, Table, Image, Line, Bar, Heatmap, Progress, Artifact])

/** A part of a card. */
export type Component = typeof Component.Type

/** A card: its parts, from top to bottom. */
export const Card = Schema.Struct({ components: Schema.Array(Component) })

/** A card: its parts, from top to bottom. */
export type Card = typeof Card.Type
