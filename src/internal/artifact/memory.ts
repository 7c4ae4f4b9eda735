/**
 * How much memory a decoded value takes, as V8 lays it out on a 64-bit machine. Long lists are sampled, so that measuring
 * costs little beside decoding.
 */

const wordBytes = 8
const objectBytes = 24
const stringBytes = 16
/** Of longer lists this many items are measured, at even distances. */
const sampleSize = 1000

/** The size of a value of arrays, plain objects and primitives, in bytes. Other objects count as their own properties. */
export const memoryOf = (value: unknown): number => {
  switch (typeof value) {
    case "string":
      return memoryOfText(value)
    case "bigint":
      return 2 * wordBytes + Math.ceil(value.toString(16).length / 2)
    case "object":
      break
    default:
      return wordBytes
  }
  if (value === null) return wordBytes
  if (ArrayBuffer.isView(value)) return 12 * wordBytes + value.byteLength
  if (Array.isArray(value)) return objectBytes + memoryOfItems(value)
  let bytes = objectBytes
  for (const key of Object.keys(value)) bytes += wordBytes + memoryOf((value as Record<string, unknown>)[key]) // own keys index it
  return bytes
}

const memoryOfItems = (items: ReadonlyArray<unknown>): number => {
  const step = Math.max(1, Math.floor(items.length / sampleSize))
  let bytes = 0
  let count = 0
  for (let i = 0; i < items.length; i += step, count++) {
    const item = items[i]
    bytes += typeof item === "number" || typeof item === "boolean" ? wordBytes : wordBytes + memoryOf(item)
  }
  return count === 0 ? 0 : (bytes * items.length) / count
}

/** One byte a character where all are Latin-1, else two. A short part of the text stands for all of it. */
const memoryOfText = (text: string): number => {
  const step = Math.max(1, Math.floor(text.length / 32))
  for (let i = 0; i < text.length; i += step) if (text.charCodeAt(i) > 255) return stringBytes + 2 * text.length
  return stringBytes + text.length
}
