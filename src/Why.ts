/**
 * Why each task of a run was executed or not: what `why` prints. A task that was executed is held against the nearest
 * earlier task of its step (of the run's origin first, else of the newest earlier run of the flow that has one), part by
 * part of their keys, and the first part that differs is the answer.
 */
import * as Effect from "effect/Effect"
import type { ArtifactStore } from "./ArtifactStore.ts"
import * as Reading from "./internal/history/reading.ts"
import { changedRefs, refChange, valueDiff } from "./internal/history/refDiff.ts"
import type { RefRecord, RunRecord, TaskRecord } from "./RunRecord.ts"
import { RunStore, type StoreError } from "./RunStore.ts"

/** What differs between a task and an earlier one; the first part of the key that does. */
export type Difference =
  | { readonly _tag: "StepVersion"; readonly before: string; readonly now: string }
  | { readonly _tag: "CacheVersion"; readonly before: string | undefined; readonly now: string | undefined }
  | {
      readonly _tag: "Input"
      readonly name: string
      /** None where the earlier task had no such input, or this one has none. */
      readonly before: RefRecord | undefined
      readonly now: RefRecord | undefined
      /** How the values differ, line by line (`- `, `+ `), where both are small texts or JSON. */
      readonly diff: ReadonlyArray<string>
    }
  /** A join was given another number of tasks. */
  | { readonly _tag: "Branches" }

/** Why a task was executed, or was not. */
export type Reason =
  /** It finished in the run's origin; `source` really ran. */
  | { readonly _tag: "TakenOver"; readonly source: string }
  /** It was found in the cache. */
  | { readonly _tag: "Cached"; readonly source: string }
  /** No earlier run of the flow has a task of this step. */
  | { readonly _tag: "FirstRun" }
  /** The run was resumed from this step on. */
  | { readonly _tag: "From" }
  | { readonly _tag: "Changed"; readonly earlier: string; readonly difference: Difference }
  /** Nothing differs, but the earlier task did not succeed. */
  | { readonly _tag: "Unfinished"; readonly earlier: string; readonly status: TaskRecord["status"] }
  /** Nothing differs, but nobody asked: the run is no resumed one and the step is not cached. */
  | { readonly _tag: "NotResumed"; readonly earlier: string }
  /** Nothing differs, but a task of the origin stands for one task of the run, and does so already. */
  | { readonly _tag: "Once"; readonly earlier: string }
  /** Nothing differs, and yet the earlier task could not stand for this one. */
  | { readonly _tag: "Gone"; readonly earlier: string }

/** A task and the reason. */
export interface Explanation {
  readonly task: TaskRecord
  readonly reason: Reason
}

/** Why the tasks of a run were executed or not. */
export interface Explained {
  readonly run: RunRecord
  readonly tasks: ReadonlyArray<Explanation>
}

/**
 * Explains the tasks of a run.
 *
 * @param run The run, or its name.
 * @param only A step, or a task (`train/3`); without it, all tasks.
 */
export const explain = Effect.fnUntraced(function* (
  run: Reading.Named,
  only?: string
): Effect.fn.Return<Explained, Reading.RunNotFound | Reading.TaskNotFound | StoreError, RunStore | ArtifactStore> {
  const store = yield* RunStore
  const record = typeof run === "string" ? yield* Reading.get(run) : run
  const all = yield* store.tasks({ run: record.id })
  const chosen = all.filter((task) => only === undefined || task.step === only || task.id === only)
  if (only !== undefined && chosen.length === 0) yield* Reading.task(record, only) // says what there is
  const executed = new Set(chosen.flatMap((task) => (task.how === "executed" ? [task.step] : [])))
  const earlier = yield* earlierTasks(store, record, executed)
  const tasks = yield* Effect.forEach(chosen, (task) =>
    Effect.map(reasonOf(record, all, task, earlier.get(task.step) ?? []), (reason): Explanation => ({ task, reason }))
  )
  return { run: record, tasks }
})

/** The tasks of steps that a run's are held against: its origin's, or those of the newest earlier run that has any. */
const earlierTasks = Effect.fnUntraced(function* (
  store: RunStore["Service"],
  run: RunRecord,
  steps: ReadonlySet<string>
) {
  const found = new Map<string, ReadonlyArray<TaskRecord>>()
  if (run.origin !== undefined && steps.size > 0) {
    for (const [step, tasks] of Map.groupBy(yield* store.tasks({ run: run.origin }), ({ step }) => step)) {
      found.set(step, tasks)
    }
  }
  for (const step of steps) {
    if (found.has(step)) continue
    const before = { flow: run.flow, step, before: run.id, order: "newest" as const, limit: 1, refs: false }
    const [newest] = yield* store.tasks(before)
    if (newest !== undefined) found.set(step, yield* store.tasks({ run: newest.run, step }))
  }
  return found
})

const nameOf = (task: TaskRecord): string => `${task.run}/${task.id}`

