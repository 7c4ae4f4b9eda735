/** The axis of the waterfall: the time since the start. Dragging over it zooms in. */
import { useRef, useState } from "react"
import type { TimeWindow } from "../model/waterfall.ts"

export const Axis = ({
  place,
  ticks,
  view,
  zoomTo
}: {
  readonly ticks: ReadonlyArray<{ readonly at: number; readonly text: string }>
  readonly place: (at: number) => string
  readonly view: TimeWindow
  readonly zoomTo: (window: TimeWindow) => void
}) => {
  const bar = useRef<HTMLDivElement>(null)
  const [drag, setDrag] = useState<{ readonly a: number; readonly b: number }>()
  const at = (x: number) => {
    const box = bar.current?.getBoundingClientRect()
    if (box === undefined) return 0
    return Math.min(1, Math.max(0, (x - box.left) / box.width))
  }
  return (
    <div className="wf-axis">
      <div
        ref={bar}
        className="wf-time"
        title="Drag to zoom in"
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId)
          setDrag({ a: at(event.clientX), b: at(event.clientX) })
        }}
        onPointerMove={(event) => drag && setDrag({ ...drag, b: at(event.clientX) })}
        onPointerUp={() => {
          setDrag(undefined)
          if (drag === undefined || Math.abs(drag.a - drag.b) < 0.01) return
          const range = view.to - view.from
          zoomTo({
            from: view.from + Math.min(drag.a, drag.b) * range,
            to: view.from + Math.max(drag.a, drag.b) * range
          })
        }}
      >
        {ticks.map((tick) => (
          <span key={tick.at} style={{ left: place(tick.at) }}>
            {tick.text}
          </span>
        ))}
        {drag === undefined ? null : (
          <i
            className="wf-drag"
            style={{ left: `${Math.min(drag.a, drag.b) * 100}%`, width: `${Math.abs(drag.a - drag.b) * 100}%` }}
          />
        )}
      </div>
    </div>
  )
}
