/**
 * Runs tasks. A task reaches an executor described as data (flow, step, run, task id, input refs), never as a closure, so
 * that the same flow runs on in-process fibers, on worker threads or on a cluster, by providing another Layer.
 *
 * What a task is (its id and key, retries, timeouts, records, resume and cache) is decided before the executor is
 * called, once for all executors. An executor makes one attempt and reports its outcome.
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Semaphore from "effect/Semaphore"
import type { ArtifactStore } from "./ArtifactStore.ts"
import * as Checked from "./internal/checked.ts"
import type { Definition, FlowDefinition } from "./internal/run/definition.ts"
import type { TaskSink } from "./internal/run/taskSink.ts"
import { type AttemptRecord, RefRecord, type RunRecord } from "./RunRecord.ts"
import type { RunStore } from "./RunStore.ts"

/** An executor can't run a task; the message says why and what to do. */
export class ExecutorError extends Schema.TaggedError<ExecutorError>()("ExecutorError", {
  reason: Schema.Literals([
    "module",
    "version",
    "error-schema",
    "store",
    "settings",
    "unreachable",
    "taken",
    "interrupted"
  ]),
  message: Schema.String
}) {}

/** The thread or process that made an attempt is gone: it exited, ran out of memory or was killed. */
export class WorkerDied extends Schema.TaggedError<WorkerDied>()("WorkerDied", {
  run: Schema.String,
  task: Schema.String,
  worker: Schema.String,
  message: Schema.String
}) {}

/** A task took longer than its step's `timeout`. */
export class TaskTimeout extends Schema.TaggedError<TaskTimeout>()("TaskTimeout", {
  run: Schema.String,
  task: Schema.String,
  milliseconds: Schema.Number,
  message: Schema.String
}) {}

/** One attempt at a task, as data. */
export const TaskDescription = Schema.Struct({
  flow: Schema.String,
  run: Schema.String,
  step: Schema.String,
  /** The task's id within the run, `train/3`. */
  task: Schema.String,
  attempt: Schema.Int,
  key: Schema.String,
  /** How many tasks of the run with the same key were called before. Key and occurrence identify a task in every process. */
  occurrence: Schema.Int,
  /** The step's version, so that a worker with other code can refuse. */
  version: Schema.String,
  /** The digest of the step's source where the run is driven, for the same reason. */
  code: Schema.optionalKey(Schema.String),
  tags: Schema.Array(Schema.String),
  inputs: Schema.Array(RefRecord),
  /** How many states each branch of a join over `Step.many` has. */
  counts: Schema.Record(Schema.String, Schema.Int),
  /** How many milliseconds the attempt may take from when its body starts. */
  timeoutMs: Schema.optionalKey(Schema.Number),
  /** What decides which checkpoints the body continues from. */
  checkpoints: Schema.optionalKey(
    Schema.Struct({
      /** The digest of the step's source where the run is driven; empty where it can't be read. */
      code: Schema.String,
      /** An unfinished task of the run that this run resumes, `RUN/train/3`: this one continues from its checkpoints. */
      continues: Schema.optionalKey(Schema.String)
    })
  ),
  /** The seed of the body's random numbers, where the caller has given one with `Random.withSeed`. */
  seed: Schema.optionalKey(Schema.String)
})

/** A task as data, for executors that send it to another process. */
export interface TaskDescription extends Schema.Schema.Type<typeof TaskDescription> {}

/** What an attempt that succeeded left, as data. */
export const Outcome = Schema.Struct({
  outputs: Schema.Array(RefRecord),
  /** Bytes of small outputs: they become durable together with the task's record. */
  blobs: Schema.Array(Schema.Struct({ digest: Schema.String, bytes: Schema.Uint8Array })),
  schemas: Schema.Array(Schema.Struct({ digest: Schema.String, text: Schema.String })),
  /** Whether the body kept checkpoints. They are removed with its success, if the executor's sink does not know of them. */
  checkpoints: Schema.optionalKey(Schema.Boolean),
  /** CPU milliseconds, and the thread or process, where known. */
  cpu: Schema.optionalKey(Schema.Number),
  worker: Schema.optionalKey(Schema.String)
})

/** How an attempt ended, as data. */
export interface Outcome extends Schema.Schema.Type<typeof Outcome> {}

