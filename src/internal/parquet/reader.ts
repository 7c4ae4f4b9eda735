/**
 * Parquet to tables, column by column. Row groups are read one after the other, and of each only the declared columns,
 * in pieces: neither a large row group nor a large column of it is whole in memory. Nothing that a file says of itself
 * (sizes, offsets, counts) is used before it was checked.
 */
import * as Effect from "effect/Effect"
import type { AsyncBuffer, ColumnMetaData, RowGroup } from "hyparquet"
import { messageOf } from "../cause.ts"
import * as ColumnChunk from "./columnChunk.ts"
import * as ColumnCodec from "./columnCodec.ts"
import type { ColumnType } from "./columnType.ts"
import { Unsupported } from "./compression.ts"
import * as FileTypes from "./fileTypes.ts"
import { FileError, type Metadata, metadata, slice } from "./footer.ts"
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

/** Reads the rows of a range. Row groups outside of it are not fetched. */
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
  const table = yield* readGroups(opened, first, last)
  return from === firstRow && to === lastRow ? table : cut(table, from - firstRow, to - firstRow)
})

const groupRows = (meta: Metadata, group: number): number => Number(meta.row_groups[group]?.num_rows ?? 0)

const cut = ({ columns }: ReadTable, start: number, end: number): ReadTable => ({
  numRows: end - start,
  columns: Object.fromEntries(Object.entries(columns).map(([name, values]) => [name, values.slice(start, end)]))
})

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

