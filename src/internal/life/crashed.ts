/**
 * Resumes runs that crashed, each once, however many processes try at the same moment: the claim of the new run takes the
 * crashed one's token, which only one process can.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { RunRecord } from "../../RunRecord.ts"
import { StoreError } from "../../RunStore.ts"
import * as Runs from "../history/runs.ts"
import type { FlowDefinition } from "../run/definition.ts"
import * as Resume from "../run/resume.ts"
import * as Cancel from "./cancel.ts"
import { type Handle, handle } from "./handle.ts"
import * as Started from "./started.ts"

/** Resumes the crashed runs of flows. A run that can't be resumed is skipped with a warning that says why. */
export const resumeCrashed = Effect.fnUntraced(function* (flows: ReadonlyArray<FlowDefinition>) {
  const handles: Array<Handle> = []
  for (const flow of new Set(flows)) {
    const crashed = yield* Runs.list({ flow: flow.flowName, status: "crashed" })
    // The oldest first. A run that another one called is resumed by that one.
    for (const run of [...crashed].reverse()) {
      if (run.parent !== undefined) continue
      const resumed = yield* resumeOne(flow, run).pipe(
        Effect.catchCause((cause) => {
          if (Cause.hasInterruptsOnly(cause)) return Effect.failCause(cause as Cause.Cause<never>) // it has no failures
          const error = Cause.squash(cause)
          if (error instanceof StoreError && error.reason === "lost") return Effect.succeed(undefined)
          const why = error instanceof Error ? error.message : String(error)
          return Effect.as(
            Effect.logWarning(`Run ${run.id} of flow "${run.flow}" crashed and could not be resumed: ${why}`),
            undefined
          )
        })
      )
      if (resumed !== undefined) handles.push(resumed)
    }
  }
  return handles
})

const resumeOne = Effect.fnUntraced(function* (flow: FlowDefinition, run: RunRecord) {
  if (run.cancel !== undefined) {
    // Its driver died before it saw the cancellation.
    yield* Cancel.end(run, run.cancel)
    return undefined
  }
  const { parameters, start } = yield* Resume.prepare(flow, run, "crashed", {})
  const started = yield* Started.launch(flow, parameters, start)
  return yield* handle(flow, started.id, started)
})

/** Resumes crashed runs repeatedly. If the store fails, it tries again later. */
export const supervise = (flows: ReadonlyArray<FlowDefinition>, everyMs: number) =>
  Effect.gen(function* () {
    while (true) {
      yield* Effect.catchCause(resumeCrashed(flows), (cause) =>
        Cause.hasInterruptsOnly(cause)
          ? Effect.failCause(cause)
          : Effect.logWarning(`Crashed runs could not be listed: ${messageOf(cause)}`)
      )
      yield* Effect.sleep(everyMs)
    }
  }).pipe(Effect.provideService(Clock.Clock, Clock.Clock.defaultValue()))

const messageOf = (cause: Cause.Cause<unknown>): string => {
  const error = Cause.squash(cause)
  return error instanceof Error ? error.message : String(error)
}
