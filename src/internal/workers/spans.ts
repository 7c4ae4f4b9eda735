/**
 * Spans of a body that runs in a worker. The worker makes them below the attempt's span, whose ids cross with the task, and
 * reports each when it starts and when it ends; where the run is driven, the program's own tracer makes the same spans, with
 * the same ids and times. So one trace shows a run, wherever its steps ran. Without a span there, none are made here.
 */
import { inspect } from "node:util"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Exit from "effect/Exit"
import { identity } from "effect/Function"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import { hasProperty } from "effect/Predicate"
import * as Tracer from "effect/Tracer"
import { fromCause, withCauses } from "../run/errorRecord.ts"

/** What names a span anywhere. */
export interface SpanAddress {
  readonly traceId: string
  readonly spanId: string
  readonly sampled: boolean
}

/** An attempt's span, as its worker is told of it. */
export interface AttemptSpan extends SpanAddress {
  /** Whether lines of the log are events of the span that they are logged in. */
  readonly withLines: boolean
}

type Attributes = Readonly<Record<string, unknown>>

/** A link to another span. */
interface Link {
  readonly span: SpanAddress
  readonly attributes: Attributes
}

/** What a span has been given since it started. */
interface Additions {
  readonly attributes: Attributes
  /** Name, time in nanoseconds, attributes. */
  readonly events: ReadonlyArray<readonly [string, bigint, Attributes]>
  readonly links: ReadonlyArray<Link>
}

/** How a span ended. */
type Ending =
  | { readonly _tag: "Success" }
  | { readonly _tag: "Interrupt" }
  | { readonly _tag: "Failure"; readonly defect: boolean; readonly error: ReturnType<typeof fromCause> }

/** What a worker reports of a span. Times are nanoseconds since 1970. */
export type SpanReport =
  | {
      readonly _tag: "Started"
      readonly spanId: string
      readonly parent: SpanAddress | undefined
      readonly name: string
      readonly kind: Tracer.SpanKind
      readonly links: ReadonlyArray<Link>
      readonly startTime: bigint
    }
  | { readonly _tag: "Changed"; readonly spanId: string; readonly additions: Additions }
  | {
      readonly _tag: "Ended"
      readonly spanId: string
      readonly additions: Additions
      readonly endTime: bigint
      readonly ending: Ending
    }

const addressOf = ({ sampled, spanId, traceId }: Tracer.AnySpan): SpanAddress => ({ traceId, spanId, sampled })

// --- in the worker -------------------------------------------------------------------------------------------------

/**
 * The span that an attempt runs in, on the worker's side: the attempt's own, which stands where the run is driven.
 *
 * @returns What adds it to the context of the attempt's fiber, and what reports what the attempt has added to it.
 */
export const below = (address: AttemptSpan, report: (report: SpanReport) => void) => {
  const noAnnotations = Context.empty()
  const attempt = new Tracer.NativeSpan({
    name: "attempt",
    parent: Option.none(),
    annotations: noAnnotations,
    links: [],
    startTime: 0n,
    kind: "internal",
    sampled: address.sampled
  })
  attempt._traceId = address.traceId
  attempt._spanId = address.spanId
  const tracer = Tracer.make({
    span: (options) => (options.sampled ? new ReportedSpan(options, report) : new Tracer.NativeSpan(options))
  })
  return {
    within: <R>(context: Context.Context<R>): Context.Context<R> =>
      context.pipe(
        Context.add(Tracer.ParentSpan, attempt),
        Context.add(Tracer.Tracer, tracer),
        address.withLines
          ? Context.add(
              Logger.CurrentLoggers,
              new Set([...Context.get(context, Logger.CurrentLoggers), Logger.tracerLogger])
            )
          : identity
      ) as Context.Context<R>, // nobody asks for the span
    end: (): void => {
      if (!address.sampled) return
      const additions = additionsOf(attempt, 0)
      if (Object.keys(additions.attributes).length + additions.events.length + additions.links.length > 0)
        report({ _tag: "Changed", spanId: address.spanId, additions })
    }
  }
}

class ReportedSpan extends Tracer.NativeSpan {
  readonly #report: (report: SpanReport) => void
  readonly #linksAtStart: number

  constructor(options: Parameters<Tracer.Tracer["span"]>[0], report: (report: SpanReport) => void) {
    super(options)
    this.#report = report
    this.#linksAtStart = options.links.length
    report({
      _tag: "Started",
      spanId: this.spanId,
      parent: Option.getOrUndefined(Option.map(options.parent, addressOf)),
      name: options.name,
      kind: options.kind,
      links: options.links.map(linkOf),
      startTime: options.startTime
    })
  }

