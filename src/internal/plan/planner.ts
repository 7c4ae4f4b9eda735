/**
 * Interprets a flow's body without executing it. A task adds a node and its edges to the graph and yields symbolic
 * refs. Both arms of a choice are included, the body of a loop once, and a list that is itself a ref as one element
 * that stands for all.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { CurrentRun, type Interpreter } from "../../CurrentRun.ts"
import { FlowError } from "../../FlowError.ts"
import * as Ref from "../../Ref.ts"
import * as State from "../../State.ts"
import type { FlowDefinition } from "../run/definition.ts"
import { listed } from "../run/definition.ts"
import { fromCause } from "../run/errorRecord.ts"
import { collectParents } from "../run/inputs.ts"
import * as ParameterValues from "../run/parameters.ts"
import { ItemRef } from "../run/refs.ts"
import { stateSlots } from "../run/taskBody.ts"
import * as UsageErrors from "../run/usageErrors.ts"
import { GraphBuilder, mergeAlternatives, type Place, SymbolicRef } from "./graphBuilder.ts"
import type * as Plan from "./model.ts"

/** The parts of a plan. */
export const plan = Effect.fnUntraced(function* (flow: FlowDefinition, parameters: object) {
  const builder = new GraphBuilder()
  const exit = yield* Effect.exit(
    Effect.provideService(bodyOf(flow, parameters), CurrentRun, interpreter(builder, flow, undefined))
  )
  const stop =
    builder.firstRead !== undefined
      ? stopAtRead(builder.firstRead)
      : Exit.isSuccess(exit)
        ? undefined
        : { ref: "", message: `The plan stops here: the flow's body failed. ${fromCause(exit.cause).message}` }
  return {
    flow: flow.flowName,
    nodes: builder.nodes,
    edges: builder.edges,
    groups: builder.groups,
    ...(stop === undefined ? undefined : { stop })
  } satisfies Omit<Plan.Plan, "graph">
})

/** A flow's body with a scope of its own, as in a run. */
const bodyOf = (flow: FlowDefinition, parameters: object) =>
  Effect.scoped(
    Effect.suspend(() => flow.body(parameters as never) as Effect.Effect<unknown, unknown>) // a plan never uses its services
  )

const stopAtRead = (ref: string): Plan.Stop => ({
  ref,
  message: `The plan stops here: the flow reads the value of ${ref}, which only a run has. To keep the flow plannable, pass the ref to Flow.when, Flow.match, Flow.iterate or Step.forEach instead of reading it.`
})

