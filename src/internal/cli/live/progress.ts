/**
 * What a run has done so far, followed by its events: enough for a table of what is under way, for the closing line, and for
 * saying what failed first; never more than the tasks that run now, however many there were.
 */
import type { RunEvent } from "../../../RunObserver.ts"
import type { RunRecord, TaskRecord } from "../../../RunRecord.ts"

/** How many finished tasks are remembered, for a table's last rows. */
const remembered = 32

/** A run, followed. */
export interface Progress {
  readonly observe: (event: RunEvent) => void
  /** The outermost run, once it has started; its final record when it has ended. */
  readonly run: () => RunRecord | undefined
  /** The flow of a run that was called by the outermost one; nothing for that one itself. */
  readonly childFlow: (run: string) => string | undefined
  readonly running: () => ReadonlyArray<TaskRecord>
  /** The last finished, oldest first. */
  readonly finished: () => ReadonlyArray<TaskRecord>
  readonly counts: () => Readonly<Record<"total" | TaskRecord["status"], number>>
  /** Bytes of what was written. */
  readonly bytes: () => number
  /** The task whose failure is the run's own, or that failed first where the flow's body made another error of it. */
  readonly failed: () => TaskRecord | undefined
}

/** A progress that has seen nothing. */
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
        case "TaskStarted":
          running.set(`${event.task.run}/${event.task.id}`, event.task)
          return
        case "TaskFinished": {
          const { task } = event
          running.delete(`${task.run}/${task.id}`)
          counts[task.status]++
          if (task.how === "executed") for (const output of task.outputs) bytes += output.size
          if (task.status === "failed" && failures.length < remembered) failures.push(task)
          finished.push(task)
          if (finished.length > remembered) finished.shift()
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
