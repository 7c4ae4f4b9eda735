/**
 * What a Parquet file says of itself in its footer: its columns and row groups. Nothing of it (sizes, offsets, counts) is
 * used before it was checked.
 */
import * as Effect from "effect/Effect"
import type { AsyncBuffer, FileMetaData, SchemaTree } from "hyparquet"
import { parquetMetadata, parquetSchema } from "hyparquet"
import { messageOf } from "../cause.ts"
import * as Thrift from "./thrift.ts"

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

/** What a file says of itself. */
export interface Metadata extends FileMetaData {
  readonly numRows: number
  /** Its columns. */
  readonly children: ReadonlyArray<SchemaTree>
  /** Whether pandas wrote it. */
  readonly isPandas: boolean
}

/** The footer's length and the last four bytes. */
const trailerBytes = 8

/** Reads what a file says of itself: its columns and row groups. */
export const metadata = Effect.fnUntraced(function* (file: AsyncBuffer): Effect.fn.Return<Metadata, FileError> {
  const { byteLength } = file
  if (byteLength === 0) return yield* Effect.fail(new FileError("notParquet", "it is empty"))
  const head = latin1(yield* slice(file, 0, Math.min(4, byteLength)))
  if (head === "PARE") return yield* Effect.fail(new FileError("unsupported", "it is encrypted Parquet"))
  if (head !== "PAR1")
    return yield* Effect.fail(new FileError("notParquet", "it is not Parquet: it does not start with PAR1"))
  const trailer =
    byteLength < 12 ? new Uint8Array(trailerBytes) : yield* slice(file, byteLength - trailerBytes, byteLength)
  if (latin1(trailer.subarray(4)) !== "PAR1") {
    return yield* Effect.fail(
      new FileError("truncated", "it is truncated: it starts as Parquet and its end is missing")
    )
  }
  const length = new DataView(trailer.buffer, trailer.byteOffset, 4).getUint32(0, true)
  if (length > byteLength - 4 - trailerBytes) {
    return yield* Effect.fail(footerError(new Error(`it claims ${length} bytes, and the file has ${byteLength}`)))
  }
  const footer = yield* slice(file, byteLength - trailerBytes - length, byteLength)
  return yield* Effect.try({ try: () => parse(footer), catch: footerError })
})

const parse = (footer: Uint8Array): Metadata => {
  Thrift.endOfStruct(footer, 0)
  const meta = parquetMetadata(footer, { geoparquet: false, parsers: rawStatistics })
  checkDepth(meta)
  return {
    ...meta,
    numRows: rowsOf(meta),
    children: parquetSchema(meta).children,
    isPandas: meta.key_value_metadata?.some(({ key }) => key === "pandas") === true
  }
}

/** Statistics are converted by their column's own conversion, so hyparquet is to leave them as they are. */
const rawStatistics = {
  timestampFromMilliseconds: (value: unknown) => value,
  timestampFromMicroseconds: (value: unknown) => value,
  timestampFromNanoseconds: (value: unknown) => value,
  dateFromDays: (value: unknown) => value,
  stringFromBytes: (value: unknown) => value,
  uuidFromBytes: (value: unknown) => value
}

const maxSchemaDepth = 200

/** The schema is a list of nodes in depth-first order, each with its number of children. Building the tree recurses. */
const checkDepth = ({ schema }: FileMetaData): void => {
  const open: Array<number> = []
  for (const { num_children } of schema) {
    if (open.length > maxSchemaDepth) throw new Error("its schema is nested too deeply")
    const children = num_children ?? 0
    if (children < 0 || children > schema.length) throw new Error("its schema has a group of an impossible size")
    if (open.length > 0) open[open.length - 1] = (open.at(-1) as number) - 1 // there is one
    if (children > 0) open.push(children)
    while (open.at(-1) === 0) open.pop()
  }
}

/** A `TypeError` would only say where the reader stumbled. */
const footerError = (cause: unknown) =>
  new FileError(
    "damaged",
    `it is damaged: its footer makes no sense${cause instanceof TypeError || cause instanceof RangeError ? "" : ` (${messageOf(cause)})`}`
  )

/** The number of rows, which footer and row groups must agree on; some writers leave it out of the footer. */
const rowsOf = (meta: FileMetaData): number => {
  const rows = Number(meta.num_rows)
  let sum = 0
  for (const { num_rows } of meta.row_groups) {
    if (!(Number(num_rows) >= 0)) throw new Error("it has a row group of an impossible size")
    sum += Number(num_rows)
  }
  if (!Number.isSafeInteger(sum) || (sum !== rows && rows !== 0)) throw new Error("its row groups do not add up")
  return sum
}

const latin1 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1")

/** Reads a range of a file. */
export const slice = (file: AsyncBuffer, start: number, end: number): Effect.Effect<Uint8Array, FileError> =>
  Effect.tryPromise({
    try: async () => new Uint8Array(await file.slice(start, end)),
    catch: (cause) => (cause instanceof FileError ? cause : new FileError("unreadable", messageOf(cause)))
  })
