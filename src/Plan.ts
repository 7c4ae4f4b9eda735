/**
 * The graph of a flow before it runs: the same body, interpreted without executing anything. Steps hand out symbolic refs,
 * so a plan is exact and free for every flow that composes refs; `Step.forEach`, `Flow.when`, `Flow.match` and
 * `Flow.iterate` stay plannable. Where a body reads the value of a symbolic ref, the plan stops and names the ref.
 *
 * `Plan.ofRun` draws what a run really did, from its records.
 */
import * as Effect from "effect/Effect"
import * as Graph from "effect/Graph"
import type { Decoded, Flow, Given, Parameters } from "./Flow.ts"
import type { ParameterError } from "./FlowError.ts"
import * as GivenChecks from "./internal/flow/given.ts"
import type { Edge, Group, Node, Plan } from "./internal/plan/model.ts"
import { plan } from "./internal/plan/planner.ts"
import { heading, toText as render } from "./internal/plan/text.ts"
import * as ParameterValues from "./internal/run/parameters.ts"
import { beganAt, type RunRecord, type TaskRecord } from "./RunRecord.ts"

export type { Edge, Group, Node, Plan, Stop } from "./internal/plan/model.ts"

/** @internal */
export const fromParts = (parts: Omit<Plan, "graph">): Plan => ({
  ...parts,
  graph: Graph.directed<Node, Edge>((mutable) => {
    const indexes = new Map(parts.nodes.map((node) => [node.id, Graph.addNode(mutable, node)]))
    for (const edge of parts.edges) {
      const [from, to] = [indexes.get(edge.from), indexes.get(edge.to)]
      if (from !== undefined && to !== undefined) Graph.addEdge(mutable, from, to, edge)
    }
  })
})

/**
 * The graph of a flow with these parameters. Nothing is executed, no layer is built, nothing is stored.
 *
 * @example
 * ```ts
 * console.log(Plan.toMermaid(yield* Plan.make(BranchNLPFlow, {})))
 * ```
 */
export const make = <Name extends string, P extends Parameters, Out, E, R>(
  flow: Flow<Name, P, Out, E, R>,
  parameters: Given<P>
): Effect.Effect<Plan, ParameterError> => {
  GivenChecks.flow("The first argument of Plan.make", flow)
  return Effect.flatMap(
    ParameterValues.make(flow, parameters),
    (complete) => Effect.map(plan(flow, complete as Decoded<P>), fromParts) // decoded by the parameters' own schemas
  )
}

/**
 * The graph of what a run did, with states and durations in milliseconds. Every task is a node of its own.
 *
 * @param run The run's record.
 * @param tasks The records of its tasks.
 *
 * @example
 * ```ts
 * const plan = Plan.ofRun(yield* Run.get("latest"), yield* Run.tasks("latest"))
 * ```
 */
export const ofRun = (run: RunRecord, tasks: ReadonlyArray<TaskRecord>): Plan => {
  const outputs = new Map(tasks.map((task) => [task.id, task.outputs]))
  return fromParts({
    flow: run.flow,
    run: run.id,
    groups: [],
    nodes: tasks.map((task) => ({
      id: task.id,
      step: task.step,
      kind: task.inputs.some((input) => input.name.includes(".")) ? "join" : "step",
      count: 1,
      status: task.status,
      how: task.how,
      ...(task.finishedAt === undefined ? undefined : { duration: task.finishedAt - beganAt(task) })
    })),
    edges: tasks.flatMap((task) => {
      const read = Map.groupBy(task.inputs, (input) => input.writer)
      return task.parents.map((parent) => {
        const written = outputs.get(parent) ?? []
        const names = new Set<string>()
        for (const writer of new Set(written.map((output) => output.writer))) {
          for (const input of read.get(writer) ?? []) {
            const output = written.find((output) => output.digest === input.digest)
            // An element of a list has no digest of its own among the outputs, so it keeps the name that the task has
            // for it.
            names.add(output?.name ?? input.name)
          }
        }
        return { from: parent, to: task.id, artifacts: [...names] }
      })
    })
  })
}

const label = (node: Node, groups: ReadonlyMap<string, Group>): string => {
  const times = node.count === 1 ? "" : ` ×${node.count ?? "n"}`
  const lines = [`${node.id}${times}`]
  for (let group = groups.get(node.group ?? ""); group !== undefined; group = groups.get(group.parent ?? "")) {
    lines.push(`${heading[group.kind]} ${group.label}`)
  }
  if (node.description !== undefined) lines.push(node.description)
  if (node.status !== undefined) {
    const how =
      node.how === undefined || node.how === "executed"
        ? node.status
        : node.how === "takenOver"
          ? "taken over"
          : "cached"
    lines.push(node.duration === undefined ? how : `${how}, ${node.duration} ms`)
  }
  return lines.join("\n")
}

const labels = (self: Plan) => {
  const groups = new Map(self.groups.map((group) => [group.id, group]))
  return {
    nodeLabel: (node: Node) => label(node, groups),
    edgeLabel: (edge: Edge) => edge.artifacts.join(", ")
  }
}

/**
 * The plan as a Mermaid flowchart.
 *
 * @example
 * ```ts
 * yield* Console.log(Plan.toMermaid(yield* Plan.make(SquareFlow, {})))
 * ```
 */
export const toMermaid = (self: Plan): string =>
  Graph.toMermaid(self.graph, {
    ...labels(self),
    nodeShape: (node) => (node.kind === "join" ? "hexagon" : node.count === 1 ? "rounded" : "subroutine")
  })

/**
 * The plan as a Graphviz digraph.
 *
 * @example
 * ```ts
 * yield* Console.log(Plan.toDot(yield* Plan.make(SquareFlow, {})))
 * ```
 */
export const toDot = (self: Plan): string => Graph.toGraphViz(self.graph, { ...labels(self), graphName: self.flow })

/**
 * The plan as lines for a terminal: every task with what it reads, and where the plan stops.
 *
 * @example
 * ```ts
 * yield* Console.log(Plan.toText(yield* Plan.make(SquareFlow, {})))
 * ```
 */
export const toText = (self: Plan): string => render(self)

/**
 * The plan as plain data.
 *
 * @example
 * ```ts
 * yield* Console.log(JSON.stringify(Plan.toJson(yield* Plan.make(SquareFlow, {}))))
 * ```
 */
export const toJson = ({ graph: _, ...data }: Plan): Omit<Plan, "graph"> => data
