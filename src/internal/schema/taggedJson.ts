/**
 * Values without a schema as JSON, and back. Whatever JSON has no form for becomes an object with one key, its tag: a date
 * is `{ "$date": … }`, a map `{ "$map": … }`. An object of the user's that looks like one of these is escaped, so data
 * stays data. Instances of classes are refused, with their place.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import * as Bytes from "./bytes.ts"
import { maxDepth } from "./canonicalJson.ts"
import * as CodecIssue from "./codecIssue.ts"
import * as ExitJson from "./exitJson.ts"

/** The typed arrays beside `Uint8Array` that have a tag. */
const numberArrays = {
  Int8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array
}

/** Thrown for a value that has no tagged form. */
export class Refusal extends Error {
  readonly path: ReadonlyArray<PropertyKey>
  readonly kind: "value" | "secret" | "nesting"
  /** @param message What the value is: `a function`. */
  constructor(path: ReadonlyArray<PropertyKey>, message: string, kind: Refusal["kind"] = "value") {
    super(message)
    this.path = path
    this.kind = kind
  }
}

/** Encodes a part of a value; the key is its place in the whole. */
export type EncodePart = (part: unknown, key?: PropertyKey) => Schema.Json

/** Encodes objects of a caller's own classes; `undefined` for all others. */
export type EncodeOwn = (value: object, part: EncodePart) => Schema.Json | undefined

/** What a caller adds to decoding. */
export interface DecodeOwn {
  /** Decodes a tag of the caller's own; `undefined` for all others. */
  readonly tag?: (value: object, part: (json: unknown) => unknown) => { readonly value: unknown } | undefined
  /** Replaces a decoded object. Called with the JSON object that it was decoded from. */
  readonly fields?: (fields: Record<string, unknown>, json: object) => unknown
}

/** A value as JSON. Throws `Refusal`, and whatever reading the value throws. */
export const encode = (value: unknown, own: EncodeOwn = () => undefined): Schema.Json =>
  encodeValue(value, [], new Set(), own)

const encodeValue = (
  value: unknown,
  path: ReadonlyArray<PropertyKey>,
  above: Set<object>,
  own: EncodeOwn
): Schema.Json => {
  switch (typeof value) {
    case "string":
    case "boolean":
      return value
    case "number":
      return Number.isFinite(value) && !Object.is(value, -0)
        ? value
        : { $number: Object.is(value, -0) ? "-0" : String(value) }
    case "bigint":
      return { $bigint: String(value) }
    case "undefined":
      return { $undefined: true }
    case "object":
      break
    default:
      throw new Refusal(path, CodecIssue.valueText(value))
  }
  if (value === null) return null
  if (above.has(value)) throw new Refusal(path, "a value that contains itself", "nesting")
  if (above.size >= maxDepth) throw new Refusal(path.slice(0, 8), `nested more than ${maxDepth} levels deep`, "nesting")
  above.add(value)
  const part: EncodePart = (item, key) => encodeValue(item, key === undefined ? path : [...path, key], above, own)
  const encoded = own(value, part) ?? encodeObject(value, path, part, own)
  above.delete(value)
  return encoded
}

const base64 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64")

const encodeObject = (
  value: object,
  path: ReadonlyArray<PropertyKey>,
  part: EncodePart,
  own: EncodeOwn
): Schema.Json => {
  if (Array.isArray(value)) return Array.from(value, part)
  if (value instanceof Date) return { $date: Number.isNaN(value.getTime()) ? null : value.getTime() }
  if (value instanceof Map) {
    return { $map: [...value].map(([key, item]) => [part(key, "key"), part(item, keyText(key))]) }
  }
  if (value instanceof Set) return { $set: [...value].map((item, i) => part(item, i)) }
  if (value instanceof Uint8Array) return { $bytes: base64(value) }
  for (const [name, Numbers] of Object.entries(numberArrays)) {
    if (value instanceof Numbers) {
      return { $numbers: [name, base64(new Uint8Array(value.buffer, value.byteOffset, value.byteLength))] }
    }
  }
  if (Redacted.isRedacted(value)) throw new Refusal(path, "a secret (Redacted)", "secret")
  if (Option.isOption(value)) return { $option: Option.isSome(value) ? [part(value.value, "value")] : [] }
  if (Result.isResult(value)) {
    return Result.isSuccess(value)
      ? { $success: part(value.success, "success") }
      : { $failure: part(value.failure, "failure") }
  }
  if (Exit.isExit(value)) return { $exit: ExitJson.encode(value, part, (defect) => own(defect, part)) }
  const prototype = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) {
    throw new Refusal(
      path,
      // An error class of a schema can be yielded, so it is an Effect by its type.
      Effect.isEffect(value) && !(value instanceof Error)
        ? "an Effect that was never run (a `yield*` is missing)"
        : CodecIssue.classText(value)
    )
  }
  return encodeFields(value, part)
}

