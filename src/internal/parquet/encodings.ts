/**
 * The encodings of a page's values, each decoded within the page's own bytes: whatever a damaged page claims, nothing
 * beyond its end is read, and no more values are made than were asked for.
 *
 * The encodings: https://parquet.apache.org/docs/file-format/data-pages/encodings/
 */
import type { Encoding, ParquetType } from "hyparquet"
import { Unsupported } from "./compression.ts"
import * as Runs from "./hybridRuns.ts"

/** Values as a page holds them: typed arrays of numbers; arrays of booleans, of bytes, and of INT96 as bigints. */
export type Raw = ReadonlyArray<any> | Int32Array | BigInt64Array | Float32Array | Float64Array

/** Decodes so many values of a page. Dictionary indexes are decoded elsewhere. */
export const decode = (
  bytes: Uint8Array,
  type: ParquetType,
  encoding: Encoding,
  count: number,
  typeLength: number | undefined
): Raw => {
  if (count === 0) return []
  switch (encoding) {
    case "PLAIN":
      return plain(bytes, type, count, typeLength)
    case "RLE":
      if (type === "BOOLEAN") return booleanRuns(bytes, count)
      break
    case "DELTA_BINARY_PACKED":
      if (type === "INT32") return deltaInt32(new Cursor(bytes), count)
      if (type === "INT64") return deltaInt64(new Cursor(bytes), count)
      break
    case "DELTA_LENGTH_BYTE_ARRAY":
      if (type === "BYTE_ARRAY") return deltaLengths(new Cursor(bytes), count)
      break
    case "DELTA_BYTE_ARRAY":
      if (type === "BYTE_ARRAY" || type === "FIXED_LEN_BYTE_ARRAY") return deltaPrefixes(new Cursor(bytes), count)
      break
    case "BYTE_STREAM_SPLIT":
      return unsplit(bytes, type, count, typeLength)
  }
  throw new Unsupported(`its encoding ${encoding} of ${type} is not supported`)
}

const widths: { readonly [T in ParquetType]?: number } = { INT32: 4, INT64: 8, INT96: 12, FLOAT: 4, DOUBLE: 8 }

const tooShort = () => new Error("a page has fewer values than it claims")

/** A page's first bytes with a boundary that fits the elements of a typed array. */
const aligned = (bytes: Uint8Array, size: number, each: number): Uint8Array => {
  if (size > bytes.length) throw tooShort()
  const part = bytes.subarray(0, size)
  return bytes.byteOffset % each === 0 ? part : new Uint8Array(part) // a Buffer has a `slice` that does not copy
}

const plain = (bytes: Uint8Array, type: ParquetType, count: number, typeLength: number | undefined): Raw => {
  switch (type) {
    case "BOOLEAN": {
      if (count > bytes.length * 8) throw tooShort()
      return Array.from({ length: count }, (_, i) => (((bytes[i >> 3] as number) >> (i & 7)) & 1) === 1)
    }
    case "INT96": {
      if (count * 12 > bytes.length) throw tooShort()
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
      return Array.from(
        { length: count },
        (_, i) => (BigInt(view.getInt32(i * 12 + 8, true)) << 64n) | view.getBigUint64(i * 12, true)
      )
    }
    case "BYTE_ARRAY":
      return byteArrays(bytes, count)
    case "FIXED_LEN_BYTE_ARRAY":
      return fixedArrays(bytes, count, lengthOf(typeLength))
    default:
      return numbers(aligned(bytes, count * (widths[type] as number), widths[type] as number), type, count) // the rest are numbers
  }
}

const lengthOf = (typeLength: number | undefined): number => {
  if (typeLength === undefined || typeLength <= 0) throw new Error("it has a fixed length of none")
  return typeLength
}

