/** Numbers the events of a run: each event of a task has its place among them (see `TaskRecord.places`). */
import type { TaskRecord } from "../../RunRecord.ts"
import type { ResumeState } from "./takeover.ts"

/** The places of a run's events. */
export class Places {
  /** By task, of those that may have more events. */
  #of: Map<string, ReadonlyArray<number>> | undefined
  #last: number

  /** @param before The places of the events that were recorded before this process took the run over. */
  constructor(before: ResumeState["places"] | undefined) {
    this.#of = before === undefined ? undefined : new Map(before.of)
    this.#last = before?.from ?? 0
  }

  /** The places of a task's events. Those that are new come after all that the run has. */
  take(task: TaskRecord): ReadonlyArray<number> {
    const isOver = task.status !== "running"
    let events = isOver ? 2 : 1
    for (const attempt of task.attempts) events += attempt.status === "running" ? 1 : 2
    const before = this.#of?.get(task.id)
    // An attempt that died with its driver is left out while the task waits again, and its place with it: what comes next is
    // another event, which readers that saw that attempt start have not seen.
    const own = new Array<number>(events) // one that is pushed to has room for 16 more
    for (let index = 0; index < own.length; index++) own[index] = before?.[index] ?? ++this.#last
    if (isOver) this.#of?.delete(task.id)
    else {
      this.#of ??= new Map()
      this.#of.set(task.id, own)
    }
    return own
  }
}
