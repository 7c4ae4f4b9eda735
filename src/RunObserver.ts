/**
 * Observes runs as they happen, for a command line or a progress bar. Observing does not affect what is recorded: records
 * go to the `RunStore` with or without an observer.
 */
import * as Context from "effect/Context"
import type { LogRecord, RunRecord, TaskRecord } from "./RunRecord.ts"

/** Something that happened in a run. */
export type RunEvent =
  | { readonly _tag: "RunStarted"; readonly run: RunRecord }
  /** A task may have to wait for a place where it is executed. `TaskStarted` follows as soon as it has one. */
  | { readonly _tag: "TaskWaiting"; readonly task: TaskRecord }
  /** Also at every further attempt. */
  | { readonly _tag: "TaskStarted"; readonly task: TaskRecord }
  | { readonly _tag: "TaskFinished"; readonly task: TaskRecord }
  | { readonly _tag: "Logged"; readonly line: LogRecord }
  | { readonly _tag: "RunFinished"; readonly run: RunRecord }

/**
 * Called with every event, synchronously, on the fiber where it happened. It must return quickly and must not throw. The
 * default ignores all events.
 *
 * @example
 * ```ts
 * const watched = Flow.run(SquareFlow, {}).pipe(
 *   Effect.provideService(RunObserver.RunObserver, (event) => console.log(event._tag))
 * )
 * ```
 */
export const RunObserver: Context.Reference<(event: RunEvent) => void> = Context.Reference("effect-flow/RunObserver", {
  defaultValue: () => (_: RunEvent) => {}
})