/** Reads row groups from `first` to before `last`, whose rows make one table. */
export const readGroups = Effect.fnUntraced(function* (
  { file, meta, plans }: OpenFile,
  first: number,
  last: number
): Effect.fn.Return<ReadTable, FileError | ColumnCodec.ColumnError> {
  let numRows = 0
  for (let group = first; group < last; group++) numRows += groupRows(meta, group)
  if (numRows > maxFreeRows && numRows > file.byteLength * maxRowsPerByte) {
    return yield* Effect.fail(
      new FileError("damaged", `it is damaged: it claims ${numRows} rows in ${file.byteLength} bytes`)
    )
  }
  const reserve = Math.min(numRows, Math.max(freeRows, file.byteLength * rowsPerByte))
  const columns = plans.map(({ type }) => ColumnCodec.gather(type, numRows, reserve))
  let end = 0
  for (let number = first; number < last; number++) {
    const group = meta.row_groups[number] as RowGroup // within bounds
    end += groupRows(meta, number)
    if (Number(group.num_rows) === 0) continue
    yield* readGroup(file, plans, columns, group, number)
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

/** A leaf of a row group: where its pages are, and the consumer of its values. */
interface Job {
  readonly column: string
  readonly start: number
  readonly end: number
  readonly decoder: ColumnChunk.Decoder
}

const readGroup = Effect.fnUntraced(function* (
  file: AsyncBuffer,
  plans: ReadonlyArray<FileTypes.Plan>,
  columns: ReadonlyArray<ColumnCodec.Gathered>,
  group: RowGroup,
  number: number
) {
  const metas = new Map(group.columns.map((column) => [keyOf(column.meta_data?.path_in_schema ?? []), column]))
  const rows = Number(group.num_rows)
  const jobs: Array<Job> = []
  const assemblies: Array<{ readonly name: string; readonly run: () => void }> = []
  for (const [i, plan] of plans.entries()) {
    const column = columns[i] as ColumnCodec.Gathered // one a plan
    const { name, schema } = plan.type
    if (plan.flat !== undefined) {
      jobs.push(yield* jobOf(file, metas, plan.flat, PageSinks.flat(column), number))
      continue
    }
    const { nested } = plan
    const leaves: Array<PageSinks.Levels> = []
    for (const leaf of nested.leaves) {
      const levels = PageSinks.levels(name, column.rows, leaf.maxDefinition)
      leaves.push(levels)
      jobs.push(yield* jobOf(file, metas, leaf, levels, number))
    }
    if (schema !== undefined) {
      const run = () =>
        PageSinks.appendNested(
          column,
          schema,
          nested,
          leaves.map((levels) => levels.cursor()),
          rows
        )
      assemblies.push({ name, run })
    }
  }
  yield* readChunks(file, jobs, number)
  for (const { name, run } of assemblies) {
    yield* Effect.try({ try: run, catch: (cause) => decodeError(cause, name, number) })
  }
})

type Chunks = ReadonlyMap<string, RowGroup["columns"][number]>

const jobOf = Effect.fnUntraced(function* (
  file: AsyncBuffer,
  chunks: Chunks,
  leaf: ColumnChunk.LeafColumn,
  sink: PageSinks.PageSink,
  group: number
) {
  const column = leaf.path.join(".")
  const chunk = chunks.get(keyOf(leaf.path))
  const fail = (reason: FileError["reason"], message: string) => Effect.fail(new FileError(reason, message, column))
  if (chunk?.crypto_metadata !== undefined) return yield* fail("unsupported", `column ${column} is encrypted`)
  if (chunk?.meta_data === undefined) {
    return yield* fail("damaged", `it is damaged: row group ${group + 1} has no column ${column}`)
  }
  if (chunk.file_path !== undefined) {
    return yield* fail("unsupported", `column ${column} lies in another file, ${chunk.file_path}`)
  }
  const meta = chunk.meta_data
  const { end, start } = placeOf(meta)
  if (!(start >= 4 && start <= end && end <= file.byteLength)) {
    return yield* fail("damaged", `it is damaged: column ${column} lies outside of it`)
  }
  const decoder = yield* Effect.try({
    try: () => ColumnChunk.decoder(meta, leaf, end - start, sink.add),
    catch: (cause) => decodeError(cause, column, group)
  })
  const job: Job = { column, start, end: Math.min(end + paddingBytes, file.byteLength), decoder }
  return job
})

const keyOf = (path: ReadonlyArray<string>): string => path.join("\0")

/** How far the last page of a chunk may end beyond it; see `decoder`. */
const paddingBytes = 128

const placeOf = (meta: ColumnMetaData): { readonly start: number; readonly end: number } => {
  const dictionary = Number(meta.dictionary_page_offset ?? 0)
  const data = Number(meta.data_page_offset)
  const start = dictionary > 0 && dictionary < data ? dictionary : data
  return { start, end: start + Number(meta.total_compressed_size) }
}

/** Columns that lie closer than this are fetched together. */
const gapBytes = 1 << 15
/** What is fetched at once, at most, unless a page is larger. */
const pieceBytes = 1 << 26

/** Reads column chunks in the order of their places, neighbours by one read and large ones in pieces. */
const readChunks = Effect.fnUntraced(function* (file: AsyncBuffer, jobs: ReadonlyArray<Job>, group: number) {
  const sorted = jobs.toSorted((a, b) => a.start - b.start)
  for (let i = 0; i < sorted.length; ) {
    const first = sorted[i] as Job // within bounds
    if (first.end - first.start > pieceBytes) {
      yield* readPieces(file, first, group)
      i++
      continue
    }
    let { end } = first
    let next = i + 1
    for (; next < sorted.length; next++) {
      const job = sorted[next] as Job // within bounds
      if (job.start - end > gapBytes || job.end - first.start > pieceBytes) break
      end = Math.max(end, job.end)
    }
    const bytes = yield* slice(file, first.start, end)
    for (const job of sorted.slice(i, next)) {
      yield* push(job, bytes.subarray(job.start - first.start, job.end - first.start), true, group)
    }
    i = next
  }
})

const readPieces = Effect.fnUntraced(function* (file: AsyncBuffer, job: Job, group: number) {
  let at = job.start
  let size = pieceBytes
  while (!job.decoder.isDone()) {
    const end = Math.min(job.end, at + size)
    const read = yield* push(job, yield* slice(file, at, end), end === job.end, group)
    at += read
    size = read === 0 ? size * 2 : pieceBytes // a page that is larger than a piece
    yield* Effect.yieldNow
  }
})

const push = (job: Job, bytes: Uint8Array, isLast: boolean, group: number) =>
  Effect.try({
    try: () => job.decoder.push(bytes, isLast),
    catch: (cause) => decodeError(cause, job.column, group)
  })

const decodeError = (cause: unknown, column: string, group: number): FileError | ColumnCodec.ColumnError => {
  if (cause instanceof PageSinks.ColumnFault) return cause.error
  const message =
    cause instanceof RangeError || cause instanceof TypeError ? "its bytes make no sense" : messageOf(cause)
  const where = `column ${column} of row group ${group + 1}`
  return cause instanceof Unsupported
    ? new FileError("unsupported", `${where} can't be read: ${message}`, column)
    : new FileError("damaged", `it is damaged: ${where} can't be decoded (${message})`, column)
}
