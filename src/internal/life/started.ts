/**
 * The runs that this process started, by store and id. They live in the scope of the store's layer: when it closes,
 * they end as `OnStop` says and are recorded before the store closes.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as References from "effect/References"
import * as Scope from "effect/Scope"
import type { ArtifactStore } from "../../ArtifactStore.ts"
import type { RunRecord } from "../../RunRecord.ts"
import { RunStore, StoreError } from "../../RunStore.ts"
import * as Cancellation from "../run/cancellation.ts"
import type { FlowDefinition } from "../run/definition.ts"
import { runFlow, type Start } from "../run/runFlow.ts"
import * as Takeover from "../run/takeover.ts"
import { OnStop } from "./onStop.ts"

/** A run that this process started. */
export interface Started {
  readonly id: string
  readonly fiber: Fiber.Fiber<{ readonly id: string; readonly output: unknown }, unknown>
  readonly leave: Takeover.OwnShutdown
  readonly onStop: OnStop
}

interface Runs {
  readonly live: Map<string, Started>
  isClosed: boolean
}

const stores = new WeakMap<RunStore["Service"], Runs>()

/** A run that this process started on a store and that has not ended. */
export const find = (store: RunStore["Service"], id: string): Started | undefined => stores.get(store)?.live.get(id)

/** The runs that were started on a store. The first run binds them to the store's scope. */
const runsOf = Effect.fnUntraced(function* (store: RunStore["Service"]) {
  const remembered = stores.get(store)
  if (remembered !== undefined) return remembered
  const runs: Runs = { live: new Map(), isClosed: false }
  stores.set(store, runs)
  if (store.scope !== undefined) {
    yield* Scope.addFinalizer(
      store.scope,
      Effect.suspend(() => {
        runs.isClosed = true
        return stopAll(store, runs)
      })
    )
  }
  return runs
})

/**
 * Starts a run on a fiber of its own.
 *
 * @returns The run, as soon as it is recorded. Fails as a run fails that does not come so far: with the reason `lost` if
 *   another process has claimed it.
 */
export const launch = Effect.fnUntraced(function* (
  flow: FlowDefinition,
  parameters: object,
  start: Start
): Effect.fn.Return<Started, unknown, ArtifactStore | RunStore> {
  const store = yield* RunStore
  const runs = yield* runsOf(store)
  if (runs.isClosed) {
    return yield* new StoreError({
      message: `The store is closed: no run of flow "${flow.flowName}" can be started on it.`
    })
  }
  const onStop = yield* OnStop
  const leave = new Takeover.OwnShutdown()
  const recorded = Deferred.makeUnsafe<RunRecord, unknown>()
  const before = yield* Takeover.ShutdownSignal
  const leaving = before === undefined ? leave : Takeover.either(before, leave)
  const fiber = yield* runFlow(flow, parameters, {
    ...start,
    onRecorded: (run) => Deferred.doneUnsafe(recorded, Effect.succeed(run))
  }).pipe(
    Effect.provideService(Takeover.ShutdownSignal, leaving),
    // The run goes on when its caller's spans have ended.
    Effect.provideService(References.CurrentLogSpans, []),
    Effect.forkDetach
  )
  fiber.addObserver((exit) => {
    if (Exit.isFailure(exit)) Deferred.doneUnsafe(recorded, Exit.failCause(exit.cause))
  })
  const { id } = yield* Effect.onInterrupt(Deferred.await(recorded), () => Fiber.interrupt(fiber))
  const started: Started = { id, fiber, leave, onStop }
  if (fiber.pollUnsafe() !== undefined) return started
  runs.live.set(id, started)
  fiber.addObserver(() => {
    if (runs.live.get(id) === started) runs.live.delete(id)
    if (runs.live.size === 0) unlisten(store)
  })
  listen(store, onStop)
  return started
})

/** Ends every run that was started on a store as configured, and waits for it. */
const stopAll = (store: RunStore["Service"], runs: Runs): Effect.Effect<void> =>
  Effect.suspend(() =>
    Effect.forEach([...runs.live.values()], (started) => stop(store, started), {
      concurrency: "unbounded",
      discard: true
    })
  )

const stop = (store: RunStore["Service"], { fiber, id, leave, onStop }: Started): Effect.Effect<unknown> => {
  const ended = Fiber.await(fiber)
  if (onStop.action === "leave")
    return Effect.andThen(
      Effect.sync(() => leave.begin()),
      ended
    )
  const interrupt = Effect.flatMap(
    Effect.clockWith((clock) => clock.currentTimeMillis),
    (at) => {
      Cancellation.deliver(store, id, { at, by: "the program that ran it", reason: "it stopped." })
      return ended
    }
  )
  return onStop.action === "interrupt"
    ? interrupt
    : Effect.flatMap(Effect.timeoutOption(ended, onStop.within), (exit) =>
        exit._tag === "Some" ? Effect.void : interrupt
      )
}

// --- a signal that nothing else listens for ------------------------------------------------------------------------

const listeners = new Map<RunStore["Service"], () => void>()

/** Lets the runs end as they are to end before SIGTERM ends the process, unless the program listens for it itself. */
const listen = (store: RunStore["Service"], { action }: OnStop): void => {
  if (action === "interrupt" || listeners.has(store)) return
  const others = process.listenerCount("SIGTERM")
  const onSignal = () => {
    const runs = stores.get(store)
    if (runs === undefined || process.listenerCount("SIGTERM") > others + listeners.size) return
    Effect.runFork(stopAll(store, runs)).addObserver(() => {
      unlisten(store)
      process.kill(process.pid, "SIGTERM")
    })
  }
  listeners.set(store, onSignal)
  process.on("SIGTERM", onSignal)
}

const unlisten = (store: RunStore["Service"]): void => {
  const onSignal = listeners.get(store)
  if (onSignal !== undefined) process.off("SIGTERM", onSignal)
  listeners.delete(store)
}
