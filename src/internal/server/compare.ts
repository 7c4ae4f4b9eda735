/** Compares two runs for the page: the result of `Diff`, plus the parameters that are equal. */
import type * as Diff from "../../Diff.ts"
import type { Commands, CompareView, Pair, RunView, StepSide } from "./shapes.ts"

/** Makes the view of a comparison. */
export const view = (diff: Diff.Diff, left: RunView, right: RunView, commands: Commands): CompareView => ({
  commands,
  left,
  right,
  parameters: [...new Set([...Object.keys(left.parameters), ...Object.keys(right.parameters)])].map((name) =>
    pair(name, left.parameters[name], right.parameters[name], !diff.parameters.some((changed) => changed.name === name))
  ),
  metrics: diff.metrics.map(({ before, name, now }) => pair(name, finite(before), finite(now), before === now)),
  artifacts: diff.artifacts.map(({ before, diff, name, now }) => ({ name, ...sides(before, now), diff })),
  sameArtifacts: diff.same,
  steps: diff.steps.map(({ before, name, now }) => ({ name, ...sides(before && step(before), now && step(now)) }))
})

const sides = <A>(left: A | undefined, right: A | undefined): { readonly left?: A; readonly right?: A } => ({
  ...(left === undefined ? {} : { left }),
  ...(right === undefined ? {} : { right })
})

const pair = (name: string, left: Pair["left"], right: Pair["right"], same: boolean): Pair => ({
  name,
  ...sides(left, right),
  same
})

/** JSON can only represent finite numbers. */
const finite = (value: number | undefined): number | null | undefined =>
  value === undefined || Number.isFinite(value) ? value : null

const step = ({ statuses, tasks, took, version }: Diff.StepFacts): StepSide => ({
  tasks,
  version,
  statuses: statuses as StepSide["statuses"], // missing keys stay missing
  ...(took === undefined ? {} : { took })
})
