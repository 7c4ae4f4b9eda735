/**
 * What becomes of started runs when their program stops: when the store's layer is closed, or a signal ends the process and
 * nothing else listens for it.
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"

/** What a program that stops does with the runs it drives. */
export type Action =
  /** Waits for them to end, for a while; then it interrupts them. */
  | "finish"
  /** Interrupts them; they are recorded as interrupted. */
  | "interrupt"
  /** Lets them go where they are, so that another process resumes them. */
  | "leave"

export interface OnStop {
  readonly action: Action
  /** How long runs may take to finish. */
  readonly within: Duration.Input
}

/** What started runs are to do when their program stops. */
export const OnStop: Context.Reference<OnStop> = Context.Reference("effect-flow/OnStop", {
  defaultValue: (): OnStop => ({ action: "interrupt", within: "30 seconds" })
})
