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
  /** Nothing where every value is there. */
  readonly definition: Uint8Array | undefined
  readonly repetition: Uint8Array | undefined
  /** Converts when it is asked. Throws `ValueError`. */
  readonly values: () => PageValues
}

interface Dictionary {
  readonly raw: Encodings.Raw
  /** Nothing where a value can't be converted, which may be in no row at all. */
  readonly converted: Encodings.Raw | undefined
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

/** A page of more levels than this must have bytes in proportion. */
const maxFreeLevels = 1 << 24

/**
 * Reads a chunk's pages, one after the other.
 *
 * @param size How many bytes of the chunk pages may begin in. The last one may end beyond them: some writers leave the
 * header of the dictionary out of the chunk's size (PARQUET-816).
 */
export const decoder = (
  meta: ColumnMetaData,
  column: LeafColumn,
  size: number,
  onPage: (page: Page) => void
): Decoder => {
  if (meta.type !== column.element.type) throw new Error("it has another type than the schema says")
  let left = Number(meta.num_values)
  if (!isSize(left)) throw new Error("it has no number of values that could be")
  let dictionary: Dictionary | undefined
  let before = 0
  const push = (piece: Uint8Array, isLast: boolean): number => {
    const reader = { view: new DataView(piece.buffer, piece.byteOffset, piece.byteLength), offset: 0 }
    while (left > 0) {
      const start = reader.offset
      if (start >= piece.length || before + start >= size) break
      if (!isLast && piece.length - start < headerRoomBytes) return consumed(start)
      Thrift.endOfStruct(piece, start)
      const header = parquetHeader(reader)
      const pageSize = header.compressed_page_size
      if (!isSize(pageSize) || !isSize(header.uncompressed_page_size))
        throw new Error("a page has no size that could be")
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
      if (header.crc !== undefined && crc32(body) !== header.crc >>> 0)
        throw new Error("a page does not match its checksum")
      if (header.type === "DICTIONARY_PAGE") dictionary = readDictionary(meta, column, header, body)
      else if (header.type === "DATA_PAGE" || header.type === "DATA_PAGE_V2") {
        const page = readPage(meta, column, header, body, dictionary, left)
        left -= page.count
        onPage(page)
      }
    }
    if (isLast && left > 0) throw new Error("its pages end too soon")
    return consumed(reader.offset)
  }
  const consumed = (bytes: number): number => {
    before += bytes
    return bytes
  }
  return { push, isDone: () => left === 0 }
}

const isSize = (size: unknown): size is number => Number.isSafeInteger(size) && (size as number) >= 0 // an integer is a number

const readDictionary = (meta: ColumnMetaData, column: LeafColumn, header: PageHeader, body: Uint8Array): Dictionary => {
  const count = header.dictionary_page_header?.num_values
  if (!isSize(count)) throw new Error("its dictionary has no size that could be")
  const bytes = decompress(meta.codec, body, header.uncompressed_page_size)
  const raw = Encodings.decode(bytes, meta.type, "PLAIN", count, column.element.type_length)
  return { raw, converted: convertedOrNone(column, raw) }
}

const convertedOrNone = (column: LeafColumn, raw: Encodings.Raw): Encodings.Raw | undefined => {
  try {
    return column.convert(raw)
  } catch (cause) {
    if (cause instanceof ValueError) return undefined
    throw cause
  }
}

const readPage = (
  meta: ColumnMetaData,
  column: LeafColumn,
  header: PageHeader,
  body: Uint8Array,
  dictionary: Dictionary | undefined,
  left: number
): Page => {
  const { bytes, count, definition, encoding, repetition } = unpack(meta, column, header, body, left)
  let valueCount = count
  if (definition !== undefined) {
    const { maxDefinition } = column
    for (let i = 0; i < count; i++) if (definition[i] !== maxDefinition) valueCount--
  }
  const isWhole = valueCount === count
  const page = { count, definition: isWhole ? undefined : definition, repetition }
  const content = bytes(valueCount)
  if (encoding !== "PLAIN_DICTIONARY" && encoding !== "RLE_DICTIONARY") {
    return { ...page, values: () => ({ values: valuesOf(meta, column, content, encoding, valueCount) }) }
  }
  const indexes = new Uint32Array(valueCount)
  if (valueCount > 0) {
    if (dictionary === undefined) throw new Error("it has no dictionary, and its pages refer to one")
    if (content.length === 0) throw new Error("its runs end too soon")
    Runs.decode(content, 1, content[0] as number, indexes) // its length was just checked
    const size = dictionary.raw.length
    let max = 0
    for (let i = 0; i < valueCount; i++) max = Math.max(max, indexes[i] as number) // within bounds
    if (max >= size) throw new Error("an index is beyond its dictionary")
  }
  if (dictionary === undefined) return { ...page, values: () => ({ values: [] }) }
  const { converted, raw } = dictionary
  return {
    ...page,
    values: () =>
      converted === undefined
        ? { values: column.convert(Array.from(indexes, (index) => raw[index])) } // which says where
        : { dictionary: converted, indexes }
  }
}

const valuesOf = (
  { type }: ColumnMetaData,
  column: LeafColumn,
  bytes: Uint8Array,
  encoding: PageEncoding,
  count: number
): Encodings.Raw =>
  encoding === "PLAIN" && type === "BYTE_ARRAY" && column.target === "text" && isText(column.leaf)
    ? textsOf(bytes, count)
    : column.convert(Encodings.decode(bytes, type, encoding, count, column.element.type_length))

type PageEncoding = Parameters<typeof Encodings.decode>[2]

const isText = ({ kind }: Leaf): boolean => kind === "text" || kind === "json" || kind === "bytes"

/** Texts, each led by its length, without an array of bytes for each. */
const textsOf = (bytes: Uint8Array, count: number): Array<string> => {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const texts: Array<string> = []
  let at = 0
  for (let i = 0; i < count; i++) {
    if (at + 4 > buffer.length) throw new Error("a page has fewer values than it claims")
    const end = at + 4 + buffer.readUInt32LE(at)
    if (end > buffer.length) throw new Error("a text is longer than its page")
    const text = buffer.toString("utf8", at + 4, end)
    texts.push(text.includes("\uFFFD") ? textOf(buffer.subarray(at + 4, end), i) : text)
    at = end
  }
  return texts
}

interface Unpacked {
  readonly count: number
  readonly encoding: PageEncoding
  readonly definition: Uint8Array | undefined
  readonly repetition: Uint8Array | undefined
  /** The encoded values, of which so many are there. */
  readonly bytes: (valueCount: number) => Uint8Array
}

/** A page's levels, and its values still encoded. */
const unpack = (
  meta: ColumnMetaData,
  { maxDefinition, maxRepetition }: LeafColumn,
  header: PageHeader,
  body: Uint8Array,
  left: number
): Unpacked => {
  const size = header.uncompressed_page_size
  const checked = (count: number, bytes: number): number => {
    if (!isSize(count) || count > left) throw new Error("a page has more values than its row group")
    if (count > maxFreeLevels && count > bytes * 64)
      throw new Unsupported(`a page claims ${count} values in ${bytes} bytes`)
    return count
  }
  const v2 = header.data_page_header_v2
  if (v2 !== undefined) {
    const count = checked(v2.num_values, size)
    const { definition_levels_byte_length: definitionBytes, repetition_levels_byte_length: repetitionBytes } = v2
    const levelBytes = definitionBytes + repetitionBytes
    if (!isSize(definitionBytes) || !isSize(repetitionBytes) || levelBytes > Math.min(body.length, size)) {
      throw new Error("a page has levels of no size that could be")
    }
    const repetition = levels(body.subarray(0, repetitionBytes), maxRepetition, count)
    const definition =
      definitionBytes === 0 && v2.num_nulls === 0
        ? undefined
        : levels(body.subarray(repetitionBytes, levelBytes), maxDefinition, count)
    const rest = body.subarray(levelBytes)
    const bytes = (valueCount: number) =>
      valueCount === 0
        ? new Uint8Array()
        : v2.is_compressed === false
          ? rest
          : decompress(meta.codec, rest, size - levelBytes)
    return { count, encoding: v2.encoding, definition, repetition, bytes }
  }
  const v1 = header.data_page_header
  if (v1 === undefined) throw new Error("a page has no header of its own")
  const count = checked(v1.num_values, size)
  const page = decompress(meta.codec, body, size)
  let at = 0
  const next = (max: number, encoding: PageEncoding): Uint8Array | undefined => {
    if (max === 0) return undefined
    if (encoding !== "RLE") throw new Unsupported(`its levels are in the encoding ${encoding}`)
    if (at + 4 > page.length) throw new Error("a page has levels of no size that could be")
    const end = at + 4 + new DataView(page.buffer, page.byteOffset + at, 4).getUint32(0, true)
    if (end > page.length) throw new Error("a page has levels of no size that could be")
    const decoded = levels(page.subarray(at + 4, end), max, count)
    at = end
    return decoded
  }
  const repetition = next(maxRepetition, v1.repetition_level_encoding)
  const definition = next(maxDefinition, v1.definition_level_encoding)
  return { count, encoding: v1.encoding, definition, repetition, bytes: () => page.subarray(at) }
}

const levels = (bytes: Uint8Array, max: number, count: number): Uint8Array | undefined => {
  if (max === 0) return undefined
  const decoded = new Uint8Array(count)
  const width = 32 - Math.clz32(max)
  Runs.decode(bytes, 0, width, decoded)
  if (max !== 2 ** width - 1)
    for (const level of decoded) if (level > max) throw new Error("a level is beyond the schema")
  return decoded
}
