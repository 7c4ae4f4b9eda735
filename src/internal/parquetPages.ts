/**
 * The pages of a column: bytes in Parquet's plain encoding, or numbers into a dictionary where texts repeat. A column of
 * plain numbers is its own page: the file's layout is that of a typed array, and nothing is copied.
 */
import { ByteWriter } from "hyparquet-writer"
import { writeRleBitPackedHybrid } from "hyparquet-writer/src/encoding.js"
import type { Physical } from "./columnCodec.ts"
import type { ColumnType } from "./columnType.ts"

/** A page before it is compressed. */
export interface Page {
  readonly encoding: "PLAIN" | "RLE_DICTIONARY"
  readonly isDictionary: boolean
  /** Values, missing ones counted; entries, for a dictionary. */
  readonly count: number
  readonly bytes: Uint8Array
}

/** A page of texts or bytes ends when it holds this much. */
const pageBytes = 1 << 20

/** The pages of some rows of a column, and how many of its values are missing. */
export const pagesOf = (
  type: ColumnType,
  values: Physical
): { readonly pages: Array<Page>; readonly missing: number } => {
  if (ArrayBuffer.isView(values)) {
    const view = new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
    const bytes = type.optional ? Buffer.concat([levelsOf(new Uint8Array(values.length).fill(1)), view]) : view
    return { pages: [{ encoding: "PLAIN", isDictionary: false, count: values.length, bytes }], missing: 0 }
  }
  const missing = type.optional ? values.reduce<number>((sum, value) => (value === null ? sum + 1 : sum), 0) : 0
  if (type.kind === "text") {
    const dictionary = dictionaryOf(values)
    if (dictionary !== undefined) return { pages: dictionaryPages(type, values, dictionary, missing), missing }
  }
  const pages: Array<Page> = []
  let start = 0
  while (start < values.length) {
    const part = plainOf(type, values, start)
    const rows = values.slice(start, part.end)
    const bytes = type.optional ? Buffer.concat([levelsOf(presenceOf(rows)), part.bytes]) : part.bytes
    pages.push({ encoding: "PLAIN", isDictionary: false, count: rows.length, bytes })
    start = part.end
  }
  return { pages, missing }
}

/** A 1 for each row that has a value. */
const presenceOf = (values: ReadonlyArray<unknown>): Uint8Array => {
  const levels = new Uint8Array(values.length)
  for (let i = 0; i < values.length; i++) if (values[i] !== null) levels[i] = 1
  return levels
}

/** The same as the format runs it together, led by its length. */
const levelsOf = (levels: Uint8Array): Uint8Array => {
  const runs = new ByteWriter()
  writeRleBitPackedHybrid(runs, levels, 1)
  const bytes = Buffer.allocUnsafe(4 + runs.index)
  bytes.writeUInt32LE(runs.index, 0)
  bytes.set(runs.getBytes(), 4)
  return bytes
}

interface Part {
  readonly bytes: Uint8Array
  /** The first row that is not in it. */
  readonly end: number
}

const plainOf = (type: ColumnType, values: ReadonlyArray<any>, start: number): Part => {
  switch (type.kind) {
    case "text":
      return textsOf(values, start)
    case "bytes":
    case "json":
      return blocksOf(values, start)
    case "boolean":
      return { bytes: bitsOf(values.slice(start).filter(isThere)), end: values.length }
    case "number":
      return { bytes: viewOf(Float64Array.from(values.slice(start).filter(isThere))), end: values.length }
    default: // every other kind with an array of values is one of 64-bit integers
      return { bytes: viewOf(BigInt64Array.from(values.slice(start).filter(isThere))), end: values.length }
  }
}

const isThere = (value: unknown): boolean => value !== null

const viewOf = (values: Float64Array | BigInt64Array): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength)

const bitsOf = (values: ReadonlyArray<boolean>): Uint8Array => {
  const bytes = new Uint8Array(Math.ceil(values.length / 8))
  for (let i = 0; i < values.length; i++) if (values[i]) bytes[i >> 3] = (bytes[i >> 3] as number) | (1 << (i & 7))
  return bytes
}

