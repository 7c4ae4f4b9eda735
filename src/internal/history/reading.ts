/**
 * The questions that are asked of runs, over any store, one query each: which runs there are, what their tasks did, what
 * they logged, measured and left. Where a run is asked for, its id will do, a unique beginning of that, `latest`, or its
 * record (which saves looking it up).
 *
 * A task that was taken over or cached did not run here: what it logged and measured is read from the task that did.
 */
import * as Os from "node:os"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { MetricRecord, RunRecord, RunStatus, TaskRecord } from "../../RunRecord.ts"
import { type LogLine, type RunQuery, RunStore, type StoreError, type TaskQuery } from "../../RunStore.ts"
import * as Tags from "../../Tags.ts"

export { readUntyped } from "../artifact/untyped.ts"

/** No run has this name, or several start with it; the message says which. */
export class RunNotFound extends Schema.TaggedError<RunNotFound>()("RunNotFound", {
  run: Schema.String,
  reason: Schema.Literals(["none", "ambiguous"]),
  /** The newest of the runs that it could be. */
  candidates: Schema.Array(Schema.String),
  message: Schema.String
}) {}

/** A run has no task of this id; the message says which steps it has. */
export class TaskNotFound extends Schema.TaggedError<TaskNotFound>()("TaskNotFound", {
  run: Schema.String,
  task: Schema.String,
  message: Schema.String
}) {}

/** A run's record, or its name. */
export type Named = string | RunRecord

/** Runs, newest first. */
export const list = (query: RunQuery = {}): Effect.Effect<ReadonlyArray<RunRecord>, StoreError, RunStore> =>
  Effect.flatMap(RunStore, (store) => store.runs(query))

/**
 * The run of a name: its id, a beginning of it that no other run has, or `latest`.
 *
 * @param options.flow Only runs of this flow.
 */
export const get = Effect.fnUntraced(function* (
  name: string,
  options: { readonly flow?: string | undefined } = {}
): Effect.fn.Return<RunRecord, RunNotFound | StoreError, RunStore> {
  const store = yield* RunStore
  const flow = options.flow === undefined ? {} : { flow: options.flow }
  const among = options.flow === undefined ? "" : ` of flow "${options.flow}"`
  if (name === "latest") {
    const [newest] = yield* store.runs({ ...flow, limit: 1 })
    if (newest !== undefined) return newest
    const message = `There is no run${among} yet.`
    return yield* new RunNotFound({ run: name, reason: "none", candidates: [], message })
  }
  const found = yield* store.runs({ ...flow, idPrefix: name, limit: 6 })
  // A whole id sorts last of those that start with it: it is among the first six only if there are few.
  const exact = found.find((run) => run.id === name)
  const [only, ...others] = found
  if (exact !== undefined) return exact
  if (only === undefined) {
    const [elsewhere] = options.flow === undefined ? [] : yield* store.runs({ idPrefix: name, limit: 1 })
    const message =
      elsewhere === undefined
        ? `There is no run "${name}"${among}.`
        : `Run "${name}" is not one${among}, but of flow "${elsewhere.flow}".`
    return yield* new RunNotFound({ run: name, reason: "none", candidates: [], message })
  }
  if (others.length === 0) return only
  const candidates = found.map((run) => run.id)
  const some = candidates.slice(0, 5).join(", ")
  const message = `Several runs${among} start with "${name}": ${some}${candidates.length > 5 ? ", …" : ""}. Give more of the id.`
  return yield* new RunNotFound({ run: name, reason: "ambiguous", candidates, message })
})

/** The run that a record or a name stands for. */
const named = (run: Named): Effect.Effect<RunRecord, RunNotFound | StoreError, RunStore> =>
  typeof run === "string" ? get(run) : Effect.succeed(run)

