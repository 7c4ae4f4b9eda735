/**
 * Decides what happens to started runs when their program stops: when the store's layer is closed, or when a signal
 * ends the process without another listener.
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"

/** What a stopping program does with the runs it drives. */
export type Action =
  /** Waits a limited time for them to end, then interrupts them. */
  | "finish"
  /** Interrupts them. They are recorded as interrupted. */
  | "interrupt"
  /** Hands them over unfinished, so that another process resumes them. */
  | "leave"

export interface OnStop {
  readonly action: Action
  /** How long runs may take to finish. */
  readonly within: Duration.Input
}

/** The current setting for started runs. */
export const OnStop: Context.Reference<OnStop> = Context.Reference("effect-flow/OnStop", {
  defaultValue: (): OnStop => ({ action: "interrupt", within: "30 seconds" })
})
