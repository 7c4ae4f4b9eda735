/**
 * Finds places by a part of their name: runs by any part of their id, flows and tags of the store, and steps and artifacts
 * of the newest runs.
 */
import * as Effect from "effect/Effect"
import { RunStore, type StoreError } from "../../RunStore.ts"
import type { PlaceView } from "./shapes.ts"

/** The number of newest runs whose steps and artifacts are searched. */
const recentRuns = 30
/** The number of tasks of a run whose artifacts are searched. */
const tasksLimit = 200
const placesPerKind = 6

const path = (...parts: ReadonlyArray<string>): string => `/${parts.map(encodeURIComponent).join("/")}`

/** The places that a text may mean, runs first. */
export const search = Effect.fnUntraced(function* (
  text: string
): Effect.fn.Return<ReadonlyArray<PlaceView>, StoreError, RunStore> {
  const store = yield* RunStore
  const wanted = text.trim().toLowerCase()
  if (wanted === "") return []
  const isWanted = (name: string) => name.toLowerCase().includes(wanted)
  const places: Array<PlaceView> = []
  for (const { flow, id, status } of yield* store.runs({ idPart: text.trim(), limit: placesPerKind })) {
    places.push({ kind: "run", text: id, detail: `${flow}, ${status}`, url: path("runs", id) })
  }
  const { flows, tags } = yield* store.names
  for (const flow of flows.filter(isWanted).slice(0, placesPerKind)) {
    places.push({ kind: "flow", text: flow, detail: "runs of this flow", url: `/?flow=${encodeURIComponent(flow)}` })
  }
  for (const tag of tags.filter(isWanted).slice(0, placesPerKind)) {
    places.push({ kind: "tag", text: tag, detail: "runs with this tag", url: `/?tag=${encodeURIComponent(tag)}` })
  }
  const recent = yield* store.runs({ limit: recentRuns })
  const steps = new Map<string, PlaceView>()
  const counts = yield* store.taskCounts(recent.map(({ id }) => id))
  for (const { flow, id } of recent) {
    const names = new Set(counts.filter(({ run, step }) => run === id && isWanted(step)).map(({ step }) => step))
    for (const step of names) {
      const key = `${flow}\n${step}`
      if (steps.has(key) || steps.size >= placesPerKind) continue
      const [task] = yield* store.tasks({ run: id, step, limit: 1, refs: false })
      if (task === undefined) continue
      const url = path("runs", id, task.step, String(task.index))
      steps.set(key, { kind: "step", text: step, detail: `of ${flow}, newest run`, url })
    }
  }
  const artifacts = new Map<string, PlaceView>()
  const isFlowSearched = new Set<string>()
  for (const { flow, id } of recent) {
    if (isFlowSearched.has(flow) || artifacts.size >= placesPerKind) continue
    isFlowSearched.add(flow)
    for (const task of yield* store.tasks({ run: id, limit: tasksLimit, refs: "outputs" })) {
      for (const { format, name } of task.outputs) {
        const key = `${flow}\n${task.step}\n${name}`
        if (!isWanted(name) || artifacts.has(key) || artifacts.size >= placesPerKind) continue
        const url = path("runs", id, task.step, String(task.index), name)
        artifacts.set(key, { kind: "artifact", text: name, detail: `${format} of ${task.id}, ${flow}`, url })
      }
    }
  }
  return [...places, ...steps.values(), ...artifacts.values()]
})
