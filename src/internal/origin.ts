/**
 * The run that a resumed one starts from: its finished tasks by key, each taken over once. Matched by what a task is, never
 * by the order of calls, so that concurrent branches, items of a list and rounds of a loop all find their own.
 */
import * as Effect from "effect/Effect"
import type { ArtifactStore } from "../ArtifactStore.ts"
import type { RunRecord, TaskRecord } from "../RunRecord.ts"
import type { RunStore, StoreError } from "../RunStore.ts"
import * as CanonicalJson from "./canonicalJson.ts"
import type { Definition } from "./definition.ts"
import { fits } from "./taskRunner.ts"

/** What can be taken over. */
export interface Origin {
  readonly takeOver: (definition: Definition, key: string) => TaskRecord | undefined
  /** A run that the origin called, of this flow and these parameters, once each. */
  readonly takeChild: (flow: string, parameters: object) => Effect.Effect<RunRecord | undefined, StoreError>
}

/** Reads the origin: one query for its tasks, one for its children where the flow calls any. */
export const load = Effect.fnUntraced(function* (
  runs: RunStore["Service"],
  artifacts: ArtifactStore["Service"],
  origin: string
) {
  const tasks = yield* runs.tasks({ run: origin, status: "succeeded" })
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
  const children = yield* Effect.cached(Effect.map(runs.runs({ parent: origin }), (found) => [...found].reverse()))
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
