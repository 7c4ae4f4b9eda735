/** Runs tasks on worker threads of this process: the executor behind `Executor.layerThreads`. */
import { availableParallelism } from "node:os"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as References from "effect/References"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import { ArtifactStore } from "../../../ArtifactStore.ts"
import { type Attempt, Executor, ExecutorError, type ExecutorService, type ThreadsOptions } from "../../../Executor.ts"
import { messageOf } from "../../cause.ts"
import * as CallerContext from "../callerContext.ts"
import * as FlowModule from "../flowModule.ts"
import * as FromWorkers from "../fromWorkers.ts"
import * as Spans from "../spans.ts"
import * as ThreadPool from "./pool.ts"
import type { Flows } from "./protocol.ts"
import * as ThreadStore from "./store.ts"

/** Makes the executor. Its threads end with the scope. */
export const make = Effect.fnUntraced(function* (options: ThreadsOptions) {
  const scope = yield* Effect.scope
  const module = FlowModule.urlOf(options.module)
  const size = options.size ?? availableParallelism()
  const pools = new Map<string, ThreadPool.Pool>()
  const collectCaller = CallerContext.collectAloud()
  const mutex = yield* Semaphore.make(1)

  const poolOf = Effect.fnUntraced(function* (store: ArtifactStore["Service"]) {
    const place = yield* ThreadStore.placeOf(store, "threads")
    const key = JSON.stringify(place)
    const open = pools.get(key)
    if (open !== undefined) return open
    const pool = yield* ThreadPool.make({
      module,
      store: place,
      heapMegabytes: options.heapMegabytes,
      size
    }).pipe(Scope.provide(scope))
    pools.set(key, pool)
    return pool
  }, mutex.withPermits(1))

  return {
    name: "threads",
    hasPlaces: true,
    prepare: Effect.fnUntraced(function* (flow) {
      const pool = yield* poolOf(yield* ArtifactStore)
      yield* FromWorkers.compare(flow, yield* loaded(pool), module)
    }),
    execute: Effect.fnUntraced(function* (attempt: Attempt) {
      if (attempt.definition.runsOn === "fiber") {
        attempt.begin()
        return yield* attempt.here
      }
      const pool = yield* poolOf(yield* ArtifactStore)
      const context = yield* Effect.context<never>()
      const done = yield* pool.execute({
        ...attempt,
        begin: (worker) => {
          attempt.begin()
          attempt.failsOn({ worker }) // where it does: its thread may die, or be ended at its timeout
        },
        level: Context.get(context, References.MinimumLogLevel),
        caller: yield* collectCaller(context),
        spans: Spans.replay(context),
        print: FromWorkers.printer(context, attempt.task)
      })
      return yield* FromWorkers.outcomeOf(attempt, done)
    })
  } satisfies ExecutorService
})

/** The layer. */
export const layer = (options: ThreadsOptions): Layer.Layer<never> =>
  Layer.effectContext(Effect.map(make(options), (executor) => Context.make(Executor, executor))) as Layer.Layer<never> // a reference has a default, so nothing is provided that was missing

/** The flows of a pool's module. Any other failure of a thread means that it could not be started. */
const loaded = (pool: ThreadPool.Pool): Effect.Effect<Flows, ExecutorError> =>
  Effect.mapError(pool.flows, (error) =>
    error instanceof ExecutorError
      ? error
      : new ExecutorError({
          reason: "store",
          message: `A worker could not be started: ${messageOf(error)}`
        })
  )
