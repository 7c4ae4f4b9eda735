/**
 * Brings what a run does into its store. What must be durable before the flow goes on (a finished task) is awaited; the
 * rest (a task that started, log lines, metrics) waits for the next such write, or a twentieth of a second, and becomes
 * durable with it, in order. So a trivial task costs one write, and a log line none of its own.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { CardRecord, LogRecord, MetricRecord } from "../../RunRecord.ts"
import type { Change, RunStore, StoreError } from "../../RunStore.ts"

/**
 * How long something waits at most, after how long a task that runs is told of, and how often a run says that it is alive:
 * milliseconds.
 */
const patience = 50
const telling = 250
const heartbeat = 5000

/** Collects changes of one run. */
export interface Recorder {
  readonly log: (line: LogRecord) => void
  readonly metric: (point: MetricRecord) => void
  /** A task's card, in place of the one before. */
  readonly card: (card: CardRecord, bytes: Uint8Array | undefined) => void
  /** A task that runs: replaced by its final record where that comes first. */
  readonly running: (change: Extract<Change, { readonly _tag: "Task" }>) => void
  /** Makes what waits and these changes durable. */
  readonly write: (changes: ReadonlyArray<Change>) => Effect.Effect<void, StoreError>
  /** Writes what waits from time to time, for as long as the run lives. */
  readonly loop: Effect.Effect<never>
  /** From now on nothing is kept: another process drives the run. */
  readonly close: Effect.Effect<void>
  /** Says that nobody drives the run, for another process to go on with it, and closes. */
  readonly leave: Effect.Effect<void>
}

/** A recorder of a run. */
export const make = (store: RunStore["Service"], run: string): Recorder => {
  let lines: Array<LogRecord> = []
  let points: Array<MetricRecord> = []
  let started = new Map<string, Change>()
  let cards = new Map<string, Change>()
  let closed = false
  // Described in the store by now: a step's schemas are its tasks' over and over.
  const described = new Set<string>()

  const take = (): Array<Change> => {
    const changes: Array<Change> = [...cards.values()]
    if (lines.length > 0) changes.push({ _tag: "Logs", lines })
    if (points.length > 0) changes.push({ _tag: "Metrics", points })
    cards = new Map()
    lines = []
    points = []
    return changes
  }
  const write = (changes: ReadonlyArray<Change>) =>
    Effect.suspend(() => {
      if (closed) return Effect.void
      const waiting = take()
      for (const change of changes) {
        if (change._tag !== "Task") waiting.push(change)
        else {
          started.delete(change.task.id)
          waiting.push(withoutDescribed(change))
        }
      }
      if (waiting.length === 0) return Effect.void
      return Effect.matchEffect(store.write(waiting), {
        onFailure: (error) => Effect.andThen(putBack(waiting), Effect.fail(error)),
        onSuccess: () => Effect.sync(() => remember(waiting))
      })
    })
  const withoutDescribed = (change: Extract<Change, { readonly _tag: "Task" }>): Change =>
    change.schemas.every(({ digest }) => !described.has(digest))
      ? change
      : { ...change, schemas: change.schemas.filter(({ digest }) => !described.has(digest)) }
  const remember = (changes: ReadonlyArray<Change>) => {
    for (const change of changes)
      if (change._tag === "Task") for (const { digest } of change.schemas) described.add(digest)
  }
  /** What could not be written waits for the next time. */
  const putBack = (changes: ReadonlyArray<Change>) =>
    Effect.sync(() => {
      for (const change of changes) {
        if (change._tag === "Logs") lines = [...change.lines, ...lines]
        if (change._tag === "Metrics") points = [...change.points, ...points]
      }
    })
  /** Tasks that still run by now: those that were over sooner never cost a write of their own. */
  const takeStarted = () => {
    const changes = [...started.values()]
    started = new Map()
    return changes
  }
  return {
    log: (line) => void lines.push(line),
    metric: (point) => void points.push(point),
    card: (card, bytes) =>
      void cards.set(card.task, {
        _tag: "Card",
        card,
        ...(bytes === undefined ? {} : { blob: { digest: card.digest, bytes } })
      }),
    running: (change) => void started.set(change.task.id, change),
    write,
    close: Effect.sync(() => {
      closed = true
    }),
    leave: Effect.suspend(() => {
      const waiting = take()
      closed = true
      return Effect.ignore(store.write([...waiting, { _tag: "Heartbeat", run, at: 0 }]))
    }),
    loop: Effect.gen(function* () {
      let beat = yield* Clock.currentTimeMillis
      let told = beat
      while (true) {
        yield* Effect.sleep(patience)
        // By the clock: a store that is slow must not make a run look dead.
        const at = yield* Clock.currentTimeMillis
        const due = at - beat >= heartbeat
        if (due) beat = at
        const tell = at - told >= telling
        if (tell) told = at
        // A store that fails for a moment is not the run's end; the next awaited write says so if it lasts.
        const running = tell ? takeStarted() : []
        yield* Effect.ignore(write(due ? [...running, { _tag: "Heartbeat", run, at }] : running))
      }
    })
  }
}
