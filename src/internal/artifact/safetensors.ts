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
  /** Eight bits of sign, exponent and fraction, as bits. */
  readonly F8_E4M3: Uint8Array
  readonly F8_E5M2: Uint8Array
  readonly F8_E8M0: Uint8Array
  readonly F8_E4M3FNUZ: Uint8Array
  readonly F8_E5M2FNUZ: Uint8Array
  /** Six bits each, four elements in three bytes, as they are packed. */
  readonly F6_E2M3: Uint8Array
  readonly F6_E3M2: Uint8Array
  /** Four bits each, two elements a byte, as they are packed. */
  readonly F4: Uint8Array
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

/** What holds a type's elements, and how many bits of it an element takes. */
const dtypes: { readonly [D in Dtype]: readonly [holder: Constructor, bits: number] } = {
  BOOL: [Uint8Array, 8],
  U8: [Uint8Array, 8],
  I8: [Int8Array, 8],
  U16: [Uint16Array, 16],
  I16: [Int16Array, 16],
  U32: [Uint32Array, 32],
  I32: [Int32Array, 32],
  U64: [BigUint64Array, 64],
  I64: [BigInt64Array, 64],
  F32: [Float32Array, 32],
  F64: [Float64Array, 64],
  F16: [Uint16Array, 16],
  BF16: [Uint16Array, 16],
  F8_E4M3: [Uint8Array, 8],
  F8_E5M2: [Uint8Array, 8],
  F8_E8M0: [Uint8Array, 8],
  F8_E4M3FNUZ: [Uint8Array, 8],
  F8_E5M2FNUZ: [Uint8Array, 8],
  F6_E2M3: [Uint8Array, 6],
  F6_E3M2: [Uint8Array, 6],
  F4: [Uint8Array, 4],
  C64: [Float32Array, 64]
}

const isDtype = (u: unknown): u is Dtype => typeof u === "string" && Object.hasOwn(dtypes, u)

const fail = (message: string, path: ReadonlyArray<PropertyKey> = []): Result.Result<never, CodecError> =>
  Result.fail(new CodecError({ message, path }))

const isSize = (u: unknown): u is number => Number.isSafeInteger(u) && (u as number) >= 0 // an integer is a number

/** The number of elements of a shape. */
const sizeOf = (shape: ReadonlyArray<number>): number => shape.reduce((product, size) => product * size, 1)

const shapeText = (shape: ReadonlyArray<unknown>): string => `[${shape.join(", ")}]`

const byCodeUnit = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/**
 * Why a tensor is none: an unknown type, a shape that is no shape, or data that do not fill it. Types of less than a byte
 * are packed, so their data are counted in bytes.
 */
const flaw = (name: string, tensor: Tensor): Result.Result<void, CodecError> => {
  const path = ["tensors", name]
  if (!isDtype(tensor?.dtype)) {
    return fail(
      `tensor ${name} has the dtype ${String(tensor?.dtype)}; the format knows ${Object.keys(dtypes).join(", ")}`,
      [...path, "dtype"]
    )
  }
  if (!isShape(tensor.shape)) {
    return fail(`tensor ${name} has a shape that is not a list of sizes`, [...path, "shape"])
  }
  const [holder] = dtypes[tensor.dtype]
  if (!(tensor.data instanceof holder)) {
    return fail(`tensor ${name} of dtype ${tensor.dtype} must have its data in a ${holder.name}`, [...path, "data"])
  }
  const wanted = byteLength(tensor.dtype, tensor.shape) / holder.BYTES_PER_ELEMENT
  return tensor.data.length === wanted
    ? Result.void
    : fail(
        Number.isInteger(wanted)
          ? `tensor ${name} of shape ${shapeText(tensor.shape)} needs ${wanted} numbers and has ${tensor.data.length}`
          : `tensor ${name} of shape ${shapeText(tensor.shape)} does not fill whole bytes with ${tensor.dtype}`,
        [...path, "data"]
      )
}

/** A shape whose elements can be counted exactly. */
const isShape = (shape: unknown): shape is ReadonlyArray<number> =>
  Array.isArray(shape) && shape.every(isSize) && Number.isSafeInteger(sizeOf(shape) * 64)

/** The bytes of a tensor. Not an integer where elements of less than a byte do not fill the last one. */
const byteLength = (dtype: Dtype, shape: ReadonlyArray<number>): number => (sizeOf(shape) * dtypes[dtype][1]) / 8

const isRecord = (u: unknown): u is { readonly [key: string]: unknown } =>
  typeof u === "object" && u !== null && !Array.isArray(u) && !(u instanceof Map) && !ArrayBuffer.isView(u)

