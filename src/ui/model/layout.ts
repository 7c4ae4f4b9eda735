/** Requests graph layouts from the layout worker. */
import { useEffect, useRef, useState } from "react"
import type { LayoutRequest, LayoutResult } from "./layout.worker.ts"

export interface Layout {
  readonly shape: string
  /** Where each node is, and how large it is. */
  readonly boxes: ReadonlyMap<string, LayoutResult["boxes"][number][1]>
  /** The route of each edge, by the ids of its ends. */
  readonly routes: ReadonlyMap<string, LayoutResult["routes"][number]>
  readonly width: number
  readonly height: number
}

// Started early, while the run is still loading.
const worker = new Worker(new URL("./layout.worker.ts", import.meta.url), { type: "module" })
let lastId = 0
const pending = new Map<number, (result: LayoutResult) => void>()
worker.onmessage = ({ data }: MessageEvent<LayoutResult>) => {
  pending.get(data.id)?.(data)
  pending.delete(data.id)
}

const requestLayout = (request: Omit<LayoutRequest, "id">, done: (result: LayoutResult) => void): (() => void) => {
  const id = ++lastId
  pending.set(id, done)
  worker.postMessage({ ...request, id })
  return () => void pending.delete(id)
}

/** The layout of a shape. Returns the previous layout while a new one is computed. */
export const useLayout = (shape: string, request: () => Omit<LayoutRequest, "id">): Layout | undefined => {
  const [layout, setLayout] = useState<Layout>()
  const latest = useRef(request)
  latest.current = request
  useEffect(() => {
    const { edges, ...rest } = latest.current()
    return requestLayout({ ...rest, edges }, ({ boxes, height, routes, width }) =>
      setLayout({
        shape,
        boxes: new Map(boxes),
        routes: new Map(edges.map(({ from, to }, i) => [`${from}\n${to}`, routes[i] ?? []])),
        width,
        height
      })
    )
  }, [shape])
  return layout
}
