/** What a plan is made of: tasks, the groups around them, and the edges between them. */
import type * as Graph from "effect/Graph"
import type { TaskRecord } from "../../RunRecord.ts"

/** A task of the graph, or all tasks of one step in a list, an arm or a loop. */
export interface Node {
  /** `train/3`, numbered as a run would. */
  readonly id: string
  readonly step: string
  readonly kind: "step" | "join"
  readonly description?: string
  /** The innermost group that it is in. */
  readonly group?: string
  /** The number of tasks it stands for. Absent if only a run can tell. */
  readonly count?: number
  /** In the plan of a run: the task's status. */
  readonly status?: TaskRecord["status"]
  readonly how?: TaskRecord["how"]
  readonly duration?: number
}

/** A list, an arm, a loop or a called flow that encloses tasks. */
export interface Group {
  readonly id: string
  readonly kind: "foreach" | "arm" | "loop" | "flow"
  /** `start/1.items`, `check/2.passed is true`. */
  readonly label: string
  readonly parent?: string
}

/** One task follows another and reads some of its artifacts. */
export interface Edge {
  readonly from: string
  readonly to: string
  readonly artifacts: ReadonlyArray<string>
}

/** Why a plan ends before the flow does. */
export interface Stop {
  /** The ref whose value the body reads: `start/1.df`. */
  readonly ref: string
  readonly message: string
}

/** A graph of tasks. */
export interface Plan {
  readonly flow: string
  readonly run?: string
  readonly nodes: ReadonlyArray<Node>
  readonly edges: ReadonlyArray<Edge>
  readonly groups: ReadonlyArray<Group>
  readonly stop?: Stop
  readonly graph: Graph.DirectedGraph<Node, Edge>
}
