/** Asks the worker for a layout, and gives the newest one it has. */
import { useEffect, useRef, useState } from "react"
import type { LayoutRequest, LayoutResult } from "./layout.worker.ts"

export interface Layout {
  readonly shape: string
  readonly places: ReadonlyMap<string, { readonly x: number; readonly y: number }>
  /** By an edge's ends, as `shapeOf` names it. */
  readonly ways: ReadonlyMap<string, LayoutResult["ways"][number]>
  readonly width: number
  readonly height: number
}

// It comes up while the run is still on its way.
const worker = new Worker(new URL("./layout.worker.ts", import.meta.url), { type: "module" })
let asked = 0
const waiting = new Map<number, (result: LayoutResult) => void>()
worker.onmessage = ({ data }: MessageEvent<LayoutResult>) => {
  waiting.get(data.id)?.(data)
  waiting.delete(data.id)
}

const ask = (request: Omit<LayoutRequest, "id">, done: (result: LayoutResult) => void): (() => void) => {
  const id = ++asked
  waiting.set(id, done)
  worker.postMessage({ ...request, id })
  return () => void waiting.delete(id)
}

/** The layout of a shape. While a new one is made the last one is given. */
export const useLayout = (shape: string, request: () => Omit<LayoutRequest, "id">): Layout | undefined => {
  const [layout, setLayout] = useState<Layout>()
  const latest = useRef(request)
  latest.current = request
  useEffect(() => {
    const { edges, ...rest } = latest.current()
    return ask({ ...rest, edges }, ({ height, places, ways, width }) =>
      setLayout({
        shape,
        places: new Map(places.map(([id, x, y]) => [id, { x, y }])),
        ways: new Map(edges.map(({ from, to }, i) => [`${from}\n${to}`, ways[i] ?? []])),
        width,
        height
      })
    )
  }, [shape])
  return layout
}
