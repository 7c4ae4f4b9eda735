/**
 * The safetensors format: eight bytes of header length, a JSON header, the tensors' bytes. Tensors are laid out by the
 * size of their elements, largest first, and then by name, and the header is padded to a multiple of eight bytes: so
 * every tensor is aligned in memory, and equal values have equal bytes. The format is little-endian, as every machine
 * is that Node runs on.
 */
import * as Result from "effect/Result"
import { CodecError } from "../schema/codecError.ts"

/** The element types of the format, by the names that it gives them, and what holds each in memory. */
export interface Arrays {
  readonly BOOL: Uint8Array
  readonly U8: Uint8Array
  readonly I8: Int8Array
  readonly U16: Uint16Array
  readonly I16: Int16Array
  readonly U32: Uint32Array
  readonly I32: Int32Array
  readonly U64: BigUint64Array
  readonly I64: BigInt64Array
  readonly F32: Float32Array
  readonly F64: Float64Array
  /** Half precision, as bits. */
  readonly F16: Uint16Array
  /** The upper half of an F32, as bits. */
  readonly BF16: Uint16Array
  /** Eight bits of exponent or fraction, as bits. */
  readonly F8_E4M3: Uint8Array
  readonly F8_E5M2: Uint8Array
  readonly F8_E8M0: Uint8Array
  /** Real and imaginary part in turn. */
  readonly C64: Float32Array
}

/** The name of an element type. */
export type Dtype = keyof Arrays

/** A block of numbers. */
export interface Tensor<D extends Dtype = Dtype> {
  readonly dtype: D
  readonly shape: ReadonlyArray<number>
  readonly data: Arrays[D]
}

/** Named tensors, and texts about them. */
export interface Contents {
  readonly tensors: { readonly [name: string]: Tensor }
  readonly metadata: { readonly [key: string]: string }
}

type Constructor = {
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): Arrays[Dtype]
  readonly BYTES_PER_ELEMENT: number
  readonly name: string
}

/** What holds a type's elements, and how many of what holds them an element takes. */
const dtypes: { readonly [D in Dtype]: readonly [holder: Constructor, each: number] } = {
  BOOL: [Uint8Array, 1],
  U8: [Uint8Array, 1],
  I8: [Int8Array, 1],
  U16: [Uint16Array, 1],
  I16: [Int16Array, 1],
  U32: [Uint32Array, 1],
  I32: [Int32Array, 1],
  U64: [BigUint64Array, 1],
  I64: [BigInt64Array, 1],
  F32: [Float32Array, 1],
  F64: [Float64Array, 1],
  F16: [Uint16Array, 1],
  BF16: [Uint16Array, 1],
  F8_E4M3: [Uint8Array, 1],
  F8_E5M2: [Uint8Array, 1],
  F8_E8M0: [Uint8Array, 1],
  C64: [Float32Array, 2]
}

const isDtype = (u: unknown): u is Dtype => typeof u === "string" && Object.hasOwn(dtypes, u)

const fail = (message: string, path: ReadonlyArray<PropertyKey> = []): Result.Result<never, CodecError> =>
  Result.fail(new CodecError({ message, path }))

const isSize = (u: unknown): u is number => Number.isSafeInteger(u) && (u as number) >= 0 // an integer is a number

/** The number of elements of a shape. */
const sizeOf = (shape: ReadonlyArray<number>): number => shape.reduce((product, size) => product * size, 1)

const shapeText = (shape: ReadonlyArray<unknown>): string => `[${shape.join(", ")}]`

const byCodeUnit = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** Why a tensor is none: an unknown type, a shape that is no shape, or data that do not fill it. */
const flaw = (name: string, tensor: Tensor): Result.Result<void, CodecError> => {
  const path = ["tensors", name]
  if (!isDtype(tensor?.dtype)) {
    return fail(
      `tensor ${name} has the dtype ${String(tensor?.dtype)}; the format knows ${Object.keys(dtypes).join(", ")}`,
      [...path, "dtype"]
    )
  }
  if (!Array.isArray(tensor.shape) || !tensor.shape.every(isSize)) {
    return fail(`tensor ${name} has a shape that is no list of sizes`, [...path, "shape"])
  }
  const [holder, each] = dtypes[tensor.dtype]
  if (!(tensor.data instanceof holder)) {
    return fail(`tensor ${name} of dtype ${tensor.dtype} must have its data in a ${holder.name}`, [...path, "data"])
  }
  const wanted = sizeOf(tensor.shape) * each
  return tensor.data.length === wanted
    ? Result.void
    : fail(`tensor ${name} of shape ${shapeText(tensor.shape)} needs ${wanted} numbers and has ${tensor.data.length}`, [
        ...path,
        "data"
      ])
}

