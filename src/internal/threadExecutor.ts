/** Runs tasks on worker threads of this process: the executor behind `Executor.layerThreads`. */
import { availableParallelism } from "node:os"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import { ArtifactStore } from "../ArtifactStore.ts"
import { type Attempt, Executor, ExecutorError, type ExecutorService, type ThreadsOptions } from "../Executor.ts"
import type { Any as AnyFlow } from "../Flow.ts"
import * as FlowModule from "./flowModule.ts"
import * as ThreadPool from "./threadPool.ts"
import type { Flows } from "./threadProtocol.ts"
import * as ThreadStore from "./threadStore.ts"

/** How many bytes of decoded values all threads keep together. */
const valueBytes = 1024 ** 3

/** The executor; its threads end with the scope. */
export const make = Effect.fnUntraced(function* (options: ThreadsOptions) {
  const scope = yield* Effect.scope
  const module = FlowModule.urlOf(options.module)
  const size = options.size ?? availableParallelism()
  const pools = new Map<string, ThreadPool.Pool>()
  const one = yield* Semaphore.make(1)

  const poolOf = Effect.fnUntraced(function* (store: ArtifactStore["Service"]) {
    const place = yield* ThreadStore.placeOf(store, "threads")
    const key = JSON.stringify(place)
    const known = pools.get(key)
    if (known !== undefined) return known
    const pool = yield* ThreadPool.make({
      module,
      store: place,
      valueBytes: Math.floor(valueBytes / size),
      heapMegabytes: options.heapMegabytes,
      size
    }).pipe(Scope.provide(scope))
    pools.set(key, pool)
    return pool
  }, one.withPermits(1))

  return {
    name: "threads",
    prepare: Effect.fnUntraced(function* (flow) {
      const pool = yield* poolOf(yield* ArtifactStore)
      yield* compare(flow, yield* loaded(pool), module)
    }),
    execute: Effect.fnUntraced(function* (attempt: Attempt) {
      if (attempt.definition.runsOn === "fiber") return yield* attempt.here
      const pool = yield* poolOf(yield* ArtifactStore)
      const outcome = yield* pool.execute(attempt)
      return yield* complete(attempt, outcome)
    })
  } satisfies ExecutorService
})

/** The layer. */
export const layer = (options: ThreadsOptions): Layer.Layer<never> =>
  Layer.effectContext(Effect.map(make(options), (executor) => Context.make(Executor, executor))) as Layer.Layer<never> // a reference has a default, so nothing is provided that was missing

/** What a pool's module has. Whatever else a thread could fail with, it could not be started. */
const loaded = (pool: ThreadPool.Pool): Effect.Effect<Flows, ExecutorError> =>
  Effect.mapError(pool.flows, (error) =>
    error instanceof ExecutorError
      ? error
      : new ExecutorError({
          reason: "store",
          message: `A worker could not be started: ${error instanceof Error ? error.message : String(error)}`
        })
  )

/** Refuses workers whose module has not this flow, or has other versions of its steps. */
export const compare = Effect.fnUntraced(function* (flow: AnyFlow, flows: Flows, module: string) {
  const name: string = flow.flowName
  const there = flows[name]
  if (there === undefined) return yield* FlowModule.notExported(module, name, Object.keys(flows))
  for (const definition of flow.definitions.values()) {
    const version = there[definition.name]
    if (version === undefined) {
      return yield* new ExecutorError({
        reason: "version",
        message: `Flow "${name}" has a step "${definition.name}" here, and in the workers' module ${FlowModule.show(module)} it has none: ${Object.keys(there).join(", ")}. Start the workers with the same code.`
      })
    }
    if (version !== definition.version) {
      return yield* new ExecutorError({
        reason: "version",
        message: `Step "${definition.name}" of flow "${name}" has version "${definition.version}" here, and version "${version}" in the workers' module ${FlowModule.show(module)}. Start the workers with the same code.`
      })
    }
  }
})

/**
 * A worker's outcome, complete: it leaves out what this side knows too. Refuses one that another version of the step wrote,
 * which has other outputs.
 */
export const complete = Effect.fnUntraced(function* <
  O extends { readonly outputs: ReadonlyArray<{ readonly name: string; readonly schema: string }> }
>({ definition, task }: Attempt, outcome: O) {
  const schemas = definition.output.map((slot) => slot.artifact.description())
  for (const [index, slot] of definition.output.entries()) {
    const written = outcome.outputs.find((output) => output.name === slot.name)
    if (written?.schema !== schemas[index]?.digest) {
      return yield* new ExecutorError({
        reason: "version",
        message: `The worker of ${task.task} of run ${task.run} has another step "${task.step}" than this process: its output "${slot.name}" is ${written === undefined ? "missing" : "declared with another schema"}. Start the workers with the same code, and give the step another \`version\` when its outputs change.`
      })
    }
  }
  return { ...outcome, schemas }
})
