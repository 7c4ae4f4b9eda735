/**
 * Parquet to tables, column by column. Row groups are read one after the other, and of each only the declared columns,
 * in pieces: neither a large row group nor a large column of it is whole in memory. Nothing that a file says of itself
 * (sizes, offsets, counts) is used before it was checked.
 */
import * as Effect from "effect/Effect"
import type { AsyncBuffer, RowGroup } from "hyparquet"
import * as ChunkReads from "./chunkReads.ts"
import * as ColumnCodec from "./columnCodec.ts"
import type { ColumnType } from "./columnType.ts"
import * as FileTypes from "./fileTypes.ts"
import { FileError, type Metadata, metadata } from "./footer.ts"
import { Refusal } from "./nestedFault.ts"
import * as PageSinks from "./pageSinks.ts"

/** A table whose columns fit their types. */
export interface ReadTable {
  readonly numRows: number
  readonly columns: { readonly [name: string]: ColumnCodec.Gathered["values"] }
}

/** A file whose declared columns were found, ready for its rows to be read. */
export interface OpenFile {
  readonly file: AsyncBuffer
  readonly meta: Metadata
  readonly plans: ReadonlyArray<FileTypes.Plan>
}

/** Reads a file's metadata and looks for the declared columns. */
export const open = Effect.fnUntraced(function* (file: AsyncBuffer, types: ReadonlyArray<ColumnType>) {
  const meta = yield* metadata(file)
  const plans: Array<FileTypes.Plan> = []
  for (const type of types) {
    const node = meta.children.find((child) => child.element.name === type.name)
    if (node === undefined) {
      const names = meta.children.map((child) => child.element.name).join(", ") || "none"
      return yield* Effect.fail(
        new FileError("columnMissing", `it has no column ${type.name}; its columns are: ${names}`, type.name)
      )
    }
    const plan = FileTypes.planOf(type, node, meta.isPandas)
    if (plan instanceof Refusal) return yield* Effect.fail(new FileError("columnType", plan.message, type.name))
    plans.push(plan)
  }
  const opened: OpenFile = { file, meta, plans }
  return opened
})

/** Reads the declared columns of a file, or only some of its rows. */
export const read = (file: AsyncBuffer, types: ReadonlyArray<ColumnType>, rows?: RowRange) =>
  Effect.flatMap(open(file, types), (opened) => readRows(opened, rows))

/** Rows from the one of index `start` to before the one of index `end`. */
export interface RowRange {
  readonly start?: number | undefined
  readonly end?: number | undefined
}

/** Reads the rows of a range. Row groups outside of it are not fetched, and of those in it only the pages that it needs. */
export const readRows = Effect.fnUntraced(function* (opened: OpenFile, { end, start = 0 }: RowRange = {}) {
  const { meta } = opened
  const from = Math.min(Math.max(0, start), meta.numRows)
  const to = Math.max(from, Math.min(end ?? meta.numRows, meta.numRows))
  let first = 0
  let firstRow = 0
  while (first < meta.row_groups.length && firstRow + groupRows(meta, first) <= from)
    firstRow += groupRows(meta, first++)
  let last = first
  let lastRow = firstRow
  while (last < meta.row_groups.length && lastRow < to) lastRow += groupRows(meta, last++)
  return yield* Effect.mapError(
    readGroups(opened, first, last, { start: from - firstRow, end: to - firstRow }),
    (error) => (error instanceof ColumnCodec.ColumnError ? error.after(from) : error)
  )
})

const groupRows = (meta: Metadata, group: number): number => Number(meta.row_groups[group]?.num_rows ?? 0)

/** Tables one after the other, as one. They have the same columns. */
export const concat = (tables: ReadonlyArray<ReadTable>): ReadTable => {
  const [first] = tables
  if (first === undefined || tables.length === 1) return first ?? { numRows: 0, columns: {} }
  const numRows = tables.reduce((sum, table) => sum + table.numRows, 0)
  const columns = Object.keys(first.columns).map((name) => {
    const parts = tables.map(({ columns }) => columns[name] as ColumnCodec.Gathered["values"]) // the same columns
    return [name, joinedColumn(parts, numRows)] as const
  })
  return { numRows, columns: Object.fromEntries(columns) }
}

const joinedColumn = (parts: ReadonlyArray<ColumnCodec.Gathered["values"]>, length: number) => {
  const first = parts[0] as ColumnCodec.Gathered["values"] // there is one
  if (Array.isArray(first)) return parts.flatMap((part) => part as Array<unknown>) // arrays all
  const joined = new (first.constructor as new (length: number) => Float64Array)(length) // typed arrays of one kind
  let at = 0
  for (const part of parts as ReadonlyArray<Float64Array>) {
    joined.set(part, at)
    at += part.length
  }
  return joined
}

