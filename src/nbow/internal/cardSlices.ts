/** Divides rows by the values of a column, to show where a model does well and where it does not. */
import * as Effect from "effect/Effect"
import * as Card from "../../Card.ts"
import { isList, MetricsError } from "./metricsInput.ts"

/** Columns by name, each with a value for each row. */
export type Columns = { readonly [column: string]: ArrayLike<string | number | bigint | boolean | null | undefined> }

/** The rows with a value, or with values in a range. */
export interface Slice {
  readonly name: string
  readonly rows: ReadonlyArray<number>
}

/** A column with more values is divided into ranges, if they are numbers, or else shows the most frequent ones. */
const valuesLimit = 12

const isNothing = (value: unknown): boolean => value === null || value === undefined || Number.isNaN(value)

const byName = (values: ArrayLike<unknown>, nameOf: (value: unknown) => string): ReadonlyArray<Slice> => {
  const rowsOf = new Map<string, Array<number>>()
  for (let row = 0; row < values.length; row++) {
    const name = isNothing(values[row]) ? "(no value)" : nameOf(values[row])
    const rows = rowsOf.get(name)
    if (rows === undefined) rowsOf.set(name, [row])
    else rows.push(row)
  }
  return Array.from(rowsOf, ([name, rows]) => ({ name, rows }))
}

/** Four ranges with about as many rows each. */
const ranges = (values: ArrayLike<unknown>): ReadonlyArray<Slice> => {
  const sorted = Array.from(values)
    .filter((value) => !isNothing(value))
    .map(Number)
    .sort((a, b) => a - b)
  const bounds = [0.25, 0.5, 0.75, 1].map((part) => sorted[Math.ceil(part * sorted.length) - 1] as number) // there are more
  const slices = byName(values, (value) => String(bounds.findIndex((bound) => Number(value) <= bound)))
  return slices
    .toSorted((a, b) => a.name.localeCompare(b.name))
    .map(({ name, rows }) => {
      const at = Number(name)
      if (Number.isNaN(at)) return { name, rows }
      return { name: at === 0 ? `≤ ${bounds[0]}` : `> ${bounds[at - 1]} to ${bounds[at]}`, rows }
    })
}

const slicesOf = (values: ArrayLike<unknown>): ReadonlyArray<Slice> => {
  const slices = byName(values, String).toSorted((a, b) => b.rows.length - a.rows.length)
  if (slices.length <= valuesLimit) return slices
  if (Array.from(values).every((value) => isNothing(value) || typeof value === "number")) return ranges(values)
  const others = slices.slice(valuesLimit - 1)
  const rows = others.flatMap((slice) => slice.rows)
  return [...slices.slice(0, valuesLimit - 1), { name: `(${others.length} others)`, rows }]
}

/**
 * A table for each column: a row for each of its values, with what `measure` says of the rows with it.
 *
 * @param columns The columns.
 * @param rows The number of rows.
 * @param headings The headings of the measures.
 */
export const tables = Effect.fnUntraced(function* (
  columns: Columns,
  rows: number,
  headings: ReadonlyArray<string>,
  measure: (rows: ReadonlyArray<number>) => Effect.Effect<ReadonlyArray<string>, MetricsError>
) {
  const components: Array<Card.Component> = []
  for (const [column, values] of Object.entries(columns)) {
    if (!isList(values) || values.length !== rows) {
      const count = isList(values) ? `there are ${values.length} values` : "it is not a list of values"
      const message = `Nbow.evaluationCard: option slices.${column}: ${count} for ${rows} rows`
      return yield* new MetricsError({ reason: "option", message })
    }
    const measured = yield* Effect.forEach(slicesOf(values), (slice) =>
      Effect.map(measure(slice.rows), (cells) => [slice.name, slice.rows.length, ...cells])
    )
    components.push(Card.table({ title: `By ${column}`, columns: [column, "rows", ...headings], rows: measured }))
  }
  return components
})
