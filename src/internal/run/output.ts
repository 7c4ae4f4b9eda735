/**
 * Encodes a flow's output as JSON for the run's record, and decodes it: tagged JSON, in which a ref is `{ "$ref": … }`,
 * a value with an `output` schema is `{ "$json": … }`, and a caught error is `{ "$error": … }`. `Flow.run` and
 * `Run.output` both return the decoded record. A value that could not be decoded fails the run, with its path.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as Artifact from "../../Artifact.ts"
import { ArtifactError } from "../../ArtifactStore.ts"
import type { RefRecord } from "../../RunRecord.ts"
import * as State from "../../State.ts"
import * as CodecIssue from "../schema/codecIssue.ts"
import * as JsonCodec from "../schema/jsonCodec.ts"
import * as TaggedJson from "../schema/taggedJson.ts"
import type { Definition, FlowDefinition } from "./definition.ts"
import * as ErrorCodec from "./errorCodec.ts"
import { ItemRef, StoredRef } from "./refs.ts"

/** A flow's output as JSON, and the value decoded from it, which later changes to the original don't affect. */
export interface Recorded {
  readonly data: Schema.Json | undefined
  readonly value: unknown
}

/** Encodes a flow's output. Fails with an `ArtifactError` that names the place if something can't be decoded again. */
export const encode = (flow: FlowDefinition, value: unknown): Effect.Effect<Recorded, ArtifactError> => {
  const declared = Object.entries(flow.output ?? {})
  if (declared.length > 0) return encodeDeclared(flow, declared, value)
  return value === undefined ? Effect.succeed({ data: undefined, value }) : encodeUndeclared(flow, value)
}

/**
 * An output with schemas: they encode the values under their names, and everything else is encoded without a schema.
 */
const encodeDeclared = Effect.fnUntraced(function* (
  flow: FlowDefinition,
  declared: ReadonlyArray<readonly [string, Artifact.StorableSchema]>,
  yielded: unknown
) {
  if (typeof yielded !== "object" || yielded === null) {
    return yield* refusal(flow, [], `${CodecIssue.valueText(yielded)}, but the flow declares \`output\` by name`)
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
  const others = yield* encodeUndeclared(flow, rest)
  const data = { ...(others.data as { readonly [name: string]: Schema.Json }), ...encoded } // `rest` is an object
  const origin = State.originOf(yielded)
  const value = { ...(others.value as object), ...decoded }
  return { data, value: origin === undefined ? value : State.make(value as State.Any, origin) }
})

const encodeUndeclared = (flow: FlowDefinition, yielded: unknown): Effect.Effect<Recorded, ArtifactError> =>
  Effect.suspend(() => {
    const refs = new Map<unknown, StoredRef<unknown>>()
    const origins = new Map<object, State.Origin>()
    try {
      const data = TaggedJson.encode(yielded, (value, part) => {
        if (value instanceof StoredRef) {
          refs.set(value.record, value)
          return { $ref: value.record as unknown as Schema.Json } // a record is plain data
        }
        if (value instanceof ItemRef) return { $item: [value.name, value.task ?? null, part(value.value)] }
        const error = errorJson(flow, value)
        if (error !== undefined) return error
        // A state, also one that `Step.merge` made, is an object of refs.
        const origin = State.originOf(value)
        return origin === undefined
          ? undefined
          : TaggedJson.encodeFields(value, part, (fields) => origins.set(fields, origin))
      })
      const value = TaggedJson.decode(data, {
        tag: (json, part) => {
          const ref = refs.get((json as Tagged).$ref)
          return ref === undefined ? (errorIn(json, flow) ?? itemIn(json, part)) : { value: ref }
        },
        fields: (fields, json) => {
          const origin = origins.get(json)
          return origin === undefined ? fields : State.make(fields as State.Any, origin)
        }
      })
      return Effect.succeed({ data, value })
    } catch (thrown) {
      if (!(thrown instanceof TaggedJson.Refusal)) {
        const { message, path } = CodecIssue.fromThrown(thrown, yielded)
        return Effect.fail(outputError(flow, path ?? [], message))
      }
      const { kind, message, path } = thrown
      return kind === "secret"
        ? Effect.fail(outputError(flow, path, `it is ${message}, and ${secretsAreNotStored}`))
        : refusal(flow, path, message)
    }
  })

const secretsAreNotStored =
  "secrets are never stored: read it with Config.Redacted in the step or layer that needs it, and yield only results"

const refusal = (flow: FlowDefinition, path: ReadonlyArray<PropertyKey>, problem: string) =>
  Effect.fail(
    outputError(
      flow,
      path,
      `it is ${problem}, which the run's record can't represent. Yield refs or plain data, or give the flow a schema for it: \`output: { … }\``
    )
  )

const outputError = (flow: FlowDefinition, path: ReadonlyArray<PropertyKey>, message: string) =>
  new ArtifactError({
    reason: "invalid",
    artifact: `output of ${flow.flowName}`,
    message: `The output of flow "${flow.flowName}" can't be recorded${path.length === 0 ? "" : ` (at ${path.map(String).join(".")})`}: ${message}.`
  })

type Tagged = { readonly [tag: string]: unknown }

/** An encoded ref. The tag alone is not sufficient, because earlier versions did not escape data. */
export const refIn = (value: object): RefRecord | undefined => {
  const ref = (value as Tagged).$ref
  return typeof ref === "object" && ref !== null && "digest" in ref && Object.keys(value).length === 1
    ? (ref as RefRecord) // encoded from a ref record
    : undefined
}

/**
 * A caught error that the body yielded, such as the failure of an `Effect.result`: encoded by the schema that declares it,
 * which is a step's `error` or one of effect-flow's own.
 */
const errorJson = (flow: FlowDefinition, value: object): Schema.Json | undefined => {
  if (!(value instanceof Error)) return undefined
  if (ErrorCodec.isOwn(value)) return { $error: [null, ErrorCodec.encodeOwn(value)] }
  for (const { error, name } of flow.definitions.values()) {
    if (error === undefined || !Schema.is(error)(value)) continue
    return { $error: [name, Schema.encodeUnknownSync(ErrorCodec.codecOf(error))(value)] }
  }
  return undefined
}

/** A decoded error, or plain data if its step no longer exists or declares a different error. */
const errorIn = (json: object, flow: FlowDefinition): { readonly value: unknown } | undefined => {
  const error = (json as Tagged).$error
  if (!Array.isArray(error) || Object.keys(json).length !== 1) return undefined
  const [step, encoded] = error
  const schema = step === null ? ErrorCodec.Own : flow.definitions.get(step)?.error
  const decoded = schema === undefined ? undefined : Schema.decodeUnknownOption(ErrorCodec.codecOf(schema))(encoded)
  return { value: decoded === undefined ? encoded : Option.getOrElse(decoded, () => encoded) }
}

/** An encoded item of a list. */
const itemIn = (value: object, part: (json: unknown) => unknown): { readonly value: ItemRef<unknown> } | undefined => {
  const item = (value as Tagged).$item
  if (!Array.isArray(item) || Object.keys(value).length !== 1) return undefined
  const [name, task, inner] = item
  return { value: new ItemRef(part(inner), String(name), task ?? undefined, undefined) }
}

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
    if (typeof data !== "object" || data === null || Array.isArray(data)) return decodeValue(data, artifactOf, flow)
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
    const others = decodeValue(rest, artifactOf, flow)
    return Object.keys(declared).length === 0 ? others : { ...(others as object), ...declared } // `rest` is an object
  })

