/**
 * Reads the tasks of a run, and follows a task to its parents and children. A run may have a million tasks, so
 * functions that need only some of them read a page at a time.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { TaskRecord } from "../../RunRecord.ts"
import { RunStore, type StoreError, type TaskQuery } from "../../RunStore.ts"
import { type Named, named, type RunNotFound } from "./runs.ts"

/** The run has no such task. The message says which steps the run has. */
export class TaskNotFound extends Schema.TaggedError<TaskNotFound>()("TaskNotFound", {
  run: Schema.String,
  task: Schema.String,
  message: Schema.String
}) {}

/** The number of tasks read at a time. */
const pageSize = 5000

/** Up to this many tasks are read one by one instead of page by page. */
const oneByOneLimit = 50

/**
 * The tasks of a run, in the order of their numbers.
 *
 * @param query Which tasks: of one step, with one status, without their refs, …
 *
 * @example
 * ```ts
 * const failed = yield* Run.tasks("latest", { status: "failed" })
 * ```
 */
export const tasks = Effect.fnUntraced(function* (run: Named, query: Omit<TaskQuery, "run" | "flow"> = {}) {
  const { id } = yield* named(run)
  return yield* (yield* RunStore).tasks({ ...query, run: id })
})

/**
 * One task of a run. Fails with `TaskNotFound` if there is no such task, or more than one.
 *
 * @param run A record, an id, a unique prefix of an id, or "latest".
 * @param id The task's id, `train/3`, or the name of its step if the step has only one task.
 *
 * @example
 * ```ts
 * const task = yield* Run.task("latest", "train")
 * ```
 */
export const task = Effect.fnUntraced(function* (
  run: Named,
  id: string
): Effect.fn.Return<TaskRecord, RunNotFound | TaskNotFound | StoreError, RunStore> {
  const store = yield* RunStore
  const { id: of } = yield* named(run)
  const [exact] = yield* store.tasks({ run: of, id })
  if (exact !== undefined) return exact
  const [only, ...others] = yield* store.tasks({ run: of, step: id, limit: 11 })
  if (only !== undefined && others.length === 0) return only
  const counts = yield* store.taskCounts([of])
  if (only !== undefined) {
    const ids = [only, ...others].map((task) => task.id)
    const count = counts.reduce((sum, { count, step }) => (step === id ? sum + count : sum), 0)
    const message = `Step "${id}" has ${count} tasks in run ${of}: ${ids.slice(0, 10).join(", ")}${ids.length > 10 ? ", …" : ""}. Give the id of one of them.`
    return yield* new TaskNotFound({ run: of, task: id, message })
  }
  const steps = [...new Set(counts.map(({ step }) => step))]
  const message = `Run ${of} has no task "${id}". ${steps.length === 0 ? "It has no tasks." : `Its steps: ${steps.join(", ")}.`}`
  return yield* new TaskNotFound({ run: of, task: id, message })
})

/**
 * The tasks whose outputs a task reads, in the order of their numbers.
 *
 * @example
 * ```ts
 * const parents = yield* Run.parents(yield* Run.task("latest", "join"))
 * ```
 */
export const parents = Effect.fnUntraced(function* (
  task: TaskRecord
): Effect.fn.Return<ReadonlyArray<TaskRecord>, StoreError, RunStore> {
  const store = yield* RunStore
  const ids = new Set(task.parents)
  if (ids.size > oneByOneLimit) return yield* filterTasks(store, task.run, 0, (other) => ids.has(other.id))
  const pages = yield* Effect.forEach(ids, (id) => store.tasks({ run: task.run, id, limit: 1 }))
  return pages.flat().sort((a, b) => a.index - b.index)
})

/**
 * The tasks that read a task's outputs, in the order of their numbers.
 *
 * @example
 * ```ts
 * const children = yield* Run.children(yield* Run.task("latest", "start"))
 * ```
 */
export const children = (task: TaskRecord): Effect.Effect<ReadonlyArray<TaskRecord>, StoreError, RunStore> =>
  Effect.flatMap(RunStore, (store) =>
    filterTasks(store, task.run, task.index, (other) => other.parents.includes(task.id))
  )

/** The ids of the tasks that read a task's outputs, found without loading the refs of those tasks. */
export const childIds = Effect.fnUntraced(function* (task: TaskRecord) {
  const store = yield* RunStore
  const children: Array<string> = []
  yield* forEachPage(store, task.run, task.index, false, (page) => {
    for (const { id, parents } of page) if (parents.includes(task.id)) children.push(id)
  })
  return children
})

/** The tasks after a number that match a predicate. */
const filterTasks = Effect.fnUntraced(function* (
  store: RunStore["Service"],
  run: string,
  after: number,
  matches: (task: TaskRecord) => boolean
) {
  const matching: Array<TaskRecord> = []
  yield* forEachPage(store, run, after, true, (page) => {
    for (const task of page) if (matches(task)) matching.push(task)
  })
  return matching
})

/** Reads the tasks of a run after a number, a page at a time. */
const forEachPage = Effect.fnUntraced(function* (
  store: RunStore["Service"],
  run: string,
  after: number,
  refs: boolean,
  each: (page: ReadonlyArray<TaskRecord>) => void
) {
  let last = after
  while (true) {
    const page = yield* store.tasks({ run, after: last, limit: pageSize, refs })
    each(page)
    if (page.length < pageSize) return
    last = (page.at(-1) as TaskRecord).index // a full page is not empty
  }
})
