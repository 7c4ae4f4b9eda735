/**
 * The values of a leaf, from what the file holds to what a table's column asks for. Each conversion is exact or fails:
 * a value that the target can't hold is an error that says which value it is, never a neighbour of it.
 */
import { type Convert, each, same, type Target, ValueError } from "./convert.ts"
import { decimals } from "./decimals.ts"
import { integers } from "./integers.ts"
import type { Leaf } from "./leaf.ts"
import { dates, intervalText, nanosOfInt96, times, timestamps } from "./moments.ts"

/** How a leaf's values are read as the target's; nothing where they can't be. */
export const conversion = (leaf: Leaf, target: Target): Convert | undefined => {
  switch (leaf.kind) {
    case "text":
      return target === "text" || target === "plain"
        ? texts
        : target === "json"
          ? jsons
          : target === "bytes"
            ? same
            : undefined
    case "json":
      return target === "text"
        ? texts
        : target === "json" || target === "plain"
          ? jsons
          : target === "bytes"
            ? same
            : undefined
    case "boolean":
      return target === "boolean" || target === "plain" ? same : undefined
    case "integer":
      return integers(leaf, target)
    case "float16":
    case "float":
    case "double":
      return floats(leaf.kind, target)
    case "decimal":
      return decimals(leaf, target)
    case "date":
      return dates(target)
    case "timestamp":
      return timestamps(leaf.unit, leaf.isUtc, target)
    case "int96": {
      const convert = timestamps("NANOS", true, target)
      return convert === undefined ? undefined : (raw) => convert(each(raw, nanosOfInt96))
    }
    case "time":
      return times(leaf.unit, target)
    case "uuid":
      return target === "text" || target === "plain"
        ? (raw) => each(raw, uuidText)
        : target === "bytes"
          ? same
          : undefined
    case "interval":
      return target === "text" || target === "plain"
        ? (raw) => each(raw, intervalText)
        : target === "bytes"
          ? same
          : undefined
    case "bytes":
      return target === "bytes"
        ? same
        : target === "text" && leaf.isText
          ? texts
          : target === "plain"
            ? (raw) => each(raw, (bytes: Uint8Array) => Buffer.from(bytes).toString("base64"))
            : undefined
    case "null":
      return same // no value is ever there
  }
}

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

/** Buffer's decoder is twice as fast; it puts U+FFFD in place of what is not UTF-8, so texts with one are looked at again. */
export const textOf = (bytes: Uint8Array, index: number): string => {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString()
  return text.includes("\uFFFD") ? strictText(bytes, index) : text
}

const strictText = (bytes: Uint8Array, index: number): string => {
  try {
    return strict.decode(bytes)
  } catch {
    throw new ValueError(
      "invalid",
      index,
      "the text is not valid UTF-8; declare the column Uint8Array to read its bytes"
    )
  }
}

const texts: Convert = (raw) => each(raw, textOf)

const jsons: Convert = (raw) =>
  each(raw, (bytes: Uint8Array, index) => {
    const text = textOf(bytes, index)
    try {
      return JSON.parse(text) as unknown
    } catch {
      throw new ValueError("invalid", index, `${shortened(text)} is not valid JSON`)
    }
  })

const shortened = (text: string): string => JSON.stringify(text.length > 40 ? `${text.slice(0, 39)}…` : text)

const floats = (kind: "float16" | "float" | "double", target: Target): Convert | undefined => {
  const wide: Convert = kind === "float16" ? (raw) => Float32Array.from(raw as ReadonlyArray<Uint8Array>, half) : same
  switch (target) {
    case "number":
    case "float64":
      return wide
    case "float32":
      return kind === "double" ? undefined : wide
    case "plain":
      return (raw) => each(wide(raw), (value: number) => (Number.isFinite(value) ? value : String(value)))
    default:
      return undefined
  }
}

/** IEEE 754's half precision, little-endian. */
const half = (bytes: Uint8Array): number => {
  const bits = ((bytes[1] as number) << 8) | (bytes[0] as number) // two bytes
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 0x1f
  const fraction = bits & 0x3ff
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}

const uuidText = (bytes: Uint8Array): string => {
  const hex = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex")
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}
