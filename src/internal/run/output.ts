/**
 * What a flow's body yielded, as data: refs become `{ "$ref": … }`, so that a run's output can be read back as typed refs,
 * in this process or another one. What JSON can't say is left out.
 */
import type * as Schema from "effect/Schema"
import type * as Artifact from "../../Artifact.ts"
import type { RefRecord } from "../../RunRecord.ts"
import * as State from "../../State.ts"
import type { Definition } from "./definition.ts"
import { ItemRef, StoredRef } from "./refs.ts"

/** As data. */
export const encode = (value: unknown): Schema.Json => {
  if (value instanceof StoredRef) return { $ref: value.record as unknown as Schema.Json } // a record is plain data
  if (value instanceof ItemRef) return encode(value.value)
  if (typeof value === "string" || typeof value === "boolean" || value === null) return value
  if (typeof value === "number") return Number.isFinite(value) ? value : null
  if (Array.isArray(value)) return value.map(encode)
  if (typeof value !== "object") return null
  const fields: Record<string, Schema.Json> = {}
  for (const [name, field] of Object.entries(value)) {
    if (field !== undefined && typeof field !== "function") fields[name] = encode(field)
  }
  return fields
}

const isEncodedRef = (value: object): value is { readonly $ref: RefRecord } =>
  "$ref" in value && Object.keys(value).length === 1

/**
 * The refs of encoded output again.
 *
 * @param artifactOf How a ref's bytes are decoded.
 */
export const decode = (value: Schema.Json, artifactOf: (record: RefRecord) => Artifact.Artifact<unknown>): unknown => {
  if (typeof value !== "object" || value === null) return value
  if (Array.isArray(value)) return value.map((item: Schema.Json) => decode(item, artifactOf))
  if (isEncodedRef(value)) return new StoredRef(value.$ref, artifactOf(value.$ref), value.$ref.writer)
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [name, decode(item as Schema.Json, artifactOf)])
  ) // JSON's own
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
