/** The waterfall of a run as rows: steps with the tasks of expanded steps below them, each with its time spans. */
import type { TaskView } from "../../internal/server/shapes.ts"
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

export type Row =
  | { readonly kind: "step"; readonly key: string; readonly step: StepSummary; readonly open: boolean }
  | { readonly kind: "task"; readonly key: string; readonly task: TaskView; readonly nested: boolean }

/** A step with more tasks than this is collapsed at first. */
export const openUpTo = 12

/** How the tasks of a step are ordered: as they were called, or the longest first. */
export type Order = "called" | "longest"

const durationOf = ({ finishedAt, startedAt }: TaskView): number =>
  finishedAt === undefined ? Number.POSITIVE_INFINITY : finishedAt - startedAt

/** Rows in the order in which the steps first ran. `toggled` has the steps that the user expanded or collapsed. */
export const rowsOf = (
  tasks: ReadonlyArray<TaskView>,
  toggled: ReadonlySet<string>,
  order: Order = "called"
): ReadonlyArray<Row> => {
  const rows: Array<Row> = []
  for (const step of stepsOf(tasks)) {
    const [only] = step.tasks
    if (step.tasks.length === 1 && only !== undefined) {
      rows.push({ kind: "task", key: only.id, task: only, nested: false })
      continue
    }
    const open = step.tasks.length <= openUpTo !== toggled.has(step.step)
    rows.push({ kind: "step", key: `step:${step.step}`, step, open })
    const ordered =
      open && order === "longest"
        ? [...step.tasks].sort((a, b) => {
            const [one, other] = [durationOf(a), durationOf(b)]
            return one === other ? a.index - b.index : other - one
          })
        : step.tasks
    if (open) for (const task of ordered) rows.push({ kind: "task", key: task.id, task, nested: true })
  }
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
    spans.push({ kind: task.status === "running" ? "waiting" : task.status, from: at, to: task.finishedAt })
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
  const found: Array<{ at: number; text: string }> = []
  for (let at = Math.ceil((from - origin) / step) * step; at <= to - origin; at += step) {
    found.push({ at: origin + at, text: elapsed(at, step) })
  }
  return found
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
