/**
 * Table artifacts for the page: rows by range and a summary of each column, read from Parquet by byte ranges, so that
 * showing some rows of a large table only reads the footer and their column chunks.
 */
import * as Effect from "effect/Effect"
import type { AsyncBuffer, FileMetaData } from "hyparquet"
import { messageOf } from "../cause.ts"
import { type Json, jsonValue } from "../jsonValue.ts"
import * as Leaf from "../parquet/leaf.ts"
import { ownBuffer } from "../parquet/source.ts"
import { UiBroken } from "./api.ts"
import * as UiHistogram from "./histogram.ts"
import type { ColumnsView, ColumnView, TableView } from "./shapes.ts"

/** Reads an artifact's bytes by range. */
export interface Source {
  readonly size: number
  readonly read: (start: number, end: number) => Promise<Uint8Array>
}

/** The number of rows that column summaries are computed from. */
const sampledRows = 20_000

/** A table whose footer was read. */
export interface OpenTable {
  readonly file: AsyncBuffer
  readonly metadata: FileMetaData
  readonly columns: ReadonlyArray<{ readonly name: string; readonly kind: string }>
  readonly rows: number
}

const bufferOf = (source: Source): AsyncBuffer => ({
  byteLength: source.size,
  slice: async (start, end = source.size) => {
    const bytes = await source.read(start, end)
    return ownBuffer(bytes)
  }
})

const attempt = <A>(run: () => Promise<A>): Effect.Effect<A, UiBroken> =>
  Effect.tryPromise({
    try: run,
    catch: (cause) =>
      new UiBroken({
        message: `The table's bytes can't be read as Parquet: ${messageOf(cause)}.`
      })
  })

/** Reads the footer. */
export const open = (source: Source): Effect.Effect<OpenTable, UiBroken> =>
  attempt(async () => {
    const { parquetMetadataAsync, parquetSchema } = await import("hyparquet")
    const file = bufferOf(source)
    const metadata = await parquetMetadataAsync(file, { initialFetchSize: 64 * 1024 })
    const columns = parquetSchema(metadata).children.map((node) => ({
      name: node.element.name,
      kind: Leaf.kindText(node)
    }))
    return { file, metadata, columns, rows: Number(metadata.num_rows) }
  })

/** Rows from `offset`, at most `limit`, texts cut after `cut` characters. */
export const page = (
  table: OpenTable,
  offset: number,
  limit: number,
  maxLength: number
): Effect.Effect<TableView, UiBroken> => {
  const end = Math.min(table.rows, offset + limit)
  return Effect.map(offset >= end ? Effect.succeed([]) : read(table, offset, end), (rows) => ({
    rows: table.rows,
    columns: table.columns,
    offset,
    values: rows.map((row) => table.columns.map(({ name }) => show(row[name], maxLength)))
  }))
}

/** A summary of each column over the first rows. */
export const columns = (table: OpenTable): Effect.Effect<ColumnsView, UiBroken> => {
  const end = Math.min(table.rows, sampledRows)
  return Effect.map(end === 0 ? Effect.succeed([]) : read(table, 0, end), (rows) => ({
    sampled: end,
    rows: table.rows,
    columns: table.columns.map(({ kind, name }) =>
      summarize(
        name,
        kind,
        rows.map((row) => row[name])
      )
    )
  }))
}

/** Rows as objects. */
export const read = (table: OpenTable, rowStart: number, rowEnd: number) =>
  attempt(async () => {
    const [{ parquetReadObjects }, { compressors }] = await Promise.all([
      import("hyparquet"),
      import("hyparquet-compressors")
    ])
    const { file, metadata } = table
    return parquetReadObjects({ file, metadata, compressors, rowStart, rowEnd, useOffsetIndex: true })
  })

/** How bytes are shown. */
export const bytesText = (bytes: Uint8Array): string => `${bytes.byteLength} bytes`

/** A value as JSON for the page, cut to what fits a cell. */
const show = (value: unknown, maxLength: number): Json =>
  jsonValue(value, { maxLength, maxItems: 100, bytes: bytesText })

const summarize = (name: string, kind: string, values: ReadonlyArray<unknown>): ColumnView => {
  const present = values.filter((value) => value !== null && value !== undefined)
  const nulls = values.length - present.length
  const numbers = present.filter((value) => typeof value === "number" || typeof value === "bigint").map(Number)
  if (numbers.length > 0 && numbers.length === present.length) {
    const summary = UiHistogram.summarize(numbers, 24)
    return { name, kind, nulls, distinct: new Set(numbers).size, ...(summary && { histogram: summary.histogram }) }
  }
  const times = present.filter((value) => value instanceof Date).map((value) => value.getTime())
  if (times.length > 0 && times.length === present.length) {
    const summary = UiHistogram.summarize(times, 24)
    return { name, kind, nulls, distinct: new Set(times).size, ...(summary && { histogram: summary.histogram }) }
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
          24
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
