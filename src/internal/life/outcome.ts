/** The outcome of a run of another process or of an earlier one: its output with typed refs, or its typed error. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Artifact from "../../Artifact.ts"
import type { RefRecord, RunRecord, TaskRecord } from "../../RunRecord.ts"
import { RunStore, type StoreError } from "../../RunStore.ts"
import { genericArtifact } from "../artifact/genericArtifact.ts"
import type { FlowDefinition } from "../run/definition.ts"
import * as Output from "../run/output.ts"
import * as Replay from "../run/replay.ts"

/** The exit of a run that has ended, by its record. */
export const of = Effect.fnUntraced(function* (
  flow: FlowDefinition,
  run: RunRecord
): Effect.fn.Return<Exit.Exit<unknown, unknown>, StoreError, RunStore> {
  if (run.status === "succeeded") {
    const among = Output.artifactAmong(flow.definitions.values())
    if (run.output === undefined) return Exit.void
    const artifactOf = (record: RefRecord) => among(record) ?? (genericArtifact(record) as Artifact.Artifact<unknown>)
    return yield* Effect.exit(Output.decode(run.output, artifactOf, flow))
  }
  const { error } = run
  if (run.status === "interrupted" || error === undefined) return Exit.failCause(Cause.interrupt())
  if (error.kind !== undefined) return Exit.failCause(Replay.restore(error, undefined))
  // The record of the failed task has the data from which the step's schema restores the error.
  const tasks: ReadonlyArray<TaskRecord> = yield* (yield* RunStore).tasks({
    run: run.id,
    status: "failed",
    refs: false
  })
  const task = tasks.find((task) => task.error?.tag === error.tag && task.error.message === error.message)
  return Exit.failCause(
    task?.error === undefined
      ? Replay.restore(error, undefined)
      : Replay.restore(task.error, flow.definitions.get(task.step)?.error)
  )
})
