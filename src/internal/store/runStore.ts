/**
 * The service `RunStore`: its queries, its changes, and the hold that a driver has on a run. It is a module of its own,
 * below the stores that implement it; the public module adds a layer to it.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type {
  CancelRecord,
  CardRecord,
  CheckpointRecord,
  LogRecord,
  MetricRecord,
  RefRecord,
  RunRecord,
  RunStatus,
  TaskRecord,
  TaskStatus
} from "../../RunRecord.ts"
import type { RunSort } from "./runOrder.ts"
import type { StoreError } from "./storeError.ts"

/**
 * A driver's hold on a run. The store keeps one token per run; a write that presents another token is refused, so a driver
 * that was suspended, or cut off, can't touch a run that another process has continued in the meantime.
 *
 * - claim: `RunStore.claim` stores a new token, if the run still has the token that the claimer expects.
 * - renew: `RunStore.write([heartbeat], driver)` at least every 5 seconds.
 * - check: `RunStore.write(changes, driver)` writes all of the changes if the token is still the run's, else none.
 * - lost: such a write fails with a `StoreError` whose `reason` is `lost`. The driver stops and writes nothing more.
 *
 * Tokens are random and compared for equality, so repeating a claim whose answer was lost with the connection succeeds.
 */
export interface Driver {
  readonly run: string
  readonly token: string
  /** Set where the run is being copied into the store (`RunStore.receive`). The write that brings its record ends the hold. */
  readonly isCopy?: true
}

/** What a driver claims. */
export interface Claim {
  /** The run's record, as the new driver writes it. */
  readonly run: RunRecord
  /** The run's record as the claimer read it: token and status must still be the same. None for a run that is new. */
  readonly over?: Pick<RunRecord, "driver" | "status">
  /**
   * The run that this one resumes, with the token that it must still have. It gets a new token, too: its own driver, if
   * that is only suspended, is fenced off, and of two processes that resume it at the same time one wins.
   */
  readonly origin?: Driver
}

/** Who holds a run: its id, its driver's token and its status. A claim, also one that resumes the run, changes the token. */
export type Hold = Pick<RunRecord, "id" | "driver" | "status">

/**
 * A change to record. `Run` and `Task` replace the record with the same id, with two exceptions: a record that says
 * "running" never replaces one that has ended, and a run's tags are set by its first record only and changed by `Tags`, so
 * that the running process does not undo changes others made in the meantime.
 */
export type Change =
  | { readonly _tag: "Run"; readonly run: RunRecord }
  | { readonly _tag: "Heartbeat"; readonly run: string; readonly at: number }
  | {
      readonly _tag: "Task"
      readonly task: TaskRecord
      /** Small artifacts that the task wrote; they become durable with it. */
      readonly blobs: ReadonlyArray<{ readonly digest: string; readonly bytes: Uint8Array }>
      /** Descriptions of the schemas that its refs name. */
      readonly schemas: ReadonlyArray<{ readonly digest: string; readonly text: string }>
    }
  | { readonly _tag: "Logs"; readonly lines: ReadonlyArray<LogRecord> }
  | { readonly _tag: "Metrics"; readonly points: ReadonlyArray<MetricRecord> }
  | {
      readonly _tag: "Card"
      /** Replaces the task's card, if it has one. */
      readonly card: CardRecord
      /** The card itself if it is small; a large one is stored beforehand. */
      readonly blob?: { readonly digest: string; readonly bytes: Uint8Array }
    }
  | {
      /**
       * Without a ref, opens a task's checkpoint: from now on only this writer saves. With one, saves a value, if the
       * writer still is the one that opened it last.
       */
      readonly _tag: "Checkpoint"
      readonly checkpoint: CheckpointRecord
      /** The value if it is small; a large one is stored beforehand. */
      readonly blob?: { readonly digest: string; readonly bytes: Uint8Array }
      /** Descriptions of the schemas that the ref names. */
      readonly schemas?: ReadonlyArray<{ readonly digest: string; readonly text: string }>
    }
  /** Removes a task's checkpoints. */
  | { readonly _tag: "CheckpointsRemoved"; readonly run: string; readonly task: string }
  | {
      readonly _tag: "Tags"
      readonly run: string
      readonly add: ReadonlyArray<string>
      readonly remove: ReadonlyArray<string>
    }
  /** Asks the driver of a running run to cancel it. The first request stays. */
  | { readonly _tag: "Cancel"; readonly run: string; readonly request: CancelRecord }

