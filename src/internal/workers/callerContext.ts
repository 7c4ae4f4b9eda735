/**
 * The parts of the caller's context that are sent to a step on another thread: log annotations, log spans, and every
 * `Context.Reference` (or service) whose value is plain data, such as a tenant or a locale. Functions, class instances
 * and effect's own references can't be copied and stay behind.
 */
import { inspect } from "node:util"
import * as Context from "effect/Context"
import * as References from "effect/References"
import * as Schema from "effect/Schema"

/** A caller's context, as data. */
export const CallerContext = Schema.Struct({
  annotations: Schema.Record(Schema.String, Schema.Json),
  logSpans: Schema.Array(Schema.Tuple([Schema.String, Schema.Number])),
  /** By the key of the reference. */
  values: Schema.Record(Schema.String, Schema.Json)
})
export type CallerContext = typeof CallerContext.Type

/** The depth to which plain data is checked. */
const deepest = 16

const isPlain = (value: unknown, depth = 0): value is Schema.Json => {
  if (value === null || typeof value === "string" || typeof value === "boolean") return true
  if (typeof value === "number") return Number.isFinite(value)
  if (typeof value !== "object" || depth > deepest) return false
  if (Array.isArray(value)) return value.every((item) => isPlain(item, depth + 1))
  const prototype: unknown = Object.getPrototypeOf(value)
  return (
    (prototype === Object.prototype || prototype === null) &&
    Object.values(value).every((item) => isPlain(item, depth + 1))
  )
}

/** Keys of effect and of this library, which are handled by name. */
const isOwn = (key: string): boolean => /^~?(effect|effect-flow|@effect)[/~]/.test(key)

/** Collects the parts of a context to send. */
export const collect = (context: Context.Context<never>): CallerContext => {
  const values: Record<string, Schema.Json> = {}
  for (const [key, value] of context.mapUnsafe) if (!isOwn(key) && isPlain(value)) values[key] = value
  const annotations: Record<string, Schema.Json> = {}
  for (const [name, value] of Object.entries(Context.get(context, References.CurrentLogAnnotations))) {
    annotations[name] = isPlain(value) ? value : inspect(value)
  }
  return { annotations, logSpans: Context.get(context, References.CurrentLogSpans), values }
}

/** Adds them to the context of an attempt. */
export const restore =
  (caller: CallerContext) =>
  <R>(context: Context.Context<R>): Context.Context<R> => {
    let restored: Context.Context<R> = context.pipe(
      Context.add(References.CurrentLogAnnotations, caller.annotations),
      Context.add(References.CurrentLogSpans, caller.logSpans as Array<[string, number]>) // a copy
    )
    for (const [key, value] of Object.entries(caller.values)) {
      restored = Context.add(restored, Context.Reference<unknown>(key, { defaultValue: () => value }), value)
    }
    return restored
  }