/** Texts, each led by its length in bytes, written into one buffer. */
const textsOf = (values: ReadonlyArray<string | null>, start: number): Part => {
  let buffer = Buffer.allocUnsafe(pageBytes)
  let size = 0
  let row = start
  for (; row < values.length; row++) {
    const value = values[row]
    if (value === null || value === undefined) continue
    const most = 4 + value.length * 3
    if (size + most > buffer.length) {
      const need = 4 + Buffer.byteLength(value)
      if (size + need > buffer.length) {
        if (size > 0) break
        buffer = Buffer.allocUnsafe(need) // one text longer than a page
      }
    }
    const length = buffer.write(value, size + 4)
    buffer.writeUInt32LE(length, size)
    size += 4 + length
  }
  // A small page does not keep the room of a big one.
  return {
    bytes: size < buffer.length / 2 ? Buffer.from(buffer.subarray(0, size)) : buffer.subarray(0, size),
    end: row
  }
}

const blocksOf = (values: ReadonlyArray<Uint8Array | null>, start: number): Part => {
  let size = 0
  let row = start
  for (; row < values.length; row++) {
    const value = values[row]
    if (value === null || value === undefined) continue
    if (size > 0 && size + 4 + value.length > pageBytes) break
    size += 4 + value.length
  }
  const bytes = Buffer.allocUnsafe(size)
  let at = 0
  for (let i = start; i < row; i++) {
    const value = values[i]
    if (value === null || value === undefined) continue
    at = bytes.writeUInt32LE(value.length, at)
    bytes.set(value, at)
    at += value.length
  }
  return { bytes, end: row }
}

interface Dictionary {
  readonly entries: ReadonlyArray<string>
  /** The entry's number of every value that is there. */
  readonly indexes: Uint32Array
}

const maxEntries = 1 << 16
const sampleRows = 1000

/** A dictionary, where texts repeat enough for one: four times on average, and not too many different ones. */
const dictionaryOf = (values: ReadonlyArray<string | null>): Dictionary | undefined => {
  if (values.length < 8) return undefined
  const step = Math.max(1, Math.floor(values.length / sampleRows))
  const sample = new Set<string | null>()
  let sampled = 0
  for (let i = 0; i < values.length; i += step, sampled++) sample.add(values[i] as string | null) // within its length
  if (sample.size * 2 > sampled) return undefined
  const most = Math.min(maxEntries, Math.floor(values.length / 4))
  const numbers = new Map<string, number>()
  const indexes = new Uint32Array(values.length)
  let count = 0
  for (const value of values) {
    if (value === null) continue
    let number = numbers.get(value)
    if (number === undefined) {
      if (numbers.size >= most) return undefined
      number = numbers.size
      numbers.set(value, number)
    }
    indexes[count++] = number
  }
  return { entries: [...numbers.keys()], indexes: indexes.subarray(0, count) }
}

const dictionaryPages = (
  type: ColumnType,
  values: ReadonlyArray<unknown>,
  dictionary: Dictionary,
  missing: number
): Array<Page> => {
  const { entries, indexes } = dictionary
  const width = Math.max(1, Math.ceil(Math.log2(entries.length)))
  const runs = new ByteWriter()
  runs.appendUint8(width)
  if (indexes.length > 0) writeRleBitPackedHybrid(runs, indexes, width)
  const bytes = runs.getBytes()
  return [
    { encoding: "PLAIN", isDictionary: true, count: entries.length, bytes: wholeTexts(entries) },
    {
      encoding: "RLE_DICTIONARY",
      isDictionary: false,
      count: indexes.length + missing,
      bytes: type.optional ? Buffer.concat([levelsOf(presenceOf(values)), bytes]) : bytes
    }
  ]
}

/** A dictionary is one page, however long. */
const wholeTexts = (texts: ReadonlyArray<string>): Uint8Array => {
  const parts: Array<Uint8Array> = []
  for (let start = 0; start < texts.length; ) {
    const part = textsOf(texts, start)
    parts.push(part.bytes)
    start = part.end
  }
  return parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts) // its length was looked at
}
