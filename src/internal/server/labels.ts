/**
 * What sets the tasks of one step apart: the small inputs that differ between them, such as `rate 0.1, seed 3`. Charts and
 * the waterfall of a sweep show these instead of the tasks' numbers.
 */
import * as Cache from "effect/Cache"
import * as Effect from "effect/Effect"
import { ArtifactStore } from "../../ArtifactStore.ts"
import type { TaskRecord } from "../../RunRecord.ts"
import { RunStore } from "../../RunStore.ts"

/** The number of tasks of a step that get a label. */
const tasksLimit = 300
/** Larger inputs say too little at a glance. */
const inputLimitBytes = 120
const namesLimit = 3
const lengthLimit = 60

const decoder = new TextDecoder()

/** The parts of a value: those of an object by their keys, anything else as one. */
const partsOf = (name: string, text: string): ReadonlyMap<string, string> => {
  const value: unknown = parse(text)
  if (typeof value !== "object" || value === null || Array.isArray(value)) return new Map([[name, text]])
  return new Map(Object.entries(value).map(([key, part]) => [key, JSON.stringify(part)]))
}

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

const inputsOf = (task: TaskRecord): ReadonlyMap<string, string> =>
  new Map(
    task.inputs
      .filter(({ format, size }) => format === "json" && size <= inputLimitBytes)
      .map(({ digest, name }) => [name, digest])
  )

/** The names of the inputs that differ between tasks, as each task has them. */
const differing = (inputs: ReadonlyArray<ReadonlyMap<string, string>>): ReadonlyArray<string> => {
  const [first = new Map<string, string>()] = inputs
  return [...first.keys()].filter(
    (name) => inputs.every((some) => some.has(name)) && inputs.some((some) => some.get(name) !== first.get(name))
  )
}

/** Makes a function that finds the labels of a run's tasks, by task id. */
export const make = Effect.gen(function* () {
  const store = yield* RunStore
  const artifacts = yield* ArtifactStore
  const values = yield* Cache.make({
    capacity: 5000,
    lookup: (digest: string) => Effect.map(artifacts.get(digest), (bytes) => decoder.decode(bytes))
  })
  const valueOf = (digest: string) =>
    // A label is a convenience: what can't be read is left out.
    Effect.catch(Cache.get(values, digest), () => Effect.succeed("?"))

  return Effect.fnUntraced(function* (run: string) {
    const counts = new Map<string, number>()
    for (const { count, step } of yield* store.taskCounts([run])) counts.set(step, (counts.get(step) ?? 0) + count)
    const labels: Record<string, string> = {}
    for (const [step, count] of counts) {
      if (count < 2) continue
      const tasks = yield* store.tasks({ run, step, limit: tasksLimit })
      const inputs = tasks.map(inputsOf)
      const names = differing(inputs).slice(0, namesLimit)
      if (names.length === 0) continue
      const parts: Array<ReadonlyMap<string, string>> = []
      for (const of of inputs) {
        const own = new Map<string, string>()
        for (const name of names) {
          for (const [key, text] of partsOf(name, yield* valueOf(of.get(name) ?? ""))) own.set(key, text)
        }
        parts.push(own)
      }
      // Of objects, only the parts that differ tell anything.
      const telling = differing(parts).slice(0, namesLimit)
      for (const [i, task] of tasks.entries()) {
        const label = telling.map((name) => `${name} ${parts[i]?.get(name)}`).join(", ")
        if (label !== "") labels[task.id] = label.length > lengthLimit ? `${label.slice(0, lengthLimit)}…` : label
      }
    }
    return labels
  })
})
