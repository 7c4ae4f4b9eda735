/**
 * What a flow's body yielded, as JSON for the run's record, and back. Refs become `{ "$ref": … }`, and so does whatever
 * JSON has no form for: a date is `{ "$date": … }`, a map `{ "$map": … }`. An object of the user's that looks like one of
 * these is escaped, so data stays data. `Run.output` gives back exactly what was yielded; what could not be given back
 * fails the run with the place of it.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import type * as Artifact from "../../Artifact.ts"
import { ArtifactError } from "../../ArtifactStore.ts"
import type { RefRecord } from "../../RunRecord.ts"
import * as State from "../../State.ts"
import * as Bytes from "../schema/bytes.ts"
import { maxDepth } from "../schema/canonicalJson.ts"
import * as CodecIssue from "../schema/codecIssue.ts"
import * as JsonCodec from "../schema/jsonCodec.ts"
import type { Definition, FlowDefinition } from "./definition.ts"
import { ItemRef, StoredRef } from "./refs.ts"

/** The arrays of numbers that an output may hold. */
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

/** Why a value can't be recorded, and where it is. */
class Refusal extends Error {
  readonly path: ReadonlyArray<PropertyKey>
  readonly what: string
  constructor(path: ReadonlyArray<PropertyKey>, what: string) {
    super(what)
    this.path = path
    this.what = what
  }
}

const base64 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64")

const encodeValue = (value: unknown, path: ReadonlyArray<PropertyKey>, above: Set<object>): Schema.Json => {
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
  if (value instanceof StoredRef) return { $ref: value.record as unknown as Schema.Json } // a record is plain data
  if (value instanceof ItemRef) return encodeValue(value.value, path, above)
  if (above.has(value)) throw new Refusal(path, "a value that contains itself")
  if (above.size >= maxDepth) throw new Refusal(path.slice(0, 8), `nested more than ${maxDepth} levels deep`)
  above.add(value)
  const encoded = encodeObject(value, path, above)
  above.delete(value)
  return encoded
}

const encodeObject = (value: object, path: ReadonlyArray<PropertyKey>, above: Set<object>): Schema.Json => {
  const inner = (item: unknown, key: PropertyKey) => encodeValue(item, [...path, key], above)
  if (Array.isArray(value)) return Array.from(value, inner)
  if (value instanceof Date) return { $date: Number.isNaN(value.getTime()) ? null : value.getTime() }
  if (value instanceof Map) {
    return { $map: [...value].map(([key, item]) => [inner(key, "key"), inner(item, String(key))]) }
  }
  if (value instanceof Set) return { $set: [...value].map((item, i) => inner(item, i)) }
  if (value instanceof Uint8Array) return { $bytes: base64(value) }
  for (const [name, Numbers] of Object.entries(numberArrays)) {
    if (value instanceof Numbers) {
      return { $numbers: [name, base64(new Uint8Array(value.buffer, value.byteOffset, value.byteLength))] }
    }
  }
  if (Redacted.isRedacted(value)) {
    throw new Refusal(
      path,
      "a secret (Redacted). Secrets are never recorded: read it with Config.Redacted in the step or layer that needs it"
    )
  }
  if (Option.isOption(value)) return { $option: Option.isSome(value) ? [inner(value.value, "value")] : [] }
  if (Result.isResult(value)) {
    return Result.isSuccess(value)
      ? { $success: inner(value.success, "success") }
      : { $failure: inner(value.failure, "failure") }
  }
  const prototype = Object.getPrototypeOf(value)
  // A state, also one that `Step.merge` made, is an object of refs.
  if (prototype !== Object.prototype && prototype !== null && State.originOf(value) === undefined) {
    throw new Refusal(
      path,
      Effect.isEffect(value) ? "an Effect that was never run (a `yield*` is missing)" : CodecIssue.classText(value)
    )
  }
  const fields: Record<string, Schema.Json> = {}
  for (const [name, field] of Object.entries(value)) {
    Object.defineProperty(fields, name, {
      value: inner(field, name),
      enumerable: true,
      writable: true,
      configurable: true
    })
  }
  const names = Object.keys(fields)
  return names.length === 1 && names[0]?.startsWith("$") === true ? { $data: fields } : fields
}

/**
 * As data, with the value as `Run.output` will give it back.
 *
 * Fails with `ArtifactError` where something can't be given back, and says where it is.
 */
export const encode = (
  flow: FlowDefinition,
  value: unknown
): Effect.Effect<{ readonly data: Schema.Json | undefined; readonly value: unknown }, ArtifactError> => {
  const declared = Object.entries(flow.output ?? {})
  if (declared.length > 0) return encodeDeclared(flow, declared, value)
  if (value === undefined) return Effect.succeed({ data: undefined, value })
  return Effect.map(attempt(flow, value), (data) => ({ data, value }))
}

