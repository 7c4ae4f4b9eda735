/** The graph of a run: laid out by dagre, drawn by React Flow, updated live. */
import {
  BaseEdge,
  Controls,
  type Edge,
  EdgeLabelRenderer,
  type EdgeProps,
  getViewportForBounds,
  Handle,
  type Node,
  type NodeProps,
  Position,
  ReactFlow,
  ReactFlowProvider,
  useReactFlow,
  type Viewport
} from "@xyflow/react"
import "@xyflow/react/dist/base.css"
import "../styles/graph.css"
import { memo, useCallback, useLayoutEffect, useMemo, useRef, useState } from "react"
import type { TaskView } from "../api.ts"
import { count, duration, size } from "../format.ts"
import { useNow, useSize } from "../hooks.ts"
import { build, type GraphNode, shapeOf } from "../model/graph.ts"
import { useLayout } from "../model/layout.ts"
import { type StepSummary, statusOf } from "../model/tasks.ts"
import { How, StatusMark } from "./status.tsx"

/** The selection: a task's id, or `step:` followed by a step's name. */
export type Selection = string | undefined

const width = 224
const height = 60
/** A graph is not shrunk below this to fit. Beyond that, it is panned. */
const minFitZoom = 0.2
/** The smallest zoom at which the names of nodes can be read. */
const readableZoom = 0.72

interface Actions {
  readonly select: (id: string) => void
  readonly toggle: (step: string) => void
}

interface NodeData extends Actions, Record<string, unknown> {
  readonly node: GraphNode
  readonly selected: boolean
  readonly isCritical: boolean
}

interface EdgeData extends Record<string, unknown> {
  readonly names: ReadonlyArray<string>
  readonly shown: boolean
  readonly way: ReadonlyArray<readonly [x: number, y: number]>
}

interface GraphProps extends Actions {
  readonly run: string
  readonly tasks: ReadonlyArray<TaskView>
  readonly version: number
  readonly expanded: ReadonlySet<string>
  readonly selected: Selection
  /** The tasks on the critical path. */
  readonly critical: ReadonlySet<string>
}

export const Graph = (props: GraphProps) => (
  <ReactFlowProvider>
    <Canvas {...props} />
  </ReactFlowProvider>
)

const Canvas = ({ critical, expanded, run, select, selected, tasks, toggle, version }: GraphProps) => {
  // biome-ignore lint/correctness/useExhaustiveDependencies: the list is changed in place, and its version counts the changes
  const model = useMemo(() => build(run, tasks, expanded), [run, version, expanded])
  const shape = useMemo(() => shapeOf(model), [model])
  const layout = useLayout(shape, () => ({
    column: width,
    nodes: model.nodes.map(({ id }) => ({ id, width, height })),
    edges: model.edges
  }))
  const [hovered, setHovered] = useState<string>()
  const flow = useReactFlow()
  const moved = useRef(false)

  const criticalSteps = useMemo(
    () => new Set([...critical].map((id) => `step:${id.slice(0, id.lastIndexOf("/"))}`)),
    [critical]
  )
  const isCritical = useCallback(
    (node: string) => critical.has(node) || criticalSteps.has(node),
    [critical, criticalSteps]
  )
  const nodes = useMemo(
    (): Array<Node<NodeData>> =>
      model.nodes.flatMap((node) => {
        const position = layout?.positions.get(node.id)
        return position === undefined
          ? []
          : [
              {
                id: node.id,
                type: node.kind,
                position,
                width,
                height,
                // React Flow ignores clicks on nodes that can't be dragged, unless this is set.
                style: { pointerEvents: "all" },
                data: { node, select, toggle, selected: node.id === selected, isCritical: isCritical(node.id) }
              }
            ]
      }),
    [model, layout, select, toggle, selected, isCritical]
  )
  const edges = useMemo(
    (): Array<Edge<EdgeData>> =>
      model.edges.map(({ from, id, names, to }) => {
        const touched = from === selected || to === selected
        return {
          id,
          source: from,
          target: to,
          type: "given",
          className: `${touched ? "touched" : ""} ${isCritical(from) && isCritical(to) ? "critical" : ""}`,
          data: { names, shown: id === hovered || touched, way: layout?.routes.get(id) ?? [] }
        }
      }),
    [model, layout, hovered, selected, isCritical]
  )

  const tall = Math.min(520, Math.max(200, (layout?.height ?? 0) + 60))
  const [holder, holderWidth] = useSize<HTMLElement>()
  const fitted = useRef<Viewport>({ x: 0, y: 0, zoom: 1 })
  // The viewport is computed from the layout and set before the browser paints, so that nodes never appear where they
  // don't stay.
  const fitGraph = useCallback(() => {
    if (layout === undefined || holderWidth === 0) return
    const bounds = { x: 0, y: 0, width: layout.width, height: layout.height }
    const whole = getViewportForBounds(bounds, holderWidth, tall, minFitZoom, 1, 0.06)
    // On a phone the whole graph would be too small to read, so it begins at its left end and is panned.
    const isSmall = holderWidth < 600 && whole.zoom < readableZoom
    fitted.current = isSmall ? { x: 8, y: (tall - layout.height * readableZoom) / 2, zoom: readableZoom } : whole
    void flow.setViewport(fitted.current)
  }, [flow, layout, holderWidth, tall])
  useLayoutEffect(() => {
    if (!moved.current) fitGraph()
  }, [fitGraph])

  return (
    <section className="graph" style={{ height: tall }} aria-label="Graph" ref={holder}>
      <ReactFlow
        nodes={nodes}
        edges={edges}
        nodeTypes={nodeTypes}
        edgeTypes={edgeTypes}
        nodesDraggable={false}
        nodesConnectable={false}
        nodesFocusable={false}
        edgesFocusable={false}
        elementsSelectable={false}
        zoomOnDoubleClick={false}
        zoomOnScroll={false}
        preventScrolling={false}
        panOnScroll={false}
        minZoom={0.1}
        maxZoom={1.6}
        onlyRenderVisibleElements={nodes.length > 150}
        onEdgeMouseEnter={(_, edge) => setHovered(edge.id)}
        onEdgeMouseLeave={() => setHovered(undefined)}
        onMove={(event, viewport) => {
          // A click on a node starts a move, too. Only a move that leaves the fitted viewport keeps later layouts from
          // being fitted.
          if (event !== null && isAway(fitted.current, viewport)) moved.current = true
        }}
      >
        <Controls
          showInteractive={false}
          onFitView={() => {
            moved.current = false
            fitGraph()
          }}
        />
      </ReactFlow>
    </section>
  )
}

