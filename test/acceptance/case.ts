/** The expectations for a graph. */
import type { Any as AnyFlow } from "../../src/Flow.ts"

/** A graph with its expectations. */
export interface Case {
  readonly flow: AnyFlow
  readonly parameters?: { readonly [name: string]: unknown }
  readonly x: number
  readonly trail: ReadonlyArray<string>
  /** What other parameters come to: other arms of a choice. */
  readonly others?: ReadonlyArray<{ readonly seed: number; readonly x: number; readonly trail: ReadonlyArray<string> }>
  /** Tasks by step, those of called flows included. */
  readonly tasks: { readonly [step: string]: number }
  /** How many tasks of one step are parents of tasks of another: `start>left`. */
  readonly edges: { readonly [edge: string]: number }
  /** Whether a plan draws what a run does, more than that (all arms, a loop of no round), or stops at a ref. */
  readonly plan: "exact" | "all arms" | { readonly stop: string }
  /** Steps by the kind of place that they are in. */
  readonly places: { readonly [place in Place]?: string }
  /** Its innermost join over a list. */
  readonly ordered?: string
  /** Whether it yields the states of its branches, or of its list, too. */
  readonly merges?: boolean
  /** The flow that it calls. */
  readonly calls?: AnyFlow
}

export type Place =
  | "at the start"
  | "in a branch"
  | "in a join"
  | "before a foreach"
  | "in a foreach"
  | "in a nested foreach"
  | "after a foreach"
  | "in a choice"
  | "in a loop"
  | "after a loop"
  | "in a called flow"
  | "at the end"