/** Which runs; all conditions hold together. */
export interface RunQuery {
  readonly flow?: string
  readonly status?: RunStatus | ReadonlyArray<RunStatus>
  /** Runs that have all of these. */
  readonly tags?: ReadonlyArray<string>
  /** Started at or after, and before: milliseconds since the epoch. */
  readonly since?: number
  readonly until?: number
  readonly id?: string
  readonly idPrefix?: string
  /** A part of the id, wherever in it. */
  readonly idPart?: string
  /** Only runs that someone asked to cancel. */
  readonly cancelled?: boolean
  readonly parent?: string
  /** Runs that resumed this run. */
  readonly origin?: string
  /** Only runs that sort before the run of this id: the cursor of the next page. */
  readonly before?: string
  /** Another order than newest first. Its `beyond`, and not `before`, is then the cursor of the next page. */
  readonly sort?: RunSort
  readonly limit?: number
}

/** Which tasks. Give `run` or `flow`. By `key` and not by `run`, only tasks of cached steps are found. */
export interface TaskQuery {
  readonly run?: string
  readonly flow?: string
  readonly step?: string
  readonly id?: string
  readonly key?: string
  readonly status?: TaskStatus
  readonly how?: TaskRecord["how"]
  /** Only tasks of runs that sort before this id. */
  readonly before?: string
  /** Only tasks after this index (of one run): the cursor of the next page. */
  readonly after?: number
  /** Only tasks of one run with an event after this place (`TaskRecord.places`), ordered by their last event. */
  readonly changedAfter?: number
  readonly limit?: number
  /** "oldest" (default: by index within a run), or "newest" run first. */
  readonly order?: "oldest" | "newest"
  /**
   * Without refs, `inputs` and `outputs` are empty. With "outputs" a task has what it is taken over by, and nothing else that
   * takes time to read: `inputs`, `attempts` and `parents` are empty, and it has no `places`. Default: all is read.
   */
  readonly refs?: boolean | "outputs"
}

/** Which lines. `after` is the `sequence` of the last line seen. */
export interface LogQuery {
  readonly run: string
  readonly task?: string
  readonly step?: string
  readonly attempt?: number
  readonly after?: number
  readonly limit?: number
}

/** A line with its place in the store's order. */
export interface LogLine extends LogRecord {
  readonly sequence: number
}

/** A point of a metric, with its place in the store's order where the query gave one to continue from. */
export interface MetricLine extends MetricRecord {
  readonly sequence?: number
}

/** A card with its place in the store's order: one that was replaced moves to its end. */
export interface CardLine extends CardRecord {
  readonly sequence: number
}

/** How many of a run's lines, points and cards were written so far, as numbers that only grow; 0 if there are none. */
export interface Pulse {
  readonly lines: number
  readonly points: number
  readonly cards: number
}

/** A ref together with the task that reads or wrote it. */
export interface RefUse {
  readonly run: string
  readonly task: string
  readonly side: "input" | "output"
  readonly ref: RefRecord
}

/** A record that is not as it should be. */
export interface RecordFault {
  /** `run 01k…`, `task train/3 of run 01k…`, or a part of the database. */
  readonly name: string
  readonly reason: string
  /** The run whose record it is, if it is one run's. */
  readonly run?: string
}

/** A run that is being copied into a store, or was until that copy was cut off. */
export interface UnfinishedCopy {
  readonly run: string
  /** Milliseconds since the epoch. */
  readonly beganAt: number
}