const first = (query: RunQuery, what: string): Effect.Effect<RunRecord, RunNotFound | StoreError, RunStore> =>
  Effect.flatMap(list({ ...query, limit: 1 }), ([run]) => {
    if (run !== undefined) return Effect.succeed(run)
    const of = query.flow === undefined ? "" : ` of flow "${query.flow}"`
    const tagged = (query.tags ?? []).map((tag) => `"${tag}"`).join(" and ")
    const message = `There is no ${what}${of}${tagged === "" ? "" : ` tagged ${tagged}`} yet.`
    return Effect.fail(new RunNotFound({ run: "latest", reason: "none", candidates: [], message }))
  })

/** The newest run of a flow, of those that have all of these tags. */
export const latest = (flow?: string, options: { readonly tags?: ReadonlyArray<string> } = {}) =>
  first({ ...(flow === undefined ? {} : { flow }), ...options }, "run")

/** The newest run of a flow that succeeded, of those that have all of these tags. */
export const latestSuccessful = (flow?: string, options: { readonly tags?: ReadonlyArray<string> } = {}) =>
  first({ ...(flow === undefined ? {} : { flow }), ...options, status: "succeeded" }, "successful run")

/** The tasks of a run, by their numbers. */
export const tasks = Effect.fnUntraced(function* (run: Named, query: Omit<TaskQuery, "run" | "flow"> = {}) {
  const { id } = yield* named(run)
  return yield* (yield* RunStore).tasks({ ...query, run: id })
})

/** A task of a run by its id, `train/3`; or by its step's name alone, if that has one task. */
export const task = Effect.fnUntraced(function* (
  run: Named,
  id: string
): Effect.fn.Return<TaskRecord, RunNotFound | TaskNotFound | StoreError, RunStore> {
  const store = yield* RunStore
  const { id: of } = yield* named(run)
  const [found] = yield* store.tasks({ run: of, id })
  if (found !== undefined) return found
  const [only, ...others] = yield* store.tasks({ run: of, step: id })
  if (only !== undefined && others.length === 0) return only
  if (only !== undefined) {
    const ids = [only, ...others].map((task) => task.id)
    const message = `Step "${id}" has ${ids.length} tasks in run ${of}: ${ids.slice(0, 10).join(", ")}${ids.length > 10 ? ", …" : ""}. Name one of them.`
    return yield* new TaskNotFound({ run: of, task: id, message })
  }
  const steps = [...new Set((yield* store.taskCounts([of])).map(({ step }) => step))]
  const message = `Run ${of} has no task "${id}". ${steps.length === 0 ? "It has no tasks." : `Its steps: ${steps.join(", ")}.`}`
  return yield* new TaskNotFound({ run: of, task: id, message })
})

/** The tasks whose outputs a task was given. */
export const parents = (task: TaskRecord): Effect.Effect<ReadonlyArray<TaskRecord>, StoreError, RunStore> =>
  Effect.flatMap(RunStore, (store) =>
    task.parents.length === 0
      ? Effect.succeed([])
      : Effect.map(store.tasks({ run: task.run }), (tasks) => tasks.filter(({ id }) => task.parents.includes(id)))
  )

/** The tasks that were given a task's outputs. */
export const children = (task: TaskRecord): Effect.Effect<ReadonlyArray<TaskRecord>, StoreError, RunStore> =>
  Effect.flatMap(RunStore, (store) =>
    Effect.map(store.tasks({ run: task.run, after: task.index }), (tasks) =>
      tasks.filter(({ parents }) => parents.includes(task.id))
    )
  )

/** What a run's tasks and its body logged, in order; of the whole run, only what was logged in it. */
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
  const { id } = yield* named(run)
  const own = yield* store.logs({ ...query, run: id })
  if (query.task === undefined && query.step === undefined) return own
  const elsewhere = yield* sourcesOf(id, query)
  const lines = yield* Effect.forEach(elsewhere, ({ source, task }) =>
    Effect.map(store.logs({ ...query, ...source }), (lines) => lines.map((line) => ({ ...line, run: id, task })))
  )
  const all = [...own, ...lines.flat()].sort((a, b) => a.sequence - b.sequence)
  return query.limit === undefined ? all : all.slice(0, query.limit)
})

