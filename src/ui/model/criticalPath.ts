/**
 * The critical path of a run: the chain of tasks, each given by the one before, that ends last. A run can only end earlier
 * if one of these tasks does.
 */
import type { TaskView } from "../../internal/server/shapes.ts"

/** The ids of the tasks on the critical path. Empty while a task is running, and for a chain of one. */
export const criticalPath = (tasks: ReadonlyArray<TaskView>): ReadonlySet<string> => {
  const path = new Set<string>()
  const byId = new Map<string, TaskView>()
  let last: TaskView | undefined
  for (const task of tasks) {
    if (task.status === "running") return path
    byId.set(task.id, task)
    if (last === undefined || (task.finishedAt ?? 0) > (last.finishedAt ?? 0)) last = task
  }
  for (let at = last; at !== undefined && !path.has(at.id); ) {
    path.add(at.id)
    let latest: TaskView | undefined
    for (const id of at.parents) {
      const parent = byId.get(id)
      if (parent !== undefined && (latest === undefined || (parent.finishedAt ?? 0) > (latest.finishedAt ?? 0))) {
        latest = parent
      }
    }
    at = latest
  }
  return path.size > 1 ? path : new Set()
}
