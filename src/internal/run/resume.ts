/**
 * The run that a resumed one starts from: its finished tasks by key, each taken over once. Matched by what a task is, never
 * by the order of calls, so that concurrent branches, items of a list and rounds of a loop all find their own.
 */
import * as Effect from "effect/Effect"
import type { ArtifactStore } from "../../ArtifactStore.ts"
import type { RunRecord, TaskRecord } from "../../RunRecord.ts"
import type { RunStore, StoreError } from "../../RunStore.ts"
import * as CanonicalJson from "../schema/canonicalJson.ts"
import { type Definition, fits } from "./definition.ts"

/** What can be taken over. */
export interface Origin {
  readonly takeOver: (definition: Definition, key: string) => TaskRecord | undefined
  /** A run that the origin called, of this flow and these parameters, once each. */
  readonly takeChild: (flow: string, parameters: object) => Effect.Effect<RunRecord | undefined, StoreError>
}

/**
 * Reads the origin. Where it is itself a resumed run that did not come to its end, what its own origin had finished and it
 * had not come to yet counts, too: a run that is stopped early loses nothing. A query for each run's tasks, and one for its
 * children where the flow calls any.
 */
export const load = Effect.fnUntraced(function* (
  runs: RunStore["Service"],
  artifacts: ArtifactStore["Service"],
  origin: RunRecord
) {
  const chain = yield* chainOf(runs, origin)
  const tasks = yield* finishedIn(runs, chain)
  const digests = new Set<string>()
  for (const task of tasks) for (const output of task.outputs) digests.add(output.digest)
  const there = yield* artifacts.touch([...digests])
  const byKey = new Map<string, Array<TaskRecord>>()
  for (let i = tasks.length - 1; i >= 0; i--) {
    const task = tasks[i] as TaskRecord // within its length
    if (!task.outputs.every((output) => there.has(output.digest))) continue
    const same = byKey.get(task.key)
    if (same === undefined) byKey.set(task.key, [task])
    else same.push(task)
  }
  const children = yield* Effect.cached(childrenOf(runs, chain))
  return {
    takeOver: (definition, key) => {
      const same = byKey.get(key)
      const task = same?.at(-1)
      if (task === undefined || !fits(definition, task)) return undefined
      same?.pop()
      return task
    },
    takeChild: (flow, parameters) =>
      Effect.map(children, (found) => {
        const text = CanonicalJson.stringify(parameters)
        const index = found.findIndex((run) => run.flow === flow && CanonicalJson.stringify(run.parameters) === text)
        return index < 0 ? undefined : found.splice(index, 1)[0]
      })
  } satisfies Origin
})

/** A run and, as long as they did not come to their ends, the runs that it goes back to. */
const chainOf = Effect.fnUntraced(function* (runs: RunStore["Service"], run: RunRecord) {
  const chain = [run]
  let last = run
  while (last.status !== "succeeded" && last.origin !== undefined) {
    const [before] = yield* runs.runs({ idPrefix: last.origin, limit: 1 })
    if (before === undefined) break // it was removed
    chain.push(before)
    last = before
  }
  return chain
})

/** Tasks that finished, those of later runs first. Of an earlier run only what no later one has, or set out to do again. */
const finishedIn = Effect.fnUntraced(function* (runs: RunStore["Service"], chain: ReadonlyArray<RunRecord>) {
  const found: Array<TaskRecord> = []
  const had = new Set<string>()
  const again = new Set<string>()
  for (const run of chain) {
    const tasks = yield* runs.tasks({ run: run.id, status: "succeeded" })
    for (const task of tasks) if (!had.has(sourceOf(task)) && !again.has(task.step)) found.push(task)
    for (const task of tasks) had.add(sourceOf(task))
    if (run.from !== undefined) again.add(run.from)
  }
  return found
})

/** The task that really ran. */
const sourceOf = (task: TaskRecord): string => task.source ?? `${task.run}/${task.id}`

/** The runs that they called, in the order of their starts, without those that a later one goes back to. */
const childrenOf = Effect.fnUntraced(function* (runs: RunStore["Service"], chain: ReadonlyArray<RunRecord>) {
  const found: Array<RunRecord> = []
  for (const run of chain) {
    const children = yield* runs.runs({ parent: run.id })
    const had = new Set(found.map((child) => child.origin))
    found.push(...[...children].reverse().filter((child) => !had.has(child.id)))
  }
  return found
})
