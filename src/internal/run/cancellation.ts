/**
 * Requests to cancel runs, as a driver hears of them. They are written beside the run's record by any process; one query
 * from time to time finds those for all the runs that this process drives on a store, however many they are. A request that
 * is made in this process is heard at once.
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type { CancelRecord, ErrorRecord } from "../../RunRecord.ts"
import type { RunStore } from "../../RunStore.ts"

/** How often requests are looked for. */
const intervalMs = 250
/** After so long without a look, a step must have computed without a pause. */
const overdueMs = 2 * intervalMs
/** How long the event loop has its turn then, for those who ask in this process. */
const turnMs = 10

interface Driven {
  /** By the run's id, what its driver waits for. */
  readonly runs: Map<string, Deferred.Deferred<CancelRecord>>
  isWatched: boolean
  /** When requests were last looked for, in milliseconds of a clock that is never set. */
  lookedAt: number
}

/** The runs that this process drives, by store. */
const stores = new WeakMap<RunStore["Service"], Driven>()

/** What the driver of a run waits for. */
export interface Cancellation {
  /** Ends, by interruption, when someone asks to cancel the run. */
  readonly interrupted: Effect.Effect<never>
  /** The error of a run that was cancelled; nothing as long as nobody asked. */
  readonly error: () => ErrorRecord | undefined
  /** Stops waiting. */
  readonly end: () => void
}

/** Waits for a request to cancel a run that this process drives. */
export const wait = (store: RunStore["Service"], run: string): Effect.Effect<Cancellation> =>
  Effect.suspend(() => {
    let request: CancelRecord | undefined
    const driven = stores.get(store) ?? { runs: new Map(), isWatched: false, lookedAt: 0 }
    stores.set(store, driven)
    const requested = Deferred.makeUnsafe<CancelRecord>()
    driven.runs.set(run, requested)
    const cancellation: Cancellation = {
      interrupted: Effect.flatMap(Deferred.await(requested), (found) => {
        request = found
        return Effect.interrupt
      }),
      error: () => (request === undefined ? undefined : errorOf(request)),
      end: () => {
        if (driven.runs.get(run) === requested) driven.runs.delete(run)
      }
    }
    if (driven.isWatched) return Effect.succeed(cancellation)
    driven.isWatched = true
    driven.lookedAt = monotonicMs()
    return Effect.as(Effect.forkDetach(watch(store, driven)), cancellation)
  })

/** Hands a request to the driver of a run if that is in this process. */
export const tell = (store: RunStore["Service"], run: string, request: CancelRecord): void => {
  const requested = stores.get(store)?.runs.get(run)
  if (requested !== undefined) Deferred.doneUnsafe(requested, Effect.succeed(request))
}

/** How a run that was cancelled is recorded. */
export const errorOf = ({ by, reason }: CancelRecord): ErrorRecord => ({
  tag: "Interrupted",
  message: `It was cancelled by ${by}${reason === undefined ? "." : `: ${reason}`}`
})

/**
 * Looks for requests after a step that has computed without a pause, so that neither was anyone heard nor could anyone in
 * this process ask: else the next such step would begin.
 */
export const catchUp = (store: RunStore["Service"]): Effect.Effect<void> =>
  Effect.suspend(() => {
    const driven = stores.get(store)
    if (driven === undefined || !driven.isWatched || monotonicMs() - driven.lookedAt < overdueMs) return Effect.void
    // Whoever has asked meanwhile has his say before the fiber that waits here goes on.
    return Effect.andThen(
      inRealTime(Effect.sleep(turnMs)),
      Effect.andThen(look(store, driven), inRealTime(Effect.sleep(1)))
    )
  })

const monotonicMs = (): number => performance.now()

/** Other processes, and the event loop, know no test's clock. */
const inRealTime = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.provideService(effect, Clock.Clock, Clock.Clock.defaultValue())

const look = Effect.fnUntraced(function* (store: RunStore["Service"], driven: Driven) {
  driven.lookedAt = monotonicMs()
  const found = yield* Effect.orElseSucceed(store.runs({ status: "running", cancelled: true }), () => [])
  for (const { cancel, id } of found) if (cancel !== undefined) tell(store, id, cancel)
})

/** Looks for requests as long as there are runs. */
const watch = (store: RunStore["Service"], driven: Driven): Effect.Effect<void> =>
  Effect.gen(function* () {
    while (driven.runs.size > 0) {
      yield* Effect.sleep(intervalMs)
      if (driven.runs.size > 0) yield* look(store, driven)
    }
  }).pipe(
    Effect.ensuring(
      Effect.sync(() => {
        driven.isWatched = false
      })
    ),
    inRealTime
  )
