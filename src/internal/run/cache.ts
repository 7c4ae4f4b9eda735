/**
 * The cache across runs. Equal tasks of one run are kept apart by occurrence, as resume does: the third task with a key is
 * served by the third of an earlier run, never by the first. So a cached run has as many different outputs as the run that
 * it repeats, even if the step is not deterministic.
 */
import * as Effect from "effect/Effect"
import type { TaskRecord } from "../../RunRecord.ts"
import type { RunStore, StoreError } from "../../RunStore.ts"
import type { Definition } from "./definition.ts"

/** The number of earlier runs that are searched for one with as many equal tasks as this run. */
const searchedRuns = 20

/** Finds the earlier task that stands for the nth task with a key, from 0. */
export type Cache = (
  definition: Definition,
  key: string,
  occurrence: number
) => Effect.Effect<TaskRecord | undefined, StoreError>

/** The equal tasks of earlier runs that were read for a key, newest run first. */
interface Known {
  readonly runs: Array<ReadonlyArray<TaskRecord>>
  complete: boolean
}

/** The cache for one run: tasks of runs that started before it. */
export const make = (store: RunStore["Service"], flow: string, run: string): Cache => {
  const listings = new Map<string, Known>() // only for keys that occur more than once
  const newest = (definition: Definition, key: string, before: string) =>
    store.tasks({ flow, step: definition.name, key, status: "succeeded", before, order: "newest", limit: 1 })
  return Effect.fnUntraced(function* (definition, key, occurrence) {
    if (occurrence === 0) {
      const [task] = yield* newest(definition, key, run)
      return task
    }
    const entry = listings.get(key) ?? { runs: [], complete: false }
    listings.set(key, entry)
    while (true) {
      const tasks = entry.runs.find((tasks) => tasks.length > occurrence)
      if (tasks !== undefined) return tasks[occurrence]
      if (entry.complete || entry.runs.length >= searchedRuns) return undefined
      const [next] = yield* newest(definition, key, entry.runs.at(-1)?.[0]?.run ?? run)
      const equal = next === undefined ? [] : yield* store.tasks({ run: next.run, key, status: "succeeded" })
      if (equal.length === 0) entry.complete = true
      else entry.runs.push(equal)
    }
  })
}