/** Whether a viewport differs from another by more than the few pixels that a hand moves during a click. */
const isAway = (from: Viewport, to: Viewport): boolean =>
  from.zoom !== to.zoom || Math.abs(from.x - to.x) + Math.abs(from.y - to.y) > 6

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

const TaskNode = memo(({ data: { isCritical, node, select, selected, toggle } }: NodeProps<Node<NodeData>>) => {
  if (node.kind !== "task") return null
  const { task } = node
  return (
    <>
      <Ports />
      <div
        className={`node ${task.status} ${task.how} ${selected ? "selected" : ""} ${isCritical ? "critical" : ""}`}
        data-task={task.id}
        data-status={task.status}
      >
        <button type="button" className="node-body" onClick={() => select(task.id)} aria-pressed={selected}>
          <span className="node-title">
            <StatusMark status={task.status} />
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
        {node.collapsible ? (
          <button
            type="button"
            className="node-fold"
            onClick={() => toggle(task.step)}
            aria-label={`Close ${task.step}`}
            title="Close the step"
          >
            −
          </button>
        ) : null}
      </div>
    </>
  )
})

const StepNode = memo(({ data: { isCritical, node, select, selected, toggle } }: NodeProps<Node<NodeData>>) => {
  const running = node.kind === "step" && node.step.running > 0
  const now = useNow(running)
  if (node.kind !== "step") return null
  const { loops, step } = node
  const status = statusOf(step)
  return (
    <>
      <Ports />
      <div
        className={`node stacked ${status} ${selected ? "selected" : ""} ${isCritical ? "critical" : ""}`}
        data-step={step.step}
        data-status={status}
      >
        <button type="button" className="node-body" onClick={() => select(node.id)} aria-pressed={selected}>
          <span className="node-title">
            <StatusMark status={status} />
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
          onClick={() => toggle(step.step)}
          aria-label={`Open ${step.step}`}
          title="Open the step"
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
    </span>
  </span>
)

const MoreNode = memo(({ data: { node } }: NodeProps<Node<NodeData>>) =>
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

/** A smooth line through the points, horizontal at both ends, and the position of its label. */
const pathOf = (points: ReadonlyArray<readonly [x: number, y: number]>) => {
  const [start, ...rest] = points
  let path = `M${start?.[0]} ${start?.[1]}`
  let [x, y] = start ?? [0, 0]
  for (const [toX, toY] of rest) {
    const half = (x + toX) / 2
    path += `C${half} ${y} ${half} ${toY} ${toX} ${toY}`
    x = toX
    y = toY
  }
  const middle = points.length / 2
  const [one, other] = [points[Math.floor(middle - 0.5)], points[Math.floor(middle)]]
  return { path, x: ((one?.[0] ?? 0) + (other?.[0] ?? 0)) / 2, y: ((one?.[1] ?? 0) + (other?.[1] ?? 0)) / 2 }
}

const GivenEdge = memo(({ data, sourceX, sourceY, targetX, targetY }: EdgeProps<Edge<EdgeData>>) => {
  const { path, x, y } = pathOf([[sourceX, sourceY], ...(data?.way ?? []), [targetX, targetY]])
  const names = data?.names ?? []
  return (
    <>
      <BaseEdge path={path} interactionWidth={18} />
      {data?.shown === true && names.length > 0 ? (
        <EdgeLabelRenderer>
          <div className="edge-label" style={{ transform: `translate(-50%, -50%) translate(${x}px, ${y}px)` }}>
            {names.slice(0, 6).join(", ")}
            {names.length > 6 ? ` and ${names.length - 6} more` : ""}
          </div>
        </EdgeLabelRenderer>
      ) : null}
    </>
  )
})

const nodeTypes = { task: TaskNode, step: StepNode, more: MoreNode }
const edgeTypes = { given: GivenEdge }
