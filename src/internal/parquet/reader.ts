/**
 * Parquet to tables, column by column. Row groups are read one after the other, and of each only the declared columns.
 * Flat columns go straight from their pages to the table's arrays (`parquetChunk.ts`); nested ones (lists, structs,
 * maps) are put together by hyparquet.
 */
import * as Effect from "effect/Effect"
import type { AsyncBuffer, ColumnMetaData, FileMetaData, SchemaTree } from "hyparquet"
import { parquetMetadataAsync, parquetRead, parquetSchema } from "hyparquet"
import { messageOf } from "../cause.ts"
import * as ParquetChunk from "./columnChunk.ts"
import * as ColumnCodec from "./columnCodec.ts"
import type { ColumnType } from "./columnType.ts"
import * as Codecs from "./compression.ts"
import * as ParquetTypes from "./fileTypes.ts"

/** Why a file is no table of the declared columns, where no single value is at fault. */
export class FileError {
  readonly reason:
    | "notParquet"
    | "truncated"
    | "damaged"
    | "unsupported"
    | "columnMissing"
    | "columnType"
    | "unreadable"
  readonly message: string
  readonly column: string | undefined
  constructor(reason: FileError["reason"], message: string, column?: string) {
    this.reason = reason
    this.message = message
    this.column = column
  }
}

/** A table whose columns fit their types. */
export interface ReadTable {
  readonly numRows: number
  readonly columns: { readonly [name: string]: ColumnCodec.Gathered["values"] }
}

/** What a file says of itself: its columns and row groups. */
export const metadata = Effect.fnUntraced(function* (file: AsyncBuffer): Effect.fn.Return<Metadata, FileError> {
  const { byteLength } = file
  if (byteLength === 0) return yield* Effect.fail(new FileError("notParquet", "it is empty"))
  const head = yield* text(file, 0, 4)
  if (head === "PARE") return yield* Effect.fail(new FileError("unsupported", "it is encrypted Parquet"))
  if (head !== "PAR1")
    return yield* Effect.fail(new FileError("notParquet", "it is not Parquet: it does not start with PAR1"))
  const tail = byteLength < 12 ? "" : yield* text(file, byteLength - 4, byteLength)
  if (tail !== "PAR1") {
    return yield* Effect.fail(
      new FileError("truncated", "it is truncated: it starts as Parquet and its end is missing")
    )
  }
  return yield* Effect.tryPromise({
    try: async () => {
      const meta = await parquetMetadataAsync(file, { geoparquet: false })
      return { ...meta, numRows: rowsOf(meta), children: parquetSchema(meta).children }
    },
    catch: (cause) => (cause instanceof FileError ? cause : footerFlaw(cause))
  })
})

/** A `TypeError` would only say where the reader stumbled. */
const footerFlaw = (cause: unknown) =>
  new FileError(
    "damaged",
    `it is damaged: its footer makes no sense${cause instanceof TypeError ? "" : ` (${messageOf(cause)})`}`
  )

/** The number of rows, which footer and row groups must agree on. */
const rowsOf = (meta: FileMetaData): number => {
  const rows = Number(meta.num_rows)
  const sum = meta.row_groups.reduce((sum, group) => sum + Number(group.num_rows), 0)
  if (!Number.isSafeInteger(rows) || rows < 0 || sum !== rows) throw new Error("its row groups do not add up")
  return rows
}

/** What a file says of itself. */
export interface Metadata extends FileMetaData {
  readonly numRows: number
  /** Its columns. */
  readonly children: ReadonlyArray<SchemaTree>
}

const text = (file: AsyncBuffer, start: number, end: number) =>
  Effect.map(slice(file, start, end), (bytes) =>
    Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1")
  )

const slice = (file: AsyncBuffer, start: number, end: number): Effect.Effect<Uint8Array, FileError> =>
  Effect.tryPromise({
    try: async () => new Uint8Array(await file.slice(start, end)),
    catch: (cause) => (cause instanceof FileError ? cause : new FileError("unreadable", messageOf(cause)))
  })

/** Reads the declared columns of a file. */
export const read = Effect.fnUntraced(function* (file: AsyncBuffer, types: ReadonlyArray<ColumnType>) {
  const meta = yield* metadata(file)
  const nodes = yield* nodesOf(meta, types)
  const { numRows } = meta
  const columns = yield* Effect.try({
    try: () => types.map((type) => ColumnCodec.gather(type, numRows)),
    catch: (cause) => new FileError("damaged", `it says that it has ${numRows} rows (${messageOf(cause)})`)
  })
  let start = 0
  for (const [number, group] of meta.row_groups.entries()) {
    const end = start + Number(group.num_rows)
    const flat = new Map<SchemaTree, ColumnMetaData>()
    for (const node of nodes) {
      if (ParquetTypes.holds(node) === "nested") continue
      const chunk = group.columns.find((column) => column.meta_data?.path_in_schema[0] === node.element.name)
      if (chunk?.meta_data === undefined) {
        return yield* Effect.fail(
          new FileError(
            "damaged",
            `it is damaged: row group ${number + 1} has no column ${node.element.name}`,
            node.element.name
          )
        )
      }
      flat.set(node, chunk.meta_data)
    }
    const chunks = yield* fetch(file, [...flat.values()])
    for (const [i, column] of columns.entries()) {
      const node = nodes[i] as SchemaTree // one a column
      const info = flat.get(node)
      const bytes = info === undefined ? undefined : chunks.get(info)
      const fault =
        info === undefined || bytes === undefined
          ? yield* readNested(file, meta, node, column, start, end)
          : yield* Effect.try({
              try: () => ParquetChunk.read({ meta: info, node, bytes }, column),
              catch: (cause) => decodeFlaw(cause, node, number)
            })
      if (fault !== undefined) return yield* Effect.fail(fault)
      if (column.rows !== end) {
        return yield* Effect.fail(
          new FileError(
            "damaged",
            `column ${node.element.name} has ${column.rows} rows where the file says ${end}`,
            node.element.name
          )
        )
      }
    }
    start = end
    yield* Effect.yieldNow // a long file does not hold up the rest of the program
  }
  const table: ReadTable = {
    numRows,
    columns: Object.fromEntries(columns.map(({ type, values }) => [type.name, values]))
  }
  return table
})

