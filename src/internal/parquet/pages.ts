/**
 * The pages of a column: bytes in Parquet's plain encoding, or numbers into a dictionary where texts repeat. A column of
 * plain numbers is its own page: the file's layout is that of a typed array, and nothing is copied. A page is made when it
 * is asked for, so that others are compressed meanwhile, and those that were are not in memory any more.
 */
import type { Physical, Rows } from "./columnCodec.ts"
import type { ColumnType, Kind } from "./columnType.ts"
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

/** The levels of the places where a value could be: rows, for a column without lists. */
export interface Levels {
  /** Nothing where every value is there. */
  readonly definition: Uint8Array | undefined
  readonly maxDefinition: number
  readonly repetition?: Uint8Array
  readonly maxRepetition: number
}

/** The pages of some rows of a column, each made when it is asked for. There is one at least. */
export const pagesOf = ({ kind, optional }: ColumnType, { present, values }: Rows): Generator<Page, void> =>
  leafPages(kind, values, { definition: present, maxDefinition: optional ? 1 : 0, maxRepetition: 0 })

/** The pages of some rows of a leaf, each made when it is asked for. There is one at least. */
export function* leafPages(kind: Kind, values: Physical, levels: Levels): Generator<Page, void> {
  const places = levels.definition?.length ?? values.length
  const dictionary = kind === "text" ? dictionaryOf(values as ReadonlyArray<string>) : undefined // texts
  if (dictionary !== undefined) yield* dictionaryPages(dictionary, levels, places)
  else if (levels.repetition !== undefined) yield* listPages(kind, values, levels, levels.repetition)
  else if (ArrayBuffer.isView(values)) yield plainPage(places, withLevels(levels, 0, places, bytesOf(values)))
  else yield* plainPages(kind, values, levels, places)
}

function* plainPages(kind: Kind, values: ReadonlyArray<any>, levels: Levels, places: number): Generator<Page, void> {
  let value = 0
  let place = 0
  do {
    const part = plainOf(kind, values, value)
    const end = part.end === values.length ? places : placeAfter(levels, place, part.end - value)
    yield plainPage(end - place, withLevels(levels, place, end, part.bytes))
    value = part.end
    place = end
  } while (place < places)
}

/** A page of a leaf in lists begins with a row, as readers expect. */
function* listPages(kind: Kind, values: Physical, levels: Levels, repetition: Uint8Array): Generator<Page, void> {
  const { definition, maxDefinition } = levels
  let [start, firstValue, value, size] = [0, 0, 0, 0]
  const page = (end: number): Page =>
    plainPage(end - start, withLevels(levels, start, end, wholeOf(kind, values.slice(firstValue, value))))
  for (let place = 0; place < repetition.length; place++) {
    if (repetition[place] === 0 && size >= pageBytes) {
      yield page(place)
      start = place
      firstValue = value
      size = 0
    }
    if (definition === undefined || definition[place] === maxDefinition) size += sizeOf(values[value++])
  }
  yield page(repetition.length)
}

const sizeOf = (value: unknown): number =>
  typeof value === "string" || value instanceof Uint8Array ? 4 + value.length : 8

const bytesOf = (values: ArrayBufferView): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength)

const plainPage = (count: number, bytes: Uint8Array): Page => ({ encoding: "PLAIN", isDictionary: false, count, bytes })

/** The place after so many values. */
const placeAfter = ({ definition, maxDefinition }: Levels, start: number, values: number): number => {
  if (definition === undefined) return start + values
  let place = start
  for (let left = values; left > 0; place++) if (definition[place] === maxDefinition) left--
  return place
}

