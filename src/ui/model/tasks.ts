/** The tasks of a run, as they are loaded page by page and as they are heard of, in no particular order. */
import type { TaskView } from "../../internal/server/shapes.ts"

const rank = (task: TaskView): number => (task.status === "running" ? 0 : 1_000_000) + task.attempts.length

/** Whichever of two records of a task is the later one: an answer may be older than what was heard before it came. */
const later = (one: TaskView, other: TaskView): TaskView => (rank(other) >= rank(one) ? other : one)

/** All tasks of a run so far. Changed in place; `version` says that it did. */
export class Tasks {
  version = 0
  #byIndex: Array<TaskView> = []
  #sorted = true
  readonly #places = new Map<string, TaskView>()
  readonly #listeners = new Set<() => void>()
  #told = true
  #rest = 16

  /** By index. */
  get all(): ReadonlyArray<TaskView> {
    if (!this.#sorted) {
      this.#byIndex = [...this.#places.values()].sort((a, b) => a.index - b.index)
      this.#sorted = true
    }
    return this.#byIndex
  }

  get = (id: string): TaskView | undefined => this.#places.get(id)

  take(tasks: ReadonlyArray<TaskView>): void {
    let changed = false
    for (const task of tasks) {
      const known = this.#places.get(task.id)
      const next = known === undefined ? task : later(known, task)
      if (next === known) continue
      this.#places.set(task.id, next)
      changed = true
    }
    if (!changed) return
    this.#sorted = false
    this.#tell()
  }

  /** Told once a frame, however many changes there were; the more seldom, the longer it takes to show them. */
  #tell(): void {
    this.version++
    if (!this.#told) return
    this.#told = false
    // A hidden page gets no frames, and must not miss what happened; so it is a timer.
    setTimeout(() => {
      this.#told = true
      const start = performance.now()
      for (const listener of this.#listeners) listener()
      this.#rest = Math.min(400, Math.max(16, 3 * (performance.now() - start)))
    }, this.#rest)
  }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}

/** What is known of a step from its tasks. */
export interface StepSummary {
  readonly step: string
  readonly tasks: ReadonlyArray<TaskView>
  readonly running: number
  readonly succeeded: number
  readonly failed: number
  readonly interrupted: number
  readonly reused: number
  readonly bytes: number
  readonly from: number
  /** The end of the last task; none while one runs. */
  readonly to: number | undefined
}

/** Steps in the order in which they first ran. */
export const stepsOf = (tasks: ReadonlyArray<TaskView>): ReadonlyArray<StepSummary> => {
  const byStep = Map.groupBy(tasks, (task) => task.step)
  return Array.from(byStep, ([step, ofStep]) => {
    const sum = { running: 0, succeeded: 0, failed: 0, interrupted: 0 }
    let reused = 0
    let bytes = 0
    let from = Number.POSITIVE_INFINITY
    let to = 0
    for (const task of ofStep) {
      sum[task.status]++
      if (task.how !== "executed") reused++
      bytes += task.bytes
      if (task.startedAt < from) from = task.startedAt
      if ((task.finishedAt ?? 0) > to) to = task.finishedAt ?? 0
    }
    return { step, tasks: ofStep, ...sum, reused, bytes, from, to: sum.running > 0 ? undefined : to }
  })
}

/** The worst of it first: that is what is looked for. */
export const statusOf = (step: StepSummary): TaskView["status"] =>
  step.failed > 0 ? "failed" : step.interrupted > 0 ? "interrupted" : step.running > 0 ? "running" : "succeeded"

/** The task that failed first: the others may have failed with it. */
export const firstFailed = (tasks: ReadonlyArray<TaskView>): TaskView | undefined => {
  let first: TaskView | undefined
  for (const task of tasks) {
    if (task.status !== "failed") continue
    if (first === undefined || (task.finishedAt ?? 0) < (first.finishedAt ?? 0)) first = task
  }
  return first
}
