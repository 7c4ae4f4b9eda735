/**
 * Statistics of a table's columns over all of its rows, read a part of the rows at a time, so that the size of the table
 * does not matter.
 */
import * as Effect from "effect/Effect"
import type { UiBroken } from "./api.ts"
import * as UiHistogram from "./histogram.ts"
import type { ColumnStatistics, StatisticsView } from "./shapes.ts"
import { isMissing, numberOf, type OpenTable, partsOf, read } from "./table.ts"

/** Up to this many different values of a column are counted. */
const distinctLimit = 20_000
/** Histograms are of at most this many numbers, spread evenly over the rows. */
const sampleLimit = 200_000
const topLimit = 8
const bars = 24

class Column {
  nulls = 0
  finite = 0
  sum = 0
  squares = 0
  min = Number.POSITIVE_INFINITY
  max = Number.NEGATIVE_INFINITY
  isNumeric = true
  counts: Map<unknown, number> | undefined = new Map()
  readonly sample: Array<number> = []
  readonly name: string
  readonly kind: string
  readonly every: number

  constructor(name: string, kind: string, rows: number) {
    this.name = name
    this.kind = kind
    this.every = Math.max(1, Math.ceil(rows / sampleLimit))
  }

  take(value: unknown, row: number): void {
    if (isMissing(value)) {
      this.nulls++
      return
    }
    const number = numberOf(value, this.kind)
    if (number === undefined) this.isNumeric = false
    else if (Number.isFinite(number)) {
      this.finite++
      this.sum += number
      this.squares += number * number
      if (number < this.min) this.min = number
      if (number > this.max) this.max = number
      if (row % this.every === 0) this.sample.push(number)
    }
    this.#count(value instanceof Date ? value.getTime() : typeof value === "object" ? undefined : value)
  }

  #count(value: unknown): void {
    if (value === undefined) this.counts = undefined
    if (this.counts === undefined) return
    this.counts.set(value, (this.counts.get(value) ?? 0) + 1)
    if (this.counts.size > distinctLimit) this.counts = undefined
  }

  view(rows: number): ColumnStatistics {
    const present = rows - this.nulls
    const isNumeric = this.isNumeric && this.finite > 0
    const mean = this.sum / this.finite
    const histogram = isNumeric ? UiHistogram.summarize(this.sample, bars)?.histogram : undefined
    const top =
      this.counts === undefined || (isNumeric && this.counts.size > topLimit)
        ? undefined
        : [...this.counts]
            .sort(([, a], [, b]) => b - a)
            .slice(0, topLimit)
            .map(([value, count]) => ({ value: String(value).slice(0, 80), count }))
    return {
      name: this.name,
      kind: this.kind,
      nulls: this.nulls,
      ...(this.counts === undefined ? {} : { distinct: this.counts.size }),
      ...(isNumeric
        ? {
            min: this.min,
            max: this.max,
            mean,
            deviation: Math.sqrt(Math.max(0, this.squares / this.finite - mean * mean)),
            nonFinite: present - this.finite
          }
        : {}),
      ...(histogram === undefined ? {} : { histogram }),
      ...(top === undefined ? {} : { top })
    }
  }
}

/** Reads all rows, a column at a time, and says of each column what there is. */
export const make = Effect.fnUntraced(function* (table: OpenTable): Effect.fn.Return<StatisticsView, UiBroken> {
  const columns: Array<ColumnStatistics> = []
  for (const { kind, name } of table.columns) {
    const column = new Column(name, kind, table.rows)
    for (const part of partsOf(table)) {
      const values = (yield* read(table, part, name))[name] ?? []
      for (let i = 0; i < values.length; i++) column.take(values[i], part.start + i)
      yield* Effect.yieldNow // other requests come in between
    }
    columns.push(column.view(table.rows))
  }
  return { rows: table.rows, columns }
})
