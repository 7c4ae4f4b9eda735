/**
 * Table artifacts for the page: rows by range, read from Parquet by byte ranges, so that showing some rows of a large table
 * reads the footer and the pages that have them. The values are those that `Parquet.readAny` and `dump` read.
 */
import * as Effect from "effect/Effect"
import type { AsyncBuffer } from "hyparquet"
import { type Json, jsonValue } from "../jsonValue.ts"
import * as ColumnType from "../parquet/columnType.ts"
import * as Modules from "../parquet/lazy.ts"
import * as Leaf from "../parquet/leaf.ts"
import type { OpenFile } from "../parquet/reader.ts"
import { ownBuffer } from "../parquet/source.ts"
import { UiBroken } from "./api.ts"
import type { TableView } from "./shapes.ts"

/** Reads an artifact's bytes by range. */
export interface Source {
  readonly size: number
  readonly read: (start: number, end: number) => Promise<Uint8Array>
}

/** A column's name, and its kind in one word. */
export interface Column {
  readonly name: string
  readonly kind: string
}

/** A table whose footer was read. */
export interface OpenTable {
  readonly file: OpenFile
  readonly columns: ReadonlyArray<Column>
  readonly rows: number
  /** The size of its columns, not compressed. */
  readonly bytes: number
}

/** Columns of some rows, by name. */
export type Columns = { readonly [name: string]: ArrayLike<unknown> }

/** Rows of a table from one to before another. */
export interface Rows {
  readonly start: number
  readonly end: number
}

/** The end of a file, which is read at once: the footer of most. */
const tailBytes = 1 << 16

const bufferOf = ({ read, size }: Source): AsyncBuffer => {
  const tailStart = Math.max(0, size - tailBytes)
  let tail: Promise<Uint8Array> | undefined
  return {
    byteLength: size,
    slice: async (start, end = size) => {
      if (start < tailStart) return ownBuffer(await read(start, end))
      tail ??= read(tailStart, size)
      return new Uint8Array((await tail).subarray(start - tailStart, end - tailStart)).buffer
    }
  }
}

const unreadable = (error: { readonly message: string }): UiBroken =>
  new UiBroken({ message: `The table's bytes can't be read as Parquet: ${error.message.replace(/\.$/, "")}.` })

/** Reads the footer. */
export const open = Effect.fnUntraced(function* (source: Source) {
  const [{ metadata }, { inferAll }, reader] = yield* Effect.all([Modules.footer, Modules.schema, Modules.reader])
  const file = bufferOf(source)
  const meta = yield* metadata(file)
  const fields = Object.fromEntries(inferAll(meta).map(({ column, schema }) => [column.name, schema]))
  const table: OpenTable = {
    file: yield* reader.open(file, ColumnType.lazy(fields)()),
    columns: meta.children.map((node) => ({ name: node.element.name, kind: Leaf.kindText(node) })),
    rows: meta.numRows,
    bytes: meta.row_groups.reduce((sum, group) => sum + Number(group.total_byte_size), 0)
  }
  return table
}, Effect.mapError(unreadable))

/** Reads some rows of all columns, or of one. */
export const read = (table: OpenTable, rows: Rows, column?: string): Effect.Effect<Columns, UiBroken> =>
  Effect.flatMap(Modules.reader, ({ readRows }) => {
    const { plans, ...file } = table.file
    const wanted = column === undefined ? plans : plans.filter(({ type }) => type.name === column)
    return Effect.mapBoth(readRows({ ...file, plans: wanted }, rows), {
      onFailure: unreadable,
      onSuccess: ({ columns }) => columns
    })
  })

/** Row groups of more rows are read in parts. */
const rowsAtOnce = 1 << 16

/** All rows in parts that can be read one after the other: row groups, or a part of a large one. */
export const partsOf = ({ file, rows }: OpenTable): ReadonlyArray<Rows> => {
  const parts: Array<Rows> = []
  let groupStart = 0
  for (const group of file.meta.row_groups) {
    const groupEnd = groupStart + Number(group.num_rows)
    for (let start = groupStart; start < groupEnd; start += rowsAtOnce)
      parts.push({ start, end: Math.min(groupEnd, start + rowsAtOnce, rows) })
    groupStart = groupEnd
  }
  return parts
}

/** Rows from `offset`, at most `limit`, texts cut after `cut` characters. */
export const page = (
  table: OpenTable,
  offset: number,
  limit: number,
  maxLength: number
): Effect.Effect<TableView, UiBroken> => {
  const end = Math.min(table.rows, offset + limit)
  const rows = Math.max(0, end - offset)
  return Effect.map(rows === 0 ? Effect.succeed({}) : read(table, { start: offset, end }), (columns: Columns) => ({
    rows: table.rows,
    columns: table.columns,
    offset,
    values: Array.from({ length: rows }, (_, row) =>
      table.columns.map(({ name }) => show(columns[name]?.[row], maxLength))
    )
  }))
}

/** How bytes are shown. */
export const bytesText = (bytes: Uint8Array): string => `${bytes.byteLength} bytes`

/** A value as JSON for the page, cut to what fits a cell. */
export const show = (value: unknown, maxLength: number): Json =>
  jsonValue(value, { maxLength, maxItems: 100, bytes: bytesText })

/** Whether a row has no value. */
export const isMissing = (value: unknown): value is null | undefined => value === null || value === undefined

/** A value as a number, where it is one or has a place among numbers. Decimals are texts with all of their digits. */
export const numberOf = (value: unknown, kind: string): number | undefined => {
  if (typeof value === "number") return value
  if (typeof value === "bigint") return Number(value)
  if (value instanceof Date) return value.getTime()
  return kind === "decimal" && typeof value === "string" ? Number(value) : undefined
}
