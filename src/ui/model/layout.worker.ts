/** Computes the layout of a graph on a worker thread: each frame by itself, and then as one node of what it is in. */
import dagre from "@dagrejs/dagre"

/** A node, or a frame around nodes, which is as large as they need. */
export interface LayoutNode {
  readonly id: string
  /** The frame that it is in. */
  readonly within?: string | undefined
  readonly isFrame?: boolean
}

export interface LayoutRequest {
  readonly id: number
  /** The size of a node. */
  readonly node: Size
  /** The room that a frame has for its title, and around its nodes. */
  readonly frame: { readonly title: number; readonly margin: number }
  readonly nodes: ReadonlyArray<LayoutNode>
  readonly edges: ReadonlyArray<{ readonly from: string; readonly to: string }>
}

interface Size {
  readonly width: number
  readonly height: number
}

interface Box extends Size {
  readonly x: number
  readonly y: number
}

type Point = readonly [x: number, y: number]

export interface LayoutResult extends Size {
  readonly id: number
  /** The upper left corner and the size of each node, by its id. */
  readonly boxes: ReadonlyArray<readonly [id: string, box: Box]>
  /** The points of each edge's route around other nodes, in the order of the request. */
  readonly routes: ReadonlyArray<ReadonlyArray<Point>>
}

/** A frame's content, or the whole graph: boxes and routes from its own corner. */
interface Area extends Size {
  readonly boxes: ReadonlyMap<string, Box>
  readonly routes: ReadonlyMap<number, ReadonlyArray<Point>>
}

const layout = ({ edges, frame, node, nodes }: LayoutRequest) => {
  const byId = new Map(nodes.map((item) => [item.id, item]))
  const inside = Map.groupBy(nodes, ({ within }) => within)
  /** A node and the frames that it is in, the outermost first. */
  const wayTo = (id: string): ReadonlyArray<string> => {
    const way: Array<string> = []
    for (let at: string | undefined = id; at !== undefined; at = byId.get(at)?.within) way.unshift(at)
    return way
  }
  // An edge belongs to the innermost area that has both its ends, and connects there what they are in.
  const edgesOf = Map.groupBy(
    edges.map(({ from, to }, place) => {
      const [start, end] = [wayTo(from), wayTo(to)]
      let depth = 0
      while (start[depth] === end[depth]) depth++
      return { place, area: start[depth - 1], from: start[depth] ?? from, to: end[depth] ?? to }
    }),
    ({ area }) => area
  )

  const areaOf = (id: string | undefined): Area => {
    const graph = new dagre.graphlib.Graph()
    graph.setGraph({ rankdir: "LR", nodesep: 18, ranksep: 56, edgesep: 12, marginx: 8, marginy: 8 })
    graph.setDefaultEdgeLabel(() => ({}))
    const members = inside.get(id) ?? []
    const areas = new Map<string, Area>()
    for (const member of members) {
      if (member.isFrame !== true) graph.setNode(member.id, { ...node })
      else {
        const area = areaOf(member.id)
        areas.set(member.id, area)
        const { margin, title } = frame
        graph.setNode(member.id, { width: area.width + 2 * margin, height: area.height + title + margin })
      }
    }
    const own = edgesOf.get(id) ?? []
    for (const { from, to } of own) graph.setEdge(from, to)
    dagre.layout(graph)
    const { height = 0, width = 0 } = graph.graph()
    const boxes = new Map<string, Box>()
    const routes = new Map<number, ReadonlyArray<Point>>()
    /** The width of each column, by its middle. */
    const columns = new Map<number, number>()
    for (const member of members) {
      const { height, width, x, y } = graph.node(member.id)
      const box = { x: x - width / 2, y: y - height / 2, width, height }
      boxes.set(member.id, box)
      columns.set(Math.round(x), Math.max(columns.get(Math.round(x)) ?? 0, width))
      const area = areas.get(member.id)
      if (area === undefined) continue
      const [left, top] = [box.x + frame.margin, box.y + frame.title]
      for (const [inner, at] of area.boxes) boxes.set(inner, { ...at, x: at.x + left, y: at.y + top })
      for (const [place, points] of area.routes)
        routes.set(
          place,
          points.map(([x, y]) => [x + left, y + top])
        )
    }
    for (const { from, place, to } of own) {
      const points: ReadonlyArray<{ readonly x: number; readonly y: number }> = graph.edge(from, to).points ?? []
      // The first and last points are on the nodes' borders. Every other point between them lies in a column of nodes
      // that the edge must pass.
      const route = points.slice(1, -1).flatMap(({ x, y }, i): ReadonlyArray<Point> => {
        if (i % 2 === 0) return []
        const half = (columns.get(Math.round(x)) ?? node.width) / 2
        return [
          [x - half, y],
          [x + half, y]
        ]
      })
      routes.set(place, route)
    }
    return { boxes, routes, width, height }
  }
  return areaOf(undefined)
}

self.onmessage = ({ data }: MessageEvent<LayoutRequest>) => {
  const { boxes, height, routes, width } = layout(data)
  const result: LayoutResult = {
    id: data.id,
    boxes: [...boxes],
    routes: data.edges.map((_, place) => routes.get(place) ?? []),
    width,
    height
  }
  self.postMessage(result)
}
