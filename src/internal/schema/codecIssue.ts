/**
 * Says in one sentence why a value can't be encoded or decoded, and where: `expected an integer, got 1.5`. Schema
 * issues, thrown errors and stack overflows are all handled here.
 */
import * as Cause from "effect/Cause"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as SchemaIssue from "effect/SchemaIssue"
import { messageOf } from "../cause.ts"
import { maxDepth, TooDeep } from "./canonicalJson.ts"
import { CodecError } from "./codecError.ts"

const format = SchemaIssue.makeFormatterStandardSchemaV1()

/** A value in a few words, for messages. */
export const valueText = (value: unknown): string => {
  switch (typeof value) {
    case "string":
      return value.length <= 40 ? JSON.stringify(value) : `${JSON.stringify(value.slice(0, 39)).slice(0, -1)}…"`
    case "bigint":
      return `${value}n`
    case "function":
      return "a function"
    case "object": {
      if (value === null) return "null"
      if (Redacted.isRedacted(value)) return "a secret (Redacted)"
      if (Array.isArray(value)) return `an array of ${value.length}`
      if (value instanceof Date) return Number.isNaN(value.getTime()) ? "an invalid Date" : value.toISOString()
      if (Option.isOption(value)) return Option.isSome(value) ? `some of ${valueText(value.value)}` : "none"
      return classText(value)
    }
    case "number":
      return Object.is(value, -0) ? "-0" : String(value)
    default:
      return String(value)
  }
}

/** The path and the message of an issue with a value. Of several issues, the first. */
export const describe = (
  issue: SchemaIssue.Issue,
  value: unknown
): { readonly path: ReadonlyArray<PropertyKey>; readonly message: string } => {
  const [first] = format(issue).issues
  if (first === undefined) return { path: [], message: "the value does not fit its schema" }
  const path = (first.path ?? []).map((segment) => (typeof segment === "object" ? segment.key : segment))
  const message = first.message.replace(/\s*\n\s*/g, "; ")
  if (message === "Missing key") return { path, message: "it is missing" }
  const sentence = /^[A-Z][a-z]/.test(message) ? message.charAt(0).toLowerCase() + message.slice(1) : message
  const at = path.reduce<Option.Option<unknown>>(
    (nested, key) =>
      Option.flatMap(nested, (inner) =>
        typeof inner === "object" && inner !== null && key in inner
          ? Option.some((inner as Record<PropertyKey, unknown>)[key]) // the check above found the key
          : Option.none()
      ),
    Option.some(value)
  )
  if (!sentence.startsWith("expected") || Option.isNone(at)) return { path, message: sentence }
  if (sentence === "expected JSON value") {
    const culprit = notJson(at.value, [...path])
    if (culprit !== undefined) return culprit
  }
  return { path, message: `${sentence}, got ${valueText(at.value)}` }
}

/** The first part of a value that JSON can't represent. */
const notJson = (
  root: unknown,
  start: ReadonlyArray<PropertyKey>
): { readonly path: ReadonlyArray<PropertyKey>; readonly message: string } | undefined => {
  const above = new Set<object>()
  const find = (value: unknown, path: ReadonlyArray<PropertyKey>): ReturnType<typeof notJson> => {
    const refuse = (kind: string) => ({ path, message: `expected JSON, got ${kind}` })
    if (value === null || typeof value === "string" || typeof value === "boolean") return undefined
    if (typeof value === "number") return Number.isFinite(value) ? undefined : refuse(String(value))
    if (typeof value !== "object") return refuse(valueText(value))
    if (Redacted.isRedacted(value)) {
      return refuse("a secret (Redacted), which is never stored: read it with Config.Redacted in the step or its layer")
    }
    if (above.has(value)) return refuse("a value that contains itself")
    if (path.length > maxDepth) return refuse(`a value that is nested more than ${maxDepth} levels deep`)
    const prototype = Object.getPrototypeOf(value)
    if (!Array.isArray(value) && prototype !== Object.prototype && prototype !== null) return refuse(classText(value))
    above.add(value)
    const keys: ReadonlyArray<PropertyKey> = Array.isArray(value) ? [...value.keys()] : Object.keys(value)
    for (const key of keys) {
      const nested = find((value as Record<PropertyKey, unknown>)[key], [...path, key]) // one of its own keys
      if (nested !== undefined) return nested
    }
    above.delete(value)
    return undefined
  }
  return find(root, start)
}

/** `a Date`, `a Map`, `a Uint8Array`, `a Duration`: the kind of a value, without its content. */
export const classText = (value: object): string => {
  const { constructor } = value
  const own = typeof constructor === "function" ? constructor.name : ""
  const name = own === "" || own === "Object" || own.endsWith("Impl") ? (effectTypeOf(value) ?? own) : own
  // No U among the vowels: "a URL" and "a Uint8Array" begin with the sound of "you".
  return name === "" || name === "Object" ? "an object" : `${/^[AEIO]/.test(name) ? "an" : "a"} ${name}`
}

