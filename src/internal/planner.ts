/**
 * Interprets a flow's body without executing it. A task only leaves a node and its edges, and yields symbolic refs; both
 * arms of a choice are drawn, the body of a loop once, and a list that is itself a ref by one element that stands for all.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Effectable from "effect/Effectable"
import * as Exit from "effect/Exit"
import { CurrentRun, type Interpreter } from "../CurrentRun.ts"
import type { Any as AnyFlow } from "../Flow.ts"
import { FlowError } from "../FlowError.ts"
import type * as Plan from "../Plan.ts"
import * as Ref from "../Ref.ts"
import * as State from "../State.ts"
import { type Definition, listed } from "./definition.ts"
import { fromCause } from "./errorRecord.ts"
import { collectParents } from "./inputs.ts"
import * as Misuse from "./misuse.ts"
import * as ParameterValues from "./parameters.ts"
import { ItemRef } from "./refs.ts"
import { stateSlots } from "./taskBody.ts"

/** What looking at a symbolic ref ends the plan with. */
class Looked extends Error {
  readonly ref: string
  constructor(ref: string) {
    super(`The flow looks at the value of ${ref} here`)
    this.ref = ref
  }
}

/** Stands for an artifact that some task would write. Several tasks, where it comes out of arms of which a run takes one. */
class SymbolicRef extends Effectable.Class<never> implements Ref.Ref<never> {
  readonly [Ref.TypeId] = Ref.TypeId
  readonly name: string
  readonly writers: ReadonlyArray<string>
  readonly format = "json"
  readonly mediaType = "application/json"
  constructor(name: string, writers: ReadonlyArray<string>) {
    super()
    this.name = name
    this.writers = writers
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
    throw new Looked(this.label)
  }
  get size(): number {
    throw new Looked(this.label)
  }
  override asEffect(): Effect.Effect<never> {
    return Effect.suspend(() => Effect.die(new Looked(this.label)))
  }
}

const labelOf = (ref: Ref.Ref<unknown>) => (ref instanceof SymbolicRef ? ref.label : ref.name)

/** The parts of a plan. */
export const plan = Effect.fnUntraced(function* (flow: AnyFlow, parameters: object) {
  const drawing = new Drawing()
  const body = Effect.suspend(() => flow.body(parameters as never) as Effect.Effect<unknown, unknown>) // its services are of no use to a plan
  const exit = yield* Effect.exit(Effect.provideService(body, CurrentRun, interpreter(drawing, flow, undefined)))
  const stop = Exit.isSuccess(exit) ? undefined : stopOf(exit.cause)
  return {
    flow: flow.flowName,
    nodes: drawing.nodes,
    edges: drawing.edges,
    groups: drawing.groups,
    ...(stop === undefined ? undefined : { stop })
  } satisfies Omit<Plan.Plan, "graph">
})