/** An output with schemas: the values under their names are encoded by them, everything else as it is. */
const encodeDeclared = Effect.fnUntraced(function* (
  flow: FlowDefinition,
  declared: ReadonlyArray<readonly [string, Artifact.StorableSchema]>,
  yielded: unknown
) {
  if (typeof yielded !== "object" || yielded === null) {
    return yield* refusal(flow, [], `${CodecIssue.valueText(yielded)}, and the flow declares \`output\` by name`)
  }
  const rest: Record<string, unknown> = { ...yielded }
  const encoded: Record<string, Schema.Json> = {}
  const decoded: Record<string, unknown> = {}
  for (const [name, schema] of declared) {
    if (!(name in rest)) return yield* refusal(flow, [name], "missing: the flow declares it in `output`")
    const value = rest[name]
    if (value instanceof StoredRef || value instanceof ItemRef) continue
    delete rest[name]
    const { decoded: back, text } = yield* Effect.mapError(JsonCodec.of(schema).encodeChecked(value), (error) =>
      outputError(flow, [name, ...(error.path ?? [])], error.message)
    )
    encoded[name] = { $json: JSON.parse(text) }
    decoded[name] = back
  }
  const others = yield* attempt(flow, rest)
  const data = { ...(others as { readonly [name: string]: Schema.Json }), ...encoded } // `rest` is an object
  const origin = State.originOf(yielded)
  const value = { ...yielded, ...decoded }
  return { data, value: origin === undefined ? value : State.make(value as State.Any, origin) }
})

const attempt = (flow: FlowDefinition, value: unknown): Effect.Effect<Schema.Json, ArtifactError> =>
  Effect.suspend(() => {
    try {
      return Effect.succeed(encodeValue(value, [], new Set()))
    } catch (thrown) {
      if (thrown instanceof Refusal) return refusal(flow, thrown.path, thrown.what)
      const { message, path } = CodecIssue.fromThrown(thrown, value)
      return Effect.fail(outputError(flow, path ?? [], message))
    }
  })

const refusal = (flow: FlowDefinition, path: ReadonlyArray<PropertyKey>, what: string) =>
  Effect.fail(
    outputError(
      flow,
      path,
      `it is ${what}, which the run's record can't give back. Yield refs or plain data, or give the flow a schema for it: \`output: { … }\``
    )
  )

const outputError = (flow: FlowDefinition, path: ReadonlyArray<PropertyKey>, message: string) =>
  new ArtifactError({
    reason: "invalid",
    artifact: `output of ${flow.flowName}`,
    message: `The output of flow "${flow.flowName}" can't be recorded${path.length === 0 ? "" : ` (at ${path.map(String).join(".")})`}: ${message}.`
  })

type Tagged = { readonly [tag: string]: unknown }

/** An encoded ref: the tag alone is not enough, since records of earlier versions did not escape data. */
export const refIn = (value: object): RefRecord | undefined => {
  const ref = (value as Tagged).$ref
  return typeof ref === "object" && ref !== null && "digest" in ref && Object.keys(value).length === 1
    ? (ref as RefRecord) // written from one
    : undefined
}

const fromBase64 = (text: unknown): Uint8Array => Bytes.concat([Buffer.from(String(text), "base64")])

/**
 * What was encoded.
 *
 * @param artifactOf How a ref's bytes are decoded.
 * @param flow Whose `output` schemas decode what they encoded.
 */
export const decode = (
  data: Schema.Json,
  artifactOf: (record: RefRecord) => Artifact.Artifact<unknown>,
  flow: FlowDefinition
): Effect.Effect<unknown, ArtifactError> =>
  Effect.gen(function* () {
    if (typeof data !== "object" || data === null || Array.isArray(data)) return decodeValue(data, artifactOf)
    const declared: Record<string, unknown> = {}
    const rest: Record<string, Schema.Json> = { ...(data as { readonly [name: string]: Schema.Json }) }
    for (const [name, schema] of Object.entries(flow.output ?? {})) {
      const json = jsonIn(rest[name])
      if (json === undefined) continue
      delete rest[name]
      declared[name] = yield* Effect.mapError(JsonCodec.of(schema).decodeJson(json.value), (error) =>
        outputError(flow, [name, ...(error.path ?? [])], `it was recorded under another schema: ${error.message}`)
      )
    }
    const others = decodeValue(rest, artifactOf)
    return Object.keys(declared).length === 0 ? others : { ...(others as object), ...declared } // `rest` is an object
  })

const jsonIn = (value: unknown): { readonly value: unknown } | undefined =>
  typeof value === "object" && value !== null && Object.hasOwn(value, "$json")
    ? { value: (value as Tagged).$json }
    : undefined

