/** A value as a text in which every bit of it shows: types of instances, -0, holes, the order of keys, bytes. */
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Option from "effect/Option"

/** Equal texts mean that two values can't be told apart. */
export const fingerprint = (value: unknown): string => {
  switch (typeof value) {
    case "string":
      return JSON.stringify(value)
    case "number":
      return Object.is(value, -0) ? "-0" : String(value)
    case "bigint":
      return `${value}n`
    case "object":
      break
    default:
      return String(value)
  }
  if (value === null) return "null"
  if (Effect.isEffect(value)) return "an effect"
  if (Array.isArray(value)) {
    return `[${Array.from(value, (item, i) => (i in value ? fingerprint(item) : "hole")).join(",")}]`
  }
  const name = Object.getPrototypeOf(value)?.constructor?.name ?? "null"
  if (value instanceof Date) return `Date(${value.getTime()})`
  if (ArrayBuffer.isView(value)) {
    return `${name}(${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("hex")})`
  }
  if (value instanceof Map) return `Map(${[...value].map((entry) => entry.map(fingerprint).join("=>")).join(",")})`
  if (value instanceof Set) return `Set(${[...value].map(fingerprint).join(",")})`
  if (Option.isOption(value)) return Option.isSome(value) ? `Some(${fingerprint(value.value)})` : "None"
  // What Effect's own classes remember of earlier calls is not part of their values.
  if (Equal.isEqual(value)) return `${name}(${String(value)})`
  const properties = Object.keys(value).map(
    (key) => `${JSON.stringify(key)}:${fingerprint((value as Record<string, unknown>)[key])}`
  )
  return `${name}{${properties.join(",")}}`
}