const jsonIn = (value: unknown): { readonly value: unknown } | undefined =>
  typeof value === "object" && value !== null && Object.hasOwn(value, "$json") && Object.keys(value).length === 1
    ? { value: (value as Tagged).$json }
    : undefined

const decodeValue = (
  value: unknown,
  artifactOf: (record: RefRecord) => Artifact.Artifact<unknown>,
  flow: FlowDefinition
): unknown =>
  TaggedJson.decode(value, {
    tag: (json, part) => {
      const ref = refIn(json)
      if (ref !== undefined) return { value: new StoredRef(ref, artifactOf(ref), ref.writer) }
      return jsonIn(json) ?? errorIn(json, flow) ?? itemIn(json, part) // JSON without its schema, which the flow no longer has
    }
  })

/**
 * A recorded output for people and other programs: values that JSON can't represent in their most readable form, refs
 * as records.
 */
export const display = (value: Schema.Json): Schema.Json =>
  TaggedJson.display(value, (json, part) => {
    if (refIn(json) !== undefined) return { value: json }
    const item = (json as Tagged).$item
    const error = (json as Tagged).$error
    if (Array.isArray(error) && Object.keys(json).length === 1) return { value: error[1] }
    return Array.isArray(item) ? { value: part(item[2]) } : jsonIn(json)
  }) as Schema.Json // of JSON's parts

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

/** A child run's output for its parent. In the parent's graph, its refs come from tasks of another run. */
export const fromChild = (value: unknown, run: string): unknown => {
  const outside = (task: string) => (task.includes("/") && task.split("/").length > 2 ? task : `${run}/${task}`)
  if (value instanceof StoredRef)
    return new StoredRef(value.record, value.artifact, value.via === undefined ? undefined : outside(value.via))
  const inner = (item: unknown) => fromChild(item, run)
  if (Array.isArray(value)) return value.map(inner)
  if (typeof value !== "object" || value === null || value instanceof ItemRef) return value
  if (value instanceof Map) return new Map([...value].map(([key, item]) => [inner(key), inner(item)]))
  if (value instanceof Set) return new Set([...value].map(inner))
  if (Option.isOption(value)) return Option.map(value, inner)
  if (Result.isResult(value)) return Result.mapBoth(value, { onSuccess: inner, onFailure: inner })
  if (Exit.isExit(value)) return Exit.mapBoth(value, { onSuccess: inner, onFailure: inner })
  if (Object.getPrototypeOf(value) !== Object.prototype) return value
  const fields = Object.fromEntries(Object.entries(value).map(([name, field]) => [name, fromChild(field, run)]))
  const origin = State.originOf(value)
  if (origin === undefined) return fields
  return State.make(fields as State.Any, {
    tasks: origin.tasks.map(outside),
    via: Object.fromEntries(Object.entries(origin.via).map(([name, task]) => [name, outside(task)]))
  })
}
