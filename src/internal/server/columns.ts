/** A summary of each column of a table artifact over its first rows: a histogram, or the most frequent values. */
import * as Effect from "effect/Effect"
import type { UiBroken } from "./api.ts"
import * as UiHistogram from "./histogram.ts"
import type { ColumnsView, ColumnView } from "./shapes.ts"
import { type Column, type Columns, isMissing, numberOf, type OpenTable, read } from "./table.ts"

/** The number of rows that column summaries are computed from. */
const sampledRows = 20_000
const bars = 24

/** Reads the first rows, column by column, and summarizes them. */
export const make = Effect.fnUntraced(function* (table: OpenTable): Effect.fn.Return<ColumnsView, UiBroken> {
  const sampled = Math.min(table.rows, sampledRows)
  const columns = yield* Effect.forEach(table.columns, (column) =>
    Effect.map(
      sampled === 0 ? Effect.succeed<Columns>({}) : read(table, { start: 0, end: sampled }, column.name),
      (values) => summarize(column, Array.from(Object.values(values)[0] ?? []))
    )
  )
  return { sampled, rows: table.rows, columns }
})

const summarize = ({ kind, name }: Column, values: ReadonlyArray<unknown>): ColumnView => {
  const present = values.filter((value) => !isMissing(value))
  const nulls = values.length - present.length
  const numbers = present.flatMap((value) => numberOf(value, kind) ?? [])
  if (numbers.length > 0 && numbers.length === present.length) {
    const summary = UiHistogram.summarize(numbers, bars)
    return { name, kind, nulls, distinct: new Set(numbers).size, ...(summary && { histogram: summary.histogram }) }
  }
  const counts = new Map<string, number>()
  for (const value of present) {
    if (typeof value !== "string" && typeof value !== "boolean") return { name, kind, nulls }
    const text = String(value)
    counts.set(text, (counts.get(text) ?? 0) + 1)
  }
  const top = [...counts].sort(([, a], [, b]) => b - a).slice(0, 5)
  const lengths =
    kind === "text"
      ? UiHistogram.summarize(
          present.map((value) => String(value).length),
          bars
        )
      : undefined
  return {
    name,
    kind,
    nulls,
    distinct: counts.size,
    // Repeating texts are treated as categories. Other texts are summarized by their lengths.
    ...(counts.size <= present.length / 2
      ? { top: top.map(([value, count]) => ({ value: value.length > 80 ? `${value.slice(0, 80)}…` : value, count })) }
      : lengths && { histogram: lengths.histogram })
  }
}
