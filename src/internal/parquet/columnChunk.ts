/**
 * One flat column of one row group: its pages, straight from their bytes to the table's values. hyparquet decompresses
 * and decodes; what is added is that texts are made from the page's bytes at once, and that a dictionary's values are
 * converted and checked once and not for every row that has them.
 */
import type { ColumnMetaData, DataReader, Encoding, PageHeader, SchemaTree } from "hyparquet"
import { parquetHeader } from "hyparquet/src/column.js"
import { convert, DEFAULT_PARSERS } from "hyparquet/src/convert.js"
import { decompressPage, readDataPage } from "hyparquet/src/datapage.js"
import { readPlain } from "hyparquet/src/plain.js"
import * as ColumnCodec from "./columnCodec.ts"
import * as Codecs from "./compression.ts"
import * as ParquetTypes from "./fileTypes.ts"
import * as Runs from "./hybridRuns.ts"

/** A chunk's place in the file, and how it is stored. */
export interface Chunk {
  readonly meta: ColumnMetaData
  readonly node: SchemaTree
  readonly bytes: Uint8Array
}

const textOf = (bytes: Uint8Array) =>
  bytes === undefined ? undefined : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString()

const parsers = { ...DEFAULT_PARSERS, stringFromBytes: textOf, jsonFromBytes: textOf }

interface Dictionary {
  /** As the file has them. */
  readonly raw: ColumnCodec.Physical
  /** As the table has them; none where a value is at fault, which may be in no row at all. */
  readonly ready: ColumnCodec.Gathered["values"] | undefined
}

/** Adds a chunk's rows to a column. Throws where the bytes make no sense. */
export const read = (chunk: Chunk, column: ColumnCodec.Gathered): ColumnCodec.ColumnError | undefined => {
  const { bytes, meta } = chunk
  const reader = { view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), offset: 0 }
  const end = column.rows + Number(meta.num_values)
  let dictionary: Dictionary | undefined
  while (column.rows < end) {
    if (reader.offset >= bytes.byteLength) throw new Error("its pages end too soon")
    const header = parquetHeader(reader)
    const size = header.compressed_page_size
    if (!isSize(size) || reader.offset + size > bytes.byteLength || !isSize(header.uncompressed_page_size)) {
      throw new Error("a page has no size that could be")
    }
    const body = bytes.subarray(reader.offset, reader.offset + size)
    reader.offset += size
    if (header.type === "DICTIONARY_PAGE") dictionary = readDictionary(chunk, column, header, body)
    else if (header.type === "DATA_PAGE" || header.type === "DATA_PAGE_V2") {
      const fault = readPage(chunk, column, header, body, dictionary, end - column.rows)
      if (fault !== undefined) return fault
    }
  }
  return undefined
}

const isSize = (size: unknown): boolean => Number.isSafeInteger(size) && (size as number) >= 0 // an integer is a number

const readDictionary = (
  chunk: Chunk,
  column: ColumnCodec.Gathered,
  header: PageHeader,
  body: Uint8Array
): Dictionary => {
  const page = decompressPage(body, header.uncompressed_page_size, chunk.meta.codec, Codecs.decompressors)
  const count = header.dictionary_page_header?.num_values
  if (count === undefined || !isSize(count)) throw new Error("its dictionary has no size that could be")
  const raw = valuesOf(chunk, column, page, count, "PLAIN")
  const ready = ColumnCodec.gather(column.type, count)
  return {
    raw,
    ready: ColumnCodec.append(ready, { values: raw, present: undefined }) === undefined ? ready.values : undefined
  }
}

const readPage = (
  chunk: Chunk,
  column: ColumnCodec.Gathered,
  header: PageHeader,
  body: Uint8Array,
  dictionary: Dictionary | undefined,
  rowsLeft: number
): ColumnCodec.ColumnError | undefined => {
  const { bytes, count, encoding, levels } = unpack(chunk, header, body, rowsLeft)
  const present = levels?.includes(0) === true ? levels : undefined
  let there = count
  if (present !== undefined) for (const level of present) there -= 1 - level
  if (encoding !== "PLAIN_DICTIONARY" && encoding !== "RLE_DICTIONARY") {
    return ColumnCodec.append(column, { values: valuesOf(chunk, column, bytes, there, encoding), present })
  }
  if (dictionary === undefined) throw new Error("it has no dictionary, and its pages refer to one")
  const indexes = new Uint32Array(there)
  if (there > 0) Runs.decode(bytes, 1, bytes[0] as number, indexes) // no byte: `decode` finds that its input has ended
  const { raw, ready } = dictionary
  if (ready !== undefined) return ColumnCodec.appendReady(column, ready, indexes, present)
  return ColumnCodec.append(column, { values: Array.from(indexes, (index) => raw[index]), present })
}