/** Of fewer rows than this, memory is reserved whatever the size of the file; of more, what it can hold at the least. */
const freeRows = 1 << 16
const rowsPerByte = 64
/** What a file may claim beyond that: constants compress without limit, so this is only to tell damage. */
const maxRowsPerByte = 4096
const maxFreeRows = 1 << 24

/**
 * Reads row groups from `first` to before `last`, whose rows make one table.
 *
 * @param range Only these rows, counted from the first of the row group `first`. Each of the row groups has some of them.
 */
export const readGroups = Effect.fnUntraced(function* (
  { file, meta, plans }: OpenFile,
  first: number,
  last: number,
  range?: ChunkReads.Rows
): Effect.fn.Return<ReadTable, FileError | ColumnCodec.ColumnError> {
  let all = 0
  for (let group = first; group < last; group++) all += groupRows(meta, group)
  const numRows = range === undefined ? all : range.end - range.start
  if (numRows > maxFreeRows && numRows > file.byteLength * maxRowsPerByte) {
    return yield* Effect.fail(
      new FileError("damaged", `it is damaged: it claims ${numRows} rows in ${file.byteLength} bytes`)
    )
  }
  const reserve = Math.min(numRows, Math.max(freeRows, file.byteLength * rowsPerByte))
  const columns = plans.map(({ type }) => ColumnCodec.gather(type, numRows, reserve))
  let before = 0
  let end = 0
  for (let number = first; number < last; number++) {
    const group = meta.row_groups[number] as RowGroup // within bounds
    const length = groupRows(meta, number)
    const wanted = {
      start: Math.max(0, (range?.start ?? 0) - before),
      end: Math.min(length, (range?.end ?? all) - before)
    }
    before += length
    if (wanted.end <= wanted.start) continue
    end += wanted.end - wanted.start
    const isPart = wanted.end - wanted.start < length
    yield* readGroup(file, plans, columns, group, number, isPart ? wanted : undefined)
    for (const { rows, type } of columns) {
      if (rows !== end) return yield* Effect.fail(rowCountError(type.name, rows, end))
    }
    yield* Effect.yieldNow // a long file does not hold up the rest of the program
  }
  const table: ReadTable = {
    numRows,
    columns: Object.fromEntries(columns.map((column) => [column.type.name, ColumnCodec.finished(column)]))
  }
  return table
})

const rowCountError = (column: string, rows: number, expected: number) =>
  new FileError("damaged", `it is damaged: column ${column} has ${rows} rows where the file says ${expected}`, column)

const readGroup = Effect.fnUntraced(function* (
  file: AsyncBuffer,
  plans: ReadonlyArray<FileTypes.Plan>,
  columns: ReadonlyArray<ColumnCodec.Gathered>,
  group: RowGroup,
  number: number,
  part: ChunkReads.Rows | undefined
) {
  const metas = new Map(
    group.columns.map((column) => [ChunkReads.keyOf(column.meta_data?.path_in_schema ?? []), column])
  )
  const rows = part === undefined ? Number(group.num_rows) : part.end - part.start
  const jobs: Array<ChunkReads.Job> = []
  const assemblies: Array<{ readonly name: string; readonly run: () => void }> = []
  for (const [i, plan] of plans.entries()) {
    const column = columns[i] as ColumnCodec.Gathered // one a plan
    const { name, schema } = plan.type
    if (plan.flat !== undefined) {
      jobs.push(yield* ChunkReads.jobOf(file, metas, plan.flat, PageSinks.flat(column), number, part))
      continue
    }
    const { nested } = plan
    const leaves: Array<PageSinks.Levels> = []
    for (const leaf of nested.leaves) {
      const levels = PageSinks.levels(name, column.rows, leaf.maxDefinition, part?.start)
      leaves.push(levels)
      jobs.push(yield* ChunkReads.jobOf(file, metas, leaf, levels, number, part))
    }
    if (schema !== undefined) {
      const run = () =>
        PageSinks.appendNested(
          column,
          schema,
          nested,
          leaves.map((levels) => levels.cursor()),
          rows,
          part !== undefined
        )
      assemblies.push({ name, run })
    }
  }
  yield* ChunkReads.readChunks(file, jobs, number)
  for (const { name, run } of assemblies) {
    yield* Effect.try({ try: run, catch: (cause) => ChunkReads.decodeError(cause, name, number) })
  }
})
