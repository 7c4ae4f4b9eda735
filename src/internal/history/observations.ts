/**
 * Reads what the tasks of a run logged and measured. A task that was taken over or found in the cache did not run here:
 * its lines and points are read from the task that did, with one query for each run that they come from.
 */
import * as Effect from "effect/Effect"
import type { MetricRecord } from "../../RunRecord.ts"
import { type LogLine, RunStore, type StoreError } from "../../RunStore.ts"
import * as Checked from "../checked.ts"
import { type Named, named, type RunNotFound } from "./runs.ts"

/** The number of log lines read at a time. */
const pageSize = 10_000

/**
 * The log lines of a run's tasks and of the flow's body, in order. Without a task or step, only lines that were logged
 * in this run itself.
 *
 * @param query.after The `sequence` of the last line already seen.
 *
 * @example
 * ```ts
 * const lines = yield* Run.logs("latest", { step: "train" })
 * ```
 */
export const logs = Effect.fnUntraced(function* (
  run: Named,
  query: {
    readonly task?: string
    readonly step?: string
    readonly attempt?: number
    readonly after?: number
    readonly limit?: number
  } = {}
): Effect.fn.Return<ReadonlyArray<LogLine>, RunNotFound | StoreError, RunStore> {
  const store = yield* RunStore
  Checked.wholeNumber("`limit` of Run.logs", query.limit, 0)
  Checked.wholeNumber("`after` of Run.logs", query.after, 0)
  Checked.wholeNumber("`attempt` of Run.logs", query.attempt, 1)
  const { id } = yield* named(run)
  const own = yield* store.logs({ ...query, run: id })
  if (query.task === undefined && query.step === undefined) return own
  const elsewhere = yield* sourcesOf(id, query)
  if (elsewhere.size === 0) return own
  const lines: Array<LogLine> = [...own]
  const { task: _, ...conditions } = query
  for (const [source, tasks] of elsewhere) yield* linesOf(id, source, tasks, conditions, lines)
  lines.sort((a, b) => a.sequence - b.sequence)
  return query.limit === undefined ? lines : lines.slice(0, query.limit)
})

/** Adds the lines that some tasks logged in another run, under the names that the tasks have in this one. */
const linesOf = Effect.fnUntraced(function* (
  run: string,
  source: string,
  tasks: ReadonlyMap<string, ReadonlyArray<string>>,
  query: { readonly step?: string; readonly attempt?: number; readonly after?: number; readonly limit?: number },
  lines: Array<LogLine>
) {
  const store = yield* RunStore
  const [only] = tasks.size === 1 ? tasks.keys() : []
  let after = query.after
  let remaining = query.limit ?? Number.POSITIVE_INFINITY
  while (remaining > 0) {
    const page = yield* store.logs({
      ...query,
      ...(only === undefined ? {} : { task: only }),
      ...(after === undefined ? {} : { after }),
      limit: pageSize,
      run: source
    })
    for (const line of page) {
      for (const task of tasks.get(line.task) ?? []) {
        lines.push({ ...line, run, task })
        remaining--
      }
    }
    const last = page.at(-1)
    if (last === undefined || page.length < pageSize) return
    after = last.sequence
  }
})

/**
 * The metric points of a run, in order. Points of tasks that were taken over or cached come first.
 *
 * @example
 * ```ts
 * const losses = yield* Run.metrics("latest", { name: "loss" })
 * ```
 */
export const metrics = Effect.fnUntraced(function* (
  run: Named,
  query: { readonly task?: string; readonly name?: string } = {}
): Effect.fn.Return<ReadonlyArray<MetricRecord>, RunNotFound | StoreError, RunStore> {
  const store = yield* RunStore
  const { id } = yield* named(run)
  const own = yield* store.metrics({ ...query, run: id })
  const elsewhere = yield* sourcesOf(id, query)
  if (elsewhere.size === 0) return own
  const points: Array<MetricRecord> = []
  for (const [source, tasks] of elsewhere) {
    const [only] = tasks.size === 1 ? tasks.keys() : []
    const inOrigin = yield* store.metrics({
      run: source,
      ...(only === undefined ? {} : { task: only }),
      ...(query.name === undefined ? {} : { name: query.name })
    })
    const byTask = Map.groupBy(inOrigin, ({ task }) => task)
    for (const [of, names] of tasks) {
      for (const task of names) for (const point of byTask.get(of) ?? []) points.push({ ...point, run: id, task })
    }
  }
  for (const point of own) points.push(point)
  return points
})

/** Tasks of a run that were executed in another run: by that run and its task's id, the ids in this run. */
const sourcesOf = Effect.fnUntraced(function* (run: string, query: { readonly task?: string; readonly step?: string }) {
  const { step, task } = query
  const runs = new Map<string, Map<string, Array<string>>>()
  const tasks = yield* (yield* RunStore).tasks({
    run,
    refs: false,
    ...(task === undefined ? {} : { id: task }),
    ...(step === undefined ? {} : { step })
  })
  for (const { id, source } of tasks) {
    if (source === undefined) continue
    const { run, task } = placeOf(source)
    const inOrigin = runs.get(run) ?? new Map<string, Array<string>>()
    runs.set(run, inOrigin)
    const ids = inOrigin.get(task)
    if (ids === undefined) inOrigin.set(task, [id])
    else ids.push(id)
  }
  return runs
})

/**
 * Splits a task's full id, `RUN/train/3`, into the run and the task's id within it.
 *
 * @example
 * ```ts
 * const { run, task } = Run.placeOf("01k9x/train/3") // "01k9x" and "train/3"
 * ```
 */
export const placeOf = (task: string): { readonly run: string; readonly task: string } => {
  const slash = task.indexOf("/")
  return { run: task.slice(0, slash), task: task.slice(slash + 1) }
}
