/**
 * Where runs are kept: runs, tasks, attempts, refs, logs, metrics and tags. A store has one way to write, `write`, that
 * takes changes as data and makes all of one call durable together; what concurrent callers write may share a
 * transaction, so that a task costs a fraction of a commit. Reading is a few queries, each one round trip however many
 * rows it finds.
 */
import * as Layer from "effect/Layer"
import * as MemoryRunStore from "./internal/store/memoryRunStore.ts"
import { RunStore } from "./internal/store/runStore.ts"

export type { RunPosition, RunSort, RunSortKey } from "./internal/store/runOrder.ts"
export {
  type CardLine,
  type Change,
  type Claim,
  type Driver,
  type Hold,
  type LogLine,
  type LogQuery,
  type MetricLine,
  type Pulse,
  type RecordFault,
  type RefUse,
  type RunQuery,
  RunStore,
  type TaskQuery
} from "./internal/store/runStore.ts"
export { StoreError } from "./internal/store/storeError.ts"

/** Exists in types alone, and only in this module, so that no editor offers it. */
declare const outsideSteps: unique symbol

type Store = RunStore

/** Types of what must not happen inside a step. */
export declare namespace Outside {
  /**
   * What `Flow.run` needs: the run store, marked so that a step whose body runs a flow does not compile. Whatever provides
   * `RunStore` provides it, so it has the same name.
   */
  export interface RunStore extends Store {
    readonly [outsideSteps]: true
  }
}

/**
 * A store in memory of its own; small artifacts that come with a task are not kept (`Storage.layerMemory` keeps them).
 *
 * @example
 * ```ts
 * const recorded = program.pipe(Effect.provide(RunStore.layerMemory))
 * ```
 */
export const layerMemory: Layer.Layer<RunStore> = Layer.sync(RunStore, () => MemoryRunStore.make())
