/** Finds the tasks of a run that have changed since the last poll, for pages that show the run. */
import * as Effect from "effect/Effect"
import type { TaskRecord } from "../../RunRecord.ts"
import type { RunStore } from "../../RunStore.ts"
import type { Ending } from "./ending.ts"
import type { Channel } from "./liveChannel.ts"
import { taskView } from "./views.ts"

/** The number of tasks read in one query. */
const pageSize = 2000

/**
 * Watches the tasks of a run that may still change: running tasks, and task numbers that are assigned but not written
 * yet (a short task is written when it ends, possibly after tasks with higher numbers). Finished tasks are never read
 * again.
 */
export const watchTasks = (store: RunStore["Service"], run: string, channel: Channel) => {
  const pending = new Map<number, string>() // by number, the signature that was last sent; empty before the first
  let max: number | undefined
  let sentCount = 0

  const update = (task: TaskRecord, ending: Ending | undefined): void => {
    for (let missing = (max ?? 0) + 1; missing < task.index; missing++) pending.set(missing, "")
    if (task.index > (max ?? 0)) max = task.index
    const signature = signatureOfTask(task, ending)
    const lastSignature = pending.get(task.index)
    if (task.status === "running") pending.set(task.index, signature)
    else pending.delete(task.index)
    if (lastSignature === signature) return
    sentCount++
    const view = taskView(task, ending)
    channel.send((mailbox) => mailbox.tasks.set(view.id, view))
  }

  /** The state of the run when the first page opens. That page loads the tasks on its own. */
  const readInitial = Effect.gen(function* () {
    max = 0
    for (const { index, status } of yield* store.tasks({ run, refs: false })) {
      for (let missing = max + 1; missing < index; missing++) pending.set(missing, "")
      max = Math.max(max, index)
      if (status === "running") pending.set(index, "")
    }
  })

  const isNews =
    (ending: Ending | undefined) =>
    (task: TaskRecord): boolean =>
      signatureOfTask(task, ending) !== pending.get(task.index)

  /** Reads the pending tasks that have been written, without their refs. */
  const readPending = Effect.gen(function* () {
    const numbers = [...pending.keys()].sort((a, b) => a - b)
    const written: Array<TaskRecord> = []
    if (numbers.length <= oneByOneLimit) {
      for (const index of numbers) {
        const [task] = yield* store.tasks({ run, after: index - 1, limit: 1, refs: false })
        if (task?.index === index) written.push(task)
      }
      return written
    }
    let after = (numbers[0] as number) - 1 // not empty
    const last = numbers.at(-1) ?? after
    while (after < last) {
      const page = yield* store.tasks({ run, after, limit: pageSize, refs: false })
      for (const task of page) if (pending.has(task.index)) written.push(task)
      if (page.length < pageSize) break
      after = page.at(-1)?.index ?? last
    }
    return written
  })

  return Effect.fnUntraced(function* (ended: boolean, ending: Ending | undefined) {
    sentCount = 0
    // The tasks of a run that ended before the first page opened don't change.
    if (max === undefined && ended) return sentCount
    if (max === undefined) yield* readInitial
    // Refs are read for changed tasks only, because a join over many tasks has megabytes of them.
    for (const { index } of (yield* readPending).filter(isNews(ending))) {
      for (const task of yield* store.tasks({ run, after: index - 1, limit: 1 })) update(task, ending)
    }
    for (;;) {
      const page: ReadonlyArray<TaskRecord> = yield* store.tasks({ run, after: max ?? 0, limit: pageSize })
      for (const task of page) update(task, ending)
      if (page.length < pageSize) return sentCount
    }
  })
}

/** Up to this many tasks are read one by one. */
const oneByOneLimit = 24

const signatureOfTask = ({ attempts, finishedAt, how, status }: TaskRecord, ending: Ending | undefined): string =>
  `${status === "running" ? ending?.status : ""} ${status} ${how} ${finishedAt} ${attempts.map((attempt) => attempt.status + attempt.number).join()}`
