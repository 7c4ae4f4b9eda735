/**
 * A cluster worker: a process that executes tasks on its threads for runs that other processes drive with
 * `Executor.layerCluster`, and continues runs whose driver has died. Start any number of workers on any number of
 * machines, and stop them at any time: a worker finishes the tasks it has started and leaves the rest to the others.
 */

import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import type { ArtifactStore } from "./ArtifactStore.ts"
import type { ExecutorError } from "./Executor.ts"
import type { RunStore } from "./RunStore.ts"

/** The options of a worker. Missing options are read from the environment (`EFFECT_FLOW_…`), or have a default. */
export interface Options {
  /** The module that exports the flows: a path, from the working directory, or a URL. */
  readonly module: string | URL
  /** The cluster's Postgres database. Default: the store's. */
  readonly url?: string | Redacted.Redacted
  /** The worker executes tasks of runs whose executor names the same group. Default: `work`. */
  readonly group?: string
  /** The number of tasks executed at once. Default: the number of cores. */
  readonly size?: number
  /** The heap limit of each thread, in megabytes. */
  readonly heapMegabytes?: number
  /** The name or address by which drivers and other workers reach it. Default: `localhost`. */
  readonly host?: string
  /** The port to listen on. Default: any free port. */
  readonly port?: number
  /** The address to listen on, if it differs from `host`. */
  readonly listenHost?: string
  /**
   * What every process of the cluster must know to connect to a worker: connections are encrypted with it. Without one, workers
   * listen on loopback only. Default: `EFFECT_FLOW_CLUSTER_SECRET`.
   */
  readonly secret?: string | Redacted.Redacted
  /** How dead workers are detected: by a ping, or by the Kubernetes status of their pods. */
  readonly health?: "ping" | "k8s"
  /** How long a stopping worker waits for its running tasks. Default: 25 seconds. */
  readonly drain?: Duration.Input
  /**
   * How long to wait before other workers take over a dead worker's tasks. Must be the same in every process of the cluster.
   * Default: 15 seconds.
   */
  readonly lockExpiration?: Duration.Input
  /** How long a run's driver may be silent before a worker continues the run. Default: 20 seconds. */
  readonly patience?: Duration.Input
}

/**
 * Runs a worker until it is interrupted. It then drains: running tasks may finish.
 *
 * @returns An effect that never succeeds. It fails with `ExecutorError` if the module can't be imported, the database
 *   can't be reached, or only this process can open the store.
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