/** What an executor is given for one attempt. */
export interface Attempt {
  readonly task: TaskDescription
  readonly definition: Definition
  /** Small inputs that may not be in the store yet; an executor that makes the attempt elsewhere sends them along. */
  readonly blobs: ReadonlyArray<{ readonly digest: string; readonly bytes: Uint8Array }>
  /**
   * Reports that the body starts, now or at a time (milliseconds since the epoch, by the clock that its log lines have). An
   * executor with a limited number of places calls it when the attempt has its place, because the time that an attempt waited
   * is not part of the time that it took.
   */
  readonly begin: (at?: number) => void
  /**
   * Reports on which thread or process the attempt fails if it does, and its CPU milliseconds. An outcome says the same of a
   * success.
   */
  readonly failsOn: (where: Pick<AttemptRecord, "cpu" | "worker">) => void
  /** Makes the attempt here, on this fiber. What `runsOn: "fiber"` means to every executor. */
  readonly here: Effect.Effect<Outcome, unknown>
  /** Takes what the body logs and measures while it runs. */
  readonly sink: TaskSink
  /**
   * Whether this process still drives the run; it asks the store. Before an executor stops work that another driver may
   * have continued (an interruption, a timeout), it confirms that.
   */
  readonly confirm: Effect.Effect<boolean>
  /** Whether another process, which drove the run before, may have asked for this attempt already. */
  readonly askedBefore: boolean
  /** Shows a line of the body's log that is in the store already. */
  readonly show: (line: Parameters<TaskSink["log"]>[0]) => void
}

/** Makes attempts at tasks. */
export interface ExecutorService {
  readonly name: string
  /**
   * Whether an attempt may have to wait for a place, and its `begin` is called as soon as it has one. Until then its task is
   * recorded without the attempt, so that anyone who reads the record can tell that it waits.
   */
  readonly hasPlaces?: boolean
  /** Refuses, when a run starts, a flow that it can't execute, or a store that its workers can't open. */
  readonly prepare: (flow: FlowDefinition) => Effect.Effect<void, ExecutorError, ArtifactStore | RunStore>
  /** Called when a run begins, by executors that let another process continue the run if this one dies. */
  readonly watch?: (
    run: RunRecord,
    flow: FlowDefinition
  ) => Effect.Effect<void, ExecutorError, ArtifactStore | RunStore>
  /** Makes one attempt. Fails with the step's own error, `WorkerDied` or `ExecutorError`. */
  readonly execute: (attempt: Attempt) => Effect.Effect<Outcome, unknown, ArtifactStore | RunStore>
}

const fibers = (name: string, around: (attempt: Attempt) => Effect.Effect<Outcome, unknown>): ExecutorService => ({
  name,
  prepare: () => Effect.void,
  execute: around
})

/** The executor of this context; in-process fibers where none is provided. */
export const Executor: Context.Reference<ExecutorService> = Context.Reference("effect-flow/Executor", {
  defaultValue: () => fibers("fibers", (attempt) => attempt.here)
})

/**
 * Runs tasks on fibers of this process.
 *
 * @param options.concurrency How many tasks run at once, over all branches and runs below this layer. Default: no limit.
 *
 * @example
 * ```ts
 * program.pipe(Effect.provide(Executor.layerFibers({ concurrency: 4 })))
 * ```
 */
export const layerFibers = (
  options: {
    /** How many tasks run at once, over all branches and runs below this layer. Default: no limit. */
    readonly concurrency?: number
  } = {}
): Layer.Layer<never> => {
  Checked.options("Executor.layerFibers", options)
  if (options.concurrency === undefined)
    return Layer.succeed(
      Executor,
      fibers("fibers", (attempt) => attempt.here)
    )
  const concurrency = Checked.wholeNumber("`concurrency` of Executor.layerFibers", options.concurrency, 1)
  return Layer.effect(
    Executor,
    Effect.map(Semaphore.make(concurrency), (semaphore) => ({
      ...fibers("fibers", (attempt) =>
        semaphore.withPermits(1)(
          Effect.suspend(() => {
            attempt.begin()
            return attempt.here
          })
        )
      ),
      hasPlaces: true
    }))
  )
}

/** The options of `layerThreads`. */
export interface ThreadsOptions {
  /** The module that exports the flow: a path, from the working directory, or a URL such as `import.meta.url`. */
  readonly module: string | URL
  /** How many threads at most. Default: as many as there are cores. */
  readonly size?: number
  /** How many megabytes of heap a thread may have. Default: Node's own choice. */
  readonly heapMegabytes?: number
}

