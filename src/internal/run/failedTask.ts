/**
 * Where a failure comes from, said beside the error and not in it: the error that a step failed with stays the caller's
 * own, and its cause names task, run and flow, also to whoever only prints the cause.
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import type * as References from "effect/References"

/**
 * The task that a failure comes from, as an annotation of the failure's cause. A failure of a flow's own body has none.
 * `Cause.pretty` and Effect's loggers print it below the error, together with the run.
 *
 * @example
 * ```ts
 * const run = Effect.tapCause(Flow.run(BranchNLPFlow, { trainFile, validFile }), (cause) =>
 *   Effect.log(Option.match(Context.getOption(Cause.annotations(cause), Flow.FailedTask), {
 *     onNone: () => "no task failed",
 *     onSome: ({ run, task }) => `${task} of run ${run} failed`
 *   }))
 * )
 * ```
 */
export class FailedTask extends Context.Service<
  FailedTask,
  {
    readonly flow: string
    readonly run: string
    readonly step: string
    /** The task's id within the run, `train/3`. */
    readonly task: string
  }
>()("effect-flow/FailedTask") {}

/** Says which task a cause comes from. An inner task, one of a called flow, keeps its place. */
export const ofTask =
  (task: FailedTask["Service"]) =>
  <E>(cause: Cause.Cause<E>): Cause.Cause<E> =>
    below({ name: `task ${task.task}`, stack: () => `step "${task.step}"`, parent: undefined })(
      Cause.annotate(cause, Context.make(FailedTask, task))
    )

/** Says which run a cause comes from. */
export const ofRun =
  (flow: string, run: string) =>
  <E>(cause: Cause.Cause<E>): Cause.Cause<E> =>
    below({ name: `run ${run}`, stack: () => `flow "${flow}"`, parent: undefined })(cause)

/** Adds a frame below those that the reasons of a cause have. */
const below =
  (frame: References.StackFrame) =>
  <E>(cause: Cause.Cause<E>): Cause.Cause<E> =>
    Cause.fromReasons(
      cause.reasons.map((reason) => {
        if (Cause.isInterruptReason(reason)) return reason
        const known = Context.getOrUndefined(Cause.reasonAnnotations(reason), Cause.StackTrace)
        return reason.annotate(Context.make(Cause.StackTrace, appended(known, frame)), { overwrite: true })
      })
    )

const appended = (known: References.StackFrame | undefined, frame: References.StackFrame): References.StackFrame =>
  known === undefined ? frame : { ...known, parent: appended(known.parent, frame) }
