/** The suite as pairs of graph and behaviour, complete or sampled, for tests with other stores and executors. */
import type * as Effect from "effect/Effect"
import { behaviours } from "./behaviours.ts"
import type { Case } from "./case.ts"
import { cases } from "./cases.ts"
import type { Behaviour, Stores } from "./harness.ts"

/** A behaviour on a graph. */
export interface Pair {
  readonly behaviour: Behaviour
  readonly graph: Case
  readonly run: Effect.Effect<void, unknown, Stores>
}

const pair = (behaviour: Behaviour, graph: Case): Pair => ({ behaviour, graph, run: behaviour.run(graph) })

const isWidest = (graph: Case) => graph.flow.flowName === "widestForeach"

/** What the widest graph goes through; every other behaviour is tried on 20 items, which are more than run at once. */
const behavioursOfWidest: ReadonlySet<string> = new Set([
  "a run comes to the right value",
  "lineage equals the graph",
  "a join over a list has its items' order, run after run",
  "the plan equals what ran",
  "why tells of every task what it was",
  "the client reads back everything",
  "a run interrupted by hand is resumed from where it was"
])

const graphsOf = (behaviour: Behaviour) =>
  cases.filter(
    (graph) => (behaviour.applies?.(graph) ?? true) && (!isWidest(graph) || behavioursOfWidest.has(behaviour.name))
  )

/** Every behaviour with every graph that it applies to. */
export const all: ReadonlyArray<Pair> = behaviours.flatMap((behaviour) =>
  graphsOf(behaviour).map((graph) => pair(behaviour, graph))
)

/** Each behaviour on two graphs; every graph is there under several behaviours, but the widest under the first alone. */
export const sample: ReadonlyArray<Pair> = behaviours.flatMap((behaviour, row) => {
  const graphs = graphsOf(behaviour).filter((graph) => row === 0 || !isWidest(graph))
  const two = new Set([
    ...(row === 0 ? graphs.filter(isWidest) : []),
    graphs[(row * 5) % graphs.length],
    graphs[(row * 5 + 11) % graphs.length]
  ])
  return [...two].flatMap((graph) => (graph === undefined ? [] : [pair(behaviour, graph)]))
})

/**
 * Pairs for an executor whose tasks run elsewhere: flows as `graphs.ts` exports them (its path is what a worker imports),
 * none of them with another body. Each graph but the widest under each such behaviour; of the widest, the first three.
 */
export const anywhere: ReadonlyArray<Pair> = all.filter(
  ({ behaviour, graph }, _, pairs) =>
    behaviour.anywhere === true &&
    (!isWidest(graph) ||
      pairs
        .filter((pair) => pair.graph === graph && pair.behaviour.anywhere === true)
        .findIndex((pair) => pair.behaviour === behaviour) < 3)
)
