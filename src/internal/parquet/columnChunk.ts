/**
 * One leaf of one row group: its pages, from bytes to converted values. Texts are made from the page's bytes at once, a
 * dictionary's values are converted once and not for every row that has them, and a page that carries a checksum is held
 * against it. A chunk may come in several pieces, so that a large one is never whole in memory.
 */
import { crc32 } from "node:zlib"
import type { ColumnMetaData, PageHeader, SchemaElement } from "hyparquet"
import { parquetHeader } from "hyparquet/src/column.js"
import { decompress, Unsupported } from "./compression.ts"
import { type Convert, type Target, ValueError } from "./convert.ts"
import * as Encodings from "./encodings.ts"
import * as Runs from "./hybridRuns.ts"
import type { Leaf } from "./leaf.ts"
import { textOf } from "./leafValues.ts"
import { isSize, type PageEncoding, unpack } from "./pageBody.ts"
import type { RowWindow } from "./rowWindow.ts"
import * as Thrift from "./thrift.ts"

/** A leaf of the file's schema, and what it is read as. */
export interface LeafColumn {
  readonly element: SchemaElement
  readonly path: ReadonlyArray<string>
  readonly leaf: Leaf
  readonly target: Target
  readonly convert: Convert
  /** The definition level of a value that is there. */
  readonly maxDefinition: number
  /** The repetition level of a value within the innermost list. */
  readonly maxRepetition: number
}

/** The values of a page: converted ones, or entries of a converted dictionary. */
export type PageValues =
  | { readonly values: Encodings.Raw; readonly indexes?: undefined }
  | { readonly dictionary: Encodings.Raw; readonly indexes: Uint32Array }

/** A page, decoded. */
export interface Page {
  /** How many levels it has: rows, for a column without lists. */
  readonly count: number
  /** The rows of the row group before it; 0 for a page of a chunk that is read whole. */
  readonly firstRow: number
  /** Nothing where every value is there. */
  readonly definition: Uint8Array | undefined
  readonly repetition: Uint8Array | undefined
  /** Converts when it is asked. Throws `ValueError`. */
  readonly values: () => PageValues
}

interface Dictionary {
  readonly size: number
  /** Nothing where a value can't be converted, which may be in no row at all. */
  readonly converted: Encodings.Raw | undefined
  readonly raw: () => Encodings.Raw
}

/** Reads the pages of a chunk. */
export interface Decoder {
  /**
   * Reads the whole pages of a piece and returns how many of its bytes they are. The next piece starts there. Throws
   * where the bytes make no sense.
   */
  readonly push: (piece: Uint8Array, isLast: boolean) => number
  readonly isDone: () => boolean
}

/** A header is rarely longer, even with statistics; a piece that ends within less than this is read again with more. */
const headerRoomBytes = 1 << 20

/** The longest string that the engine can make. Writers make pages of a megabyte. */
const maxPageBytes = 2 ** 29

/**
 * Reads a chunk's pages, one after the other, or only those that have rows of a window. What a page has beyond the window
 * is left out, where the leaf has one value a row.
 *
 * @param size How many bytes of the chunk pages may begin in. The last one may end beyond them: some writers leave the
 * header of the dictionary out of the chunk's size (PARQUET-816).
 */