const interpreter = (builder: GraphBuilder, flow: FlowDefinition, place: Place | undefined): Interpreter => {
  const inside = <A>(effect: Effect.Effect<A, unknown, unknown>, at: Place) =>
    Effect.provideService(effect, CurrentRun, interpreter(builder, flow, at)) as Effect.Effect<A, unknown, never> // a plan never uses its services
  const within = (id: string): Place => ({ id, unknown: place?.unknown ?? false, seen: place?.seen })
  return {
    id: "plan",
    flow: flow.flowName,
    task: Effect.fnUntraced(function* (definition, input, branches) {
      if (listed(flow.definitions, definition) === undefined) {
        return yield* Effect.die(
          new FlowError({
            reason: "unlisted",
            message: `Flow "${flow.flowName}" runs a task of step "${definition.name}", which it does not list. Add it to the flow's steps: [${[...flow.definitions.keys(), definition.name].join(", ")}].`
          })
        )
      }
      const states: Record<string, unknown> = {}
      for (const [name, branch] of Object.entries(branches ?? {})) {
        states[name] = Effect.isEffect(branch) ? yield* branch as Effect.Effect<unknown, unknown> : branch
      }
      const id = builder.node(definition, place)
      const take = (state: object, names: ReadonlyArray<string>) => {
        const parents = new Set<string>()
        collectParents(state, parents)
        for (const ref of Object.values(state))
          if (ref instanceof SymbolicRef && State.originOf(state) === undefined)
            for (const writer of ref.writers) parents.add(writer)
        for (const parent of parents) builder.edge(parent, id, undefined)
        for (const name of names) {
          const ref = (state as Record<string, unknown>)[name] // undefined for a name that the state lacks
          if (ref instanceof SymbolicRef)
            for (const writer of ref.writers) if (parents.has(writer)) builder.edge(writer, id, ref.name)
        }
      }
      for (const [name, branch] of Object.entries(definition.branches ?? {})) {
        const names = stateSlots(branch.definition).map((slot) => slot.name)
        for (const state of branch.many ? (states[name] as ReadonlyArray<object>) : [states[name] as object])
          take(state, names) // guaranteed by the types of a join
      }
      if (input !== undefined)
        take(
          input,
          definition.input.map((slot) => slot.name)
        )
      const refs: Record<string, Ref.Ref<unknown>> = {}
      for (const slot of definition.input) {
        const value = (input as Record<string, unknown> | undefined)?.[slot.name]
        refs[slot.name] = Ref.isRef(value) ? value : new ItemRef(value, slot.name, undefined, undefined)
      }
      for (const slot of definition.output) refs[slot.name] = new SymbolicRef(builder, slot.name, [id], slot.artifact)
      return State.make(refs, { tasks: [id], via: Object.fromEntries(Object.keys(refs).map((name) => [name, id])) })
    }),
    forEach: Effect.fnUntraced(function* (items, task) {
      const element = (ref: Ref.Ref<unknown>, index: number, id: string, unknown: boolean) =>
        inside(task(ref, index), { id, unknown, seen: new Map() })
      if (items instanceof SymbolicRef) {
        const id = builder.group("foreach", items.label, place)
        return [
          yield* element(new SymbolicRef(builder, items.name, items.writers, items.artifact?.item?.()), 0, id, true)
        ]
      }
      const list = yield* Ref.isRef(items) ? valueOf(items) : Effect.succeed(items)
      if (!Array.isArray(list)) return yield* Effect.die(UsageErrors.notAList(items, list))
      const id = builder.group("foreach", Ref.isRef(items) ? items.name : `${list.length} items`, place)
      return yield* Effect.forEach(list, (value, index) =>
        element(
          Ref.isRef(value) ? value : new ItemRef(value, `item.${index}`, undefined, undefined),
          index,
          id,
          place?.unknown ?? false
        )
      )
    }),
    choose: Effect.fnUntraced(function* (ref, arms) {
      if (!(ref instanceof SymbolicRef)) {
        const value = String(yield* valueOf(ref)) // the value is known, so only one arm is taken
        const arm = Object.hasOwn(arms, value) ? arms[value] : undefined
        return arm === undefined ? yield* Effect.die(UsageErrors.noArm(ref, value, arms)) : yield* arm()
      }
      const results: Array<unknown> = []
      for (const [value, arm] of Object.entries(arms)) {
        const id = builder.group("arm", `${ref.label} is ${value}`, place)
        results.push(yield* inside(arm(), within(id)))
      }
      return mergeAlternatives(builder, results)
    }),
    iterate: Effect.fnUntraced(function* (state, options) {
      const id = builder.group("loop", "its condition holds", place)
      const round = (from: unknown, count: number) =>
        inside(options.body(from, count), { id, unknown: true, seen: new Map() })
      const first = yield* round(state, 0)
      // The second round merges with the first and adds the edges from one round to the next.
      return mergeAlternatives(builder, [state, first, yield* round(first, 1)])
    }),
    call: Effect.fnUntraced(function* (called, parameters) {
      const child = flow.replacements?.get(called) ?? called
      const complete = yield* ParameterValues.make(child, parameters)
      const id = builder.group("flow", child.flowName, place)
      return yield* Effect.provideService(bodyOf(child, complete), CurrentRun, interpreter(builder, child, within(id)))
    })
  }
}

/** The value of a ref that is not symbolic. It is an item, so no store is needed. */
const valueOf = <A>(ref: Ref.Ref<A>) => Effect.orDie(ref) as Effect.Effect<A>
