/**
 * The parts of the caller's context that are sent to a step on another thread: log annotations, log spans, and every
 * `Context.Reference` (or service) whose value is data, such as a tenant, a locale or a date. Functions, class instances,
 * secrets, large values and effect's own references stay behind.
 */
import { inspect } from "node:util"
import * as Context from "effect/Context"
import * as References from "effect/References"
import * as Schema from "effect/Schema"
import * as TaggedJson from "../schema/taggedJson.ts"

/** A caller's context, as data: the values are tagged JSON. */
export const CallerContext = Schema.Struct({
  annotations: Schema.Record(Schema.String, Schema.Json),
  spanAnnotations: Schema.optionalKey(Schema.Record(Schema.String, Schema.Json)),
  logSpans: Schema.Array(Schema.Tuple([Schema.String, Schema.Number])),
  /** By the key of the reference. */
  values: Schema.Record(Schema.String, Schema.Json)
})
export type CallerContext = typeof CallerContext.Type

/** How large a value may be that is sent with every task, and how many objects it may have: parts that it shares count each time. */
const limitBytes = 64 * 1024
const limitObjects = 4096

/** A value as tagged JSON; `undefined` where it is no data, too large, or can't be read. */
const dataOf = (value: unknown): Schema.Json | undefined => {
  let objects = 0
  try {
    const data = TaggedJson.encode(value, (part) => {
      if (++objects > limitObjects || (ArrayBuffer.isView(part) && part.byteLength > limitBytes))
        throw new RangeError("too large to be sent with every task")
      return undefined
    })
    return typeof value !== "object" || JSON.stringify(data).length <= limitBytes ? data : undefined
  } catch {
    return undefined
  }
}

/** Effect's own references that a body sees wherever it runs. */
const sent: ReadonlySet<string> = new Set([
  References.CurrentLogLevel.key,
  References.UnhandledLogLevel.key,
  References.TracerEnabled.key
])

/** Keys of effect and of this library, which are handled by name. */
const isOwn = (key: string): boolean => !sent.has(key) && /^~?(effect|effect-flow|@effect)[/~]/.test(key)

/** Collects the parts of a context to send. */
export const collect = (context: Context.Context<never>): CallerContext => {
  const values: Record<string, Schema.Json> = {}
  for (const [key, value] of context.mapUnsafe) {
    const data = isOwn(key) ? undefined : dataOf(value)
    if (data !== undefined) values[key] = data
  }
  return {
    annotations: mapped(Context.get(context, References.CurrentLogAnnotations)),
    spanAnnotations: mapped(Context.get(context, References.TracerSpanAnnotations)),
    logSpans: Context.get(context, References.CurrentLogSpans),
    values
  }
}

const mapped = (annotations: Readonly<Record<string, unknown>>): Record<string, Schema.Json> => {
  const data: Record<string, Schema.Json> = {}
  for (const [name, value] of Object.entries(annotations)) data[name] = dataOf(value) ?? { $shown: shown(value) }
  return data
}

/** An annotation that is no data, as a line shows it. */
const shown = (value: unknown): string => {
  try {
    return inspect(value, { depth: 2, breakLength: Number.POSITIVE_INFINITY })
  } catch {
    return "a value that can't be shown: showing it throws"
  }
}

/** Shows what an annotation was where the line is made of it. */
class Shown {
  readonly #text: string

  constructor(text: string) {
    this.#text = text
  }

  [inspect.custom](): string {
    return this.#text
  }

  toJSON(): string {
    return this.#text
  }
}

const annotationsOf = (sent: CallerContext["annotations"]): Record<string, unknown> => {
  const annotations: Record<string, unknown> = {}
  for (const [name, data] of Object.entries(sent)) annotations[name] = annotationOf(data)
  return annotations
}

const annotationOf = (data: Schema.Json): unknown =>
  TaggedJson.decode(data, {
    tag: (json) => {
      const text = (json as { readonly $shown?: unknown }).$shown
      return typeof text === "string" ? { value: new Shown(text) } : undefined
    }
  })

/** Adds them to the context of an attempt. */
export const restore =
  (caller: CallerContext) =>
  <R>(context: Context.Context<R>): Context.Context<R> => {
    let restored: Context.Context<R> = context.pipe(
      Context.add(References.CurrentLogAnnotations, annotationsOf(caller.annotations)),
      Context.add(References.TracerSpanAnnotations, annotationsOf(caller.spanAnnotations ?? {})),
      Context.add(References.CurrentLogSpans, caller.logSpans as Array<[string, number]>) // a copy
    )
    for (const [key, data] of Object.entries(caller.values)) {
      const value = TaggedJson.decode(data)
      restored = Context.add(restored, Context.Reference<unknown>(key, { defaultValue: () => value }), value)
    }
    return restored
  }
