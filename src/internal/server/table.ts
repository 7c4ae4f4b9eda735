/**
 * A table artifact for the page: rows by range and a look at each column, read from Parquet through ranges of the stored
 * bytes, so that a page of a large table costs the footer and the column chunks that hold it.
 */
import * as Effect from "effect/Effect"
import type { AsyncBuffer, FileMetaData, SchemaElement } from "hyparquet"
import { messageOf } from "../cause.ts"
import { UiBroken } from "./api.ts"
import * as UiHistogram from "./histogram.ts"
import type { ColumnsView, ColumnView, TableView } from "./shapes.ts"

/** A table's bytes, by range. */
export interface Source {
  readonly size: number
  readonly read: (start: number, end: number) => Promise<Uint8Array>
}

/** How many rows a look at the columns reads. */
const looked = 20_000

interface Opened {
  readonly file: AsyncBuffer
  readonly metadata: FileMetaData
  readonly columns: ReadonlyArray<{ readonly name: string; readonly kind: string }>
  readonly rows: number
}

const bufferOf = (source: Source): AsyncBuffer => ({
  byteLength: source.size,
  slice: async (start, end = source.size) => {
    const bytes = await source.read(start, end)
    return bytes.byteOffset === 0 && bytes.byteLength === bytes.buffer.byteLength
      ? (bytes.buffer as ArrayBuffer) // node's readers never give shared memory
      : (bytes.slice().buffer as ArrayBuffer) // a copy of its own
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
export const open = (source: Source): Effect.Effect<Opened, UiBroken> =>
  attempt(async () => {
    const { parquetMetadataAsync, parquetSchema } = await import("hyparquet")
    const file = bufferOf(source)
    const metadata = await parquetMetadataAsync(file, { initialFetchSize: 64 * 1024 })
    const columns = parquetSchema(metadata).children.map(({ children, element }) => ({
      name: element.name,
      kind: kindOf(element, children.length > 0)
    }))
    return { file, metadata, columns, rows: Number(metadata.num_rows) }
  })

/** Rows from `offset`, at most `limit`, texts cut after `cut` characters. */
export const page = (table: Opened, offset: number, limit: number, cut: number): Effect.Effect<TableView, UiBroken> => {
  const end = Math.min(table.rows, offset + limit)
  return Effect.map(offset >= end ? Effect.succeed([]) : read(table, offset, end), (rows) => ({
    rows: table.rows,
    columns: table.columns,
    offset,
    values: rows.map((row) => table.columns.map(({ name }) => show(row[name], cut)))
  }))
}

/** A look at each column over the first rows. */
export const columns = (table: Opened): Effect.Effect<ColumnsView, UiBroken> => {
  const end = Math.min(table.rows, looked)
  return Effect.map(end === 0 ? Effect.succeed([]) : read(table, 0, end), (rows) => ({
    looked: end,
    rows: table.rows,
    columns: table.columns.map(({ kind, name }) =>
      lookAt(
        name,
        kind,
        rows.map((row) => row[name])
      )
    )
  }))
}

const read = (table: Opened, rowStart: number, rowEnd: number) =>
  attempt(async () => {
    const [{ parquetReadObjects }, { compressors }] = await Promise.all([
      import("hyparquet"),
      import("hyparquet-compressors")
    ])
    const { file, metadata } = table
    return parquetReadObjects({ file, metadata, compressors, rowStart, rowEnd, useOffsetIndex: true })
  })

const kindOf = (element: SchemaElement, nested: boolean): string => {
  const { converted_type: converted, logical_type: logical, type } = element
  if (nested) return converted === "LIST" || logical?.type === "LIST" ? "list" : converted === "MAP" ? "map" : "struct"
  if (converted === "UTF8" || converted === "ENUM" || logical?.type === "STRING") return "text"
  if (converted === "JSON" || logical?.type === "JSON") return "JSON"
  if (converted === "DECIMAL" || logical?.type === "DECIMAL") return "decimal"
  if (converted === "DATE" || logical?.type === "DATE") return "date"
  if (converted?.startsWith("TIMESTAMP") || logical?.type === "TIMESTAMP" || type === "INT96") return "time"
  if (type === "BOOLEAN") return "boolean"
  if (type === "FLOAT" || type === "DOUBLE") return "number"
  if (type === "INT32" || type === "INT64") return "integer"
  return "bytes"
}

type Json = null | boolean | number | string | ReadonlyArray<Json> | { readonly [key: string]: Json }

/** A value as JSON that can be shown: nothing is lost silently but the rest of a long text, which ends in an ellipsis. */
const show = (value: unknown, cut: number): Json => {
  if (value === null || value === undefined) return null
  switch (typeof value) {
    case "string":
      return value.length > cut ? `${value.slice(0, cut)}…` : value
    case "number":
      return Number.isFinite(value) ? value : String(value)
    case "boolean":
      return value
    case "bigint":
      return Number.isSafeInteger(Number(value)) ? Number(value) : String(value)
  }
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "invalid date" : value.toISOString()
  if (ArrayBuffer.isView(value) && value instanceof Uint8Array) return `${value.byteLength} bytes`
  if (Array.isArray(value) || ArrayBuffer.isView(value)) {
    const items = Array.from(value as unknown as ArrayLike<unknown>) // typed arrays but DataView, which no reader gives
    return items.length > 100
      ? [...items.slice(0, 100).map((item) => show(item, cut)), "…"]
      : items.map((item) => show(item, cut))
  }
  return Object.fromEntries(Object.entries(value as object).map(([key, item]) => [key, show(item, cut)]))
}

const lookAt = (name: string, kind: string, values: ReadonlyArray<unknown>): ColumnView => {
  const there = values.filter((value) => value !== null && value !== undefined)
  const nulls = values.length - there.length
  const numbers = there.filter((value) => typeof value === "number" || typeof value === "bigint").map(Number)
  if (numbers.length > 0 && numbers.length === there.length) {
    const found = UiHistogram.look(numbers, 24)
    return { name, kind, nulls, distinct: new Set(numbers).size, ...(found && { histogram: found.histogram }) }
  }
  const times = there.filter((value) => value instanceof Date).map((value) => value.getTime())
  if (times.length > 0 && times.length === there.length) {
    const found = UiHistogram.look(times, 24)
    return { name, kind, nulls, distinct: new Set(times).size, ...(found && { histogram: found.histogram }) }
  }
  const counts = new Map<string, number>()
  for (const value of there) {
    if (typeof value !== "string" && typeof value !== "boolean") return { name, kind, nulls }
    const text = String(value)
    counts.set(text, (counts.get(text) ?? 0) + 1)
  }
  const top = [...counts].sort(([, a], [, b]) => b - a).slice(0, 5)
  const lengths =
    kind === "text"
      ? UiHistogram.look(
          there.map((value) => String(value).length),
          24
        )
      : undefined
  return {
    name,
    kind,
    nulls,
    distinct: counts.size,
    // Texts that repeat are categories; others are told apart by how long they are.
    ...(counts.size <= there.length / 2
      ? { top: top.map(([value, count]) => ({ value: value.length > 80 ? `${value.slice(0, 80)}…` : value, count })) }
      : lengths && { histogram: lengths.histogram })
  }
}