/** Keeps runs. Layers: `RunStore.layerMemory`, and the SQL ones in `Storage`. */
export class RunStore extends Context.Service<
  RunStore,
  {
    /** Where the runs live that `Flow.start` starts: they end when it closes. Without it they live as long as the process. */
    readonly scope?: Scope.Scope
    /** Makes a process the driver of a run. Fails with the reason `lost` if another process has claimed the run. */
    readonly claim: (claim: Claim) => Effect.Effect<Driver, StoreError>
    /**
     * Makes a process the only one that copies a run into this store. What an earlier copy has left is removed, and what
     * that one still writes is refused. No list has a run before the write that brings its record. Fails with the reason
     * `lost` if the store has the run.
     */
    readonly receive: (run: string) => Effect.Effect<Driver, StoreError>
    /** The runs that `receive` was called for, and that have no record yet. */
    readonly unfinishedCopies: Effect.Effect<ReadonlyArray<UnfinishedCopy>, StoreError>
    /**
     * Makes changes durable, all or none, in their order.
     *
     * @param driver The hold on the run that the changes belong to. Without it they are written no matter which process drives the run:
     *   tags from outside, or what a worker logs.
     */
    readonly write: (changes: ReadonlyArray<Change>, driver?: Driver) => Effect.Effect<void, StoreError>
    /**
     * Makes changes durable before it returns, after those that were given to `write`: for a process that is about to end and
     * has no event loop any more. Throws where that is not possible.
     */
    readonly writeNow?: (changes: ReadonlyArray<Change>, driver?: Driver) => void
    /** Newest first, if the query does not say otherwise. */
    readonly runs: (query: RunQuery) => Effect.Effect<ReadonlyArray<RunRecord>, StoreError>
    readonly tasks: (query: TaskQuery) => Effect.Effect<ReadonlyArray<TaskRecord>, StoreError>
    /** How many tasks of each step and status a run has, without reading them. */
    readonly taskCounts: (runs: ReadonlyArray<string>) => Effect.Effect<
      ReadonlyArray<{
        readonly run: string
        readonly step: string
        readonly status: TaskStatus
        readonly count: number
      }>,
      StoreError
    >
    /** In the order in which they were logged. */
    readonly logs: (query: LogQuery) => Effect.Effect<ReadonlyArray<LogLine>, StoreError>
    readonly metrics: (query: {
      readonly run: string
      readonly task?: string
      readonly name?: string
      /** The `sequence` of the last point seen; 0 for all points, with their sequences. */
      readonly after?: number
      readonly limit?: number
    }) => Effect.Effect<ReadonlyArray<MetricLine>, StoreError>
    /** By their place in the store's order; `after` is the `sequence` of the last one seen. */
    readonly cards: (query: {
      readonly run: string
      readonly task?: string
      readonly after?: number
    }) => Effect.Effect<ReadonlyArray<CardLine>, StoreError>
    /** The checkpoints of a run's tasks, or of one task. */
    readonly checkpoints: (query: {
      readonly run: string
      readonly task?: string
    }) => Effect.Effect<ReadonlyArray<CheckpointRecord>, StoreError>
    /** How many runs there are: it falls only when runs are removed. */
    readonly count: Effect.Effect<number, StoreError>
    /** The names of all flows that have runs, and all tags of runs, each sorted, at most 1,000 of each. */
    readonly names: Effect.Effect<
      { readonly flows: ReadonlyArray<string>; readonly tags: ReadonlyArray<string> },
      StoreError
    >
    /** A cheap check for pollers: has the run any new log lines, metric points or cards? */
    readonly pulse: (run: string) => Effect.Effect<Pulse, StoreError>
    /** Every task that reads or wrote an artifact, newest run first. */
    readonly uses: (digest: string, limit?: number) => Effect.Effect<ReadonlyArray<RefUse>, StoreError>
    /** The description of a schema, as JSON text. */
    readonly schema: (digest: string) => Effect.Effect<string | undefined, StoreError>
    /** Reads every record, and checks the database itself where it can be checked. */
    readonly verify: Effect.Effect<ReadonlyArray<RecordFault>, StoreError>
    /**
     * Removes runs and all that is kept of them but their artifacts, a part of them at a time, in the order given. Yields
     * the runs that it removed.
     *
     * @param unless Given some of the runs as they are now, says which stay. No other process can claim one of them before
     *   the rest is removed.
     */
    readonly remove: (
      runs: ReadonlyArray<string>,
      unless?: (runs: ReadonlyArray<Hold>) => ReadonlySet<string>
    ) => Effect.Effect<ReadonlyArray<string>, StoreError>
    /** The digests that any task, card or checkpoint of any run refers to, or of any run but these. */
    readonly digests: (except?: ReadonlySet<string>) => Effect.Effect<ReadonlySet<string>, StoreError>
  }
>()("effect-flow/RunStore") {}