/** The name of one of Effect's data types, whose values have no class but a key such as "~effect/time/Duration". */
const effectTypeOf = (value: object): string | undefined => {
  for (let object: object | null = value; object !== null; object = Object.getPrototypeOf(object)) {
    for (const key of Object.getOwnPropertyNames(object)) {
      const name = /^~effect\/(?:.+\/)?([A-Z]\w*)$/.exec(key)?.[1]
      if (name !== undefined && name !== "Equal" && name !== "Hash") return name // what many types can do
    }
  }
  return undefined
}

/** The error for an exception that a codec threw instead of failing. */
export const fromThrown = (thrown: unknown, value: unknown): CodecError => {
  if (thrown instanceof TooDeep || (thrown instanceof RangeError && /call stack/i.test(thrown.message))) {
    const path = cycleIn(value)
    const fewer = thrown instanceof TooDeep ? "" : ", and fewer of maps and sets, which take more of the stack"
    return path === undefined
      ? new CodecError({
          message: `it is nested too deeply: ${maxDepth.toLocaleString("en")} levels can be stored${fewer}. Flatten it (a list of nodes with their parents, say), or store it as Artifact.text or Artifact.bytes`
        })
      : new CodecError({ message: "it contains itself, and stored values are trees", path })
  }
  const text = thrown instanceof Error ? `${thrown.name}: ${messageOf(thrown)}` : valueText(thrown)
  const path = unreadableIn(value)
  return path === undefined
    ? new CodecError({ message: `its codec threw ${text}` })
    : new CodecError({ message: `reading it threw ${text}`, path })
}

/** What a codec failed with. A user's codec that is not type-checked may fail with anything. */
export const asCodecError = (failure: unknown): CodecError =>
  failure instanceof CodecError ? failure : fromThrown(failure, undefined)

/** The path of the first property that throws when it is read: a getter, or anything of a proxy. */
const unreadableIn = (root: unknown): ReadonlyArray<PropertyKey> | undefined => {
  const seen = new Set<unknown>()
  const pending: Array<{ readonly value: unknown; readonly path: ReadonlyArray<PropertyKey> }> = [
    { value: root, path: [] }
  ]
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { path, value } = next
    if (typeof value !== "object" || value === null || seen.has(value)) continue
    seen.add(value)
    let key: string | undefined
    try {
      if (ArrayBuffer.isView(value)) continue
      for (key of Object.keys(value)) {
        pending.push({ value: (value as Record<string, unknown>)[key], path: [...path, key] }) // one of its own keys
      }
    } catch {
      return key === undefined ? path : [...path, key]
    }
  }
  return undefined
}

/**
 * The path at which a value occurs inside itself. The walk is not recursive, because the value may be deeper than the
 * stack.
 */
const cycleIn = (root: unknown): ReadonlyArray<PropertyKey> | undefined => {
  const above = new Set<object>()
  const stack: Array<{ readonly value: object; readonly keys: Array<string> }> = []
  const path: Array<PropertyKey> = []
  const enter = (value: object) => {
    above.add(value)
    stack.push({ value, keys: Object.keys(value).reverse() })
  }
  if (typeof root === "object" && root !== null && !ArrayBuffer.isView(root)) enter(root)
  for (let frame = stack.at(-1); frame !== undefined; frame = stack.at(-1)) {
    const key = frame.keys.pop()
    if (key === undefined) {
      stack.pop()
      path.pop()
      above.delete(frame.value)
      continue
    }
    const child = (frame.value as Record<string, unknown>)[key] // one of its own keys
    if (typeof child !== "object" || child === null || ArrayBuffer.isView(child)) continue
    path.push(key)
    if (above.has(child)) return path.slice(0, 12)
    enter(child)
  }
  return undefined
}

/** The error for a failed or died parser. */
export const fromCause = (cause: Cause.Cause<SchemaIssue.Issue>, value: unknown): CodecError => {
  const failure = cause.reasons.find(Cause.isFailReason)
  return failure === undefined
    ? fromThrown(cause.reasons.find(Cause.isDieReason)?.defect, value)
    : toError(value)(failure.error)
}

/** Turns an issue with a value into a `CodecError`. */
export const toError =
  (value: unknown) =>
  (issue: SchemaIssue.Issue): CodecError =>
    new CodecError(describe(issue, value))

/** The message for a schema that failed when it was run synchronously. */
export const causeText = (cause: Cause.Cause<SchemaIssue.Issue>, value: unknown): string => {
  const isAsync = cause.reasons.every((reason) => !Cause.isFailReason(reason) && !Cause.isDieReason(reason))
  if (isAsync) return "the schema is asynchronous, and a column's values are checked synchronously"
  const { message, path } = fromCause(cause, value)
  return path === undefined || path.length === 0 ? message : `at ${path.map(String).join(".")}: ${message}`
}
