/**
 * Some rows of a row group, and where their pages are. A file may have an offset index, which says where each page of a
 * column lies and which row it begins with: then only the pages of these rows are fetched. Without one the pages before
 * them are skipped as they come, and those after them are not looked at.
 */
import * as Effect from "effect/Effect"
import type { AsyncBuffer, ColumnChunk } from "hyparquet"
import { readOffsetIndex } from "hyparquet/src/indexes.js"
import { type FileError, slice } from "./footer.ts"
import { isSize } from "./pageBody.ts"
import * as Thrift from "./thrift.ts"

/** Rows of a row group from the one of index `start` to before the one of index `end`. */
export interface RowWindow {
  readonly start: number
  readonly end: number
  /** The row that the first page begins with that is read; 0 without an index. */
  readonly firstPageRow: number
  /** Whether an index says which pages are read. */
  readonly isIndexed: boolean
}

/** The bytes of some pages of a column chunk. */
export interface PageRange {
  readonly start: number
  readonly end: number
  readonly firstPageRow: number
}

/** An index has a few bytes for each page; a longer one is none. */
const maxIndexBytes = 1 << 24

interface PageLocation {
  readonly offset: number
  readonly size: number
  readonly row: number
}

/**
 * The pages of a chunk that have rows of a window, by the file's offset index. Nothing where there is no index, or one
 * that makes no sense: the pages themselves decide then.
 *
 * @param end Where the chunk ends.
 */
export const pagesOf = Effect.fnUntraced(function* (
  file: AsyncBuffer,
  { meta_data: meta, offset_index_length: length, offset_index_offset: offset }: ColumnChunk,
  window: { readonly start: number; readonly end: number },
  end: number
): Effect.fn.Return<PageRange | undefined, FileError> {
  const at = Number(offset)
  if (meta === undefined || !isSize(at) || !isSize(length) || length === 0) return undefined
  if (length > maxIndexBytes || at < 4 || at + length > file.byteLength) return undefined
  const pages = locationsOf(yield* slice(file, at, at + length))
  const dataStart = Number(meta.data_page_offset)
  let first = 0
  while (first + 1 < pages.length && (pages[first + 1]?.row ?? 0) <= window.start) first++
  let last = first
  while (last + 1 < pages.length && (pages[last + 1]?.row ?? 0) < window.end) last++
  const from = pages[first]
  const to = pages[last]
  if (from === undefined || to === undefined || !isInOrder(pages)) return undefined
  const range = { start: from.offset, end: to.offset + to.size, firstPageRow: from.row }
  return pages[0]?.offset === dataStart && range.end <= end ? range : undefined
})

const locationsOf = (bytes: Uint8Array): ReadonlyArray<PageLocation> => {
  try {
    Thrift.endOfStruct(bytes, 0)
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    return readOffsetIndex({ view, offset: 0 }).page_locations.map(
      ({ compressed_page_size: size, first_row_index: row, offset }) => ({
        offset: Number(offset),
        size,
        row: Number(row)
      })
    )
  } catch {
    return []
  }
}

const isInOrder = (pages: ReadonlyArray<PageLocation>): boolean =>
  pages.every(({ offset, row, size }, i) => {
    const before = pages[i - 1]
    if (!isSize(offset) || !isSize(size) || !isSize(row)) return false
    return before === undefined ? row === 0 : row > before.row && offset >= before.offset + before.size
  })
