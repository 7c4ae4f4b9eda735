/** The body of a data page: its levels, and its values still encoded. */
import type { ColumnMetaData, PageHeader } from "hyparquet"
import { decompress, Unsupported } from "./compression.ts"
import type * as Encodings from "./encodings.ts"
import * as Runs from "./hybridRuns.ts"

/** How a page's values or levels are encoded. */
export type PageEncoding = Parameters<typeof Encodings.decode>[2]

/** The highest levels of a leaf. */
interface MaxLevels {
  readonly maxDefinition: number
  readonly maxRepetition: number
}

/** A page of more levels than this must have bytes in proportion. */
const maxFreeLevels = 1 << 24

/** Whether a file's number can be a size or a count. */
export const isSize = (size: unknown): size is number => Number.isSafeInteger(size) && (size as number) >= 0 // an integer is a number

/** A page's levels, and its values still encoded. */
export interface Unpacked {
  readonly count: number
  readonly encoding: PageEncoding
  readonly definition: Uint8Array | undefined
  readonly repetition: Uint8Array | undefined
  /** The encoded values, of which so many are there. */
  readonly bytes: (valueCount: number) => Uint8Array
}

/**
 * Unpacks a page.
 *
 * @param left The values that are left in the column chunk, of which the page can't have more.
 */
export const unpack = (
  meta: ColumnMetaData,
  { maxDefinition, maxRepetition }: MaxLevels,
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
      throw new Error("the size of a page's levels is impossible")
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
    if (at + 4 > page.length) throw new Error("the size of a page's levels is impossible")
    const end = at + 4 + new DataView(page.buffer, page.byteOffset + at, 4).getUint32(0, true)
    if (end > page.length) throw new Error("the size of a page's levels is impossible")
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