const keyText = (key: unknown): string => (typeof key === "object" ? CodecIssue.valueText(key) : String(key))

/** An object's own properties, escaped where they look like a tag. */
export const encodeFields = (value: object, part: EncodePart, onFields?: (json: object) => void): Schema.Json => {
  const fields = mapFields(value, part) as { readonly [name: string]: Schema.Json } // of encoded parts
  onFields?.(fields)
  const names = Object.keys(fields)
  return names.length === 1 && names[0]?.startsWith("$") === true ? { $data: fields } : fields
}

/** A new object with the same keys, `__proto__` among them. */
const mapFields = (value: object, map: (field: unknown, name: string) => unknown): Record<string, unknown> => {
  const fields: Record<string, unknown> = {}
  for (const [name, field] of Object.entries(value)) {
    Object.defineProperty(fields, name, {
      value: map(field, name),
      enumerable: true,
      writable: true,
      configurable: true
    })
  }
  return fields
}

/** The tag of an encoded value, with what it holds. */
const tagIn = (value: object): readonly [tag: string | undefined, held: unknown] => {
  const entries = Object.entries(value)
  const [first] = entries
  return entries.length === 1 && first !== undefined && first[0].startsWith("$") ? first : [undefined, undefined]
}

const fromBase64 = (text: unknown): Uint8Array => Bytes.concat([Buffer.from(String(text), "base64")])

/** The value that was encoded. */
export const decode = (value: unknown, own: DecodeOwn = {}): unknown => {
  const part = (item: unknown): unknown => decode(item, own)
  const fieldsOf = (json: object): unknown => {
    const fields = mapFields(json, part)
    return own.fields === undefined ? fields : own.fields(fields, json)
  }
  if (typeof value !== "object" || value === null) return value
  if (Array.isArray(value)) return value.map(part)
  const ownValue = own.tag?.(value, part)
  if (ownValue !== undefined) return ownValue.value
  const [tag, held] = tagIn(value)
  switch (tag) {
    case "$data":
      return fieldsOf(held as object)
    case "$undefined":
      return undefined
    case "$number":
      return Number(held)
    case "$bigint":
      return BigInt(String(held))
    case "$date":
      return new Date(held === null ? Number.NaN : Number(held))
    case "$map":
      return new Map((held as ReadonlyArray<ReadonlyArray<unknown>>).map(([key, item]) => [part(key), part(item)]))
    case "$set":
      return new Set((held as ReadonlyArray<unknown>).map(part))
    case "$bytes":
      return fromBase64(held)
    case "$numbers": {
      const [name, text] = held as readonly [keyof typeof numberArrays, string]
      return new numberArrays[name](fromBase64(text).buffer as ArrayBuffer)
    }
    case "$option": {
      const items = held as ReadonlyArray<unknown>
      return items.length === 0 ? Option.none() : Option.some(part(items[0]))
    }
    case "$success":
      return Result.succeed(part(held))
    case "$failure":
      return Result.fail(part(held))
    case "$exit":
      return ExitJson.decode(held, part)
    default:
      return fieldsOf(value)
  }
}

/**
 * An encoded value for people and other programs: what JSON can't hold in the form that reads best.
 *
 * @param own Displays the caller's own tags; `undefined` for all others.
 */
export const display = (
  value: unknown,
  own: (value: object, part: (json: unknown) => unknown) => { readonly value: unknown } | undefined
): unknown => {
  const part = (item: unknown): unknown => display(item, own)
  if (typeof value !== "object" || value === null) return value
  if (Array.isArray(value)) return value.map(part)
  const ownValue = own(value, part)
  if (ownValue !== undefined) return ownValue.value
  const [tag, held] = tagIn(value)
  switch (tag) {
    case "$data":
      return mapFields(held as object, part)
    case "$number":
    case "$bigint":
    case "$bytes":
      return held
    case "$undefined":
      return null
    case "$date":
      return held === null ? null : new Date(Number(held)).toISOString()
    case "$map":
    case "$set":
      return part(held)
    case "$numbers":
      return Array.from(decode(value) as ArrayLike<unknown>, (item) =>
        typeof item === "bigint" || !Number.isFinite(item) ? String(item) : item
      )
    case "$option":
      return part((held as ReadonlyArray<unknown>)[0] ?? null)
    case "$success":
    case "$failure":
      return { [tag.slice(1)]: part(held) }
    case "$exit":
      return ExitJson.display(held, part)
    default:
      return mapFields(value, part)
  }
}