const stopOf = (cause: Cause.Cause<unknown>): Plan.Stop => {
  const looked = cause.reasons.find((reason) => Cause.isDieReason(reason) && reason.defect instanceof Looked)
  if (looked !== undefined && Cause.isDieReason(looked)) {
    const { ref } = looked.defect as Looked // found as one
    return {
      ref,
      message: `The plan stops here: the flow looks at the value of ${ref}, which only a run has. Flow.when, Flow.match, Flow.iterate and Step.forEach decide by a ref and stay plannable.`
    }
  }
  return { ref: "", message: `The plan stops here: the flow's body failed. ${fromCause(cause).message}` }
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

/** Where in the drawing a part of the body is. */
interface Place {
  /** The group. */
  readonly id: string
  /** Whether only a run can tell how many tasks are here. */
  readonly unknown: boolean
  /** Within an element of a list: how often each thing was met in it, so that it falls together with the others' n-th. */
  readonly seen: Map<string, number> | undefined
}

/** Nodes, edges and groups as they come. What every element of a list has is drawn once, and counted. */
class Drawing {
  readonly nodes: Array<Mutable<Plan.Node>> = []
  readonly edges: Array<{ readonly from: string; readonly to: string; readonly artifacts: Array<string> }> = []
  readonly groups: Array<Plan.Group> = []
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

const interpreter = (drawing: Drawing, flow: AnyFlow, place: Place | undefined): Interpreter => {
  const inside = <A>(effect: Effect.Effect<A, unknown, unknown>, at: Place) =>
    Effect.provideService(effect, CurrentRun, interpreter(drawing, flow, at)) as Effect.Effect<A, unknown, never> // services of no use to a plan
  const within = (id: string): Place => ({ id, unknown: place?.unknown ?? false, seen: place?.seen })
  return {
    id: "plan",
    flow: flow.flowName,
    task: Effect.fnUntraced(function* (definition, given, branches) {
      if (listed(flow.definitions, definition) === undefined) {
        return yield* Effect.die(
          new FlowError({
            reason: "unlisted",
            message: `Flow "${flow.flowName}" runs a task of step "${definition.name}", which it does not list.`
          })
        )
      }
      const states: Record<string, unknown> = {}
      for (const [name, branch] of Object.entries(branches ?? {})) {
        states[name] = Effect.isEffect(branch) ? yield* branch as Effect.Effect<unknown, unknown> : branch
      }
      const id = drawing.node(definition, place)
      const take = (state: object, names: ReadonlyArray<string>) => {
        const parents = new Set<string>()
        collectParents(state, parents)
        for (const ref of Object.values(state))
          if (ref instanceof SymbolicRef && State.originOf(state) === undefined)
            for (const writer of ref.writers) parents.add(writer)
        for (const parent of parents) drawing.edge(parent, id, undefined)
        for (const name of names) {
          const ref = (state as Record<string, unknown>)[name] // a name of the state, or nothing
          if (ref instanceof SymbolicRef)
            for (const writer of ref.writers) if (parents.has(writer)) drawing.edge(writer, id, ref.name)
        }
      }
      for (const [name, branch] of Object.entries(definition.branches ?? {})) {
        const names = stateSlots(branch.definition).map((slot) => slot.name)
        for (const state of branch.many ? (states[name] as ReadonlyArray<object>) : [states[name] as object])
          take(state, names) // the types of a join say so
      }
      if (given !== undefined)
        take(
          given,
          definition.input.map((slot) => slot.name)
        )
      const refs: Record<string, Ref.Ref<unknown>> = {}
      for (const slot of definition.input) {
        const value = (given as Record<string, unknown> | undefined)?.[slot.name]
        refs[slot.name] = Ref.isRef(value) ? value : new ItemRef(value, slot.name, undefined, undefined)
      }
      for (const slot of definition.output) refs[slot.name] = new SymbolicRef(slot.name, [id])
      return State.make(refs, { tasks: [id], via: Object.fromEntries(Object.keys(refs).map((name) => [name, id])) })
    }),
    forEach: Effect.fnUntraced(function* (items, task) {
      const element = (ref: Ref.Ref<unknown>, index: number, id: string, unknown: boolean) =>
        inside(task(ref, index), { id, unknown, seen: new Map() })
      if (items instanceof SymbolicRef) {
        const id = drawing.group("foreach", items.label, place)
        return [yield* element(new SymbolicRef(items.name, items.writers), 0, id, true)]
      }
      const list = yield* Ref.isRef(items) ? valueOf(items) : Effect.succeed(items)
      if (!Array.isArray(list)) return yield* Effect.die(Misuse.notAList(items, list))
      const id = drawing.group("foreach", Ref.isRef(items) ? items.name : `${list.length} items`, place)
      return yield* Effect.forEach(list, (value, index) =>
        element(new ItemRef(value, `item.${index}`, undefined, undefined), index, id, place?.unknown ?? false)
      )
    }),
    choose: Effect.fnUntraced(function* (ref, arms) {
      const results: Array<unknown> = []
      for (const [value, arm] of Object.entries(arms)) {
        const id = drawing.group("arm", `${labelOf(ref)} is ${value}`, place)
        results.push(yield* inside(arm(), within(id)))
      }
      return either(results)
    }),
    iterate: Effect.fnUntraced(function* (state, options) {
      const id = drawing.group("loop", "its condition holds", place)
      const round = (from: unknown, count: number) =>
        inside(options.body(from, count), { id, unknown: true, seen: new Map() })
      const first = yield* round(state, 0)
      // The second round falls together with the first, and leaves the edges that lead from one round to the next.
      return either([state, first, yield* round(first, 1)])
    }),
    call: Effect.fnUntraced(function* (called, parameters) {
      const child = flow.stead?.get(called) ?? called
      const complete = yield* ParameterValues.make(child, parameters)
      const id = drawing.group("flow", child.flowName, place)
      const body = Effect.suspend(() => child.body(complete as never) as Effect.Effect<unknown, unknown>)
      return yield* Effect.provideService(body, CurrentRun, interpreter(drawing, child, within(id)))
    })
  }
}

/** The value of a ref that is not symbolic: an item, which needs no store. */
const valueOf = <A>(ref: Ref.Ref<A>) => Effect.orDie(ref) as Effect.Effect<A>

/** What comes out of one of several ways: refs by name, written by whichever was taken. */
const either = (results: ReadonlyArray<unknown>): unknown => {
  const states = results.filter((result): result is State.Any => typeof result === "object" && result !== null)
  const [first] = states
  if (first === undefined) return results[0]
  const names = new Set(states.flatMap((state) => Object.keys(state)))
  const refs: Record<string, Ref.Ref<unknown>> = {}
  for (const name of names) {
    const found = states.flatMap((state) => (Ref.isRef(state[name]) ? [state[name]] : []))
    const writers = new Set(found.flatMap((ref) => (ref instanceof SymbolicRef ? ref.writers : [])))
    const [one] = found
    if (one === undefined) continue
    refs[name] = writers.size === 0 ? one : new SymbolicRef(one.name, [...writers])
  }
  const tasks = new Set(states.flatMap((state) => State.originOf(state)?.tasks ?? []))
  return State.make(refs, { tasks: [...tasks], via: {} })
}
