/**
 * Annotates causes with the task that failed. The step's own error stays unchanged, while its cause names task, run and
 * flow, also when it is only printed.
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

/** Annotates a cause with its task. A task of a called flow is kept if it is already annotated. */
export const ofTask =
  (task: FailedTask["Service"]) =>
  <E>(cause: Cause.Cause<E>): Cause.Cause<E> =>
    below({ name: `task ${task.task}`, stack: () => `step "${task.step}"`, parent: undefined })(
      Cause.annotate(cause, Context.make(FailedTask, task))
    )

/** Annotates a cause with its run. */
export const ofRun =
  (flow: string, run: string) =>
  <E>(cause: Cause.Cause<E>): Cause.Cause<E> =>
    below({ name: `run ${run}`, stack: () => `flow "${flow}"`, parent: undefined })(cause)

/** Adds a stack frame below the existing frames of a cause's reasons. */
const below =
  (frame: References.StackFrame) =>
  <E>(cause: Cause.Cause<E>): Cause.Cause<E> =>
    Cause.fromReasons(
      cause.reasons.map((reason) => {
        if (Cause.isInterruptReason(reason)) return reason
        const stack = Context.getOrUndefined(Cause.reasonAnnotations(reason), Cause.StackTrace)
        return reason.annotate(Context.make(Cause.StackTrace, appended(stack, frame)), { overwrite: true })
      })
    )

const appended = (stack: References.StackFrame | undefined, frame: References.StackFrame): References.StackFrame =>
  stack === undefined ? frame : { ...stack, parent: appended(stack.parent, frame) }
