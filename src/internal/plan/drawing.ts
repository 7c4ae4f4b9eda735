/**
 * A plan while it is drawn: its nodes, edges and groups, and the refs that stand for what its tasks would write. A symbolic
 * ref has a name and writers; whoever asks for its value is told that a plan has none, and the drawing notes which it was.
 */
import * as Effect from "effect/Effect"
import type * as Artifact from "../../Artifact.ts"
import * as Ref from "../../Ref.ts"
import * as State from "../../State.ts"
import type { Definition } from "../run/definition.ts"
import { RefEffect } from "../run/refs.ts"
import type * as Plan from "./model.ts"

/** What looking at a symbolic ref ends the plan with. */
class Looked extends Error {
  constructor(ref: string) {
    super(`The flow reads the value of ${ref} here`)
  }
}

/** Stands for an artifact that some task would write. Several tasks, where it comes out of arms of which a run takes one. */
export class SymbolicRef extends RefEffect<never> implements Ref.Ref<never> {
  readonly [Ref.TypeId] = Ref.TypeId
  readonly #drawing: Drawing
  readonly name: string
  readonly writers: ReadonlyArray<string>
  readonly artifact: Artifact.Any | undefined
  constructor(drawing: Drawing, name: string, writers: ReadonlyArray<string>, artifact: Artifact.Any | undefined) {
    super()
    this.#drawing = drawing
    this.name = name
    this.writers = writers
    this.artifact = artifact
  }
  get format(): Artifact.Format {
    return this.artifact?.format ?? "json"
  }
  get mediaType(): string {
    return this.artifact?.mediaType ?? "application/json"
  }
  get label(): string {
    return this.writers.length === 0 ? this.name : `${this.writers.join(" or ")}.${this.name}`
  }
  get task(): string | undefined {
    return this.writers[0]
  }
  get via(): string | undefined {
    return this.writers[0]
  }
  get identity(): string {
    return this.label
  }
  get digest(): string {
    throw this.#looked()
  }
  get size(): number {
    throw this.#looked()
  }
  override asEffect(): Effect.Effect<never> {
    return Effect.suspend(() => Effect.die(this.#looked()))
  }
  #looked(): Looked {
    this.#drawing.looked ??= this.label // noted, for a body may catch what it gets
    return new Looked(this.label)
  }
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

/** Where in the drawing a part of the body is. */
export interface Place {
  /** The group. */
  readonly id: string
  /** Whether only a run can tell how many tasks are here. */
  readonly unknown: boolean
  /** Within an element of a list: how often each thing was met in it, so that it falls together with the others' n-th. */
  readonly seen: Map<string, number> | undefined
}

/** Nodes, edges and groups as they come. What every element of a list has is drawn once, and counted. */
export class Drawing {
  readonly nodes: Array<Mutable<Plan.Node>> = []
  readonly edges: Array<{ readonly from: string; readonly to: string; readonly artifacts: Array<string> }> = []
  readonly groups: Array<Plan.Group> = []
  /** The first ref whose value was asked for. */
  looked: string | undefined
  #index = 0
  readonly #edgesByEnds = new Map<string, { readonly artifacts: Array<string> }>()
  readonly #shared = new Map<string, string>()
  readonly #nodesById = new Map<string, Mutable<Plan.Node>>()

  /** What another element of the list drew in this place, or a new thing. */
  #once(what: string, place: Place | undefined, draw: () => string): { readonly id: string; readonly again: boolean } {
    if (place?.seen === undefined) return { id: draw(), again: false }
    const met = `${place.id} ${what}`
    const count = place.seen.get(met) ?? 0
    place.seen.set(met, count + 1)
    const key = `${met} ${count}`
    const shared = this.#shared.get(key)
    if (shared !== undefined) return { id: shared, again: true }
    const id = draw()
    this.#shared.set(key, id)
    return { id, again: false }
  }
  node(definition: Definition, place: Place | undefined): string {
    const { id, again } = this.#once(definition.name, place, () => {
      const node: Mutable<Plan.Node> = {
        id: `${definition.name}/${++this.#index}`,
        step: definition.name,
        kind: definition.branches === undefined ? "step" : "join",
        ...(definition.description === undefined ? undefined : { description: definition.description }),
        ...(place === undefined ? undefined : { group: place.id }),
        ...(place?.unknown === true ? undefined : { count: 1 })
      }
      this.nodes.push(node)
      this.#nodesById.set(node.id, node)
      return node.id
    })
    const node = this.#nodesById.get(id)
    if (again && node?.count !== undefined) node.count++
    return id
  }
  edge(from: string, to: string, artifact: string | undefined): void {
    let edge = this.#edgesByEnds.get(`${from} ${to}`)
    if (edge === undefined) {
      const made = { from, to, artifacts: [] }
      this.edges.push(made)
      this.#edgesByEnds.set(`${from} ${to}`, made)
      edge = made
    }
    if (artifact !== undefined && !edge.artifacts.includes(artifact)) edge.artifacts.push(artifact)
  }
  group(kind: Plan.Group["kind"], label: string, place: Place | undefined): string {
    return this.#once(kind, place, () => {
      const id = `${kind}-${this.groups.length + 1}`
      this.groups.push({ id, kind, label, ...(place === undefined ? undefined : { parent: place.id }) })
      return id
    }).id
  }
}

/** What comes out of one of several ways: refs written by whichever was taken, wherever they are in it. */
export const either = (drawing: Drawing, ways: ReadonlyArray<unknown>): unknown => {
  const found = ways.filter((way) => way !== undefined && way !== null)
  const [first] = found
  const refs = found.filter(Ref.isRef)
  const [ref] = refs
  if (ref !== undefined) {
    const symbolic = refs.filter((ref) => ref instanceof SymbolicRef)
    const writers = new Set(symbolic.flatMap((ref) => ref.writers))
    return symbolic.length === 0 ? ref : new SymbolicRef(drawing, ref.name, [...writers], symbolic[0]?.artifact)
  }
  const lists = found.filter(Array.isArray)
  const [list] = lists
  if (list !== undefined) {
    const longest = lists.reduce((one, other) => (other.length > one.length ? other : one), list)
    return longest.map((_, index) =>
      either(
        drawing,
        lists.map((list) => list[index])
      )
    )
  }
  const objects = found.filter(isRecord)
  if (objects.length === 0) return first
  const names = new Set(objects.flatMap((object) => Object.keys(object)))
  const fields = Object.fromEntries(
    [...names].map((name) => [
      name,
      either(
        drawing,
        objects.map((object) => object[name])
      )
    ])
  )
  const origins = objects.flatMap((object) => State.originOf(object) ?? [])
  if (origins.length === 0) return fields
  return State.make(fields as State.Any, { tasks: [...new Set(origins.flatMap(({ tasks }) => tasks))], via: {} }) // of states
}

const isRecord = (way: unknown): way is Record<string, unknown> =>
  typeof way === "object" &&
  way !== null &&
  (Object.getPrototypeOf(way) === Object.prototype || State.originOf(way) !== undefined)
