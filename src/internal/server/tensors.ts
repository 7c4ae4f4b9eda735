/**
 * Tensors artifacts for the page: each tensor's shape and a summary of its elements, read from safetensors by byte
 * ranges. The summary of a large tensor covers only its first elements.
 */
import * as Effect from "effect/Effect"
import type * as Result from "effect/Result"
import * as Safetensors from "../artifact/safetensors.ts"
import { UiBroken } from "./api.ts"
import * as UiHistogram from "./histogram.ts"
import type { TensorsView, TensorView } from "./shapes.ts"
import type { Source } from "./table.ts"

/** The number of elements that a tensor's summary covers. */
const sampledElements = 2_000_000

/** Reads the header, then summarizes each tensor. */
export const view = Effect.fnUntraced(function* <E>(
  source: Source,
  read: (start: number, end: number) => Effect.Effect<Uint8Array, E>
) {
  const lead = yield* read(0, Math.min(8, source.size))
  const length = yield* readable(Safetensors.headerLength(lead, source.size))
  const base = 8 + length
  const { entries, metadata } = yield* readable(Safetensors.readHeader(yield* read(8, base), source.size - base))
  const tensors: Array<TensorView> = []
  for (const entry of entries) {
    const elementBytes = elementSizes[entry.dtype]
    const elements = entry.shape.reduce((product, size) => product * size, 1)
    const shared = {
      name: entry.name,
      dtype: entry.dtype,
      shape: entry.shape,
      bytes: entry.end - entry.start,
      elements
    }
    if (elementBytes === undefined || elements === 0) {
      tensors.push({ ...shared, sampled: 0 })
      continue
    }
    const sampled = Math.min(elements, sampledElements)
    const bytes = yield* read(
      base + entry.start,
      Math.min(base + entry.end, base + entry.start + sampled * elementBytes)
    )
    const summary = UiHistogram.summarize(numbersOf(entry.dtype, bytes), 32)
    tensors.push({ ...shared, sampled, ...summary })
  }
  const view: TensorsView = { tensors, metadata }
  return view
})

const readable = <A>(result: Result.Result<A, { readonly message: string }>): Effect.Effect<A, UiBroken> =>
  Effect.mapError(
    Effect.fromResult(result),
    ({ message }) => new UiBroken({ message: `The tensors' bytes can't be read: ${message}.` })
  )

/** The size of an element in bytes, for the supported types. */
const elementSizes: Readonly<Record<string, number>> = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  U16: 2,
  I16: 2,
  F16: 2,
  BF16: 2,
  U32: 4,
  I32: 4,
  F32: 4,
  U64: 8,
  I64: 8,
  F64: 8
}

const numbersOf = (dtype: string, bytes: Uint8Array): UiHistogram.Numbers => {
  const copy = bytes.slice() // aligned, and of whole elements
  const elementBytes = elementSizes[dtype] as number // only called for supported types
  const count = Math.floor(copy.byteLength / elementBytes)
  switch (dtype) {
    case "I8":
      return new Int8Array(copy.buffer, 0, count)
    case "U16":
      return new Uint16Array(copy.buffer, 0, count)
    case "I16":
      return new Int16Array(copy.buffer, 0, count)
    case "U32":
      return new Uint32Array(copy.buffer, 0, count)
    case "I32":
      return new Int32Array(copy.buffer, 0, count)
    case "F32":
      return new Float32Array(copy.buffer, 0, count)
    case "F64":
      return new Float64Array(copy.buffer, 0, count)
    case "U64":
      return Float64Array.from(new BigUint64Array(copy.buffer, 0, count), Number)
    case "I64":
      return Float64Array.from(new BigInt64Array(copy.buffer, 0, count), Number)
    case "F16":
      return Float64Array.from(new Uint16Array(copy.buffer, 0, count), decodeFloat16)
    case "BF16":
      return decodeBfloat16(new Uint16Array(copy.buffer, 0, count))
    default:
      return copy
  }
}

/** Decodes a half-precision number. */
const decodeFloat16 = (bits: number): number => {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 0x1f
  const fraction = bits & 0x3ff
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}

/** Decodes bfloat16 numbers, whose bits are the upper half of an F32. */
const decodeBfloat16 = (bits: Uint16Array): Float32Array => {
  const wide = new Uint32Array(bits.length)
  for (let i = 0; i < bits.length; i++) wide[i] = (bits[i] as number) << 16 // within bounds
  return new Float32Array(wide.buffer)
}
