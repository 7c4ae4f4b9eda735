/**
 * The critical path of a run: the chain of tasks, each given by the one before, that ends last. A run can only end earlier
 * if one of these tasks does.
 */
import type { RunView, TaskView } from "../../internal/server/shapes.ts"
import { callId } from "./runTree.ts"

interface Link {
  readonly id: string
  readonly end: number
  readonly parents: ReadonlyArray<string>
}

/**
 * The ids of the tasks and called runs on the critical path. Empty while one of them is running, and for a chain of one. A
 * called run ends the chain: what led to its call is not recorded.
 */
export const criticalPath = (
  tasks: ReadonlyArray<TaskView>,
  calls: ReadonlyArray<RunView> = []
): ReadonlySet<string> => {
  const path = new Set<string>()
  const byId = new Map<string, Link>()
  let last: Link | undefined
  const take = (link: Link): void => {
    byId.set(link.id, link)
    if (last === undefined || link.end > last.end) last = link
  }
  for (const { finishedAt = 0, id, parents, status } of tasks) {
    if (status === "running") return path
    take({ id, end: finishedAt, parents })
  }
  for (const { endedAt = 0, id, status } of calls) {
    if (status === "running") return path
    take({ id: callId(id), end: endedAt, parents: [] })
  }
  /** A parent in another run is a task of a called run. */
  const linkOf = (id: string) => byId.get(id) ?? byId.get(callId(id.slice(0, id.indexOf("/"))))
  for (let at = last as Link | undefined; at !== undefined && !path.has(at.id); ) {
    // set within `take`
    path.add(at.id)
    let latest: Link | undefined
    for (const id of at.parents) {
      const parent = linkOf(id)
      if (parent !== undefined && (latest === undefined || parent.end > latest.end)) latest = parent
    }
    at = latest
  }
  return path.size > 1 ? path : new Set()
}