/** A page's values, still encoded, and its levels: a 1 for each row that has a value. */
const unpack = (chunk: Chunk, header: PageHeader, body: Uint8Array, rowsLeft: number) => {
  const { codec } = chunk.meta
  const isOptional = ParquetTypes.isOptional(chunk.node.element)
  const checked = (count: number): number => {
    if (!isSize(count) || count > rowsLeft) throw new Error("a page has more rows than its row group")
    return count
  }
  const v2 = header.data_page_header_v2
  if (v2 !== undefined) {
    const count = checked(v2.num_values)
    const levelBytes = v2.repetition_levels_byte_length + v2.definition_levels_byte_length
    if (!isSize(levelBytes) || levelBytes > body.length) throw new Error("a page has no levels that could be")
    const levels = isOptional && v2.num_nulls > 0 ? new Uint8Array(count) : undefined
    if (levels !== undefined) Runs.decode(body, v2.repetition_levels_byte_length, 1, levels)
    const rest = body.subarray(levelBytes)
    const size = header.uncompressed_page_size - levelBytes
    const bytes = v2.is_compressed === false ? rest : decompressPage(rest, size, codec, Codecs.decompressors)
    return { bytes, count, encoding: v2.encoding, levels }
  }
  const v1 = header.data_page_header
  if (v1 === undefined) throw new Error("a page has no header of its own")
  const count = checked(v1.num_values)
  const page = decompressPage(body, header.uncompressed_page_size, codec, Codecs.decompressors)
  if (!isOptional) return { bytes: page, count, encoding: v1.encoding, levels: undefined }
  const levels = new Uint8Array(count)
  const levelBytes = readerOf(page, 0).view.getUint32(0, true)
  Runs.decode(page, 4, 1, levels)
  return { bytes: page.subarray(4 + levelBytes), count, encoding: v1.encoding, levels }
}

const readerOf = (bytes: Uint8Array, offset: number): DataReader => ({
  view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength),
  offset
})

/** Values as hyparquet decodes them. */
const decode = ({ meta, node }: Chunk, bytes: Uint8Array, count: number, encoding: Encoding): ColumnCodec.Physical =>
  readDataPage(
    bytes,
    { num_values: count, encoding, definition_level_encoding: "RLE", repetition_level_encoding: "RLE" },
    // No schema path: the levels are read already.
    { type: meta.type, element: node.element, schemaPath: [], pathInSchema: [], codec: meta.codec, parsers }
  ).dataPage

const valuesOf = (
  chunk: Chunk,
  column: ColumnCodec.Gathered,
  bytes: Uint8Array,
  count: number,
  encoding: Encoding
): ColumnCodec.Physical => {
  const { meta, node } = chunk
  const { kind } = column.type
  if (encoding === "PLAIN" && meta.type === "BYTE_ARRAY" && (kind === "text" || kind === "json"))
    return textsOf(bytes, count)
  const values =
    encoding === "PLAIN"
      ? readPlain(readerOf(bytes, 0), meta.type, count, node.element.type_length)
      : decode(chunk, bytes, count, encoding)
  return convert(values as Array<unknown>, {
    type: meta.type,
    element: node.element,
    schemaPath: [],
    pathInSchema: [],
    codec: meta.codec,
    utf8: kind !== "bytes",
    parsers
  })
}

/** Texts, each led by its length, without an array of bytes for each. */
const textsOf = (bytes: Uint8Array, count: number): Array<string> => {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const texts: Array<string> = []
  let at = 0
  for (let i = 0; i < count; i++) {
    const end = at + 4 + buffer.readUInt32LE(at)
    if (end > buffer.length) throw new Error("a text is longer than its page")
    texts.push(buffer.toString("utf8", at + 4, end))
    at = end
  }
  return texts
}
