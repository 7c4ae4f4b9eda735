/** Finds places by a part of their name: runs by any part of their id, and the flows, tags, steps and artifacts of the store. */
import * as Effect from "effect/Effect"
import { RunStore, type StoreError } from "../../RunStore.ts"
import type * as Names from "./names.ts"
import type { PlaceView } from "./shapes.ts"

const placesPerKind = 6

const path = (...parts: ReadonlyArray<string>): string => `/${parts.map(encodeURIComponent).join("/")}`

/** The places that a text may mean, runs first. */
export const search = Effect.fnUntraced(function* (
  names: Names.Names,
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
  const { artifacts, steps } = yield* names.matching(isWanted)
  /** A task of a step, in the run that is known to have it, or in another one if that was removed. */
  const taskOf = Effect.fnUntraced(function* (name: Names.NamedStep) {
    const { flow, run, step } = name
    const [remembered] = yield* store.tasks({ run, step, limit: 1, refs: false })
    if (remembered !== undefined) return remembered
    const [other] = yield* store.tasks({ flow, step, order: "newest", limit: 1, refs: false })
    if (other === undefined) yield* names.forget(name)
    return other
  })
  for (const named of steps.slice(0, placesPerKind)) {
    const task = yield* taskOf(named)
    if (task === undefined) continue
    const url = path("runs", task.run, task.step, String(task.index))
    places.push({ kind: "step", text: named.step, detail: `of ${named.flow}, newest run`, url })
  }
  for (const named of artifacts.slice(0, placesPerKind)) {
    const task = yield* taskOf(named)
    if (task === undefined) continue
    const url = path("runs", task.run, task.step, String(task.index), named.name)
    places.push({ kind: "artifact", text: named.name, detail: `${named.format} of ${task.id}, ${named.flow}`, url })
  }
  return places
})