  override end(endTime: bigint, exit: Exit.Exit<unknown, unknown>): void {
    if (this.status._tag === "Ended") return
    super.end(endTime, exit)
    const additions = additionsOf(this, this.#linksAtStart)
    this.#report({ _tag: "Ended", spanId: this.spanId, additions, endTime, ending: endingOf(exit) })
  }
}

const additionsOf = (span: Tracer.NativeSpan, linksBefore: number): Additions => ({
  attributes: plainAttributes(Object.fromEntries(span.attributes)),
  events: span.events.map(([name, time, attributes]) => [name, time, plainAttributes(attributes)] as const),
  links: span.links.slice(linksBefore).map(linkOf)
})

const linkOf = ({ attributes, span }: Tracer.SpanLink): Link => ({
  span: addressOf(span),
  attributes: plainAttributes(attributes)
})

/** Attributes that can cross: what is no string, number, bigint, boolean, or list of them, crosses as text. */
const plainAttributes = (attributes: Attributes): Attributes =>
  Object.fromEntries(
    Object.entries(attributes).map(([name, value]) => [
      name,
      isPrimitive(value) || (Array.isArray(value) && value.every(isPrimitive)) ? value : inspect(value)
    ])
  )

const isPrimitive = (value: unknown): boolean => /^(string|number|bigint|boolean|undefined)$/.test(typeof value)

const endingOf = (exit: Exit.Exit<unknown, unknown>): Ending => {
  if (Exit.isSuccess(exit)) return { _tag: "Success" }
  if (Cause.hasInterruptsOnly(exit.cause)) return { _tag: "Interrupt" }
  const { causes, message, stack, tag } = fromCause(exit.cause)
  const defect = !exit.cause.reasons.some(Cause.isFailReason)
  const error = {
    tag,
    message,
    ...(stack === undefined ? undefined : { stack }),
    ...(causes === undefined ? undefined : { causes })
  }
  return { _tag: "Failure", defect, error }
}

// --- where the run is driven ---------------------------------------------------------------------------------------

/** An attempt's spans, where the run is driven. */
export interface Replay {
  /** The span that the body's spans are below. */
  readonly attempt: AttemptSpan
  readonly receive: (report: SpanReport) => void
  /** Ends the spans that a worker left open: it died, or was stopped. */
  readonly close: (endTime: bigint) => void
}

/** Makes the spans of a worker those of the program's tracer; nothing where the attempt is no span. */
export const replay = (context: Context.Context<never>): Replay | undefined => {
  const attempt = Context.getOrUndefined(context as Context.Context<Tracer.ParentSpan>, Tracer.ParentSpan)
  if (attempt === undefined) return undefined
  const tracer = Context.get(context, Tracer.Tracer)
  const spans = new Map<string, Tracer.AnySpan>([[attempt.spanId, attempt]])
  const open = new Map<string, Tracer.Span>()
  const spanAt = (address: SpanAddress): Tracer.AnySpan =>
    spans.get(address.spanId) ?? Tracer.externalSpan({ ...address })
  const toLink = ({ attributes, span }: Link): Tracer.SpanLink => ({ span: spanAt(span), attributes })
  const add = (span: Tracer.Span, { attributes, events, links }: Additions): void => {
    for (const [name, value] of Object.entries(attributes)) span.attribute(name, value)
    for (const [name, time, given] of events) span.event(name, time, given)
    if (links.length > 0) span.addLinks(links.map(toLink))
  }
  return {
    attempt: {
      ...addressOf(attempt),
      withLines: Context.get(context, Logger.CurrentLoggers).has(Logger.tracerLogger)
    },
    receive: (report) => {
      if (report._tag === "Started") {
        const span = tracer.span({
          name: report.name,
          parent: Option.map(Option.fromUndefinedOr(report.parent), spanAt),
          annotations: Context.empty(),
          links: report.links.map(toLink),
          startTime: report.startTime,
          kind: report.kind,
          root: report.parent === undefined,
          sampled: true
        })
        // Whatever the body has called knows the span by this id. A tracer that insists on its own keeps it.
        Reflect.defineProperty(span, "spanId", { value: report.spanId, enumerable: true })
        spans.set(report.spanId, span)
        open.set(report.spanId, span)
        return
      }
      const span = spans.get(report.spanId)
      if (span?._tag !== "Span") return
      add(span, report.additions)
      if (report._tag === "Ended") {
        open.delete(report.spanId)
        span.end(report.endTime, exitOf(report.ending))
      }
    },
    close: (endTime) => {
      for (const span of [...open.values()].reverse()) span.end(endTime, Exit.interrupt())
      open.clear()
    }
  }
}

const exitOf = (ending: Ending): Exit.Exit<unknown, unknown> => {
  if (ending._tag === "Success") return Exit.void
  if (ending._tag === "Interrupt") return Exit.interrupt()
  const { causes, message, stack, tag } = ending.error
  const error = new Error(message)
  error.name = tag
  if (stack === undefined)
    delete error.stack // it would be that of this place
  else error.stack = stack
  withCauses(error, causes)
  return ending.defect ? Exit.die(error) : Exit.fail(error)
}

// --- through a message that holds text -----------------------------------------------------------------------------

/** How many reports of one attempt a message carries at most. */
const mostReports = 2000

/** Keeps an attempt's reports until its result is sent. */
export const kept = (attempt: AttemptSpan, reports: Array<SpanReport>): Replay => ({
  attempt,
  receive: (report) => void (reports.length < mostReports && reports.push(report)),
  close: () => {}
})

/** Reports as JSON, in which a bigint is an object with its digits. */
export const toText = (reports: ReadonlyArray<SpanReport>): string =>
  JSON.stringify(reports, (_, value: unknown) => (typeof value === "bigint" ? { $bigint: String(value) } : value))

/** Reports from their text. */
export const fromText = (text: string): ReadonlyArray<SpanReport> =>
  JSON.parse(text, (_, value: unknown) =>
    hasProperty(value, "$bigint") && typeof value.$bigint === "string" ? BigInt(value.$bigint) : value
  ) as ReadonlyArray<SpanReport> // `toText` made it
