/** The graph of a run: laid out by dagre, drawn by React Flow, updated live. */
import {
  BaseEdge,
  Controls,
  type Edge,
  EdgeLabelRenderer,
  type EdgeProps,
  getViewportForBounds,
  type Node,
  type NodeHandle,
  Position,
  ReactFlow,
  ReactFlowProvider,
  useReactFlow,
  type Viewport
} from "@xyflow/react"
import "@xyflow/react/dist/base.css"
import "../styles/graph.css"
import { memo, useCallback, useLayoutEffect, useMemo, useRef, useState } from "react"
import { useSize } from "../hooks.ts"
import { build, shapeOf } from "../model/graph.ts"
import { useLayout } from "../model/layout.ts"
import type { RunTree } from "../model/runTree.ts"
import { type Actions, CallNode, FrameNode, MoreNode, type NodeData, StepNode, TaskNode } from "./graphNodes.tsx"

/** The selection: the id of an item in the run's tree. */
export type Selection = string | undefined

const nodeSize = { width: 224, height: 60 }
/** The room of a frame for its title, and around its nodes. */
const frame = { title: 42, margin: 6 }
/** A graph is not shrunk below this to fit. Beyond that, it is panned. */
const minFitZoom = 0.2
/** The room for the buttons below the nodes. */
const controlsHeight = 40
/** The smallest zoom at which the names of nodes can be read. */
const readableZoom = 0.72

interface EdgeData extends Record<string, unknown> {
  readonly names: ReadonlyArray<string>
  readonly shown: boolean
  readonly way: ReadonlyArray<readonly [x: number, y: number]>
}

interface GraphProps extends Actions {
  readonly tree: RunTree
  /** The steps and flows that are drawn as their tasks and runs. */
  readonly expanded: ReadonlySet<string>
  /** The called runs that are open. */
  readonly opened: ReadonlySet<string>
  readonly selected: Selection
  /** The tasks and called runs on the critical path. */
  readonly critical: ReadonlySet<string>
}

export const Graph = (props: GraphProps) => (
  <ReactFlowProvider>
    <Canvas {...props} />
  </ReactFlowProvider>
)

const Canvas = ({ critical, expanded, opened, select, selected, toggle, toggleCall, tree }: GraphProps) => {
  const model = useMemo(() => build(tree, expanded), [tree, expanded])
  const shape = useMemo(() => shapeOf(model), [model])
  const layout = useLayout(shape, () => ({
    node: nodeSize,
    frame,
    nodes: model.nodes.map(({ id, kind, within }) => ({ id, within, isFrame: kind === "frame" })),
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
  const nodes = useMemo((): Array<Node<NodeData>> => {
    const actions = { select, toggle, toggleCall, opened }
    return model.nodes.flatMap((node) => {
      const box = layout?.boxes.get(node.id)
      return box === undefined
        ? []
        : [
            {
              id: node.id,
              type: node.kind,
              position: { x: box.x, y: box.y },
              width: box.width,
              height: box.height,
              measured: { width: box.width, height: box.height },
              // Without these, React Flow measures a node that has changed once more, and misses some that change often.
              handles: handlesOf(box),
              // Frames lie below the edges and the nodes in them.
              ...(node.kind === "frame" ? { zIndex: -1 } : {}),
              // React Flow ignores clicks on nodes that can't be dragged, unless this is set.
              style: { pointerEvents: "all" },
              data: { ...actions, node, selected: node.id === selected, isCritical: isCritical(node.id) }
            }
          ]
    })
  }, [model, layout, select, toggle, toggleCall, opened, selected, isCritical])
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

  const tall = Math.min(540, Math.max(200, (layout?.height ?? 0) + 60 + controlsHeight))
  const [holder, holderWidth] = useSize<HTMLElement>()
  const fitted = useRef<Viewport>({ x: 0, y: 0, zoom: 1 })
  // The viewport is computed from the layout and set before the browser paints, so that nodes never appear where they
  // don't stay.
  const fitGraph = useCallback(() => {
    if (layout === undefined || holderWidth === 0) return
    const bounds = { x: 0, y: 0, width: layout.width, height: layout.height }
    const whole = getViewportForBounds(bounds, holderWidth, tall - controlsHeight, minFitZoom, 1, 0.06)
    // On a phone the whole graph would be too small to read, so it begins at its left end and is panned.
    const isSmall = holderWidth < 600 && whole.zoom < readableZoom
    fitted.current = isSmall
      ? { x: 8, y: (tall - controlsHeight - layout.height * readableZoom) / 2, zoom: readableZoom }
      : whole
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

/** Where edges end and begin: in the middle of the left and the right side. */
const handlesOf = ({ height, width }: { readonly width: number; readonly height: number }): Array<NodeHandle> => [
  { type: "target", position: Position.Left, x: 0, y: height / 2, width: 0, height: 0 },
  { type: "source", position: Position.Right, x: width, y: height / 2, width: 0, height: 0 }
]

/** Whether a viewport differs from another by more than the few pixels that a hand moves during a click. */
const isAway = (from: Viewport, to: Viewport): boolean =>
  from.zoom !== to.zoom || Math.abs(from.x - to.x) + Math.abs(from.y - to.y) > 6

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

const nodeTypes = { task: TaskNode, step: StepNode, more: MoreNode, call: CallNode, frame: FrameNode }
const edgeTypes = { given: GivenEdge }
