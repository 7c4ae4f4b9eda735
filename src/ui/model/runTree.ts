/**
 * A run with the runs that it called. The graph and the waterfall draw a called run as one item, and in its place its own
 * steps once it is opened. Tasks of the run itself go by their ids, `train/3`, and those of an opened run by its id as
 * well, `RUN/train/3`, which is how refs name them too.
 */
import type { RunView, TaskView } from "../../internal/server/shapes.ts"
import { type StepSummary, stepsOf } from "./tasks.ts"

export interface RunTree {
  readonly run: string
  readonly tasks: ReadonlyArray<TaskView>
  /** The runs that it called, in the order in which they began. */
  readonly calls: ReadonlyArray<RunView>
  /** Those of them that are opened and loaded, by their ids. */
  readonly opened: ReadonlyMap<string, RunTree>
}

/** What is known of a run that may be opened within another. */
export interface LoadedRun {
  readonly run: RunView
  readonly tasks: ReadonlyArray<TaskView>
  readonly calls: ReadonlyArray<RunView>
}

/** The tree of a run: what of it is opened, as far as it is loaded. */
export const treeOf = (
  run: string,
  tasks: ReadonlyArray<TaskView>,
  calls: ReadonlyArray<RunView>,
  isOpened: ReadonlySet<string>,
  loaded: ReadonlyMap<string, LoadedRun>
): RunTree => {
  const opened = new Map<string, RunTree>()
  for (const { id } of calls) {
    const child = isOpened.has(id) ? loaded.get(id) : undefined
    if (child !== undefined) opened.set(id, treeOf(id, child.tasks, child.calls, isOpened, loaded))
  }
  return {
    run,
    tasks,
    // A run that is loaded is followed more closely than the list of those that were called.
    calls: calls
      .map((call) => loaded.get(call.id)?.run ?? call)
      .sort((a, b) => a.startedAt - b.startedAt || (a.id < b.id ? -1 : 1)),
    opened
  }
}

/** The ids of the runs in the tree that are to be opened. */
export const openedIn = (
  calls: ReadonlyArray<RunView>,
  isOpened: ReadonlySet<string>,
  loaded: ReadonlyMap<string, LoadedRun>
): ReadonlyArray<string> =>
  calls.flatMap(({ id }) => (isOpened.has(id) ? [id, ...openedIn(loaded.get(id)?.calls ?? [], isOpened, loaded)] : []))

/** The run that called a run. */
export const callerOf = ({ parent }: RunView): string | undefined => parent?.split("/")[0]

/** What stands before the ids of an opened run's tasks. */
export const scopeOf = (run: string): string => `${run}/`

/** The id of a called run among the items of its caller. */
export const callId = (run: string): string => `run:${run}`

/** The id of all runs of one flow, which are drawn as one item while they are closed. */
export const callsId = (scope: string, flow: string): string => `${scope}calls:${flow}`

/** The id of a step whose tasks are drawn as one item. */
export const stepId = (scope: string, step: string): string => `${scope}step:${step}`

/** A called run as if it were a task of its caller, for what summarizes tasks. */
const callAsTask = (run: RunView): TaskView => {
  const { endedAt, flow, id, startedAt, status } = run
  const ended = endedAt === undefined ? {} : { finishedAt: endedAt }
  return {
    id: callId(id),
    step: flow,
    index: 0,
    status,
    how: "executed",
    startedAt,
    ...ended,
    attempts: [{ number: 1, status, startedAt, ...ended }],
    parents: [],
    given: [],
    outputs: [],
    bytes: 0
  }
}

/** The runs of one flow that a run called. */
export interface Calls {
  readonly flow: string
  readonly runs: ReadonlyArray<RunView>
  readonly summary: StepSummary
}

/** Called runs by flow, in the order in which the first of each began. */
export const callsByFlow = (calls: ReadonlyArray<RunView>): ReadonlyArray<Calls> => {
  const byFlow = Map.groupBy(calls, ({ flow }) => flow)
  return stepsOf(calls.map(callAsTask)).map((summary) => ({
    flow: summary.step,
    runs: byFlow.get(summary.step) ?? [],
    summary
  }))
}

/** An item of the tree, and the run that it is of. */
export type Item = { readonly tree: RunTree; readonly scope: string } & (
  | { readonly task: TaskView; readonly call?: never }
  | { readonly call: RunView; readonly task?: never }
)

/** The task or the called run that an id names. */
export const find = (tree: RunTree, id: string, scope = ""): Item | undefined => {
  if (id.startsWith(scope)) {
    const own = id.slice(scope.length)
    const task = tree.tasks.find((task) => task.id === own)
    if (task !== undefined) return { tree, scope, task }
  }
  const call = tree.calls.find((call) => callId(call.id) === id)
  if (call !== undefined) return { tree, scope, call }
  for (const child of tree.opened.values()) {
    const item = find(child, id, scopeOf(child.run))
    if (item !== undefined) return item
  }
  return undefined
}

/** Whether an id names all tasks of a step, or all called runs of a flow. */
export const hasGroup = (tree: RunTree, id: string, scope = ""): boolean =>
  tree.tasks.some(({ step }) => stepId(scope, step) === id) ||
  tree.calls.some(({ flow }) => callsId(scope, flow) === id) ||
  [...tree.opened.values()].some((child) => hasGroup(child, id, scopeOf(child.run)))
