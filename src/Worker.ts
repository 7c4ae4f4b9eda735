/**
 * A cluster worker: a process that executes tasks on its threads for runs that other processes drive with
 * `Executor.layerCluster`, and continues runs whose driver has died. Start any number of workers on any number of
 * machines, and stop them at any time: a worker finishes the tasks it has started and leaves the rest to the others.
 */
import * as Cause from "effect/Cause"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Redacted from "effect/Redacted"
import * as Runtime from "effect/Runtime"
import { ArtifactStore } from "./ArtifactStore.ts"
import { ExecutorError } from "./Executor.ts"
import * as Checked from "./internal/checked.ts"
import { databaseUrl } from "./internal/store/location.ts"
import type { RunStore } from "./RunStore.ts"

/** The options of a worker. Missing options are read from the environment (`EFFECT_FLOW_…`), or have a default. */
export interface Options {
  /** The module that exports the flows: a path, from the working directory, or a URL. */
  readonly module: string | URL
  /** The cluster's Postgres database. Default: the store's. */
  readonly url?: string | Redacted.Redacted
  /** The worker executes tasks of runs whose executor names the same group. Default: named after the package in whose directory the process runs. */
  readonly group?: string
  /** The number of tasks executed at once. Default: the number of cores. */
  readonly size?: number
  /** The heap limit of each thread, in megabytes. */
  readonly heapMegabytes?: number
  /**
   * How long a thread without a task is kept. The next task then starts one, imports the module and builds the flow's layer
   * again. Default: 5 minutes.
   */
  readonly threadIdle?: Duration.Input
  /** The name or address by which drivers and other workers reach it. Default: `localhost`. */
  readonly host?: string
  /** The port to listen on. Default: any free port. */
  readonly port?: number
  /** The address to listen on, if it differs from `host`. */
  readonly listenHost?: string
  /**
   * The secret with which every process of the cluster encrypts its connections to workers. Without one, workers listen on
   * loopback only. Default: `EFFECT_FLOW_CLUSTER_SECRET`.
   */
  readonly secret?: string | Redacted.Redacted
  /** How dead workers are detected: by a ping, or by the Kubernetes status of their pods. */
  readonly health?: "ping" | "k8s"
  /** The port of its health endpoint: `/live`, `/ready` and `/metrics` over HTTP. Default: `EFFECT_FLOW_HEALTH_PORT`, or none. */
  readonly healthPort?: number
  /** How long a stopping worker waits for its running tasks. Default: 25 seconds. */
  readonly drain?: Duration.Input
  /**
   * How long to wait before other workers take over a dead worker's tasks. Must be the same in every process of the cluster.
   * Default: 15 seconds.
   */
  readonly lockExpiration?: Duration.Input
  /** How long a run's driver may be silent before a worker continues the run. Default: 20 seconds. */
  readonly patience?: Duration.Input
  /** Called once it has reached its database and its store, and executes tasks. */
  readonly onReady?: () => void
}

/** A worker of a cluster as operators see it. Times are in milliseconds since the epoch, by the database's clock. */
export interface WorkerInfo {
  /** `host:port`, at which drivers and other workers reach it. */
  readonly address: string
  readonly group: string
  /** The machine and the process. */
  readonly host: string
  readonly pid: number
  /** The version of effect-flow. */
  readonly version: string
  /** The names of its flows. */
  readonly flows: ReadonlyArray<string>
  readonly threads: number
  /** How many of its threads execute a task, and how many tasks wait for one. */
  readonly busy: number
  readonly queued: number
  /** Whether it is draining: it finishes the tasks it has begun and takes no new ones. */
  readonly draining: boolean
  readonly startedAt: number
  readonly seenAt: number
}

/** The tasks of a group that wait for a worker. */
export interface Queue {
  readonly group: string
  readonly waiting: number
  /** How long the oldest of them has waited, in milliseconds. */
  readonly oldestWaitMs?: number
}

/** The state of a cluster. */
export interface Status {
  readonly workers: ReadonlyArray<WorkerInfo>
  readonly queues: ReadonlyArray<Queue>
}

/** Which cluster is asked. */
export interface Selection {
  /** The cluster's Postgres database. Default: the store's. */
  readonly url?: string | Redacted.Redacted
  /** Default: all groups. */
  readonly group?: string
}

