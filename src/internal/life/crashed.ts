/**
 * Resumes runs that crashed, each once, however many processes try at the same moment: the claim of the new run takes the
 * crashed one's token, which only one process can.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { FlowError } from "../../FlowError.ts"
import type { RunRecord } from "../../RunRecord.ts"
import { RunStore, StoreError } from "../../RunStore.ts"
import * as Runs from "../history/runs.ts"
import type { FlowDefinition } from "../run/definition.ts"
import * as Resume from "../run/resume.ts"
import * as Cancel from "./cancel.ts"
import { type Handle, handle } from "./handle.ts"
import * as Started from "./started.ts"

/** The default of `Options.maxResumes`. */
export const defaultMaxResumes = 5

/** Which crashed runs are resumed. */
export interface Options {
  /** A crashed run is left alone after so many resumes in a row that finished no task. */
  readonly maxResumes: number
  /** The runs that a warning has named, so that each is named once. */
  readonly warned?: Set<string>
}

/** Resumes the crashed runs of flows. A run that can't be resumed is skipped with a warning that says why. */
export const resumeCrashed = Effect.fnUntraced(function* (
  flows: ReadonlyArray<FlowDefinition>,
  { maxResumes, warned = new Set() }: Options
) {
  const handles: Array<Handle> = []
  const warn = (run: RunRecord, message: string) =>
    Effect.suspend(() => {
      if (warned.has(run.id)) return Effect.void
      warned.add(run.id)
      return Effect.logWarning(message)
    })
  for (const flow of new Set(flows)) {
    const crashed = yield* Runs.list({ flow: flow.flowName, status: "crashed" })
    // The oldest first. A run that another one called is resumed by that one.
    for (const run of [...crashed].reverse()) {
      if (run.parent !== undefined) continue
      const resumed = yield* resumeOne(flow, run, maxResumes).pipe(
        Effect.catchCause((cause) => {
          if (Cause.hasInterruptsOnly(cause)) return Effect.failCause(cause as Cause.Cause<never>) // it has no failures
          const error = Cause.squash(cause)
          if (error instanceof StoreError && error.reason === "lost") return Effect.succeed(undefined)
          const why = error instanceof Error ? error.message : String(error)
          return Effect.as(
            warn(run, `Run ${run.id} of flow "${run.flow}" crashed and could not be resumed: ${why}`),
            undefined
          )
        })
      )
      if (resumed !== undefined) handles.push(resumed)
    }
  }
  return handles
})

const resumeOne = Effect.fnUntraced(function* (flow: FlowDefinition, run: RunRecord, maxResumes: number) {
  if (run.cancel !== undefined) {
    // Its driver died before it saw the cancellation.
    yield* Cancel.end(run, run.cancel)
    return undefined
  }
  if (run.driver === undefined) return yield* copied(run)
  if (yield* isHopeless(run, maxResumes)) return yield* hopeless(run, maxResumes)
  const { parameters, start } = yield* Resume.prepare(flow, run, "crashed", {})
  const started = yield* Started.launch(flow, parameters, start)
  return yield* handle(flow, started.id, started)
})

/**
 * Whether a run crashed, and so did the runs that it resumed, so many times in a row without finishing a task. Such a run
 * probably ends its process each time, and would do so at every boot.
 */
const isHopeless = Effect.fnUntraced(function* (crashed: RunRecord, maxResumes: number) {
  const store = yield* RunStore
  let run = crashed
  for (let resumes = 0; resumes < maxResumes; resumes++) {
    if (run.origin === undefined) return false
    const finished = yield* store.tasks({ run: run.id, status: "succeeded", refs: false })
    if (finished.some(({ how }) => how === "executed")) return false
    const [origin] = yield* store.runs({ id: run.origin })
    if (origin?.status !== "running") return false // it ended, or was removed
    run = origin
  }
  return true
})

const hopeless = ({ flow, id }: RunRecord, maxResumes: number) =>
  new FlowError({
    reason: "limit",
    message: `${maxResumes === 1 ? "the last resume" : `each of the last ${maxResumes} resumes`} crashed before it finished a task. It is left as it is. Find out what ends the process, then resume the run with Flow.resume(${flow}, { origin: "${id}" }), or allow more resumes with \`maxResumes\`.`
  })

/** Nobody drove the run in this store. Where somebody did, it may be resumed too, and tasks would be executed twice. */
const copied = ({ flow, id }: RunRecord) =>
  new FlowError({
    reason: "alive",
    message: `it was copied from another store, whose own processes may resume it. If none does, resume it here with Flow.resume(${flow}, { origin: "${id}" }).`
  })

/** Resumes crashed runs repeatedly. If the store fails, it tries again later. */
export const supervise = (flows: ReadonlyArray<FlowDefinition>, everyMs: number, maxResumes: number) =>
  Effect.gen(function* () {
    const warned = new Set<string>()
    while (true) {
      yield* Effect.catchCause(resumeCrashed(flows, { maxResumes, warned }), (cause) =>
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
