/**
 * The graph of a run as nodes and edges: a node is a task, or a step with many tasks until it is expanded. Edges lead
 * from the tasks whose outputs a task reads, and carry the names of these artifacts.
 */
import type { TaskView } from "../../internal/server/shapes.ts"
import { type StepSummary, stepsOf } from "./tasks.ts"

/** A step with at least this many tasks is collapsed into one node at first. */
export const collapseFrom = 3
/** The number of tasks of an expanded step that are shown as nodes. The waterfall shows the others. */
export const expandedTasksLimit = 60

export type GraphNode =
  | { readonly kind: "task"; readonly id: string; readonly task: TaskView; readonly collapsible: boolean }
  | { readonly kind: "step"; readonly id: string; readonly step: StepSummary; readonly loops: boolean }
  | { readonly kind: "more"; readonly id: string; readonly step: string; readonly count: number }

export interface GraphEdge {
  readonly id: string
  readonly from: string
  readonly to: string
  readonly names: ReadonlyArray<string>
}

export interface GraphModel {
  readonly nodes: ReadonlyArray<GraphNode>
  readonly edges: ReadonlyArray<GraphEdge>
}

/** Builds the graph of a run's tasks, with some steps expanded. */
export const build = (run: string, tasks: ReadonlyArray<TaskView>, expanded: ReadonlySet<string>): GraphModel => {
  const steps = stepsOf(tasks)
  const nodes: Array<GraphNode> = []
  const nodeOf = new Map<string, string>() // by task id
  const takenOver = new Map<string, string>() // by the task that wrote the outputs, the task that took them over
  for (const task of tasks) if (task.source !== undefined) takenOver.set(task.source, task.id)
  const stepNodes = new Map<string, { loops: boolean; readonly step: StepSummary }>()
  for (const step of steps) {
    const collapsible = step.tasks.length >= collapseFrom
    if (collapsible && !expanded.has(step.step)) {
      const id = `step:${step.step}`
      stepNodes.set(id, { loops: false, step })
      for (const task of step.tasks) nodeOf.set(task.id, id)
      continue
    }
    const shown = collapsible ? mostInteresting(step.tasks) : step.tasks
    for (const task of shown) {
      nodeOf.set(task.id, task.id)
      nodes.push({ kind: "task", id: task.id, task, collapsible })
    }
    if (shown.length < step.tasks.length) {
      const id = `more:${step.step}`
      for (const task of step.tasks) if (!nodeOf.has(task.id)) nodeOf.set(task.id, id)
      nodes.push({ kind: "more", id, step: step.step, count: step.tasks.length - shown.length })
    }
  }

  const prefix = `${run}/`
  const edges: Array<{ readonly from: string; readonly to: string; readonly names: Set<string> }> = []
  const between = new Map<string, Map<string, (typeof edges)[number]>>() // by target, then by source
  for (const task of tasks) {
    const to = nodeOf.get(task.id)
    if (to === undefined) continue
    const into = between.get(to) ?? new Map<string, (typeof edges)[number]>()
    between.set(to, into)
    // By task, or by step if the server only sent steps.
    const given = new Map<string, ReadonlyArray<string>>()
    for (const { names, writer } of task.given) {
      given.set(takenOver.get(writer) ?? (writer.startsWith(prefix) ? writer.slice(prefix.length) : writer), names)
    }
    for (const parent of task.parents) {
      const from = nodeOf.get(parent)
      if (from === undefined) continue
      if (from === to) {
        const loop = stepNodes.get(to)
        if (loop !== undefined) loop.loops = true
        continue
      }
      let edge = into.get(from)
      if (edge === undefined) {
        edge = { from, to, names: new Set() }
        into.set(from, edge)
        edges.push(edge)
      }
      for (const name of given.get(parent) ?? given.get(stepOfId(parent)) ?? []) edge.names.add(name)
    }
  }
  for (const [id, { loops, step }] of stepNodes) nodes.push({ kind: "step", id, step, loops })
  return {
    nodes,
    edges: edges.map(({ from, names, to }) => ({ id: `${from}\n${to}`, from, to, names: [...names] }))
  }
}

const stepOfId = (id: string): string => id.slice(0, id.lastIndexOf("/"))

/** Failed tasks first, then running ones, then the earliest. */
const mostInteresting = (tasks: ReadonlyArray<TaskView>): ReadonlyArray<TaskView> => {
  if (tasks.length <= expandedTasksLimit) return tasks
  const rank = (task: TaskView) => (task.status === "failed" ? 0 : task.status === "succeeded" ? 2 : 1)
  return [...tasks]
    .sort((a, b) => rank(a) - rank(b) || a.index - b.index)
    .slice(0, expandedTasksLimit)
    .sort((a, b) => a.index - b.index)
}

/** The shape of a graph without statuses. A layout stays valid while this is unchanged. */
export const shapeOf = (graph: GraphModel): string =>
  `${graph.nodes.map((node) => node.id).join("\n")}\n\n${graph.edges.map((edge) => edge.id).join("\n\n")}`