/**
 * Executes tasks until it is interrupted or asked to drain, and then drains: it takes no new task, and the running ones may
 * finish.
 *
 * @returns Nothing, once it has drained because an operator asked it to. Fails with `ExecutorError`: a module that can't be
 *   imported, a database that can't be reached, a store that only this process can open. Dies if its drain had to cut off a
 *   task, so that the process ends with exit code 1.
 *
 * @example
 * ```ts
 * Worker.run({ module: "examples/sweep.ts", size: 2 }).pipe(
 *   Effect.provide(Storage.layerPostgres({ url, blobs: "/shared/blobs" })),
 *   NodeRuntime.runMain({ teardown: Worker.teardown })
 * )
 * ```
 *
 * Gotchas: a worker that other machines reach (`host`) needs a `secret`, the same in every worker and driver of its group.
 */
export const run = (options: Options): Effect.Effect<void, ExecutorError, ArtifactStore | RunStore> => {
  Checked.wholeNumber("`size` of Worker.run", options.size, 1)
  Checked.wholeNumber("`heapMegabytes` of Worker.run", options.heapMegabytes, 1)
  Checked.port("`port` of Worker.run", options.port)
  Checked.port("`healthPort` of Worker.run", options.healthPort)
  Checked.durationOrZeroMs("`drain` of Worker.run", options.drain)
  Checked.durationOrZeroMs("`threadIdle` of Worker.run", options.threadIdle)
  Checked.durationMs("`lockExpiration` of Worker.run", options.lockExpiration)
  Checked.durationMs("`patience` of Worker.run", options.patience)
  Checked.expect(
    "`onReady` of Worker.run",
    options.onReady,
    options.onReady === undefined || typeof options.onReady === "function",
    "a function"
  )
  return Effect.flatMap(
    Effect.promise(() => import("./internal/workers/cluster/worker.ts")),
    (worker) => worker.run(options)
  )
}

/**
 * The exit code of a program that is a worker, for `NodeRuntime.runMain`: 0 if it was stopped by a signal and drained in
 * time, where other programs end with 130.
 *
 * @example
 * ```ts
 * Worker.run({ module: "flows.ts" }).pipe(
 *   Effect.provide(Storage.layerPostgres({ url, blobs: "/shared/blobs" })),
 *   NodeRuntime.runMain({ teardown: Worker.teardown })
 * )
 * ```
 */
export const teardown: Runtime.Teardown = (exit, onExit) => {
  if (Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause)) return onExit(0)
  return Runtime.defaultTeardown(exit, onExit)
}

const urlOf = Effect.fnUntraced(function* ({ url }: Selection) {
  if (url !== undefined) return typeof url === "string" ? Redacted.make(url) : url
  const { location } = yield* ArtifactStore
  const found = databaseUrl(location)
  if (found !== undefined) return found
  return yield* new ExecutorError({
    reason: "settings",
    message:
      "This store is not in Postgres, so it has no workers. Select the cluster's database: set EFFECT_FLOW_DATABASE_URL=postgres://user:password@host/database, or pass it with --database."
  })
})

const operations = Effect.promise(() => import("./internal/workers/cluster/operations.ts"))

/**
 * The workers of a cluster that were seen within the last minute, and the tasks that wait for one.
 *
 * @returns Empty lists for a database in which no worker was ever started. Fails with `ExecutorError` if the database can't
 *   be reached, or if the store is not in Postgres and no `url` is given.
 *
 * @example
 * ```ts
 * const { queues, workers } = yield* Worker.status()
 * const free = workers.reduce((sum, { busy, threads }) => sum + threads - busy, 0)
 * ```
 */
export const status = Effect.fnUntraced(function* (
  selection: Selection = {}
): Effect.fn.Return<Status, ExecutorError, ArtifactStore> {
  const url = yield* urlOf(selection)
  return yield* (yield* operations).status(url, selection.group)
})

/**
 * Asks workers to drain: each finishes the tasks it has begun, leaves the rest to others, and ends.
 *
 * @param address The worker's `host:port`, or `all`.
 * @returns The addresses of the workers that were asked. They begin to drain within two seconds.
 *
 * @example
 * ```ts
 * yield* Worker.drain("10.0.0.7:34431")
 * ```
 */
export const drain = Effect.fnUntraced(function* (
  address: string,
  selection: Selection = {}
): Effect.fn.Return<ReadonlyArray<string>, ExecutorError, ArtifactStore> {
  const url = yield* urlOf(selection)
  return yield* (yield* operations).drain(url, address === "all" ? undefined : address, selection.group)
})
