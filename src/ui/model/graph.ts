/**
 * The graph of a run as nodes and edges: a node is a task, a step with many tasks until it is expanded, or a called run,
 * which becomes a frame around its own nodes when it is opened. Edges lead from the tasks whose outputs a task reads, and
 * carry the names of these artifacts.
 */
import type { RunView, TaskView } from "../../internal/server/shapes.ts"
import { callId, callsByFlow, callsId, type RunTree, scopeOf, stepId } from "./runTree.ts"
import { type StepSummary, stepsOf } from "./tasks.ts"

/** A step with at least this many tasks is collapsed into one node at first, and so are as many calls of one flow. */
export const collapseFrom = 3
/** The number of tasks of an expanded step that are shown as nodes. The waterfall shows the others. */
export const expandedTasksLimit = 60

/** What all nodes have. */
interface Placed {
  readonly id: string
  /** The frame that it is in. */
  readonly within: string | undefined
}

export interface TaskItem extends Placed {
  readonly kind: "task"
  readonly task: TaskView
  /** The name by which its step is closed again, if it was opened. */
  readonly fold: string | undefined
}

/** The tasks of a step, or the called runs of a flow. */
export interface StepItem extends Placed {
  readonly kind: "step"
  readonly step: StepSummary
  readonly isOfCalls: boolean
  /** Whether tasks of the step depend on each other. */
  readonly loops: boolean
  /** The name by which it is opened. */
  readonly fold: string
}

export interface MoreItem extends Placed {
  readonly kind: "more"
  readonly step: string
  readonly count: number
}

export interface CallItem extends Placed {
  /** A called run, and in its frame what it consists of. */
  readonly kind: "call" | "frame"
  readonly called: RunView
  readonly fold: string | undefined
}

export type GraphNode = TaskItem | StepItem | MoreItem | CallItem

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

/** A run of the tree, and how its tasks are named in it. */
interface Level {
  readonly tree: RunTree
  readonly scope: string
}

/** The nodes, with the node of each task and called run. */
class Nodes {
  readonly all: Array<GraphNode> = []
  readonly stepNodes = new Map<string, { loops: boolean; readonly node: Omit<StepItem, "loops"> }>()
  readonly levels: Array<Level> = []
  /** By the id of a task or a called run. */
  readonly nodeOf = new Map<string, string>()
  /** By the task that wrote the outputs, the task that took them over. */
  readonly takenOver = new Map<string, string>()
  readonly #expanded: ReadonlySet<string>

  constructor(expanded: ReadonlySet<string>) {
    this.#expanded = expanded
  }

  add(tree: RunTree, scope: string, within: string | undefined): void {
    this.levels.push({ tree, scope })
    for (const { id, source } of tree.tasks) if (source !== undefined) this.takenOver.set(source, scope + id)
    for (const step of stepsOf(tree.tasks)) {
      const fold = scope + step.step
      const node = { kind: "step", id: stepId(scope, step.step), within, step, isOfCalls: false, fold } as const
      for (const task of this.#shown(step.tasks, ({ id }) => scope + id, node)) {
        this.all.push({ kind: "task", id: scope + task.id, within, task, fold: foldOf(node) })
      }
    }
    for (const { flow, runs, summary } of callsByFlow(tree.calls)) {
      const fold = callsId(scope, flow)
      const node = { kind: "step", id: fold, within, step: summary, isOfCalls: true, fold } as const
      for (const called of this.#shown(runs, ({ id }) => callId(id), node)) {
        const id = callId(called.id)
        const child = tree.opened.get(called.id)
        const isFrame = child !== undefined && child.tasks.length + child.calls.length > 0
        this.all.push({ kind: isFrame ? "frame" : "call", id, within, called, fold: foldOf(node) })
        if (!isFrame) continue
        // Edges lead to the tasks in a frame and not to the frame.
        this.nodeOf.delete(id)
        this.add(child, scopeOf(child.run), id)
      }
    }
  }

