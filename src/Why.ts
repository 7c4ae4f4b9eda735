/**
 * Why each task of a run was executed or not: what `why` prints. An executed task is compared with the most similar
 * earlier task of its step, part by part of their keys, and the first part that differs is the answer. Earlier tasks are
 * those of the run's origin, or else of the newest earlier run of the flow that has tasks of the step.
 */
import * as Effect from "effect/Effect"
import type { ArtifactStore } from "./ArtifactStore.ts"
import * as Nearest from "./internal/history/nearest.ts"
import * as Reading from "./internal/history/reading.ts"
import { changedRefs, refChange, valueDiff } from "./internal/history/refDiff.ts"
import type { RefRecord, RunRecord, TaskRecord } from "./RunRecord.ts"
import { RunStore, type StoreError } from "./RunStore.ts"

/** The first part of a task's key that differs from an earlier task's. */
export type Difference =
  | { readonly _tag: "StepVersion"; readonly before: string; readonly now: string }
  | { readonly _tag: "CacheVersion"; readonly before: string | undefined; readonly now: string | undefined }
  | {
      readonly _tag: "Input"
      readonly name: string
      /** Undefined if that task has no such input. */
      readonly before: RefRecord | undefined
      readonly now: RefRecord | undefined
      /** The lines that differ (`- ` before, `+ ` now), if both values are small texts or JSON. */
      readonly diff: ReadonlyArray<string>
    }
  /** The code of the step differs, and its version or cache version is "code". */
  | { readonly _tag: "Code" }
  /** A join was given a different number of tasks. */
  | { readonly _tag: "Branches" }

/** Why a task was executed or not. */
export type Reason =
  /** Taken over from the run's origin. `source` is the task that was executed. */
  | { readonly _tag: "TakenOver"; readonly source: string }
  /** Found in the cache. `source` is the task that was executed. */
  | { readonly _tag: "Cached"; readonly source: string }
  /** No earlier run of the flow has a task of this step. */
  | { readonly _tag: "FirstRun" }
  /** The run was resumed with this step to be executed again. */
  | { readonly _tag: "From" }
  | { readonly _tag: "Changed"; readonly earlier: string; readonly difference: Difference }
  /** Nothing differs, but the earlier task did not succeed. */
  | { readonly _tag: "Unfinished"; readonly earlier: string; readonly status: TaskRecord["status"] }
  /** Nothing differs, but the earlier task is not of a run that this one resumed, and the step is not cached. */
  | { readonly _tag: "NotResumed"; readonly earlier: string }
  /** Nothing differs, but every such task of the origin is already reused for another task of the run. */
  | { readonly _tag: "Once"; readonly earlier: string }
  /** Nothing differs, but this artifact of the earlier task was missing or damaged in the store. */
  | { readonly _tag: "Lost"; readonly artifact: string }
  /** Nothing differs, but the earlier task could not be reused: its artifacts are gone, or its step's outputs changed. */
  | { readonly _tag: "Gone"; readonly earlier: string }

/** A task and its reason. */
export interface Explanation {
  readonly task: TaskRecord
  readonly reason: Reason
  /** Whether the step's code, formatting and comments aside, is another than that of the task it is compared with. */
  readonly codeChanged: boolean
}

/** A run, and why its tasks were executed or not. */
export interface Explained {
  readonly run: RunRecord
  readonly tasks: ReadonlyArray<Explanation>
}

/**
 * Explains the tasks of a run. Takes time in proportion to the tasks explained and the earlier tasks of their steps.
 *
 * @param run The run's record, its id, a unique prefix of its id, or `latest`.
 * @param only A step, or one task (`train/3`). Default: all tasks.
 * @returns The run and its tasks in the order of their numbers, each with its reason. Fails with `RunNotFound`, with
 *   `TaskNotFound` if the run has no task of that name, and with `StoreError`.
 *
 * @example
 * ```ts
 * const explained = yield* Why.explain("latest", "train")
 * yield* Console.log(Why.toText(explained))
 * ```
 */
