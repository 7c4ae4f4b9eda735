/** Computes the layout of a graph on a worker thread. */
import dagre from "@dagrejs/dagre"

export interface LayoutRequest {
  readonly id: number
  /** The width of a node. */
  readonly column: number
  readonly nodes: ReadonlyArray<{ readonly id: string; readonly width: number; readonly height: number }>
  readonly edges: ReadonlyArray<{ readonly from: string; readonly to: string }>
}

export interface LayoutResult {
  readonly id: number
  /** The upper left corner of each node, by its id. */
  readonly positions: ReadonlyArray<readonly [id: string, x: number, y: number]>
  /** The points of each edge's route around other nodes, in the order of the request. */
  readonly routes: ReadonlyArray<ReadonlyArray<readonly [x: number, y: number]>>
  readonly width: number
  readonly height: number
}

self.onmessage = ({ data }: MessageEvent<LayoutRequest>) => {
  const graph = new dagre.graphlib.Graph()
  graph.setGraph({ rankdir: "LR", nodesep: 18, ranksep: 56, edgesep: 12, marginx: 8, marginy: 8 })
  graph.setDefaultEdgeLabel(() => ({}))
  for (const { height, id, width } of data.nodes) graph.setNode(id, { width, height })
  for (const { from, to } of data.edges) graph.setEdge(from, to)
  dagre.layout(graph)
  const { height = 0, width = 0 } = graph.graph()
  const positions = data.nodes.map(({ id }) => {
    const node = graph.node(id)
    return [id, node.x - node.width / 2, node.y - node.height / 2] as const
  })
  const routes = data.edges.map(({ from, to }) => {
    const points: ReadonlyArray<{ readonly x: number; readonly y: number }> = graph.edge(from, to).points ?? []
    // The first and last points are on the nodes' borders. Every other point between them lies in a column of nodes
    // that the edge must pass.
    return points
      .slice(1, -1)
      .flatMap(({ x, y }, i) =>
        i % 2 === 0 ? [] : [[x - data.column / 2, y] as const, [x + data.column / 2, y] as const]
      )
  })
  const result: LayoutResult = { id: data.id, positions, routes, width, height }
  self.postMessage(result)
}