  /** Those tasks of a step, or runs of a flow, that have a node each. The others share one. */
  #shown<Member extends { readonly status: TaskView["status"] }>(
    members: ReadonlyArray<Member>,
    idOf: (member: Member) => string,
    node: Omit<StepItem, "loops">
  ): ReadonlyArray<Member> {
    const { fold, id, step, within } = node
    if (isCollapsible(step) && !this.#expanded.has(fold)) {
      this.stepNodes.set(id, { loops: false, node })
      for (const member of members) this.nodeOf.set(idOf(member), id)
      return []
    }
    const shown = isCollapsible(step) ? mostInteresting(members) : members
    for (const member of shown) this.nodeOf.set(idOf(member), idOf(member))
    if (shown.length < members.length) {
      const more = `more:${fold}`
      for (const member of members) if (!this.nodeOf.has(idOf(member))) this.nodeOf.set(idOf(member), more)
      this.all.push({ kind: "more", id: more, within, step: step.step, count: members.length - shown.length })
    }
    return shown
  }
}

const isCollapsible = ({ tasks }: StepSummary): boolean => tasks.length >= collapseFrom

const foldOf = ({ fold, step }: Omit<StepItem, "loops">): string | undefined => (isCollapsible(step) ? fold : undefined)

/** Builds the graph of a run's tasks, with some steps expanded. */
export const build = (tree: RunTree, expanded: ReadonlySet<string>): GraphModel => {
  const nodes = new Nodes(expanded)
  nodes.add(tree, "", undefined)
  const edges: Array<{ readonly from: string; readonly to: string; readonly names: Set<string> }> = []
  const between = new Map<string, Map<string, (typeof edges)[number]>>() // by target, then by source
  for (const { scope, tree: level } of nodes.levels) {
    for (const task of level.tasks) {
      const to = nodes.nodeOf.get(scope + task.id)
      if (to === undefined) continue
      const into = between.get(to) ?? new Map<string, (typeof edges)[number]>()
      between.set(to, into)
      const names = namesGiven(task, { tree: level, scope }, nodes.takenOver)
      for (const parent of task.parents) {
        const from = nodeOfParent(parent, scope, nodes.nodeOf)
        if (from === undefined) continue
        if (from === to) {
          const loop = nodes.stepNodes.get(to)
          if (loop !== undefined) loop.loops = true
          continue
        }
        let edge = into.get(from)
        if (edge === undefined) {
          edge = { from, to, names: new Set() }
          into.set(from, edge)
          edges.push(edge)
        }
        for (const name of names(parent)) edge.names.add(name)
      }
    }
  }
  for (const { loops, node } of nodes.stepNodes.values()) nodes.all.push({ ...node, loops })
  return {
    nodes: nodes.all,
    edges: edges.map(({ from, names, to }) => ({ id: `${from}\n${to}`, from, to, names: [...names] }))
  }
}

/** The node of a task's parent: a task of the same run, or of a run that it called, which may be closed. */
const nodeOfParent = (parent: string, scope: string, nodeOf: ReadonlyMap<string, string>): string | undefined =>
  nodeOf.get(scope + parent) ?? nodeOf.get(parent) ?? nodeOf.get(callId(parent.slice(0, parent.indexOf("/"))))

/** The names of what a task got from each of its parents. */
const namesGiven = (
  task: TaskView,
  { scope, tree }: Level,
  takenOver: ReadonlyMap<string, string>
): ((parent: string) => ReadonlyArray<string>) => {
  const prefix = scopeOf(tree.run)
  // By task, or by step if the server only sent steps.
  const given = new Map<string, ReadonlyArray<string>>()
  for (const { names, writer } of task.given) {
    const own = writer.startsWith(prefix) ? scope + writer.slice(prefix.length) : writer
    given.set(takenOver.get(writer) ?? own, names)
  }
  return (parent) => given.get(scope + parent) ?? given.get(parent) ?? given.get(stepOfId(parent)) ?? []
}

const stepOfId = (id: string): string => id.slice(0, id.lastIndexOf("/"))

/** Failed ones first, then running ones, then the earliest. They stay in their order. */
const mostInteresting = <Member extends { readonly status: TaskView["status"] }>(
  members: ReadonlyArray<Member>
): ReadonlyArray<Member> => {
  if (members.length <= expandedTasksLimit) return members
  const rank = ({ status }: Member) => (status === "failed" ? 0 : status === "succeeded" ? 2 : 1)
  const chosen = new Set([...members].sort((a, b) => rank(a) - rank(b)).slice(0, expandedTasksLimit))
  return members.filter((member) => chosen.has(member))
}

/** The shape of a graph without statuses. A layout stays valid while this is unchanged. */
export const shapeOf = (graph: GraphModel): string =>
  `${graph.nodes.map(({ id, kind }) => (kind === "frame" ? `${id} open` : id)).join("\n")}\n\n${graph.edges.map((edge) => edge.id).join("\n\n")}`
