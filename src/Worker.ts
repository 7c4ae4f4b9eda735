/**
 * A cluster's worker: a process that executes tasks on its threads, for runs that other processes drive with
 * `Executor.layerCluster`, and goes on with a run whose driver died. Start as many as there is work for, on as many machines
 * as there are, and stop them at any time: a worker finishes the tasks it has started and leaves the rest to the others.
 */

import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import type { ArtifactStore } from "./ArtifactStore.ts"
import type { ExecutorError } from "./Executor.ts"
import type { RunStore } from "./RunStore.ts"

/** How a worker is started. What is left out is read from the environment (`EFFECT_FLOW_…`), or has a default. */
export interface Options {
  /** The module that exports the flows: a path, from the working directory, or a URL. */
  readonly module: string | URL
  /** The cluster's Postgres database. Default: the store's. */
  readonly url?: string | Redacted.Redacted
  /** Which runs' tasks it takes: those whose executor names the same group. Default: `work`. */
  readonly group?: string
  /** How many tasks it executes at once. Default: its cores. */
  readonly size?: number
  /** How many megabytes of heap each of its threads may have. */
  readonly heapMegabytes?: number
  /** The name or address by which drivers and other workers reach it. Default: `localhost`. */
  readonly host?: string
  /** Default: any port that is free. */
  readonly port?: number
  /** The address it listens at, where that is another. */
  readonly listenHost?: string
  /**
   * What every process of the cluster must know to connect to a worker: connections are encrypted with it. Without one, workers
   * listen on loopback only. Default: `EFFECT_FLOW_CLUSTER_SECRET`.
   */
  readonly secret?: string | Redacted.Redacted
  /** How workers are found dead: by a ping, or by Kubernetes' word on their pods. */
  readonly health?: "ping" | "k8s"
  /** How long it waits for its tasks when it is told to stop. Default: 25 seconds. */
  readonly drain?: Duration.Input
  /**
   * How long to wait before other workers take over a dead worker's tasks. Must be the same in every process of the cluster.
   * Default: 15 seconds.
   */
  readonly lockExpiration?: Duration.Input
  /** How long a run's driver may be silent before a worker goes on with the run. Default: 20 seconds. */
  readonly patience?: Duration.Input
}

/**
 * Works until it is interrupted, and then drains: the tasks that run may finish.
 *
 * @returns Nothing. Fails with `ExecutorError`: a module that can't be imported, a database that can't be reached, a store
 *   that only this process can open.
 *
 * @example
 * ```ts
 * Worker.run({ module: "examples/sweep.ts", size: 2 }).pipe(
 *   Effect.provide(Storage.layerPostgres({ url, blobs: "/shared/blobs" })),
 *   NodeRuntime.runMain
 * )
 * ```
 *
 * Gotchas: a worker that other machines reach (`host`) needs a `secret`, the same in every worker and driver of its group.
 */
export const run = (options: Options): Effect.Effect<never, ExecutorError, ArtifactStore | RunStore> =>
  Effect.flatMap(
    Effect.promise(() => import("./internal/workers/cluster/worker.ts")),
    (worker) => worker.run(options)
  )