/** The bytes of tensors, in parts: the header, and each tensor's own memory. */
export const encode = (contents: Contents): Result.Result<ReadonlyArray<Uint8Array>, CodecError> => {
  const names = Object.keys(contents.tensors)
  for (const name of names) {
    if (name === "__metadata__") return fail("__metadata__ can't be the name of a tensor", ["tensors", name])
    const sound = flaw(name, contents.tensors[name] as Tensor) // its key was just listed
    if (Result.isFailure(sound)) return Result.fail(sound.failure)
  }
  const header: Array<readonly [string, unknown]> = []
  const keys = Object.keys(contents.metadata).sort(byCodeUnit)
  if (keys.length > 0) {
    const wrong = keys.find((key) => typeof contents.metadata[key] !== "string")
    if (wrong !== undefined) return fail(`metadata ${wrong} is no text`, ["metadata", wrong])
    header.push(["__metadata__", Object.fromEntries(keys.map((key) => [key, contents.metadata[key]]))])
  }
  const sorted = names
    .map((name) => [name, contents.tensors[name] as Tensor] as const) // its key was just listed
    .sort(([a, { data: x }], [b, { data: y }]) => y.BYTES_PER_ELEMENT - x.BYTES_PER_ELEMENT || byCodeUnit(a, b))
  const parts: Array<Uint8Array> = []
  let offset = 0
  for (const [name, { data, dtype, shape }] of sorted) {
    header.push([name, { dtype, shape, data_offsets: [offset, offset + data.byteLength] }])
    offset += data.byteLength
    if (data.byteLength > 0) parts.push(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
  }
  return Result.succeed([headerBytes(JSON.stringify(Object.fromEntries(header))), ...parts])
}

const headerBytes = (json: string): Uint8Array => {
  const text = new TextEncoder().encode(json)
  const length = Math.ceil(text.byteLength / 8) * 8
  const bytes = new Uint8Array(8 + length).fill(0x20)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true)
  bytes.set(text, 8)
  return bytes
}

/** Tensors that are views on the bytes, or copies where the bytes are not aligned in memory. */
export const decode = (bytes: Uint8Array): Result.Result<Contents, CodecError> => {
  if (bytes.byteLength < 8) return fail("the bytes are too few to be safetensors")
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true))
  if (length > bytes.byteLength - 8) return fail("the bytes end within the safetensors header")
  const header = parseHeader(bytes.subarray(8, 8 + length))
  if (Result.isFailure(header)) return Result.fail(header.failure)
  const body = bytes.subarray(8 + length)
  const tensors: Array<readonly [string, Tensor]> = []
  let metadata: Record<string, string> = {}
  let end = 0
  for (const [name, entry] of Object.entries(header.success)) {
    if (name === "__metadata__") {
      metadata = entry as Record<string, string> // the format has texts here
      continue
    }
    const { data_offsets, dtype, shape } = entry as { dtype: unknown; shape: unknown; data_offsets: unknown } // checked below
    if (!isDtype(dtype))
      return fail(`tensor ${name} has the dtype ${String(dtype)}, which is not known`, ["tensors", name])
    if (!Array.isArray(shape) || !shape.every(isSize)) return fail(`tensor ${name} has no shape`, ["tensors", name])
    if (!Array.isArray(data_offsets) || data_offsets.length !== 2 || !data_offsets.every(isSize)) {
      return fail(`tensor ${name} has no place`, ["tensors", name])
    }
    const [from, to] = data_offsets as [number, number] // just checked
    const [holder, each] = dtypes[dtype]
    const count = sizeOf(shape) * each
    if (to - from !== count * holder.BYTES_PER_ELEMENT || to > body.byteLength) {
      return fail(`the bytes of tensor ${name} do not fill its shape ${shapeText(shape)}`, ["tensors", name])
    }
    const at = body.byteOffset + from
    const isAligned = at % holder.BYTES_PER_ELEMENT === 0
    const data = isAligned ? new holder(body.buffer, at, count) : new holder(body.slice(from, to).buffer, 0, count)
    tensors.push([name, { dtype, shape, data }])
    end = Math.max(end, to)
  }
  return end === body.byteLength
    ? Result.succeed({ tensors: Object.fromEntries(tensors), metadata })
    : fail(`${body.byteLength - end} bytes follow the last tensor`)
}

const parseHeader = (bytes: Uint8Array): Result.Result<{ readonly [name: string]: unknown }, CodecError> =>
  Result.flatMap(
    Result.try({
      try: () => JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)) as unknown,
      catch: () => new CodecError({ message: "the safetensors header is no JSON" })
    }),
    (header) =>
      typeof header === "object" &&
      header !== null &&
      Object.values(header).every((entry) => typeof entry === "object" && entry !== null)
        ? Result.succeed(header as { readonly [name: string]: unknown }) // an object indexes its keys
        : fail("the safetensors header is no object of tensors")
  )