export const explain = Effect.fnUntraced(function* (
  run: Reading.Named,
  only?: string
): Effect.fn.Return<Explained, Reading.RunNotFound | Reading.TaskNotFound | StoreError, RunStore | ArtifactStore> {
  const store = yield* RunStore
  const record = typeof run === "string" ? yield* Reading.get(run) : run
  const chosen = yield* chosenTasks(store, record, only)
  const reasons = new Map<TaskRecord, Omit<Explanation, "task">>()
  // One step after the other, so that the earlier tasks of only one step are in memory at a time.
  for (const [step, tasks] of Map.groupBy(chosen, (task) => task.step)) {
    const reasonOf = yield* explainStep(store, record, step, tasks, only === undefined || only === step)
    for (const task of tasks) reasons.set(task, yield* reasonOf(task))
  }
  const tasks = chosen.map((task): Explanation => ({ task, ...(reasons.get(task) as Omit<Explanation, "task">) })) // each was set above
  return { run: record, tasks }
})

const chosenTasks = Effect.fnUntraced(function* (store: RunStore["Service"], run: RunRecord, only: string | undefined) {
  if (only === undefined) return yield* store.tasks({ run: run.id })
  const ofStep = yield* store.tasks({ run: run.id, step: only })
  return ofStep.length > 0 ? ofStep : [yield* Reading.task(run, only)] // which fails with the steps that the run has
})

/**
 * Prepares to explain tasks of one step.
 *
 * @param complete Whether `tasks` are all tasks of the step.
 */
const explainStep = Effect.fnUntraced(function* (
  store: RunStore["Service"],
  run: RunRecord,
  step: string,
  tasks: ReadonlyArray<TaskRecord>,
  complete: boolean
) {
  const executed = tasks.some(({ how }) => how === "executed")
  const earlier = Nearest.make(executed ? yield* earlierTasks(store, run, step) : [])
  const siblings = complete || !executed ? tasks : yield* store.tasks({ run: run.id, step, refs: false })
  const takenOver = new Map<string, number>()
  for (const { how, key } of siblings) if (how === "takenOver") takenOver.set(key, (takenOver.get(key) ?? 0) + 1)
  const diffOf = makeDiffOf()
  return (task: TaskRecord): Effect.Effect<Omit<Explanation, "task">, never, ArtifactStore> => {
    const alike = earlier.withKey(task.key)
    const reason = reasonWithoutChange(run, task, alike, takenOver.get(task.key) ?? 0)
    if (reason !== undefined) {
      const [first] = alike
      const before = task.how === "executed" ? first?.code : task.sourceCode
      return Effect.succeed({ reason, codeChanged: isOtherCode(before, task.code) })
    }
    const nearest = earlier.to(task)
    if (nearest === undefined) return Effect.succeed({ reason: { _tag: "FirstRun" }, codeChanged: false })
    return Effect.map(firstDifference(nearest, task, diffOf), (difference) => ({
      reason: { _tag: "Changed", earlier: nameOf(nearest), difference },
      codeChanged: isOtherCode(nearest.code, task.code)
    }))
  }
})

/** The tasks of a step that a run's are compared with: its origin's, or those of the newest earlier run that has any. */
const earlierTasks = Effect.fnUntraced(function* (store: RunStore["Service"], run: RunRecord, step: string) {
  if (run.origin !== undefined) {
    const ofOrigin = yield* store.tasks({ run: run.origin, step })
    if (ofOrigin.length > 0) return ofOrigin
  }
  const before = { flow: run.flow, step, before: run.id, order: "newest" as const, limit: 1, refs: false }
  const [newest] = yield* store.tasks(before)
  return newest === undefined ? [] : yield* store.tasks({ run: newest.run, step })
})

/** A run of an older release has no digest of its code: then nothing is said of it. */
const isOtherCode = (before: string | undefined, now: string | undefined): boolean =>
  before !== undefined && now !== undefined && before !== now

const nameOf = (task: TaskRecord): string => `${task.run}/${task.id}`

/** The reason, unless it is that something differs from every earlier task. */
const reasonWithoutChange = (
  run: RunRecord,
  task: TaskRecord,
  alike: ReadonlyArray<TaskRecord>,
  takenOver: number
): Reason | undefined => {
  if (task.how !== "executed") {
    return { _tag: task.how === "cached" ? "Cached" : "TakenOver", source: task.source ?? "an earlier task" }
  }
  if (run.from === task.step) return { _tag: "From" }
  if (task.lost !== undefined) return { _tag: "Lost", artifact: task.lost }
  const [first] = alike
  if (first === undefined) return undefined
  const done = alike.find(({ status }) => status === "succeeded")
  if (done === undefined) return { _tag: "Unfinished", earlier: nameOf(first), status: first.status }
  if (done.run !== run.origin && task.cache === undefined) return { _tag: "NotResumed", earlier: nameOf(done) }
  let finished = 0
  for (const { status } of alike) {
    if (status === "succeeded") finished++
    if (finished > takenOver) return { _tag: "Gone", earlier: nameOf(done) }
  }
  return { _tag: "Once", earlier: nameOf(done) }
}