const numbers = (bytes: Uint8Array, type: ParquetType, count: number): Raw => {
  switch (type) {
    case "INT32":
      return new Int32Array(bytes.buffer, bytes.byteOffset, count)
    case "INT64":
      return new BigInt64Array(bytes.buffer, bytes.byteOffset, count)
    case "FLOAT":
      return new Float32Array(bytes.buffer, bytes.byteOffset, count)
    default:
      return new Float64Array(bytes.buffer, bytes.byteOffset, count)
  }
}

const byteArrays = (bytes: Uint8Array, count: number): Array<Uint8Array> => {
  if (count * 4 > bytes.length) throw tooShort()
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const values = new Array<Uint8Array>(count)
  let at = 0
  for (let i = 0; i < count; i++) {
    if (at + 4 > bytes.length) throw tooShort()
    const end = at + 4 + view.getUint32(at, true)
    if (end > bytes.length) throw new Error("a value is longer than its page")
    values[i] = bytes.subarray(at + 4, end)
    at = end
  }
  return values
}

const fixedArrays = (bytes: Uint8Array, count: number, length: number): Array<Uint8Array> => {
  if (count * length > bytes.length) throw tooShort()
  return Array.from({ length: count }, (_, i) => bytes.subarray(i * length, (i + 1) * length))
}

const booleanRuns = (bytes: Uint8Array, count: number): Array<boolean> => {
  const values = new Uint8Array(count)
  Runs.decode(bytes, 4, 1, values) // four bytes of length lead
  return Array.from(values, (value) => value === 1)
}

const unsplit = (bytes: Uint8Array, type: ParquetType, count: number, typeLength: number | undefined): Raw => {
  const width = type === "FIXED_LEN_BYTE_ARRAY" ? lengthOf(typeLength) : widths[type]
  if (width === undefined || type === "INT96") {
    throw new Unsupported(`its encoding BYTE_STREAM_SPLIT of ${type} is not supported`)
  }
  if (count * width > bytes.length) throw tooShort()
  const whole = new Uint8Array(count * width)
  for (let part = 0, at = 0; part < width; part++) {
    for (let i = part; i < whole.length; i += width) whole[i] = bytes[at++] as number // there are count × width bytes
  }
  return type === "FIXED_LEN_BYTE_ARRAY" ? fixedArrays(whole, count, width) : numbers(whole, type, count)
}

/** A place in a page. */
class Cursor {
  readonly bytes: Uint8Array
  at = 0
  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }
  byte(): number {
    if (this.at >= this.bytes.length) throw tooShort()
    return this.bytes[this.at++] as number // within bounds
  }
  varint(): number {
    let value = 0
    for (let factor = 1; ; factor *= 128) {
      const byte = this.byte()
      value += (byte & 0x7f) * factor
      if (byte < 0x80) return value
      if (factor > 2 ** 42) throw new Error("an integer of a page is too long")
    }
  }
  bigVarint(): bigint {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      const byte = this.byte()
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return value
      if (shift > 63n) throw new Error("an integer of a page is too long")
    }
  }
  zigzag(): bigint {
    const value = this.bigVarint()
    return (value >> 1n) ^ -(value & 1n)
  }
}

interface DeltaHeader {
  readonly perMiniblock: number
  readonly miniblocks: number
  readonly first: bigint
}

const deltaHeader = (cursor: Cursor, count: number): DeltaHeader => {
  const blockSize = cursor.varint()
  const miniblocks = cursor.varint()
  const total = cursor.varint()
  const first = cursor.zigzag()
  const perMiniblock = blockSize / miniblocks
  if (!(miniblocks > 0 && Number.isInteger(perMiniblock) && perMiniblock % 8 === 0) || miniblocks > 1 << 16) {
    throw new Error("a page of differences has blocks of an impossible size")
  }
  if (total < count) throw tooShort()
  return { perMiniblock, miniblocks, first }
}