/** The file's column for each declared one. */
const nodesOf = Effect.fnUntraced(function* ({ children }: Metadata, types: ReadonlyArray<ColumnType>) {
  const nodes: Array<SchemaTree> = []
  for (const type of types) {
    const node = children.find((child) => child.element.name === type.name)
    if (node === undefined) {
      const there = children.map((child) => child.element.name).join(", ") || "none"
      return yield* Effect.fail(
        new FileError("columnMissing", `it has no column ${type.name}; its columns are: ${there}`, type.name)
      )
    }
    if (!ParquetTypes.accepts(type, node)) {
      return yield* Effect.fail(new FileError("columnType", ParquetTypes.refusal(type, node), type.name))
    }
    nodes.push(node)
  }
  return nodes
})

const decodeFlaw = (cause: unknown, node: SchemaTree, group: number): FileError => {
  const message = messageOf(cause)
  const where = `column ${node.element.name} of row group ${group + 1}`
  return message.startsWith("parquet unsupported")
    ? new FileError("unsupported", `${where} can't be read: ${message.slice("parquet ".length)}`, node.element.name)
    : new FileError("damaged", `it is damaged: ${where} can't be decoded (${message})`, node.element.name)
}

/** Columns that lie closer than this are fetched together. */
const gap = 1 << 15

/** The bytes of column chunks, neighbours by one read. */
const fetch = Effect.fnUntraced(function* (file: AsyncBuffer, metas: ReadonlyArray<ColumnMetaData>) {
  const places = metas
    .map((meta) => {
      const dictionary = Number(meta.dictionary_page_offset ?? 0)
      const data = Number(meta.data_page_offset)
      const start = dictionary > 0 && dictionary < data ? dictionary : data
      return { meta, start, end: start + Number(meta.total_compressed_size) }
    })
    .sort((a, b) => a.start - b.start)
  const found = new Map<ColumnMetaData, Uint8Array>()
  for (let i = 0; i < places.length; ) {
    const first = places[i] as (typeof places)[number] // within its length
    let { end } = first
    let next = i + 1
    for (; next < places.length && (places[next]?.start ?? 0) - end <= gap; next++)
      end = Math.max(end, places[next]?.end ?? 0)
    if (!(first.start >= 4 && first.start <= end && end <= file.byteLength)) {
      return yield* Effect.fail(new FileError("damaged", "it is damaged: a column lies outside of it"))
    }
    const bytes = yield* slice(file, first.start, end)
    for (const { end, meta, start } of places.slice(i, next)) {
      found.set(meta, bytes.subarray(start - first.start, end - first.start))
    }
    i = next
  }
  return found
})

const readNested = Effect.fnUntraced(function* (
  file: AsyncBuffer,
  meta: Metadata,
  node: SchemaTree,
  column: ColumnCodec.Gathered,
  start: number,
  end: number
) {
  const rows = yield* Effect.tryPromise({
    try: async () => {
      const rows = new Array<unknown>(end - start).fill(null)
      await parquetRead({
        file,
        metadata: meta,
        columns: [node.element.name],
        rowStart: start,
        rowEnd: end,
        compressors: Codecs.decompressors,
        onChunk: (chunk) => {
          for (let i = 0; i < chunk.columnData.length; i++)
            rows[chunk.rowStart - start + i] = plain(chunk.columnData[i])
        }
      })
      return rows
    },
    catch: (cause) => (cause instanceof FileError ? cause : decodeFlaw(cause, node, 0))
  })
  const present = Uint8Array.from(rows, (row) => (row === null ? 0 : 1))
  const values = rows.filter((row) => row !== null)
  return ColumnCodec.append(column, { values, present: values.length === rows.length ? undefined : present })
})

/** A nested value as JSON has it, which is what its schema's codec reads. */
const plain = (value: unknown): unknown => {
  if (value === undefined || value === null) return null
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : String(value)
  if (value instanceof Date) return value.toISOString()
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64")
  if (Array.isArray(value)) return value.map(plain)
  if (ArrayBuffer.isView(value)) return Array.from(value as Float64Array, plain)
  if (typeof value === "object")
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]))
  return value
}