/** The points of a run's metrics, in order; those of tasks that were taken over come first. */
export const metrics = Effect.fnUntraced(function* (
  run: Named,
  query: { readonly task?: string; readonly name?: string } = {}
): Effect.fn.Return<ReadonlyArray<MetricRecord>, RunNotFound | StoreError, RunStore> {
  const store = yield* RunStore
  const { id } = yield* named(run)
  const own = yield* store.metrics({ ...query, run: id })
  const elsewhere = Map.groupBy(yield* sourcesOf(id, query), ({ source }) => source.run)
  const points = yield* Effect.forEach(elsewhere, ([from, tasks]) =>
    Effect.map(store.metrics({ run: from, ...(query.name === undefined ? {} : { name: query.name }) }), (points) =>
      tasks.flatMap(({ source, task }) =>
        points.filter((point) => point.task === source.task).map((point) => ({ ...point, run: id, task }))
      )
    )
  )
  return [...points.flat(), ...own]
})

/** The tasks of a run that ran elsewhere, and where. */
const sourcesOf = Effect.fnUntraced(function* (run: string, query: { readonly task?: string; readonly step?: string }) {
  const { task: id, step } = query
  const tasks = yield* (yield* RunStore).tasks({
    run,
    refs: false,
    ...(id === undefined ? {} : { id }),
    ...(step === undefined ? {} : { step })
  })
  return tasks.flatMap(({ id, source }) => (source === undefined ? [] : [{ task: id, source: placeOf(source) }]))
})

/** `RUN/train/3` as the run and the task's id in it. */
export const placeOf = (task: string): { readonly run: string; readonly task: string } => {
  const slash = task.indexOf("/")
  return { run: task.slice(0, slash), task: task.slice(slash + 1) }
}

/** A heartbeat is due every 5 seconds: who missed six of them is taken for dead. */
const longestSilence = 30_000

/**
 * Whether a run that says it is running has lost its process: on this host that process is gone, or it has not been heard
 * of for 30 seconds.
 *
 * @param at.now Milliseconds since the epoch.
 * @param at.host This machine's name.
 */
export const isCrashed = (run: RunRecord, at: { readonly now: number; readonly host: string }): boolean =>
  run.status === "running" && (at.now - run.heartbeatAt > longestSilence || (run.host === at.host && !isAlive(run.pid)))

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === "EPERM" // another user's process: it is there
  }
}

/** How a run ended, that it is running, or that it crashed: for a run whose process is gone nobody wrote an end. */
export const status = (run: RunRecord): Effect.Effect<RunStatus | "crashed"> =>
  Effect.map(Clock.currentTimeMillis, (now) => (isCrashed(run, { now, host: Os.hostname() }) ? "crashed" : run.status))

const changeTags = Effect.fnUntraced(function* (
  run: Named,
  change: Parameters<typeof Tags.change>[1]
): Effect.fn.Return<ReadonlyArray<string>, RunNotFound | Tags.TagError | StoreError, RunStore> {
  // The record in hand may be old: its tags are read anew.
  const record = yield* get(typeof run === "string" ? run : run.id)
  const tags = yield* Tags.change(record.tags, change)
  const add = tags.filter((tag) => !record.tags.includes(tag))
  const remove = record.tags.filter((tag) => !tags.includes(tag))
  if (add.length + remove.length > 0) {
    yield* (yield* RunStore).write([{ _tag: "Tags", run: record.id, add, remove }])
  }
  return tags
})

/** Adds tags to a run; yields all that it has then, sorted. */
export const addTags = (run: Named, tags: ReadonlyArray<string>) => changeTags(run, { add: tags })

/** Removes tags from a run; yields those that it has then. */
export const removeTags = (run: Named, tags: ReadonlyArray<string>) => changeTags(run, { remove: tags })

/** Gives a run these tags and no others; yields them, sorted. */
export const replaceTags = (run: Named, tags: ReadonlyArray<string>) => changeTags(run, { replace: tags })
