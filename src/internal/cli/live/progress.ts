/**
 * Tracks a run's progress from its events: enough for the live table, the closing line, and the first failure. Its
 * memory is bounded by the number of running tasks, however many tasks the run has.
 */
import type { RunEvent } from "../../../RunObserver.ts"
import type { RunRecord, TaskRecord } from "../../../RunRecord.ts"

/** The number of finished tasks kept for the table's last rows. */
const recentLimit = 32

/** The progress of a run. */
export interface Progress {
  readonly observe: (event: RunEvent) => void
  /** The outermost run once it has started, and its final record once it has ended. */
  readonly run: () => RunRecord | undefined
  /** The flow of a called run. `undefined` for the outermost run. */
  readonly childFlow: (run: string) => string | undefined
  readonly running: () => ReadonlyArray<TaskRecord>
  /** The last finished tasks, oldest first. */
  readonly finished: () => ReadonlyArray<TaskRecord>
  readonly counts: () => Readonly<Record<"total" | TaskRecord["status"], number>>
  /** The number of bytes written. */
  readonly bytes: () => number
  /** The task whose failure ended the run, or the first failed task if the flow's body mapped the error. */
  readonly failed: () => TaskRecord | undefined
}

/** Makes a progress without events. */
export const make = (): Progress => {
  let root: RunRecord | undefined
  const children = new Map<string, string>()
  const running = new Map<string, TaskRecord>()
  const finished: Array<TaskRecord> = []
  const failures: Array<TaskRecord> = []
  const counts = { running: 0, succeeded: 0, failed: 0, interrupted: 0 }
  let bytes = 0
  return {
    observe: (event) => {
      switch (event._tag) {
        case "RunStarted":
          if (root === undefined) root = event.run
          else children.set(event.run.id, event.run.flow)
          return
        case "RunFinished":
          if (event.run.id === root?.id) root = event.run
          return
        case "TaskWaiting":
        case "TaskStarted":
          running.set(`${event.task.run}/${event.task.id}`, event.task)
          return
        case "TaskFinished": {
          const { task } = event
          running.delete(`${task.run}/${task.id}`)
          counts[task.status]++
          if (task.how === "executed") for (const output of task.outputs) bytes += output.size
          if (task.status === "failed" && failures.length < recentLimit) failures.push(task)
          finished.push(task)
          if (finished.length > recentLimit) finished.shift()
        }
      }
    },
    run: () => root,
    childFlow: (run) => children.get(run),
    running: () => [...running.values()],
    finished: () => finished,
    counts: () => ({
      ...counts,
      running: running.size,
      total: running.size + counts.succeeded + counts.failed + counts.interrupted
    }),
    bytes: () => bytes,
    failed: () => {
      const error = root?.error
      return (
        failures.find((task) => task.error?.tag === error?.tag && task.error?.message === error?.message) ?? failures[0]
      )
    }
  }
}
