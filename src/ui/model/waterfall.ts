/**
 * The waterfall of a run as rows: steps with the tasks of expanded steps below them, and called runs with their own steps
 * once they are opened, each with its time spans.
 */
import type { RunView, TaskView } from "../../internal/server/shapes.ts"
import { type Calls, callId, callsByFlow, callsId, type RunTree, scopeOf, stepId } from "./runTree.ts"
import { type StepSummary, stepsOf } from "./tasks.ts"

/** A part of the time that is shown. */
export interface TimeWindow {
  readonly from: number
  readonly to: number
}

/** A time span of a task. */
export interface Span {
  readonly kind: "waiting" | TaskView["status"]
  readonly from: number
  /** Absent while it is still running. */
  readonly to: number | undefined
  /** The number of the attempt, if the span is one. */
  readonly attempt?: number
}

/** What all rows have. */
interface Placed {
  /** The id of its item in the tree. */
  readonly key: string
  /** How many runs it is deep: 0 for the run itself, 1 for what a run that it called consists of. */
  readonly depth: number
  /** Whether it is below a step or a flow that is called several times. */
  readonly nested: boolean
}

/** The tasks of a step, or the called runs of a flow. */
export interface StepRow extends Placed {
  readonly kind: "step"
  readonly step: StepSummary
  readonly isOfCalls: boolean
  /** The name by which it is opened and closed. */
  readonly fold: string
  readonly open: boolean
}

export interface TaskRow extends Placed {
  readonly kind: "task"
  readonly task: TaskView
  /** The run that it is a task of. */
  readonly run: string
  readonly fold: string
}

export interface CallRow extends Placed {
  readonly kind: "call"
  readonly called: RunView
  readonly open: boolean
  readonly fold: string
}

export type Row = StepRow | TaskRow | CallRow

/** A step with more tasks than this is collapsed at first. */
export const openUpTo = 12

/** How the tasks of a step are ordered: as they were called, or the longest first. */
export type Order = "called" | "longest"

const durationOf = ({ finishedAt, startedAt }: TaskView): number =>
  finishedAt === undefined ? Number.POSITIVE_INFINITY : finishedAt - startedAt

const ordered = (tasks: ReadonlyArray<TaskView>, order: Order): ReadonlyArray<TaskView> =>
  order === "called"
    ? tasks
    : [...tasks].sort((a, b) => {
        const [own, other] = [durationOf(a), durationOf(b)]
        return own === other ? a.index - b.index : other - own
      })

/**
 * Rows in the order in which the steps first ran, with a called flow where it was called. `toggled` has the steps and
 * flows that the user expanded or collapsed.
 */
export const rowsOf = (tree: RunTree, toggled: ReadonlySet<string>, order: Order = "called"): ReadonlyArray<Row> => {
  const rows: Array<Row> = []
  const addStep = ({ run }: RunTree, step: StepSummary, scope: string, depth: number): void => {
    const fold = scope + step.step
    const isOpen = step.tasks.length <= openUpTo !== toggled.has(fold)
    const isOne = step.tasks.length === 1
    if (!isOne) {
      const key = stepId(scope, step.step)
      rows.push({ kind: "step", key, depth, nested: false, step, isOfCalls: false, fold, open: isOpen })
    }
    if (!isOne && !isOpen) return
    for (const task of ordered(step.tasks, order)) {
      rows.push({ kind: "task", key: scope + task.id, depth, nested: !isOne, task, run, fold })
    }
  }
  const addCalls = (of: RunTree, { flow, runs, summary }: Calls, scope: string, depth: number): void => {
    const fold = callsId(scope, flow)
    const isOpen = runs.length <= openUpTo !== toggled.has(fold)
    const isOne = runs.length === 1
    if (!isOne) {
      rows.push({ kind: "step", key: fold, depth, nested: false, step: summary, isOfCalls: true, fold, open: isOpen })
    }
    if (!isOne && !isOpen) return
    const byId = new Map(runs.map((run) => [callId(run.id), run]))
    for (const { id } of ordered(summary.tasks, order)) {
      const called = byId.get(id)
      if (called === undefined) continue
      const child = of.opened.get(called.id)
      rows.push({ kind: "call", key: id, depth, nested: !isOne, called, open: child !== undefined, fold })
      if (child !== undefined) add(child, scopeOf(called.id), depth + 1)
    }
  }
  const add = (of: RunTree, scope: string, depth: number): void => {
    const calls = [...callsByFlow(of.calls)]
    for (const step of stepsOf(of.tasks)) {
      while (calls[0] !== undefined && calls[0].summary.from < step.from) {
        addCalls(of, calls[0], scope, depth)
        calls.shift()
      }
      addStep(of, step, scope, depth)
    }
    for (const rest of calls) addCalls(of, rest, scope, depth)
  }
  add(tree, "", 0)
  return rows
}

/** The spans of a task: waiting for a slot, each attempt, and the pauses between attempts. */
export const spansOf = (task: TaskView): ReadonlyArray<Span> => {
  const spans: Array<Span> = []
  let at = task.startedAt
  for (const attempt of task.attempts) {
    if (attempt.startedAt > at) spans.push({ kind: "waiting", from: at, to: attempt.startedAt })
    spans.push({
      kind: attempt.status,
      from: attempt.startedAt,
      to: attempt.finishedAt,
      attempt: attempt.number
    })
    at = attempt.finishedAt ?? Number.POSITIVE_INFINITY
  }
  if (task.attempts.length === 0) {
    spans.push({ kind: task.how === "executed" ? "waiting" : task.status, from: at, to: task.finishedAt })
  } else if (task.status === "running" && Number.isFinite(at)) {
    spans.push({ kind: "waiting", from: at, to: undefined })
  }
  return spans
}

export { concurrency } from "./concurrency.ts"

/** Round times for an axis, labelled with the time since the start. */
export const timeTicks = (
  from: number,
  to: number,
  origin: number,
  count: number
): ReadonlyArray<{ at: number; text: string }> => {
  const range = to - from
  if (!(range > 0)) return []
  const steps = [
    1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000,
    900_000, 1_800_000, 3_600_000, 7_200_000, 21_600_000, 43_200_000, 86_400_000
  ]
  const step =
    steps.find((candidate) => range / candidate <= count) ?? Math.ceil(range / count / 86_400_000) * 86_400_000
  const ticks: Array<{ at: number; text: string }> = []
  for (let at = Math.ceil((from - origin) / step) * step; at <= to - origin; at += step) {
    ticks.push({ at: origin + at, text: elapsed(at, step) })
  }
  return ticks
}

const elapsed = (millis: number, step: number): string => {
  if (millis === 0) return "0"
  if (step < 1000)
    return millis < 1000 ? `${millis} ms` : `${(millis / 1000).toFixed(step < 10 ? 3 : step < 100 ? 2 : 1)} s`
  const seconds = Math.round(millis / 1000)
  if (seconds < 120 && step < 60_000) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  const rest = String(seconds % 60).padStart(2, "0")
  return minutes < 60
    ? `${minutes}:${rest}`
    : `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}:${rest}`
}
