/**
 * Statistics of a table's columns over all of its rows, read a part of the rows at a time, so that the size of the table
 * does not matter.
 */
import * as Effect from "effect/Effect"
import type { UiBroken } from "./api.ts"
import * as UiHistogram from "./histogram.ts"
import type { ColumnStatistics, StatisticsView } from "./shapes.ts"
import { type OpenTable, read } from "./table.ts"

const rowsPerRead = 50_000
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
    if (value === null || value === undefined) {
      this.nulls++
      return
    }
    const number =
      typeof value === "number" || typeof value === "bigint"
        ? Number(value)
        : value instanceof Date
          ? value.getTime()
          : undefined
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

/** Reads all rows, and says of each column what there is. */
export const make = Effect.fnUntraced(function* (table: OpenTable): Effect.fn.Return<StatisticsView, UiBroken> {
  const columns = table.columns.map(({ kind, name }) => new Column(name, kind, table.rows))
  for (let from = 0; from < table.rows; from += rowsPerRead) {
    const rows = yield* read(table, from, Math.min(table.rows, from + rowsPerRead))
    for (const column of columns) {
      for (let i = 0; i < rows.length; i++) column.take(rows[i]?.[column.name], from + i)
    }
    yield* Effect.yieldNow
  }
  return { rows: table.rows, columns: columns.map((column) => column.view(table.rows)) }
})