const decodeValue = (value: unknown, artifactOf: (record: RefRecord) => Artifact.Artifact<unknown>): unknown => {
  const inner = (item: unknown): unknown => decodeValue(item, artifactOf)
  if (typeof value !== "object" || value === null) return value
  if (Array.isArray(value)) return value.map(inner)
  const ref = refIn(value)
  if (ref !== undefined) return new StoredRef(ref, artifactOf(ref), ref.writer)
  const [tag, held] = tagIn(value)
  switch (tag) {
    case "$data":
      return fieldsOf(held as object, inner)
    case "$json": // without its schema, which the flow no longer has
      return held
    case "$undefined":
      return undefined
    case "$number":
      return Number(held)
    case "$bigint":
      return BigInt(String(held))
    case "$date":
      return new Date(held === null ? Number.NaN : Number(held))
    case "$map":
      return new Map((held as ReadonlyArray<ReadonlyArray<unknown>>).map(([key, item]) => [inner(key), inner(item)]))
    case "$set":
      return new Set((held as ReadonlyArray<unknown>).map(inner))
    case "$bytes":
      return fromBase64(held)
    case "$numbers": {
      const [name, text] = held as readonly [keyof typeof numberArrays, string]
      return new numberArrays[name](fromBase64(text).buffer as ArrayBuffer)
    }
    case "$option": {
      const items = held as ReadonlyArray<unknown>
      return items.length === 0 ? Option.none() : Option.some(inner(items[0]))
    }
    case "$success":
      return Result.succeed(inner(held))
    case "$failure":
      return Result.fail(inner(held))
    default:
      return fieldsOf(value, inner)
  }
}

/** The tag of an encoded value, with what it holds. */
const tagIn = (value: object): readonly [tag: string | undefined, held: unknown] => {
  const entries = Object.entries(value)
  const [first] = entries
  return entries.length === 1 && first !== undefined && first[0].startsWith("$") ? first : [undefined, undefined]
}

const fieldsOf = (value: object, inner: (item: unknown) => unknown): Record<string, unknown> => {
  const fields: Record<string, unknown> = {}
  for (const [name, field] of Object.entries(value)) {
    Object.defineProperty(fields, name, {
      value: inner(field),
      enumerable: true,
      writable: true,
      configurable: true
    })
  }
  return fields
}

/**
 * A recorded output for people and other programs: what JSON can't hold in the form that reads best, refs as they are
 * recorded.
 */
export const display = (value: Schema.Json): Schema.Json => displayed(value) as Schema.Json // of JSON's parts

const displayed = (value: unknown): unknown => {
  if (typeof value !== "object" || value === null) return value
  if (Array.isArray(value)) return value.map(displayed)
  if (refIn(value) !== undefined) return value
  const [tag, held] = tagIn(value)
  switch (tag) {
    case "$data":
      return fieldsOf(held as object, displayed)
    case "$json":
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
      return displayed(held)
    case "$numbers":
      return Array.from(decodeValue(value, () => undefined as never) as ArrayLike<unknown>, (item) =>
        typeof item === "bigint" || !Number.isFinite(item) ? String(item) : item
      )
    case "$option":
      return displayed((held as ReadonlyArray<unknown>)[0] ?? null)
    case "$success":
    case "$failure":
      return { [tag.slice(1)]: displayed(held) }
    default:
      return fieldsOf(value, displayed)
  }
}

/** The artifact of a stored ref, found among what a flow's steps declare by the digest of its schema. */
export const artifactAmong = (
  definitions: Iterable<Definition>
): ((record: RefRecord) => Artifact.Artifact<unknown> | undefined) => {
  const byName = new Map<string, Artifact.Artifact<unknown>>()
  const bySchema = new Map<string, Artifact.Artifact<unknown>>()
  for (const definition of definitions) {
    for (const slot of [...definition.input, ...definition.output])
      bySchema.set(slot.artifact.description().digest, slot.artifact)
    for (const slot of definition.output) byName.set(`${definition.name}/${slot.name}`, slot.artifact)
  }
  return (record) => {
    const step = record.writer?.split("/")[1]
    return bySchema.get(record.schema) ?? byName.get(`${step}/${record.name}`)
  }
}

/** A child run's output for its parent: to the parent's graph, its refs were handed on by tasks of another run. */
export const fromChild = (value: unknown, run: string): unknown => {
  const outside = (task: string) => (task.includes("/") && task.split("/").length > 2 ? task : `${run}/${task}`)
  if (value instanceof StoredRef)
    return new StoredRef(value.record, value.artifact, value.via === undefined ? undefined : outside(value.via))
  if (Array.isArray(value)) return value.map((item) => fromChild(item, run))
  if (
    typeof value !== "object" ||
    value === null ||
    value instanceof ItemRef ||
    Object.getPrototypeOf(value) !== Object.prototype
  )
    return value
  const fields = Object.fromEntries(Object.entries(value).map(([name, field]) => [name, fromChild(field, run)]))
  const origin = State.originOf(value)
  if (origin === undefined) return fields
  return State.make(fields as State.Any, {
    tasks: origin.tasks.map(outside),
    via: Object.fromEntries(Object.entries(origin.via).map(([name, task]) => [name, outside(task)]))
  })
}
