/**
 * The pages of a column: bytes in Parquet's plain encoding, or numbers into a dictionary where texts repeat. A column of
 * plain numbers is its own page: the file's layout is that of a typed array, and nothing is copied.
 */
import type { Rows } from "./columnCodec.ts"
import type { ColumnType } from "./columnType.ts"
import * as Runs from "./hybridRuns.ts"

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

/** The pages of some rows of a column. */
export const pagesOf = (type: ColumnType, { present, values }: Rows): ReadonlyArray<Page> => {
  const rows = present?.length ?? values.length
  if (ArrayBuffer.isView(values)) {
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
    return [plainPage(rows, withLevels(type, bytes, present, rows))]
  }
  if (type.kind === "text") {
    const dictionary = dictionaryOf(values)
    if (dictionary !== undefined) return dictionaryPages(type, dictionary, present, rows)
  }
  const pages: Array<Page> = []
  let value = 0
  let row = 0
  do {
    const part = plainOf(type, values, value)
    const end = part.end === values.length ? rows : rowAfter(present, row, part.end - value)
    pages.push(plainPage(end - row, withLevels(type, part.bytes, present?.subarray(row, end), end - row)))
    value = part.end
    row = end
  } while (row < rows)
  return pages
}

const plainPage = (count: number, bytes: Uint8Array): Page => ({ encoding: "PLAIN", isDictionary: false, count, bytes })

/** The row after so many values. */
const rowAfter = (present: Uint8Array | undefined, start: number, values: number): number => {
  if (present === undefined) return start + values
  let row = start
  for (let left = values; left > 0; row++) left -= present[row] as number // there are that many
  return row
}

/** A column that may miss values says for each row whether it has one: runs, led by their length. */
const withLevels = (type: ColumnType, bytes: Uint8Array, present: Uint8Array | undefined, rows: number): Uint8Array => {
  if (!type.optional) return bytes
  const levels = Runs.encode(present ?? new Uint8Array(rows).fill(1), 1)
  const length = Buffer.allocUnsafe(4)
  length.writeUInt32LE(levels.length)
  return Buffer.concat([length, levels, bytes])
}

interface Part {
  readonly bytes: Uint8Array
  /** The first value that is not in it. */
  readonly end: number
}

const plainOf = (type: ColumnType, values: ReadonlyArray<any>, start: number): Part =>
  type.kind === "text"
    ? textsOf(values, start)
    : type.kind === "boolean"
      ? { bytes: bitsOf(values), end: values.length }
      : blocksOf(values, start)

const bitsOf = (values: ReadonlyArray<boolean>): Uint8Array => {
  const bytes = new Uint8Array(Math.ceil(values.length / 8))
  for (let i = 0; i < values.length; i++) if (values[i]) bytes[i >> 3] = (bytes[i >> 3] as number) | (1 << (i & 7))
  return bytes
}

/** Texts, each led by its length in bytes, written into one buffer. */
const textsOf = (values: ReadonlyArray<string>, start: number): Part => {
  let buffer = Buffer.allocUnsafe(pageBytes)
  let size = 0
  let at = start
  for (; at < values.length; at++) {
    const value = values[at] as string // within bounds
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
  const bytes = buffer.subarray(0, size)
  // A small page does not keep the room of a big one.
  return { bytes: size < buffer.length / 2 ? Buffer.from(bytes) : bytes, end: at }
}

const blocksOf = (values: ReadonlyArray<Uint8Array>, start: number): Part => {
  let size = 0
  let end = start
  for (; end < values.length; end++) {
    const { length } = values[end] as Uint8Array // within bounds
    if (size > 0 && size + 4 + length > pageBytes) break
    size += 4 + length
  }
  const bytes = Buffer.allocUnsafe(size)
  let at = 0
  for (const value of values.slice(start, end)) {
    at = bytes.writeUInt32LE(value.length, at)
    bytes.set(value, at)
    at += value.length
  }
  return { bytes, end }
}

interface Dictionary {
  readonly entries: ReadonlyArray<string>
  /** The entry's number for every value. */
  readonly indexes: Uint32Array
}

const maxEntries = 1 << 16
const sampleRows = 1000

/** A dictionary, where texts repeat enough for one: four times on average, and not too many different ones. */
const dictionaryOf = (values: ReadonlyArray<string>): Dictionary | undefined => {
  if (values.length < 8) return undefined
  const step = Math.max(1, Math.floor(values.length / sampleRows))
  const sample = new Set<string>()
  let sampled = 0
  for (let i = 0; i < values.length; i += step, sampled++) sample.add(values[i] as string) // within bounds
  if (sample.size * 2 > sampled) return undefined
  const most = Math.min(maxEntries, Math.floor(values.length / 4))
  const numbers = new Map<string, number>()
  const indexes = new Uint32Array(values.length)
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as string // within bounds
    let number = numbers.get(value)
    if (number === undefined) {
      if (numbers.size >= most) return undefined
      number = numbers.size
      numbers.set(value, number)
    }
    indexes[i] = number
  }
  return { entries: [...numbers.keys()], indexes }
}

const dictionaryPages = (
  type: ColumnType,
  { entries, indexes }: Dictionary,
  present: Uint8Array | undefined,
  rows: number
): ReadonlyArray<Page> => {
  const width = Math.max(1, Math.ceil(Math.log2(entries.length)))
  const bytes = withLevels(type, Buffer.concat([Uint8Array.of(width), Runs.encode(indexes, width)]), present, rows)
  return [
    { encoding: "PLAIN", isDictionary: true, count: entries.length, bytes: wholeTexts(entries) },
    { encoding: "RLE_DICTIONARY", isDictionary: false, count: rows, bytes }
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