/** That a value is of the form `{ tensors, metadata }`. */
export const formOf = (value: unknown): Result.Result<Contents, CodecError> => {
  const { metadata, tensors } = (value ?? {}) as { readonly metadata?: unknown; readonly tensors?: unknown } // checked below
  if (!isRecord(tensors)) return fail("expected { tensors, metadata }, but tensors is not an object", ["tensors"])
  return isRecord(metadata)
    ? Result.succeed(value as Contents) // what is in them is checked where it is used
    : fail("expected { tensors, metadata }, but metadata is not an object: use {} if there is none", ["metadata"])
}

/** The bytes of tensors, in parts: the header, and each tensor's own memory. */
export const encode = (contents: Contents): Result.Result<ReadonlyArray<Uint8Array>, CodecError> => {
  const form = formOf(contents)
  if (Result.isFailure(form)) return Result.fail(form.failure)
  const names = Object.keys(contents.tensors)
  for (const name of names) {
    if (name === metadataKey) return fail("__metadata__ can't be the name of a tensor", ["tensors", name])
    if (!name.isWellFormed())
      return fail(`the name ${JSON.stringify(name)} can't be written as UTF-8`, ["tensors", name])
    const sound = flaw(name, contents.tensors[name] as Tensor) // its key was just listed
    if (Result.isFailure(sound)) return Result.fail(sound.failure)
  }
  const header: Array<readonly [string, unknown]> = []
  const keys = Object.keys(contents.metadata).sort(byCodeUnit)
  if (keys.length > 0) {
    for (const key of keys) {
      const text = contents.metadata[key]
      if (typeof text !== "string") return fail(`metadata ${key} is not a string`, ["metadata", key])
      if (!text.isWellFormed() || !key.isWellFormed()) {
        return fail(`metadata ${JSON.stringify(key)} can't be written as UTF-8`, ["metadata", key])
      }
    }
    header.push([metadataKey, Object.fromEntries(keys.map((key) => [key, contents.metadata[key]]))])
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

const metadataKey = "__metadata__"

const headerBytes = (json: string): Uint8Array => {
  const text = new TextEncoder().encode(json)
  const length = Math.ceil(text.byteLength / 8) * 8
  const bytes = new Uint8Array(8 + length).fill(0x20)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true)
  bytes.set(text, 8)
  return bytes
}

/** Tensors that are views on the bytes, or copies where the bytes are not aligned in memory. */
export const decode = (bytes: Uint8Array): Result.Result<Contents, CodecError> =>
  Result.gen(function* () {
    const length = yield* headerLength(bytes, bytes.byteLength)
    const body = bytes.subarray(8 + length)
    const { entries, metadata } = yield* readHeader(bytes.subarray(8, 8 + length), body.byteLength)
    const tensors = entries.map(({ dtype, end, name, shape, start }): readonly [string, Tensor] => {
      const [holder] = dtypes[dtype]
      const count = (end - start) / holder.BYTES_PER_ELEMENT
      const at = body.byteOffset + start
      const isAligned = at % holder.BYTES_PER_ELEMENT === 0
      const data = isAligned
        ? new holder(body.buffer, at, count)
        : new holder(new Uint8Array(body.subarray(start, end)).buffer, 0, count) // a Buffer has a `slice` that does not copy
      return [name, { dtype, shape, data }]
    })
    return { tensors: Object.fromEntries(tensors), metadata }
  })

/** A tensor's place among the bytes that follow the header. */
export interface Entry {
  readonly name: string
  readonly dtype: Dtype
  readonly shape: ReadonlyArray<number>
  readonly start: number
  readonly end: number
}

/** What a header says. */
export interface Header {
  /** In the order of the header. */
  readonly entries: ReadonlyArray<Entry>
  readonly metadata: { readonly [key: string]: string }
}

/** The format's own limit, in bytes. */
const maxHeaderBytes = 100_000_000

/**
 * The length of the header, from the first eight bytes.
 *
 * @param lead The first bytes.
 * @param size How many bytes there are in all.
 */
export const headerLength = (lead: Uint8Array, size: number): Result.Result<number, CodecError> => {
  if (size < 8 || lead.byteLength < 8) return fail("the bytes are too few to be safetensors")
  const length = new DataView(lead.buffer, lead.byteOffset, 8).getBigUint64(0, true)
  if (length > BigInt(size - 8)) return fail("the bytes end within the safetensors header")
  return length > maxHeaderBytes
    ? fail(`the safetensors header has ${length} bytes, and the format allows ${maxHeaderBytes}`)
    : Result.succeed(Number(length))
}

/**
 * Reads a header and checks it by the rules of the format: https://github.com/huggingface/safetensors#format. Tensors lie
 * one after the other from the first byte to the last, so none overlap and no byte is unaccounted for; names are unique.
 *
 * @param bytes The header alone.
 * @param bodySize How many bytes follow it.
 */
export const readHeader = (bytes: Uint8Array, bodySize: number): Result.Result<Header, CodecError> =>
  Result.gen(function* () {
    const header = yield* parseHeader(bytes)
    const entries: Array<Entry> = []
    let metadata: Header["metadata"] = {}
    for (const [name, value] of Object.entries(header)) {
      if (name === metadataKey) metadata = yield* metadataOf(value)
      else entries.push(yield* entryOf(name, value, bodySize))
    }
    let end = 0
    for (const entry of entries.toSorted((a, b) => a.start - b.start || a.end - b.end)) {
      const path = ["tensors", entry.name]
      if (entry.start < end) return yield* fail(`tensor ${entry.name} overlaps the tensor before it`, path)
      if (entry.start > end)
        return yield* fail(`${entry.start - end} bytes before tensor ${entry.name} belong to no tensor`, path)
      end = entry.end
    }
    if (end !== bodySize) return yield* fail(`${bodySize - end} bytes follow the last tensor`)
    return { entries, metadata }
  })

const entryOf = (name: string, value: unknown, bodySize: number): Result.Result<Entry, CodecError> => {
  const path = ["tensors", name]
  const { data_offsets, dtype, shape } = value as { dtype: unknown; shape: unknown; data_offsets: unknown } // checked below
  if (!isDtype(dtype)) return fail(`tensor ${name} has the dtype ${String(dtype)}, which is not known`, path)
  if (!isShape(shape)) return fail(`tensor ${name} has no shape`, path)
  if (!Array.isArray(data_offsets) || data_offsets.length !== 2 || !data_offsets.every(isSize)) {
    return fail(`tensor ${name} has no place`, path)
  }
  const [start, end] = data_offsets as [number, number] // just checked
  if (end - start !== byteLength(dtype, shape) || end > bodySize) {
    return fail(`the bytes of tensor ${name} do not fill its shape ${shapeText(shape)}`, path)
  }
  return Result.succeed({ name, dtype, shape, start, end })
}

const metadataOf = (value: unknown): Result.Result<Header["metadata"], CodecError> => {
  for (const [key, text] of Object.entries(value as object)) {
    if (typeof text !== "string") return fail(`metadata ${key} is not a string`, ["metadata", key])
  }
  return Result.succeed(value as Header["metadata"]) // just checked
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

const parseHeader = (bytes: Uint8Array): Result.Result<{ readonly [name: string]: unknown }, CodecError> =>
  Result.gen(function* () {
    if (bytes[0] === 0xef) return yield* fail("the safetensors header begins with a byte order mark, and not with {")
    const [text, header] = yield* Result.try({
      try: () => {
        const text = decoder.decode(bytes)
        return [text, JSON.parse(text, wholeNumbers) as unknown] as const
      },
      catch: () => new CodecError({ message: "the safetensors header is not valid JSON" })
    })
    if (!isRecord(header) || !Object.values(header).every(isRecord)) {
      return yield* fail("the safetensors header is not an object of tensors")
    }
    if (bytes[0] !== 0x7b) return yield* fail("the safetensors header does not begin with {")
    const twice = duplicateKey(text)
    if (twice !== undefined) return yield* fail(`the safetensors header has ${JSON.stringify(twice)} twice`)
    return header
  })

/** Sizes are written as whole numbers: `1.0`, `1e3` and `-0` are none, and digits that a number can't hold are no size. */
const wholeNumbers = (_key: string, value: unknown, context?: { readonly source?: string }): unknown =>
  typeof value === "number" && context?.source !== undefined && !/^\d+$/.test(context.source) ? Number.NaN : value

/** A key that an object of a JSON text has twice, of which the parser only keeps the last. */
const duplicateKey = (json: string): string | undefined => {
  const open: Array<Set<string> | undefined> = []
  for (let at = 0; at < json.length; at++) {
    const char = json[at]
    if (char === "{") open.push(new Set())
    else if (char === "[") open.push(undefined)
    else if (char === "}" || char === "]") open.pop()
    else if (char === '"') {
      const start = at++
      while (json[at] !== '"') at += json[at] === "\\" ? 2 : 1
      const keys = open.at(-1)
      if (keys === undefined || !/^\s*:/.test(json.slice(at + 1, at + 64))) continue
      const key = JSON.parse(json.slice(start, at + 1)) as string // a string of valid JSON
      if (keys.has(key)) return key
      keys.add(key)
    }
  }
  return undefined
}