export const decoder = (
  meta: ColumnMetaData,
  column: LeafColumn,
  size: number,
  onPage: (page: Page) => void,
  window?: RowWindow
): Decoder => {
  if (meta.type !== column.element.type) throw new Error("it has another type than the schema says")
  let left = Number(meta.num_values)
  if (!isSize(left)) throw new Error("its number of values is impossible")
  let dictionary: Dictionary | undefined
  let before = 0
  let row = window?.firstPageRow ?? 0
  let isComplete = false
  /** Whether the pages are read from the first one on, so that the numbers of their values have to add up. */
  const isFromStart = window?.isIndexed !== true
  /** Reads a data page, or skips it where none of its rows is wanted. */
  const take = (header: PageHeader, body: Uint8Array): void => {
    const { count, rows } = sizesOf(header, column)
    if (isComplete || (window !== undefined && rows !== undefined && row + rows <= window.start)) {
      if (!isSize(count) || count > left || (rows ?? 0) > count)
        throw new Error("a page has more values than its row group")
      left -= count
      row += rows ?? 0
      return
    }
    checkSum(header, body)
    const cut =
      window === undefined || column.maxRepetition > 0
        ? undefined
        : { start: Math.max(0, window.start - row), end: Math.min(count, window.end - row) }
    const page = readPage(meta, column, header, body, dictionary, left, cut)
    left -= count
    onPage({ ...page, firstRow: row + (cut?.start ?? 0) })
    if (window === undefined) return
    row += rows ?? rowsIn(page)
    // The last row of a page may go on in the next one, where the page does not say how many rows it has.
    isComplete = rows === undefined ? row > window.end : row >= window.end
  }
  const push = (piece: Uint8Array, isLast: boolean): number => {
    const reader = { view: new DataView(piece.buffer, piece.byteOffset, piece.byteLength), offset: 0 }
    // The headers of the pages after a window are looked at where they are at hand: they must fit the row group.
    while (left > 0 && !(isComplete && !(isLast && isFromStart))) {
      const start = reader.offset
      if (start >= piece.length || before + start >= size) break
      if (!isLast && piece.length - start < headerRoomBytes) return consumed(start)
      Thrift.endOfStruct(piece, start)
      const header = parquetHeader(reader)
      const pageSize = header.compressed_page_size
      if (!isSize(pageSize) || !isSize(header.uncompressed_page_size)) throw new Error("a page has an impossible size")
      if (header.uncompressed_page_size > maxPageBytes) {
        throw new Unsupported(
          `a page of ${header.uncompressed_page_size} bytes is larger than the ${maxPageBytes} that are read`
        )
      }
      if (reader.offset + pageSize > piece.length) {
        if (isLast) throw new Error("a page is longer than its column")
        return consumed(start)
      }
      const body = piece.subarray(reader.offset, reader.offset + pageSize)
      reader.offset += pageSize
      if (header.type === "DICTIONARY_PAGE") {
        checkSum(header, body)
        dictionary = readDictionary(meta, column, header, body)
      } else if (header.type === "DATA_PAGE" || header.type === "DATA_PAGE_V2") take(header, body)
    }
    if (isLast && (isFromStart ? left > 0 : row < (window?.end ?? 0))) throw new Error("its pages end too soon")
    return consumed(reader.offset)
  }
  const consumed = (bytes: number): number => {
    before += bytes
    return bytes
  }
  return { push, isDone: () => left === 0 || isComplete }
}

const checkSum = ({ crc }: PageHeader, body: Uint8Array): void => {
  if (crc !== undefined && crc32(body) !== crc >>> 0) throw new Error("a page does not match its checksum")
}

/** How many levels a data page has, and how many rows, where its header says so. */
const sizesOf = (
  { data_page_header: v1, data_page_header_v2: v2 }: PageHeader,
  { maxRepetition }: LeafColumn
): { readonly count: number; readonly rows: number | undefined } => {
  const count = (v1 ?? v2)?.num_values ?? 0
  const rows = maxRepetition === 0 ? count : v2?.num_rows
  return { count, rows: isSize(rows) ? rows : undefined }
}

/** The rows that begin in a page of a leaf in lists. */
const rowsIn = ({ repetition }: Omit<Page, "firstRow">): number => {
  let rows = 0
  for (const level of repetition ?? []) if (level === 0) rows++
  return rows
}

const readDictionary = (meta: ColumnMetaData, column: LeafColumn, header: PageHeader, body: Uint8Array): Dictionary => {
  const count = header.dictionary_page_header?.num_values
  if (!isSize(count)) throw new Error("its dictionary has an impossible size")
  const bytes = decompress(meta.codec, body, header.uncompressed_page_size)
  return {
    size: count,
    converted: convertedOrNone(() => valuesOf(meta, column, bytes, "PLAIN", count, 0, count)),
    raw: () => Encodings.decode(bytes, meta.type, "PLAIN", count, column.element.type_length)
  }
}

const convertedOrNone = (convert: () => Encodings.Raw): Encodings.Raw | undefined => {
  try {
    return convert()
  } catch (cause) {
    if (cause instanceof ValueError) return undefined
    throw cause
  }
}

/** Some of the places of a page. */
interface Cut {
  readonly start: number
  readonly end: number
}

