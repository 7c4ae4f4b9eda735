/** The nodes of the graph: tasks, steps with many tasks, called runs, and the frames around what these consist of. */
import { Handle, type Node, type NodeProps, Position } from "@xyflow/react"
import { memo } from "react"
import type { RunView, TaskView } from "../api.ts"
import { count, duration, size } from "../format.ts"
import { useNow } from "../hooks.ts"
import type { GraphNode } from "../model/graph.ts"
import { totals } from "../model/runList.ts"
import { type StepSummary, shownStatus, statusOf } from "../model/tasks.ts"
import { Took as Lasting } from "./basic.tsx"
import { CallMark, RunLink } from "./called.tsx"
import { How, StatusMark } from "./status.tsx"

/** What can be done to the nodes. */
export interface Actions {
  readonly select: (id: string) => void
  /** Opens or closes a step, or the called runs of a flow. */
  readonly toggle: (fold: string) => void
  /** Opens or closes a called run. */
  readonly toggleCall: (run: string) => void
}

export interface NodeData extends Actions, Record<string, unknown> {
  readonly node: GraphNode
  readonly selected: boolean
  readonly isCritical: boolean
  /** The called runs that are open, some of which may still be loading. */
  readonly opened: ReadonlySet<string>
}

const Ports = () => (
  <>
    <Handle type="target" position={Position.Left} isConnectable={false} />
    <Handle type="source" position={Position.Right} isConnectable={false} />
  </>
)

const Took = ({ task }: { readonly task: TaskView }) => {
  const now = useNow(task.status === "running")
  return <span className="tabular">{duration((task.finishedAt ?? now) - task.startedAt)}</span>
}

export const TaskNode = memo(({ data: { isCritical, node, select, selected, toggle } }: NodeProps<Node<NodeData>>) => {
  if (node.kind !== "task") return null
  const { fold, id, task } = node
  return (
    <>
      <Ports />
      <div
        className={`node ${task.status} ${task.how} ${selected ? "selected" : ""} ${isCritical ? "critical" : ""}`}
        data-task={id}
        data-status={task.status}
      >
        <button type="button" className="node-body" onClick={() => select(id)} aria-pressed={selected}>
          <span className="node-title">
            <StatusMark status={shownStatus(task)} />
            <span className="node-name">{task.step}</span>
            <span className="node-id">/{task.index}</span>
          </span>
          <span className="node-facts">
            <How how={task.how} />
            {task.how === "executed" ? <Took task={task} /> : null}
            {task.bytes > 0 ? <span>{size(task.bytes)}</span> : null}
            {task.attempts.length > 1 ? <span>{task.attempts.length} attempts</span> : null}
          </span>
        </button>
        {fold === undefined ? null : (
          <button
            type="button"
            className="node-fold"
            onClick={() => toggle(fold)}
            aria-label={`Close ${task.step}`}
            title="Close the step"
          >
            −
          </button>
        )}
      </div>
    </>
  )
})

export const StepNode = memo(({ data: { isCritical, node, select, selected, toggle } }: NodeProps<Node<NodeData>>) => {
  const running = node.kind === "step" && node.step.running > 0
  const now = useNow(running)
  if (node.kind !== "step") return null
  const { fold, isOfCalls, loops, step } = node
  const status = statusOf(step)
  return (
    <>
      <Ports />
      <div
        className={`node stacked ${status} ${selected ? "selected" : ""} ${isCritical ? "critical" : ""}`}
        data-step={fold}
        data-status={status}
      >
        <button type="button" className="node-body" onClick={() => select(node.id)} aria-pressed={selected}>
          <span className="node-title">
            <StatusMark status={status} />
            {isOfCalls ? <CallMark /> : null}
            <span className="node-name">{step.step}</span>
            <span className="node-id">×{count(step.tasks.length)}</span>
            {loops ? <span title="Tasks of this step depend on each other">↻</span> : null}
          </span>
          <span className="node-facts">
            <StepBar step={step} />
            <span className="tabular">{duration((step.to ?? now) - step.from)}</span>
          </span>
        </button>
        <button
          type="button"
          className="node-fold"
          onClick={() => toggle(fold)}
          aria-label={`Open ${step.step}`}
          title={isOfCalls ? "Show the called runs" : "Open the step"}
        >
          +
        </button>
      </div>
    </>
  )
})