/**
 * Runs tasks on worker threads of this process, so that steps that compute really run in parallel. Each thread imports the
 * flow's module, finds the step there by name, and runs it with the flow's own layer (`Flow.provide`), built once a thread.
 *
 * A step may say where it runs, `runsOn: "thread"` or `"fiber"`; here, a thread is the default.
 *
 * @param options.module The module that exports the flow, and those that it calls.
 * @param options.size How many threads at most. Default: as many as there are cores.
 *
 * @example
 * ```ts
 * program.pipe(Effect.provide(Executor.layerThreads({ module: import.meta.url, size: 4 })))
 * ```
 *
 * Gotchas: only data crosses to a thread. A step that can fail therefore needs its `error` schema, and a service that a step uses
 * must come from `Flow.provide`. These parts of the caller's context cross: log levels, annotations of lines and spans, log
 * spans, the seed of `Random.withSeed`, and references whose value is data (numbers, strings, dates, maps, plain objects of
 * them). Functions, class instances, secrets, and a `Clock` or `Random` of your own do not. The spans of a body belong to the
 * caller's tracer. The store can't be the one in memory, because a thread must be able to open it. What native code writes
 * directly to the standard streams is not captured. A body that is interrupted has ten seconds to clean up; if it computes
 * without yielding, its thread is ended at once.
 */
export const layerThreads = (options: ThreadsOptions): Layer.Layer<never> => {
  const isModule = typeof options?.module === "string" || options?.module instanceof URL
  Checked.expect("`module` of Executor.layerThreads", options?.module, isModule, "the path or URL of the flow's module")
  Checked.wholeNumber("`size` of Executor.layerThreads", options.size, 1)
  Checked.wholeNumber("`heapMegabytes` of Executor.layerThreads", options.heapMegabytes, 1)
  return Layer.unwrap(
    Effect.map(
      Effect.promise(() => import("./internal/workers/thread/executor.ts")),
      (threads) => threads.layer(options)
    )
  )
}

/** How to find a cluster. Options that are left out come from the environment (`EFFECT_FLOW_…`), or have a default. */
export interface ClusterOptions {
  /** The cluster's Postgres database. Default: the store's, where that is `Storage.layerPostgres`. */
  readonly url?: string | Redacted.Redacted
  /** Which workers take the tasks: those that were started with the same group. Default: named after the package in whose directory the process runs. */
  readonly group?: string
  /**
   * How long to wait before other workers take over a dead worker's tasks. Must be the same in every process of the cluster.
   * Default: 15 seconds.
   */
  readonly lockExpiration?: Duration.Input
  /**
   * The secret with which every process of the cluster encrypts its connections to workers. Without one, workers listen on
   * loopback only. Default: `EFFECT_FLOW_CLUSTER_SECRET`.
   */
  readonly secret?: string | Redacted.Redacted
  /**
   * How long a task waits, while workers are there, for one that has its flow and its step in the same version. Default: 1
   * minute. A task waits for a first worker without limit.
   */
  readonly waitForWorker?: Duration.Input
  /** Whether a worker may execute a step whose source differs from the driver's under the same version. Default: false. */
  readonly allowOtherCode?: boolean
}

/**
 * Runs tasks on the workers of a cluster (see `Worker`): every attempt is a workflow of Effect's cluster, kept in Postgres,
 * so that tasks spread over machines, survive a worker's death, and none that has finished is executed again. If this
 * process dies, a worker goes on with its runs.
 *
 * @example
 * ```ts
 * program.pipe(
 *   Effect.provide([Storage.layerPostgres({ url, blobs: "/shared/blobs" }), Executor.layerCluster()])
 * )
 * ```
 *
 * Gotchas: as with threads, a step that can fail needs its `error` schema, and a step's services must come from
 * `Flow.provide`. A worker that continues a run executes the flow's body, so the services that the body itself uses must be
 * available there, too. The same parts of the caller's context cross as with threads, and they stay in the database until the
 * task has ended, so read secrets with `Config.Redacted`. A step's spans arrive with its result.
 */
export const layerCluster = (options: ClusterOptions = {}): Layer.Layer<never> => {
  Checked.options("Executor.layerCluster", options)
  Checked.durationMs("`lockExpiration` of Executor.layerCluster", options.lockExpiration)
  Checked.durationOrZeroMs("`waitForWorker` of Executor.layerCluster", options.waitForWorker)
  return Layer.unwrap(
    Effect.map(
      Effect.promise(() => import("./internal/workers/cluster/client.ts")),
      (cluster) => cluster.layer(options)
    )
  )
}
