/**
 * A bounds check for the format's headers. hyparquet decodes them, and trusts the lengths and integers in them: a varint
 * of a megabyte keeps it busy for minutes, and a list may claim four billion items. So the bytes are walked first, which
 * takes a fraction of the time that decoding them takes.
 *
 * The encoding is Thrift's compact protocol: https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
 */

const maxDepth = 24
const maxVarintBytes = 10

/** Walks a struct and returns where it ends. Throws where the bytes are not a struct. */
export const endOfStruct = (bytes: Uint8Array, start: number): number => structEnd(bytes, start, 0)

const structEnd = (bytes: Uint8Array, start: number, depth: number): number => {
  if (depth > maxDepth) throw new Error("a header is nested too deeply")
  let at = start
  for (;;) {
    const lead = byteAt(bytes, at++)
    const type = lead & 0x0f
    if (type === 0) return at
    if (lead >> 4 === 0) at = varintEnd(bytes, at)
    at = elementEnd(bytes, at, type, depth)
  }
}

const elementEnd = (bytes: Uint8Array, at: number, type: number, depth: number): number => {
  switch (type) {
    case 1: // true
    case 2: // false
      return at
    case 3: // a byte
      return inside(bytes, at + 1)
    case 4: // integers of 16, 32 and 64 bits
    case 5:
    case 6:
      return varintEnd(bytes, at)
    case 7: // a double
      return inside(bytes, at + 8)
    case 8: {
      const end = varintEnd(bytes, at)
      return inside(bytes, end + varint(bytes, at))
    }
    case 9:
      return listEnd(bytes, at, depth)
    case 12:
      return structEnd(bytes, at, depth + 1)
    default:
      throw new Error(`a header has a field of type ${type}, which the format does not use`)
  }
}

const listEnd = (bytes: Uint8Array, start: number, depth: number): number => {
  const lead = byteAt(bytes, start)
  let at = start + 1
  let size = lead >> 4
  if (size === 15) {
    size = varint(bytes, at)
    at = varintEnd(bytes, at)
  }
  if (at + size > bytes.length) throw new Error("a header has a list that is longer than the file") // a byte each, at least
  const type = lead & 0x0f
  for (let i = 0; i < size; i++) {
    at = type === 1 || type === 2 ? inside(bytes, at + 1) : elementEnd(bytes, at, type, depth + 1)
  }
  return at
}

const byteAt = (bytes: Uint8Array, at: number): number => {
  if (at >= bytes.length) throw new Error("a header ends too soon")
  return bytes[at] as number // within bounds
}

const inside = (bytes: Uint8Array, at: number): number => {
  if (at > bytes.length) throw new Error("a header ends too soon")
  return at
}

const varintEnd = (bytes: Uint8Array, start: number): number => {
  let at = start
  while (byteAt(bytes, at++) >= 0x80) {
    if (at - start >= maxVarintBytes) throw new Error("a header has an integer that is too long")
  }
  return at
}

const varint = (bytes: Uint8Array, start: number): number => {
  let value = 0
  for (let at = start, factor = 1; ; at++, factor *= 128) {
    const byte = byteAt(bytes, at)
    value += (byte & 0x7f) * factor
    if (byte < 0x80) return value
  }
}
