/** Byte arrays in parts, and byte arrays of one's own. */

/** The length of all parts together. */
export const sizeOf = (parts: ReadonlyArray<Uint8Array>): number => {
  let size = 0
  for (const part of parts) size += part.byteLength
  return size
}

/** A new array of all parts. It never shares memory with anything, as a `Buffer` from Node's pool would. */
export const concat = (parts: ReadonlyArray<Uint8Array>, size = sizeOf(parts)): Uint8Array<ArrayBuffer> => {
  const bytes = new Uint8Array(size)
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.byteLength
  }
  return bytes
}

/** Whether an array is a plain `Uint8Array` over the whole of its memory. */
export const isWhole = (bytes: Uint8Array | undefined): bytes is Uint8Array =>
  bytes !== undefined &&
  Object.getPrototypeOf(bytes) === Uint8Array.prototype &&
  bytes.byteLength === bytes.buffer.byteLength

/** The array itself where it is whole, else a copy that is. */
export const whole = (bytes: Uint8Array): Uint8Array => (isWhole(bytes) ? bytes : new Uint8Array(bytes))