/** Calls `add` with each block's smallest difference, and what each value adds to it. */
const deltas = (
  cursor: Cursor,
  count: number,
  { miniblocks, perMiniblock }: DeltaHeader,
  maxWidth: number,
  add: (min: bigint, low: number, high: number) => void
): void => {
  const { bytes } = cursor
  let left = count - 1
  while (left > 0) {
    const min = cursor.zigzag()
    const widthsAt = cursor.at
    cursor.at += miniblocks
    if (cursor.at > bytes.length) throw tooShort()
    for (let block = 0; block < miniblocks && left > 0; block++) {
      const width = bytes[widthsAt + block] as number // within bounds
      if (width > maxWidth) throw new Error(`a page has differences of ${width} bits`)
      const here = Math.min(left, perMiniblock)
      if (cursor.at + Math.ceil((here * width) / 8) > bytes.length) throw tooShort()
      for (let i = 0, bit = cursor.at * 8; i < here; i++) {
        let low = 0
        let high = 0
        for (let got = 0; got < width; ) {
          const take = Math.min(8 - (bit & 7), width - got)
          const part = ((bytes[bit >>> 3] as number) >>> (bit & 7)) & ((1 << take) - 1) // its length was checked
          if (got < 32) {
            low |= part << got
            if (got + take > 32) high |= part >>> (32 - got)
          } else high |= part << (got - 32)
          got += take
          bit += take
        }
        add(min, low >>> 0, high >>> 0)
      }
      left -= here
      cursor.at += (perMiniblock * width) / 8
    }
  }
  cursor.at = Math.min(cursor.at, bytes.length)
}

/** Differences of INT32 wrap around in 32 bits. */
const deltaInt32 = (cursor: Cursor, count: number): Int32Array => {
  const values = new Int32Array(count)
  if (count === 0) return values
  const header = deltaHeader(cursor, count)
  let value = Number(BigInt.asIntN(32, header.first))
  let at = 0
  values[at++] = value
  let min = 0n
  let low32 = 0
  deltas(cursor, count, header, 33, (blockMin, low) => {
    if (blockMin !== min) {
      min = blockMin
      low32 = Number(BigInt.asIntN(32, min))
    }
    value = (value + low32 + low) | 0
    values[at++] = value
  })
  return values
}

/** Differences of INT64 wrap around in 64 bits. */
const deltaInt64 = (cursor: Cursor, count: number): BigInt64Array => {
  const values = new BigInt64Array(count)
  const header = deltaHeader(cursor, count)
  let value = header.first
  let at = 0
  values[at++] = value
  deltas(cursor, count, header, 64, (min, low, high) => {
    value = BigInt.asIntN(64, value + min + (high === 0 ? BigInt(low) : (BigInt(high) << 32n) | BigInt(low)))
    values[at++] = value
  })
  return values
}

/** The lengths of all values, then their bytes. */
const deltaLengths = (cursor: Cursor, count: number): Array<Uint8Array> => {
  const lengths = deltaInt32(cursor, count)
  return Array.from(lengths, (length) => {
    const end = cursor.at + length
    if (length < 0 || end > cursor.bytes.length) throw new Error("a value is longer than its page")
    const value = cursor.bytes.subarray(cursor.at, end)
    cursor.at = end
    return value
  })
}

/** What each value shares with the one before, then what follows in each. */
const deltaPrefixes = (cursor: Cursor, count: number): Array<Uint8Array> => {
  const prefixes = deltaInt32(cursor, count)
  const suffixes = deltaLengths(cursor, count)
  let previous = new Uint8Array()
  let total = 0
  return suffixes.map((suffix, i) => {
    const prefix = prefixes[i] as number // one for each
    if (prefix < 0 || prefix > previous.length) throw new Error("a value shares more than its predecessor has")
    total += prefix
    if (total > maxSharedBytes + 64 * cursor.bytes.length)
      throw new Unsupported("a page of shared prefixes unfolds to more than can be held")
    const value = new Uint8Array(prefix + suffix.length)
    value.set(previous.subarray(0, prefix))
    value.set(suffix, prefix)
    previous = value
    return value
  })
}

/** A page of a few kilobytes can repeat one prefix so often that its values fill the memory. */
const maxSharedBytes = 2 ** 26