export const StepBar = ({ step }: { readonly step: StepSummary }) => (
  <span className="progress">
    <span className="segments" aria-hidden="true">
      {(["succeeded", "failed", "crashed", "interrupted", "running"] as const).map((status) =>
        step[status] === 0 ? null : <span key={status} className={status} style={{ flexGrow: step[status] }} />
      )}
    </span>
    <span className="tabular">
      {count(step.succeeded)}
      {step.failed > 0 ? ` · ${count(step.failed)} failed` : ""}
      {step.crashed > 0 ? ` · ${count(step.crashed)} crashed` : ""}
      {step.waiting > 0 ? ` · ${count(step.waiting)} waiting` : ""}
    </span>
  </span>
)

export const MoreNode = memo(({ data: { node } }: NodeProps<Node<NodeData>>) =>
  node.kind === "more" ? (
    <>
      <Ports />
      <div className="node more">
        {count(node.count)} more of {node.step}
        <span className="muted">see the waterfall below</span>
      </div>
    </>
  ) : null
)

/** The number of tasks of a called run, and of them those that have ended if it is running. */
const CallFacts = ({ called }: { readonly called: RunView }) => {
  const sum = totals(called)
  const isRunning = called.status === "running"
  return (
    <span className="node-facts">
      <Lasting from={called.startedAt} to={called.endedAt} going={isRunning} />
      <span className="tabular">
        {isRunning ? `${count(sum.all - sum.running)} of ${count(sum.all)}` : count(sum.all)}{" "}
        {sum.all === 1 ? "task" : "tasks"}
      </span>
      {sum.failed > 0 ? <span>{count(sum.failed)} failed</span> : null}
    </span>
  )
}

const CallTitle = ({ called }: { readonly called: RunView }) => (
  <span className="node-title">
    <StatusMark status={called.status} />
    <CallMark />
    <span className="node-name">{called.flow}</span>
  </span>
)

const CallTools = ({ data, isOpen }: { readonly data: NodeData; readonly isOpen: boolean }) => {
  const { node, toggle, toggleCall } = data
  if (node.kind !== "call" && node.kind !== "frame") return null
  const { called, fold } = node
  return (
    <span className="node-tools">
      <RunLink run={called.id} />
      {fold === undefined ? null : (
        <button
          type="button"
          className="node-fold"
          onClick={() => toggle(fold)}
          aria-label={`Draw the runs of ${called.flow} as one`}
          title={`Draw the runs of ${called.flow} as one`}
        >
          ≡
        </button>
      )}
      <button
        type="button"
        className="node-fold"
        onClick={() => toggleCall(called.id)}
        aria-expanded={isOpen}
        aria-label={`${isOpen ? "Close" : "Open"} the run ${called.id} of ${called.flow}`}
        title={isOpen ? "Close the called run" : "Show the steps of the called run"}
      >
        {isOpen ? "−" : "+"}
      </button>
    </span>
  )
}

/** A called run as one node. */
export const CallNode = memo(({ data }: NodeProps<Node<NodeData>>) => {
  const { isCritical, node, opened, select, selected } = data
  if (node.kind !== "call") return null
  const { called, id } = node
  return (
    <>
      <Ports />
      <div
        className={`node call ${called.status} ${selected ? "selected" : ""} ${isCritical ? "critical" : ""}`}
        data-call={called.id}
        data-status={called.status}
      >
        <button type="button" className="node-body" onClick={() => select(id)} aria-pressed={selected}>
          <CallTitle called={called} />
          <CallFacts called={called} />
        </button>
        <CallTools data={data} isOpen={opened.has(called.id)} />
      </div>
    </>
  )
})

/** The frame around the nodes of a called run. */
export const FrameNode = memo(({ data, height, width }: NodeProps<Node<NodeData>>) => {
  const { isCritical, node, select, selected } = data
  if (node.kind !== "frame") return null
  const { called, id } = node
  return (
    <section
      className={`node-frame ${called.status} ${selected ? "selected" : ""} ${isCritical ? "critical" : ""}`}
      style={{ width, height }}
      aria-label={`The called run ${called.id} of ${called.flow}`}
      data-frame={called.id}
      data-status={called.status}
    >
      <header>
        <button type="button" className="node-body" onClick={() => select(id)} aria-pressed={selected}>
          <CallTitle called={called} />
          <span className="node-facts">
            <Lasting from={called.startedAt} to={called.endedAt} going={called.status === "running"} />
          </span>
        </button>
        <CallTools data={data} isOpen />
      </header>
    </section>
  )
})
