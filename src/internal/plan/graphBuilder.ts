/**
 * Builds the graph of a plan: nodes, edges and groups, and symbolic refs for the artifacts that its tasks would write.
 * A symbolic ref has a name and writers but no value. Reading its value fails, and the builder records which ref was
 * read first.
 */
import * as Effect from "effect/Effect"
import type * as Artifact from "../../Artifact.ts"
import * as Ref from "../../Ref.ts"
import * as State from "../../State.ts"
import type { Definition } from "../run/definition.ts"
import { RefEffect } from "../run/refs.ts"
import type * as Plan from "./model.ts"

/** The defect that stops a plan when the body reads the value of a symbolic ref. */
class SymbolicReadError extends Error {
  constructor(ref: string) {
    super(`The flow reads the value of ${ref} here`)
  }
}

/** An artifact that a task would write. It has several writers if it comes from arms of which a run takes only one. */
export class SymbolicRef extends RefEffect<never> implements Ref.Ref<never> {
  readonly [Ref.TypeId]: typeof Ref.TypeId = Ref.TypeId
  readonly #builder: GraphBuilder
  readonly name: string
  readonly writers: ReadonlyArray<string>
  readonly artifact: Artifact.Any | undefined
  constructor(builder: GraphBuilder, name: string, writers: ReadonlyArray<string>, artifact: Artifact.Any | undefined) {
    super()
    this.#builder = builder
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
    throw this.#failRead()
  }
  get size(): number {
    throw this.#failRead()
  }
  get path(): Effect.Effect<never> {
    return this.asEffect()
  }
  override asEffect(): Effect.Effect<never> {
    return Effect.suspend(() => Effect.die(this.#failRead()))
  }
  #failRead(): SymbolicReadError {
    this.#builder.firstRead ??= this.label // recorded, because the body may catch the defect
    return new SymbolicReadError(this.label)
  }
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

/** The part of the graph that the body is in. */
export interface Place {
  /** The group. */
  readonly id: string
  /** Whether the number of tasks is only known in a run. */
  readonly unknown: boolean
  /**
   * Inside an element of a list: how often each step or group has occurred, so that its n-th occurrence is merged with
   * the n-th of the other elements.
   */
  readonly seen: Map<string, number> | undefined
}

/** Collects nodes, edges and groups. Tasks that every element of a list has become one node with a count. */
export class GraphBuilder {
  readonly nodes: Array<Mutable<Plan.Node>> = []
  readonly edges: Array<{ readonly from: string; readonly to: string; readonly artifacts: Array<string> }> = []
  readonly groups: Array<Plan.Group> = []
  /** The first symbolic ref whose value was read. */
  firstRead: string | undefined
  #index = 0
  readonly #edgesByEnds = new Map<string, { readonly artifacts: Array<string> }>()
  readonly #shared = new Map<string, string>()
  readonly #nodesById = new Map<string, Mutable<Plan.Node>>()

  /** The id that another element of the list has already created at this position, or a new one. */
  #merge(
    kind: string,
    place: Place | undefined,
    create: () => string
  ): { readonly id: string; readonly isMerged: boolean } {
    if (place?.seen === undefined) return { id: create(), isMerged: false }
    const position = `${place.id} ${kind}`
    const count = place.seen.get(position) ?? 0
    place.seen.set(position, count + 1)
    const key = `${position} ${count}`
    const shared = this.#shared.get(key)
    if (shared !== undefined) return { id: shared, isMerged: true }
    const id = create()
    this.#shared.set(key, id)
    return { id, isMerged: false }
  }
  node(definition: Definition, place: Place | undefined): string {
    const { id, isMerged } = this.#merge(definition.name, place, () => {
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
    if (isMerged && node?.count !== undefined) node.count++
    return id
  }
  edge(from: string, to: string, artifact: string | undefined): void {
    let edge = this.#edgesByEnds.get(`${from} ${to}`)
    if (edge === undefined) {
      const created = { from, to, artifacts: [] }
      this.edges.push(created)
      this.#edgesByEnds.set(`${from} ${to}`, created)
      edge = created
    }
    if (artifact !== undefined && !edge.artifacts.includes(artifact)) edge.artifacts.push(artifact)
  }
  group(kind: Plan.Group["kind"], label: string, place: Place | undefined): string {
    return this.#merge(kind, place, () => {
      const id = `${kind}-${this.groups.length + 1}`
      this.groups.push({ id, kind, label, ...(place === undefined ? undefined : { parent: place.id }) })
      return id
    }).id
  }
}

/**
 * Merges the results of alternatives of which a run takes one. Refs at the same position become one ref with several
 * writers.
 */
export const mergeAlternatives = (builder: GraphBuilder, alternatives: ReadonlyArray<unknown>): unknown => {
  const present = alternatives.filter((alternative) => alternative !== undefined && alternative !== null)
  const [first] = present
  const refs = present.filter(Ref.isRef)
  const [ref] = refs
  if (ref !== undefined) {
    const symbolic = refs.filter((ref) => ref instanceof SymbolicRef)
    const writers = new Set(symbolic.flatMap((ref) => ref.writers))
    return symbolic.length === 0 ? ref : new SymbolicRef(builder, ref.name, [...writers], symbolic[0]?.artifact)
  }
  const lists = present.filter(Array.isArray)
  const [list] = lists
  if (list !== undefined) {
    const longest = lists.reduce((longest, other) => (other.length > longest.length ? other : longest), list)
    return longest.map((_, index) =>
      mergeAlternatives(
        builder,
        lists.map((list) => list[index])
      )
    )
  }
  const objects = present.filter(isRecord)
  if (objects.length === 0) return first
  const names = new Set(objects.flatMap((object) => Object.keys(object)))
  const fields = Object.fromEntries(
    [...names].map((name) => [
      name,
      mergeAlternatives(
        builder,
        objects.map((object) => object[name])
      )
    ])
  )
  const origins = objects.flatMap((object) => State.originOf(object) ?? [])
  if (origins.length === 0) return fields
  return State.make(fields as State.Any, { tasks: [...new Set(origins.flatMap(({ tasks }) => tasks))], via: {} }) // of states
}

const isRecord = (alternative: unknown): alternative is Record<string, unknown> =>
  typeof alternative === "object" &&
  alternative !== null &&
  (Object.getPrototypeOf(alternative) === Object.prototype || State.originOf(alternative) !== undefined)
