/**
 * The column chunks of a row group: where they are, how their bytes are fetched, and what to say where they can't be
 * decoded.
 */
import * as Effect from "effect/Effect"
import type { AsyncBuffer, ColumnMetaData, RowGroup } from "hyparquet"
import { messageOf } from "../cause.ts"
import * as ColumnChunk from "./columnChunk.ts"
import type * as ColumnCodec from "./columnCodec.ts"
import { Unsupported } from "./compression.ts"
import { FileError, slice } from "./footer.ts"
import { ColumnFault, type PageSink } from "./pageSinks.ts"
import * as RowWindow from "./rowWindow.ts"

/** Rows of a row group, from the one of index `start` to before the one of index `end`. */
export interface Rows {
  readonly start: number
  readonly end: number
}

/** A leaf of a row group: where its pages are, and the consumer of its values. */
export interface Job {
  readonly column: string
  readonly start: number
  readonly end: number
  /** Whether only some rows are wanted. */
  readonly isPart: boolean
  /** The bytes that are wanted, where an index says so. */
  readonly ranges?: ReadonlyArray<{ readonly start: number; readonly end: number }>
  readonly decoder: ColumnChunk.Decoder
}

type Chunks = ReadonlyMap<string, RowGroup["columns"][number]>

/**
 * Prepares to read a leaf of a row group.
 *
 * @param chunks The row group's chunks, by `keyOf` of their paths.
 * @param group The index of the row group.
 * @param rows Only these rows of the row group.
 */
export const jobOf = Effect.fnUntraced(function* (
  file: AsyncBuffer,
  chunks: Chunks,
  leaf: ColumnChunk.LeafColumn,
  sink: PageSink,
  group: number,
  rows: Rows | undefined
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
  const decoderOf = (size: number, window?: RowWindow.RowWindow) =>
    Effect.try({
      try: () => ColumnChunk.decoder(meta, leaf, size, sink.add, window),
      catch: (cause) => decodeError(cause, column, group)
    })
  const whole = { column, start, end: Math.min(end + paddingBytes, file.byteLength) }
  if (rows === undefined) return { ...whole, isPart: false, decoder: yield* decoderOf(end - start) } satisfies Job
  const pages = yield* RowWindow.pagesOf(file, chunk, rows, end)
  if (pages === undefined || pages.end - pages.start > pieceBytes) {
    const decoder = yield* decoderOf(end - start, { ...rows, firstPageRow: 0, isIndexed: false })
    return { ...whole, isPart: true, decoder } satisfies Job
  }
  // The dictionary lies between the chunk's start and its first data page.
  const dictionary = { start, end: Math.min(Number(meta.data_page_offset), pages.start) }
  const ranges = dictionary.end > dictionary.start ? [dictionary, pages] : [pages]
  const size = ranges.reduce((sum, range) => sum + range.end - range.start, 0)
  const decoder = yield* decoderOf(size, { ...rows, firstPageRow: pages.firstPageRow, isIndexed: true })
  return { ...whole, isPart: true, ranges, decoder } satisfies Job
})

/** A chunk's path as a key. */
export const keyOf = (path: ReadonlyArray<string>): string => path.join("\0")

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
/** The same where only some rows are wanted, which may be at the start. */
const partPieceBytes = 1 << 22

/** A chunk that takes a while to decode. */
const longBytes = 1 << 18

/** Reads column chunks in the order of their places, neighbours by one read and large ones in pieces. */
export const readChunks = Effect.fnUntraced(function* (file: AsyncBuffer, jobs: ReadonlyArray<Job>, group: number) {
  const sorted = jobs.toSorted((a, b) => a.start - b.start)
  for (let i = 0; i < sorted.length; ) {
    const first = sorted[i] as Job // within bounds
    if (first.ranges !== undefined) {
      yield* readRanges(file, first, first.ranges, group)
      i++
      continue
    }
    const atOnceBytes = first.isPart ? partPieceBytes : pieceBytes
    if (first.end - first.start > atOnceBytes) {
      yield* readPieces(file, first, group, atOnceBytes)
      i++
      continue
    }
    let { end } = first
    let next = i + 1
    for (; next < sorted.length; next++) {
      const job = sorted[next] as Job // within bounds
      if (job.ranges !== undefined || job.start - end > gapBytes || job.end - first.start > atOnceBytes) break
      end = Math.max(end, job.end)
    }
    const bytes = yield* slice(file, first.start, end)
    for (const job of sorted.slice(i, next)) {
      yield* push(job, bytes.subarray(job.start - first.start, job.end - first.start), true, group)
      if (job.end - job.start > longBytes) yield* Effect.yieldNow // a wide table does not hold up the rest of the program
    }
    i = next
  }
})

/** Reads the dictionary and the wanted pages of a chunk. */
const readRanges = Effect.fnUntraced(function* (
  file: AsyncBuffer,
  job: Job,
  ranges: NonNullable<Job["ranges"]>,
  group: number
) {
  const parts = yield* Effect.forEach(ranges, ({ end, start }) => slice(file, start, end))
  const [only] = parts
  yield* push(job, parts.length === 1 && only !== undefined ? only : Buffer.concat(parts), true, group)
})

const readPieces = Effect.fnUntraced(function* (file: AsyncBuffer, job: Job, group: number, pieceBytes: number) {
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

/** Why a column can't be decoded. */
export const decodeError = (cause: unknown, column: string, group: number): FileError | ColumnCodec.ColumnError => {
  if (cause instanceof ColumnFault) return cause.error
  const message =
    cause instanceof RangeError || cause instanceof TypeError ? "its bytes make no sense" : messageOf(cause)
  const where = `column ${column} of row group ${group + 1}`
  return cause instanceof Unsupported
    ? new FileError("unsupported", `${where} can't be read: ${message}`, column)
    : new FileError("damaged", `it is damaged: ${where} can't be decoded (${message})`, column)
}
