/** The tasks of a run, loaded page by page and updated by live events, in any order. */
import type { TaskView } from "../../internal/server/shapes.ts"

/**
 * Grows with what happens to a task. A crashed task counts as later than the same attempt running, and as earlier than
 * the next attempt of a process that has taken its run over.
 */
const rank = ({ attempts, status }: TaskView): number =>
  (status === "running" || status === "crashed" ? 0 : 1_000_000) + 2 * attempts.length + (status === "crashed" ? 1 : 0)

/** The later of two records of a task. A response may be older than a live event that arrived before it. */
const later = (one: TaskView, other: TaskView): TaskView => (rank(other) >= rank(one) ? other : one)

/** All known tasks of a run. The list is changed in place, and `version` counts the changes. */
export class Tasks {
  version = 0
  #byIndex: Array<TaskView> = []
  #sorted = true
  readonly #byId = new Map<string, TaskView>()
  readonly #listeners = new Set<() => void>()
  #told = true
  #rest = 16

  /** By index. */
  get all(): ReadonlyArray<TaskView> {
    if (!this.#sorted) {
      this.#byIndex = [...this.#byId.values()].sort((a, b) => a.index - b.index)
      this.#sorted = true
    }
    return this.#byIndex
  }

  get = (id: string): TaskView | undefined => this.#byId.get(id)

  take(tasks: ReadonlyArray<TaskView>): void {
    let changed = false
    for (const task of tasks) {
      const before = this.#byId.get(task.id)
      const next = before === undefined ? task : later(before, task)
      if (next === before) continue
      this.#byId.set(task.id, next)
      changed = true
    }
    if (!changed) return
    this.#sorted = false
    this.#tell()
  }

  /** Notifies listeners once per frame for any number of changes, and less often if rendering takes long. */
  #tell(): void {
    this.version++
    if (!this.#told) return
    this.#told = false
    // A timer instead of an animation frame, because hidden pages get no frames but must stay up to date.
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

/** Whether a running task waits: for a place where it is executed, or for its next attempt. */
export const isWaiting = ({ attempts, how, status }: Pick<TaskView, "how" | "status"> & Attempted): boolean =>
  status === "running" && how === "executed" && attempts.at(-1)?.status !== "running"

interface Attempted {
  readonly attempts: ReadonlyArray<{ readonly status: TaskView["status"] }>
}

/** A status in a word more: a task that is recorded as running may wait. */
export const shownStatus = (task: Pick<TaskView, "how" | "status"> & Attempted): TaskView["status"] | "waiting" =>
  isWaiting(task) ? "waiting" : task.status

/** A summary of a step's tasks. */
export interface StepSummary {
  readonly step: string
  readonly tasks: ReadonlyArray<TaskView>
  /** Those that wait included. */
  readonly running: number
  readonly waiting: number
  readonly succeeded: number
  readonly failed: number
  readonly interrupted: number
  readonly crashed: number
  readonly reused: number
  readonly bytes: number
  readonly from: number
  /** The end of the last task. Absent while a task is running. */
  readonly to: number | undefined
}

/** Steps in the order in which they first ran. */
export const stepsOf = (tasks: ReadonlyArray<TaskView>): ReadonlyArray<StepSummary> => {
  const byStep = Map.groupBy(tasks, (task) => task.step)
  return Array.from(byStep, ([step, ofStep]) => {
    const sum = { running: 0, succeeded: 0, failed: 0, interrupted: 0, crashed: 0 }
    let reused = 0
    let waiting = 0
    let bytes = 0
    let from = Number.POSITIVE_INFINITY
    let to = 0
    for (const task of ofStep) {
      sum[task.status]++
      if (task.how !== "executed") reused++
      if (isWaiting(task)) waiting++
      bytes += task.bytes
      if (task.startedAt < from) from = task.startedAt
      if ((task.finishedAt ?? 0) > to) to = task.finishedAt ?? 0
    }
    return { step, tasks: ofStep, ...sum, waiting, reused, bytes, from, to: sum.running > 0 ? undefined : to }
  })
}

/** The worst status wins, because users look for failures. */
export const statusOf = (step: StepSummary): TaskView["status"] =>
  step.failed > 0
    ? "failed"
    : step.crashed > 0
      ? "crashed"
      : step.interrupted > 0
        ? "interrupted"
        : step.running > 0
          ? "running"
          : "succeeded"

/** The task that failed first. It may have caused the other failures. */
export const firstFailed = (tasks: ReadonlyArray<TaskView>): TaskView | undefined => {
  let first: TaskView | undefined
  for (const task of tasks) {
    if (task.status !== "failed") continue
    if (first === undefined || (task.finishedAt ?? 0) < (first.finishedAt ?? 0)) first = task
  }
  return first
}
