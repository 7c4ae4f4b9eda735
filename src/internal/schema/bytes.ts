/** Helpers for byte arrays in parts, and for arrays that own the whole of their memory. */

/** The total length of all parts. */
export const sizeOf = (parts: ReadonlyArray<Uint8Array>): number => {
  let size = 0
  for (const part of parts) size += part.byteLength
  return size
}

/** Copies all parts into a new array that shares no memory, unlike a `Buffer` from Node's pool. */
export const concat = (parts: ReadonlyArray<Uint8Array>, size = sizeOf(parts)): Uint8Array<ArrayBuffer> => {
  const bytes = new Uint8Array(size)
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.byteLength
  }
  return bytes
}

/** Up to this much of memory beside its bytes is not worth a copy. */
const spareBytes = 1024

/**
 * The same bytes in a form that may be kept. A small view of a large buffer keeps the whole buffer in memory, so such parts are
 * copied: a compressor, for example, leaves a page at the beginning of the room it was given. Views of one buffer count it once.
 */
export const compact = (parts: ReadonlyArray<Uint8Array>): ReadonlyArray<Uint8Array> => {
  const size = sizeOf(parts)
  return heldBy(parts) > 2 * size + spareBytes ? [concat(parts, size)] : parts
}

/** How much memory the parts keep. Most small artifacts are one part, and a set takes longer than the rest of `compact`. */
const heldBy = (parts: ReadonlyArray<Uint8Array>): number => {
  const [first, second] = parts
  if (first === undefined || second === undefined) return first?.buffer.byteLength ?? 0
  let bytes = 0
  for (const buffer of new Set(parts.map((part) => part.buffer))) bytes += buffer.byteLength
  return bytes
}

/** Whether an array is a plain `Uint8Array` that covers its whole buffer. */
export const isWhole = (bytes: Uint8Array | undefined): bytes is Uint8Array =>
  bytes !== undefined &&
  Object.getPrototypeOf(bytes) === Uint8Array.prototype &&
  bytes.byteLength === bytes.buffer.byteLength

/** The array itself if it covers its whole buffer, else a copy that does. */
export const whole = (bytes: Uint8Array): Uint8Array => (isWhole(bytes) ? bytes : new Uint8Array(bytes))