/** Levels are runs, each led by their length. */
const withLevels = (
  { definition, maxDefinition, maxRepetition, repetition }: Levels,
  start: number,
  end: number,
  bytes: Uint8Array
): Uint8Array => {
  const parts: Array<Uint8Array> = []
  const add = (levels: Uint8Array, max: number) => {
    const runs = Runs.encode(levels, 32 - Math.clz32(max))
    const length = Buffer.allocUnsafe(4)
    length.writeUInt32LE(runs.length)
    parts.push(length, runs)
  }
  if (repetition !== undefined && maxRepetition > 0) add(repetition.subarray(start, end), maxRepetition)
  if (maxDefinition > 0) {
    add(definition?.subarray(start, end) ?? new Uint8Array(end - start).fill(maxDefinition), maxDefinition)
  }
  return parts.length === 0 ? bytes : Buffer.concat([...parts, bytes])
}

interface Part {
  readonly bytes: Uint8Array
  /** The first value that is not in it. */
  readonly end: number
}

const plainOf = (kind: Kind, values: ReadonlyArray<any>, start: number): Part =>
  kind === "text"
    ? textsOf(values, start)
    : kind === "boolean"
      ? { bytes: bitsOf(values), end: values.length }
      : blocksOf(values, start)

const bitsOf = (values: ReadonlyArray<boolean>): Uint8Array => {
  const bytes = new Uint8Array(Math.ceil(values.length / 8))
  for (let i = 0; i < values.length; i++) if (values[i]) bytes[i >> 3] = (bytes[i >> 3] as number) | (1 << (i & 7))
  return bytes
}

/** A buffer with Node's encoder itself: the checks that `write` makes first take as long as a short text does. */
interface TextBuffer extends Buffer {
  utf8Write(text: string, at: number): number
}

/** Room for texts. */
const textRoom = (bytes: number) => Buffer.allocUnsafe(bytes) as TextBuffer // its types leave it out

/** Writes a length without the checks of `writeUInt32LE`, which take as long as a short text does. */
const putLength = (bytes: Uint8Array, at: number, length: number): void => {
  bytes[at] = length
  bytes[at + 1] = length >>> 8
  bytes[at + 2] = length >>> 16
  bytes[at + 3] = length >>> 24
}

/** Texts, each led by its length in bytes, written into one buffer. */
const textsOf = (values: ReadonlyArray<string>, start: number): Part => {
  let buffer = textRoom(pageBytes)
  let size = 0
  let at = start
  for (; at < values.length; at++) {
    const value = values[at] as string // within bounds
    const most = 4 + value.length * 3
    if (size + most > buffer.length) {
      const need = 4 + Buffer.byteLength(value)
      if (size + need > buffer.length) {
        if (size > 0) break
        buffer = textRoom(need) // one text longer than a page
      }
    }
    const length = buffer.utf8Write(value, size + 4)
    putLength(buffer, size, length)
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
    putLength(bytes, at, value.length)
    bytes.set(value, at + 4)
    at += 4 + value.length
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

const dictionaryPages = ({ entries, indexes }: Dictionary, levels: Levels, places: number): ReadonlyArray<Page> => {
  const width = Math.max(1, Math.ceil(Math.log2(entries.length)))
  const bytes = withLevels(levels, 0, places, Buffer.concat([Uint8Array.of(width), Runs.encode(indexes, width)]))
  return [
    { encoding: "PLAIN", isDictionary: true, count: entries.length, bytes: wholeTexts(entries) },
    { encoding: "RLE_DICTIONARY", isDictionary: false, count: places, bytes }
  ]
}

/** A dictionary is one page, however long. */
const wholeTexts = (texts: ReadonlyArray<string>): Uint8Array => wholeOf("text", texts)

/** All values, plain, as one piece. */
const wholeOf = (kind: Kind, values: Physical): Uint8Array => {
  if (ArrayBuffer.isView(values)) return bytesOf(values)
  const parts: Array<Uint8Array> = []
  for (let start = 0; start < values.length; ) {
    const part = plainOf(kind, values, start)
    parts.push(part.bytes)
    start = part.end
  }
  return parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts) // its length was looked at
}
