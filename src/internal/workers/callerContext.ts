/**
 * The parts of the caller's context that are sent to a step on another thread: log annotations, log spans, and every
 * `Context.Reference` (or service) whose value is data, such as a tenant, a locale or a date. Functions, class instances,
 * secrets and effect's own references stay behind.
 */
import { inspect } from "node:util"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as References from "effect/References"
import * as Schema from "effect/Schema"
import { messageOf } from "../cause.ts"
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

/** The bounds of a value that is sent with every task. Parts that it shares count each time. */
const limitBytes = 8 * 1024 * 1024
const limitObjects = 100_000

/** Thrown for data that can't be sent. */
class NotSent extends Error {}

const tooLarge = new NotSent("it is too large to be sent with every task")

/** Why data can't be sent, by value: a value is looked through once, not with every task. */
const known = new WeakMap<object, string>()

/**
 * A value as tagged JSON; `undefined` where it is no data (a function, an instance of a class, a secret). Throws `NotSent` for
 * data that can't be sent.
 */
const dataOf = (value: unknown): Schema.Json | undefined => {
  const why = typeof value === "object" && value !== null ? known.get(value) : undefined
  if (why !== undefined) throw new NotSent(why)
  let objects = 0
  let bytes = 0
  try {
    const data = TaggedJson.encode(value, (part) => {
      if (ArrayBuffer.isView(part)) bytes += part.byteLength
      if (++objects > limitObjects || bytes > limitBytes) throw tooLarge
      return undefined
    })
    if (typeof value === "object" && JSON.stringify(data).length > limitBytes) throw tooLarge
    return data
  } catch (thrown) {
    // What is nested in itself or too deeply may be data all the same.
    if (thrown instanceof TaggedJson.Refusal && thrown.kind !== "nesting") return undefined
    const notSent =
      thrown instanceof NotSent
        ? thrown
        : new NotSent(
            thrown instanceof TaggedJson.Refusal
              ? `it holds ${thrown.message}`
              : `reading it throws ${messageOf(thrown)}`
          )
    if (typeof value === "object" && value !== null) known.set(value, notSent.message)
    throw notSent
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

/**
 * Collects the parts of a context to send.
 *
 * @param onNotSent Hears of data that can't be sent: a step sees the reference's default in its place.
 */
export const collect = (
  context: Context.Context<never>,
  onNotSent: (key: string, why: string) => void = () => {}
): CallerContext => {
  const values: Record<string, Schema.Json> = {}
  for (const [key, value] of context.mapUnsafe) {
    if (isOwn(key)) continue
    try {
      const data = dataOf(value)
      if (data !== undefined) values[key] = data
    } catch (thrown) {
      onNotSent(key, messageOf(thrown))
    }
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
  for (const [name, value] of Object.entries(annotations)) data[name] = annotationData(value)
  return data
}

const annotationData = (value: unknown): Schema.Json => {
  try {
    return dataOf(value) ?? { $shown: shown(value) }
  } catch {
    return { $shown: shown(value) }
  }
}

/** Says once of each reference that its value stays behind. */
export const collectAloud = (): ((context: Context.Context<never>) => Effect.Effect<CallerContext>) => {
  const said = new Set<string>()
  return (context) =>
    Effect.suspend(() => {
      const lines: Array<string> = []
      const caller = collect(context, (key, why) => {
        if (said.has(key)) return
        said.add(key)
        lines.push(`The value of "${key}" does not reach steps on other threads: ${why}. They see its default.`)
      })
      return Effect.as(
        Effect.forEach(lines, (line) => Effect.logWarning(line), { discard: true }),
        caller
      )
    })
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
