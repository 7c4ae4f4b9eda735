/**
 * Reads runs from any store: lists them, and reads their tasks, logs, metrics and outputs, each with one query. It also has
 * the one thing that a step writes about its run: `metric`.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Schema from "effect/Schema"
import type * as Stream from "effect/Stream"
import type * as Artifact from "./Artifact.ts"
import type { ArtifactError } from "./ArtifactStore.ts"
import { CurrentTask } from "./CurrentTask.ts"
import type * as Flow from "./Flow.ts"
import type { FlowError } from "./FlowError.ts"
import { genericArtifact } from "./internal/artifact/genericArtifact.ts"
import * as GivenChecks from "./internal/flow/given.ts"
import { get, named, type RunNotFound, type ShownStatus } from "./internal/history/runs.ts"
import * as Cancel from "./internal/life/cancel.ts"
import type { Event } from "./internal/life/event.ts"
import * as Events from "./internal/life/events.ts"
import * as Successor from "./internal/life/successor.ts"
import * as Output from "./internal/run/output.ts"
import type { RunRecord } from "./RunRecord.ts"
import type { RunStore, StoreError } from "./RunStore.ts"

export * from "./internal/history/reading.ts"
export { Event } from "./internal/life/event.ts"

/**
 * Adds a point to a metric of the current task. Outside a task it does nothing, so library code may call it anywhere.
 *
 * @param step The point's place on the horizontal axis, such as an epoch. Default: one more than the last point's.
 *
 * @example
 * ```ts
 * yield* Run.metric("loss", 0.31, epoch)
 * ```
 */
export const metric = (name: string, value: number, step?: number): Effect.Effect<void> =>
  Effect.flatMap(Effect.serviceOption(CurrentTask), (task) =>
    Option.isNone(task) ? Effect.void : task.value.metric(name, value, step)
  )

/**
 * Finds the current run behind a run, and its status. If the run crashed and was resumed, that is the run that resumed it, or the
 * last one in a chain of resumes; else it is the run itself.
 *
 * @param run The run, its id, a unique prefix of it, or "latest".
 *
 * @example
 * ```ts
 * const { run, status } = yield* Run.current("order-17")
 * ```
 */
export const current = (
  run: string | RunRecord
): Effect.Effect<{ readonly run: RunRecord; readonly status: ShownStatus }, RunNotFound | StoreError, RunStore> =>
  Effect.flatMap(named(run), Successor.follow)

/**
 * Cancels a run, whichever process or machine drives it, and waits until it has ended: its finalizers run, and it is recorded
 * as interrupted, with who asked and why. A run whose process is gone is marked at once.
 *
 * @param run The run, its id, a unique prefix of it, or "latest". If it crashed and was resumed, the run that resumed it is cancelled.
 * @param options.reason Why it is cancelled; kept in the run's record.
 * @param options.by Who cancels it. Default: the user, the host and the process.
 * @returns The record of the run that was cancelled. Fails with `FlowError` of the reason `ended` if it has ended already.
 *
 * @example
 * ```ts
 * yield* Run.cancel("order-17", { reason: "the order was withdrawn" })
 * ```
 */
export const cancel = (
  run: string | RunRecord,
  options: {
    /** Why it is cancelled; kept in the run's record. */
    readonly reason?: string
    /** Who cancels it. Default: the user, the host and the process. */
    readonly by?: string
  } = {}
): Effect.Effect<RunRecord, RunNotFound | FlowError | StoreError, RunStore> => Cancel.cancel(run, options)

/**
 * Streams what happens in a run, from its start to its end: tasks and attempts that start and end, log lines, metrics, cards. Any
 * process can read it, because it comes from the store. Each event comes once, and those of a task come between its start and
 * its end. If the run's process is gone, the stream waits and continues with the run that resumes it.
 *
 * @param run The run, its id, a unique prefix of it, or "latest".
 * @param options.after The `cursor` of the last event that was read; the stream continues after it. Default: from the start.
 *
 * @example
 * ```ts
 * yield* Run.events("order-17").pipe(Stream.runForEach((event) => Effect.log(event._tag)))
 * ```
 */
export const events = (
  run: string | RunRecord,
  options: {
    /** The `cursor` of the last event that was read; the stream continues after it. Default: from the start. */
    readonly after?: string | undefined
  } = {}
): Stream.Stream<Event, RunNotFound | FlowError | StoreError, RunStore> => Events.events(run, options)

/**
 * Reads what a run's flow yielded, as it was: refs are refs again, dates are dates, and maps are maps.
 *
 * @param run The run, its id, a unique prefix of it, or "latest".
 * @returns `undefined` if the run has not succeeded. Fails with `ArtifactError` if a value was recorded with another `output`
 *   schema than the flow has now.
 *
 * @example
 * ```ts
 * const report = yield* Run.output("latest", BranchNLPFlow)
 * ```
 */
export const output = <F extends Flow.Any>(
  run: string | RunRecord,
  flow: F
): Effect.Effect<Flow.Output<F> | undefined, RunNotFound | StoreError | ArtifactError, RunStore> =>
  Effect.flatMap(typeof run === "string" ? getOf(run, flow) : named(run), (record) => {
    if (record.output === undefined) return Effect.undefined
    const among = Output.artifactAmong(flow.definitions.values())
    return Output.decode(
      record.output as Schema.Json,
      (record) => among(record) ?? (genericArtifact(record) as Artifact.Artifact<unknown>),
      flow
    ) as Effect.Effect<Flow.Output<F>, ArtifactError> // it was encoded from one
  })

const getOf = (run: string, flow: Flow.Any) =>
  Effect.suspend(() => {
    GivenChecks.flow("The second argument of Run.output", flow)
    return get(run, { flow: flow.flowName })
  })