const firstDifference = (
  before: TaskRecord,
  now: TaskRecord,
  diffOf: typeof valueDiff
): Effect.Effect<Difference, never, ArtifactStore> => {
  if (before.version !== now.version) {
    return Effect.succeed({ _tag: "StepVersion", before: before.version, now: now.version })
  }
  if (before.cache !== now.cache) return Effect.succeed({ _tag: "CacheVersion", before: before.cache, now: now.cache })
  if ((now.version === "code" || now.cache === "code") && isOtherCode(before.code, now.code))
    return Effect.succeed({ _tag: "Code" })
  const [changed] = changedRefs(before.inputs, now.inputs)
  if (changed === undefined) return Effect.succeed({ _tag: "Branches" })
  return Effect.map(diffOf(changed.before, changed.now), (diff) => ({ _tag: "Input", ...changed, diff }))
}

/** `valueDiff` that remembers the last pair: ten thousand tasks mostly share the input that changed. */
const makeDiffOf = (): typeof valueDiff => {
  let last: { readonly before: string; readonly now: string; readonly diff: ReadonlyArray<string> } | undefined
  return (before, now) =>
    last !== undefined && last.before === before?.digest && last.now === now?.digest
      ? Effect.succeed(last.diff)
      : Effect.tap(valueDiff(before, now), (diff) =>
          Effect.sync(() => {
            if (before !== undefined && now !== undefined) last = { before: before.digest, now: now.digest, diff }
          })
        )
}

/**
 * The reasons as text: a line for each task, with details indented below it.
 *
 * @example
 * ```ts
 * yield* Console.log(Why.toText(yield* Why.explain("latest", "train")))
 * ```
 */
export const toText = ({ run, tasks }: Explained): string => {
  const origin = run.origin === undefined ? "" : ` · resumed from ${run.origin}`
  const from = run.from === undefined ? "" : `, with ${run.from} again`
  const width = tasks.reduce((width, { task }) => Math.max(width, task.id.length), 0)
  const lines = tasks.flatMap(({ codeChanged, reason, task }) => {
    const [sentence, ...others] = textOf(run, task, reason)
    const isSaid = !codeChanged || (reason._tag === "Changed" && reason.difference._tag === "Code")
    const details = isSaid ? others : [...others, `the code of step ${task.step} has changed since`]
    return [`${task.id.padEnd(width)}  ${sentence}`, ...details.map((line) => `${" ".repeat(width + 2)}${line}`)]
  })
  return [`${run.flow} · run ${run.id}${origin}${from}`, ...(tasks.length === 0 ? ["no tasks"] : lines)].join("\n")
}

const textOf = (run: RunRecord, task: TaskRecord, reason: Reason): ReadonlyArray<string> => {
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
      return [
        run.origin === undefined
          ? `executed: nothing differs from ${reason.earlier}, but the run is not resumed and the step has no cache`
          : `executed: the resumed run had not come to it; nothing differs from ${reason.earlier}, but the step has no cache`
      ]
    case "Once":
      return [`executed: nothing differs from ${reason.earlier}, which is already reused for another task of this run`]
    case "Lost":
      return [`executed: ${reason.artifact} was missing or damaged in the store`]
    case "Gone":
      return [
        `executed: nothing differs from ${reason.earlier}, but its artifacts are gone, or the step now declares other outputs`
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
    case "Code":
      return `the code of step ${task.step} has changed since ${earlier}`
    case "Branches":
      return `it joins a different number of tasks than ${earlier}`
    case "Input":
      if (difference.before === undefined) return `input ${difference.name} is new since ${earlier}`
      if (difference.now === undefined) return `input ${difference.name} of ${earlier} no longer exists`
      return `input ${difference.name} differs from ${earlier}`
  }
}

const quoted = (version: string | undefined): string => (version === undefined ? "none" : `"${version}"`)

const detailsOf = (difference: Difference): ReadonlyArray<string> =>
  difference._tag === "Input" && difference.before !== undefined && difference.now !== undefined
    ? [refChange(difference.before, difference.now), ...difference.diff.map((line) => `  ${line}`)]
    : []