const reasonOf = Effect.fnUntraced(function* (
  run: RunRecord,
  all: ReadonlyArray<TaskRecord>,
  task: TaskRecord,
  earlier: ReadonlyArray<TaskRecord>
): Effect.fn.Return<Reason, never, ArtifactStore> {
  if (task.how !== "executed") {
    return { _tag: task.how === "cached" ? "Cached" : "TakenOver", source: task.source ?? "an earlier task" }
  }
  if (run.from === task.step) return { _tag: "From" }
  const [first, ...others] = earlier
  if (first === undefined) return { _tag: "FirstRun" }
  const same = earlier.filter(({ key }) => key === task.key)
  const [alike] = same
  if (alike !== undefined) {
    const finished = same.filter(({ status }) => status === "succeeded")
    const [done] = finished
    if (done === undefined) return { _tag: "Unfinished", earlier: nameOf(alike), status: alike.status }
    if (done.run !== run.origin && task.cache === undefined) return { _tag: "NotResumed", earlier: nameOf(done) }
    const stand = all.filter(({ how, key }) => key === task.key && how === "takenOver")
    return { _tag: stand.length >= finished.length ? "Once" : "Gone", earlier: nameOf(done) }
  }
  const nearest = others.reduce((best, other) => (distance(other, task) < distance(best, task) ? other : best), first)
  return { _tag: "Changed", earlier: nameOf(nearest), difference: yield* firstDifference(nearest, task) }
})

/** How many parts of two tasks' keys differ. */
const distance = (before: TaskRecord, now: TaskRecord): number =>
  Number(before.version !== now.version) +
  Number(before.cache !== now.cache) +
  changedRefs(before.inputs, now.inputs).length

const firstDifference = (before: TaskRecord, now: TaskRecord): Effect.Effect<Difference, never, ArtifactStore> => {
  if (before.version !== now.version) {
    return Effect.succeed({ _tag: "StepVersion", before: before.version, now: now.version })
  }
  if (before.cache !== now.cache) return Effect.succeed({ _tag: "CacheVersion", before: before.cache, now: now.cache })
  const [changed] = changedRefs(before.inputs, now.inputs)
  if (changed === undefined) return Effect.succeed({ _tag: "Branches" })
  return Effect.map(valueDiff(changed.before, changed.now), (diff) => ({ _tag: "Input", ...changed, diff }))
}

/** The reasons as text, a paragraph for each task. */
export const toText = ({ run, tasks }: Explained): string => {
  const origin = run.origin === undefined ? "" : ` · resumed from ${run.origin}`
  const from = run.from === undefined ? "" : `, with ${run.from} again`
  const width = Math.max(0, ...tasks.map(({ task }) => task.id.length))
  const lines = tasks.flatMap(({ reason, task }) => {
    const [sentence, ...details] = textOf(task, reason)
    return [`${task.id.padEnd(width)}  ${sentence}`, ...details.map((line) => `${" ".repeat(width + 2)}${line}`)]
  })
  return [`${run.flow} · run ${run.id}${origin}${from}`, ...(tasks.length === 0 ? ["no tasks"] : lines)].join("\n")
}

const textOf = (task: TaskRecord, reason: Reason): ReadonlyArray<string> => {
  switch (reason._tag) {
    case "TakenOver":
      return [`taken over from ${reason.source}`]
    case "Cached":
      return [`cached from ${reason.source}`]
    case "FirstRun":
      return ["executed: the first run of this step"]
    case "From":
      return ["executed: the run was resumed from this step"]
    case "Unfinished":
      return [`executed: ${reason.earlier} is the same task and ${ended[reason.status]}`]
    case "NotResumed":
      return [`executed: nothing differs from ${reason.earlier}, but the run is not resumed and the step has no cache`]
    case "Once":
      return [`executed: nothing differs from ${reason.earlier}, which already stands for another task of this run`]
    case "Gone":
      return [
        `executed: nothing differs from ${reason.earlier}, but its artifacts are gone, or the step declares others now`
      ]
    case "Changed":
      return [`executed: ${differenceText(task, reason)}`, ...detailsOf(reason.difference)]
  }
}

const ended: Readonly<Record<TaskRecord["status"], string>> = {
  running: "did not finish",
  succeeded: "succeeded",
  failed: "failed",
  interrupted: "was interrupted"
}

const differenceText = (
  task: TaskRecord,
  { difference, earlier }: Extract<Reason, { readonly _tag: "Changed" }>
): string => {
  switch (difference._tag) {
    case "StepVersion":
      return `the version of step ${task.step} is "${difference.now}", and was "${difference.before}" in ${earlier}`
    case "CacheVersion":
      return `the cache version of step ${task.step} is ${quoted(difference.now)}, and was ${quoted(difference.before)} in ${earlier}`
    case "Branches":
      return `it joins another number of tasks than ${earlier}`
    case "Input":
      if (difference.before === undefined) return `input ${difference.name} is new since ${earlier}`
      if (difference.now === undefined) return `input ${difference.name} of ${earlier} is there no more`
      return `input ${difference.name} differs from ${earlier}`
  }
}

const quoted = (version: string | undefined): string => (version === undefined ? "none" : `"${version}"`)

const detailsOf = (difference: Difference): ReadonlyArray<string> =>
  difference._tag === "Input" && difference.before !== undefined && difference.now !== undefined
    ? [refChange(difference.before, difference.now), ...difference.diff.map((line) => `  ${line}`)]
    : []