const readPage = (
  meta: ColumnMetaData,
  column: LeafColumn,
  header: PageHeader,
  body: Uint8Array,
  dictionary: Dictionary | undefined,
  left: number,
  cut: Cut | undefined
): Omit<Page, "firstRow"> => {
  const { bytes, count, definition: levels, encoding, repetition } = unpack(meta, column, header, body, left)
  const valueCount = valuesIn(levels, column, 0, count)
  const { end, start } = cut ?? { start: 0, end: count }
  const from = valuesIn(levels, column, 0, start)
  const to = end === count ? valueCount : from + valuesIn(levels, column, start, end)
  const definition = cut === undefined ? levels : levels?.subarray(start, end)
  const page = { count: end - start, definition: to - from === end - start ? undefined : definition, repetition }
  const content = bytes(valueCount)
  if (encoding !== "PLAIN_DICTIONARY" && encoding !== "RLE_DICTIONARY") {
    return { ...page, values: () => ({ values: valuesOf(meta, column, content, encoding, valueCount, from, to) }) }
  }
  const indexes = new Uint32Array(valueCount)
  if (valueCount > 0) {
    if (dictionary === undefined) throw new Error("it has no dictionary, and its pages refer to one")
    if (content.length === 0) throw new Error("its runs end too soon")
    Runs.decode(content, 1, content[0] as number, indexes) // its length was just checked
    const { size } = dictionary
    let max = 0
    for (let i = 0; i < valueCount; i++) max = Math.max(max, indexes[i] as number) // within bounds
    if (max >= size) throw new Error("an index is beyond its dictionary")
  }
  if (dictionary === undefined) return { ...page, values: () => ({ values: [] }) }
  const { converted, raw } = dictionary
  const wanted = cut === undefined ? indexes : indexes.subarray(from, to)
  return {
    ...page,
    values: () => {
      if (converted !== undefined) return { dictionary: converted, indexes: wanted }
      const entries = raw()
      return { values: column.convert(Array.from(wanted, (index) => entries[index])) } // which says where
    }
  }
}

/** How many of some places of a page have a value. */
const valuesIn = (
  definition: Uint8Array | undefined,
  { maxDefinition }: LeafColumn,
  start: number,
  end: number
): number => {
  if (definition === undefined) return end - start
  let count = 0
  for (let i = start; i < end; i++) if (definition[i] === maxDefinition) count++
  return count
}

/** The values of a page, from one to before another. */
const valuesOf = (
  { type }: ColumnMetaData,
  column: LeafColumn,
  bytes: Uint8Array,
  encoding: PageEncoding,
  count: number,
  from: number,
  to: number
): Encodings.Raw => {
  if (encoding === "PLAIN" && type === "BYTE_ARRAY" && column.target === "text" && isText(column.leaf))
    return textsOf(bytes, count, from, to)
  const raw = Encodings.decode(bytes, type, encoding, count, column.element.type_length)
  return column.convert(to - from === count ? raw : raw.slice(from, to))
}

const isText = ({ kind }: Leaf): boolean => kind === "text" || kind === "json" || kind === "bytes"

/** A buffer with Node's decoder itself: the checks that `toString` makes first take as long as a short text does. */
interface TextBuffer extends Buffer {
  utf8Slice(start: number, end: number): string
}

/** A length, without the checks of `readUInt32LE`. */
const lengthAt = (bytes: Uint8Array, at: number): number =>
  ((bytes[at] as number) |
    ((bytes[at + 1] as number) << 8) |
    ((bytes[at + 2] as number) << 16) |
    ((bytes[at + 3] as number) << 24)) >>>
  0 // within bounds

/** Texts, each led by its length, without an array of bytes for each. */
const textsOf = (bytes: Uint8Array, count: number, from: number, to: number): Array<string> => {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength) as TextBuffer // its types leave it out
  const texts: Array<string> = []
  let at = 0
  for (let i = 0; i < count; i++) {
    if (at + 4 > buffer.length) throw new Error("a page has fewer values than it claims")
    const end = at + 4 + lengthAt(buffer, at)
    if (end > buffer.length) throw new Error("a string is longer than its page")
    if (i >= from && i < to) {
      const text = buffer.utf8Slice(at + 4, end)
      texts.push(text.includes("\uFFFD") ? textOf(buffer.subarray(at + 4, end), i - from) : text)
    }
    at = end
  }
  return texts
}
