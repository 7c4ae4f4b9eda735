/**
 * Delivers cancellation requests to the drivers of runs. Any process can write a request beside the run's record. A
 * single periodic query finds the requests for all runs that this process drives on a store. Requests made in this
 * process are delivered immediately.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { CancelRecord, ErrorRecord } from "../../RunRecord.ts"
import type { RunStore } from "../../RunStore.ts"

/** The interval of the query. */
const intervalMs = 250
/** After this time without a query, a step must have computed without yielding. */
const overdueMs = 2 * intervalMs
/** The time that the event loop then gets, so that requests of this process can arrive. */
const turnMs = 10

interface Driven {
  /** What takes the request for each run, by the run's id. */
  readonly runs: Map<string, (request: CancelRecord) => void>
  isWatched: boolean
  /** The monotonic time of the last query, in milliseconds. */
  queriedAt: number
}

/** The runs that this process drives, by store. */
const stores = new WeakMap<RunStore["Service"], Driven>()

/** The cancellation of a run, for its driver. */
export interface Cancellation {
  /** The error of the cancelled run. `undefined` if it was not cancelled. */
  readonly error: () => ErrorRecord | undefined
  /** Stops waiting. */
  readonly end: () => void
}

/**
 * Watches for a request to cancel a run that this process drives.
 *
 * @param onRequest Called once, with the first request.
 */
export const watch = (store: RunStore["Service"], run: string, onRequest: () => void): Effect.Effect<Cancellation> =>
  Effect.suspend(() => {
    let request: CancelRecord | undefined
    const driven = stores.get(store) ?? { runs: new Map(), isWatched: false, queriedAt: 0 }
    stores.set(store, driven)
    const take = (received: CancelRecord) => {
      if (request !== undefined) return
      request = received
      onRequest()
    }
    driven.runs.set(run, take)
    const cancellation: Cancellation = {
      error: () => (request === undefined ? undefined : errorOf(request)),
      end: () => {
        if (driven.runs.get(run) === take) driven.runs.delete(run)
      }
    }
    if (driven.isWatched) return Effect.succeed(cancellation)
    driven.isWatched = true
    driven.queriedAt = monotonicMs()
    return Effect.as(Effect.forkDetach(queryOften(store, driven)), cancellation)
  })

/** Delivers a request to the driver of a run if it is in this process. */
export const deliver = (store: RunStore["Service"], run: string, request: CancelRecord): void => {
  stores.get(store)?.runs.get(run)?.(request)
}

/** The recorded error of a cancelled run. */
export const errorOf = ({ by, reason }: CancelRecord): ErrorRecord => ({
  tag: "Interrupted",
  message: `It was cancelled by ${by}${reason === undefined ? "." : `: ${reason}`}`
})

/**
 * Checks for requests after a step that computed without yielding. Without this check, the next such step would begin
 * before any request is noticed.
 */
export const catchUp = (store: RunStore["Service"]): Effect.Effect<void> =>
  Effect.suspend(() => {
    const driven = stores.get(store)
    if (driven === undefined || !isOverdue(store)) return Effect.void
    // Requests that arrived in the meantime are handled before this fiber continues.
    return Effect.andThen(
      inRealTime(Effect.sleep(turnMs)),
      Effect.andThen(query(store, driven), inRealTime(Effect.sleep(1)))
    )
  })

/** Whether `catchUp` has something to do. */
export const isOverdue = (store: RunStore["Service"]): boolean => {
  const driven = stores.get(store)
  return driven?.isWatched === true && monotonicMs() - driven.queriedAt >= overdueMs
}

const monotonicMs = (): number => performance.now()

/** Other processes and the event loop run in real time, not by a test's clock. */
const inRealTime = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.provideService(effect, Clock.Clock, Clock.Clock.defaultValue())

const query = Effect.fnUntraced(function* (store: RunStore["Service"], driven: Driven) {
  driven.queriedAt = monotonicMs()
  const cancelled = yield* Effect.orElseSucceed(store.runs({ status: "running", cancelled: true }), () => [])
  for (const { cancel, id } of cancelled) if (cancel !== undefined) deliver(store, id, cancel)
})

/** Queries for requests while this process drives runs. */
const queryOften = (store: RunStore["Service"], driven: Driven): Effect.Effect<void> =>
  Effect.gen(function* () {
    while (driven.runs.size > 0) {
      yield* Effect.sleep(intervalMs)
      if (driven.runs.size > 0) yield* query(store, driven)
    }
  }).pipe(
    Effect.ensuring(
      Effect.sync(() => {
        driven.isWatched = false
      })
    ),
    inRealTime
  )
