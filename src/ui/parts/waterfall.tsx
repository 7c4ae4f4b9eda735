/** The waterfall: when tasks ran and waited. It shares its selection with the graph. */
import { useVirtualizer } from "@tanstack/react-virtual"
import { useCallback, useEffect, useMemo, useRef, useState } from "react"
import { plural } from "../format.ts"
import { useKeys, useNow, useSize } from "../hooks.ts"
import { callsId, find, type RunTree } from "../model/runTree.ts"
import type { Labels } from "../model/series.ts"
import {
  type CallRow,
  type Order,
  rowsOf,
  type StepRow,
  type TaskRow,
  type TimeWindow,
  timeTicks
} from "../model/waterfall.ts"
import { navigate, setParameters, toTask, useNames, useParameter } from "../router.ts"
import type { Selection } from "./graph.tsx"
import { Axis } from "./waterfallAxis.tsx"
import { WaterfallRow } from "./waterfallRow.tsx"

const rowHeight = 26
/** The width of the labels: less on a phone. The stylesheet has the same. */
const labelWidthOf = (width: number): number => (width < 600 ? 150 : 250)

/** The width of the text beside a bar. */
const barLabelWidth = 62

export const Waterfall = ({
  critical,
  ended,
  labels,
  select,
  selected,
  started,
  toggleCall,
  tree
}: {
  readonly tree: RunTree
  readonly started: number
  /** Absent while the run is running. */
  readonly ended: number | undefined
  /** The tasks and called runs on the critical path. */
  readonly critical: ReadonlySet<string>
  /** The inputs that set the run's own tasks apart, by task. */
  readonly labels: Labels
  readonly selected: Selection
  readonly select: (id: string | undefined) => void
  readonly toggleCall: (run: string) => void
}) => {
  const now = useNow(ended === undefined)
  const [toggled, toggle] = useNames("rows")
  const [sorted] = useParameter("order")
  const order: Order = sorted === "longest" ? "longest" : "called"
  const [zoom, setZoom] = useState<TimeWindow>()
  const [holder, holderWidth] = useSize<HTMLDivElement>()
  const scroll = useRef<HTMLDivElement>(null)
  const rows = useMemo(() => rowsOf(tree, toggled, order), [tree, toggled, order])
  const last = useMemo(
    () => tree.tasks.reduce((highest, task) => Math.max(highest, task.finishedAt ?? 0), started),
    [tree, started]
  )
  const whole: TimeWindow = { from: started, to: Math.max(ended ?? now, last, started + 1) }
  const view = zoom ?? whole
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroll.current,
    estimateSize: () => rowHeight,
    overscan: 10
  })

  const scale = (by: number, at = 0.5) => {
    const range = view.to - view.from
    const next = Math.max(range * by, 1)
    if (next >= whole.to - whole.from) return setZoom(undefined)
    const from = Math.min(Math.max(view.from + (range - next) * at, whole.from), whole.to - next)
    setZoom({ from, to: from + next })
  }
  const pan = (by: number) => {
    if (zoom === undefined) return
    const range = zoom.to - zoom.from
    const from = Math.min(Math.max(zoom.from + range * by, whole.from), whole.to - range)
    setZoom({ from, to: from + range })
  }

  const index = rows.findIndex((row) => row.key === selected)
  const move = (by: number) => {
    const next = rows[Math.min(rows.length - 1, Math.max(0, index + by))]
    if (next !== undefined) select(next.key)
  }
  const current = rows[index]
  const open = useCallback((row: TaskRow) => navigate(toTask(row.run, row.task.id)), [])
  const unfold = useCallback(
    (row: StepRow | CallRow) => (row.kind === "call" ? toggleCall(row.called.id) : toggle(row.fold)),
    [toggle, toggleCall]
  )
  useKeys({
    ArrowDown: () => move(1),
    ArrowUp: () => move(-1),
    j: () => move(1),
    k: () => move(-1),
    ArrowLeft: () => pan(-0.2),
    ArrowRight: () => pan(0.2),
    "+": () => scale(0.5),
    "=": () => scale(0.5),
    "-": () => scale(2),
    "0": () => setZoom(undefined),
    o: current && (() => (current.kind === "call" ? toggleCall(current.called.id) : toggle(current.fold))),
    Enter: current && (() => (current.kind === "task" ? open(current) : unfold(current))),
    Escape: () => select(undefined)
  })
  // Selecting a task or a called run in the graph expands its step or flow here.
  // biome-ignore lint/correctness/useExhaustiveDependencies: only when the selection changes
  useEffect(() => {
    if (selected === undefined) return
    if (index >= 0) virtual.scrollToIndex(index, { align: "auto" })
    else {
      const item = find(tree, selected)
      if (item !== undefined)
        toggle(item.task === undefined ? callsId(item.scope, item.call.flow) : item.scope + item.task.step)
    }
  }, [selected])

  const labelWidth = labelWidthOf(holderWidth)
  const barWidth = Math.max(50, holderWidth - labelWidth)
  const labelShare = Math.min(40, Math.ceil((100 * barLabelWidth) / barWidth))
  const ticks = timeTicks(view.from, view.to, started, Math.max(2, Math.floor(barWidth / 90)))
  const place = (at: number) => `${((at - view.from) / (view.to - view.from)) * 100}%`

  return (
    <section className="waterfall" aria-label="Waterfall" ref={holder}>
      <header>
        <h2>
          Waterfall <span className="count">{plural(tree.tasks.length, "task")}</span>
        </h2>
        <span className="legend" aria-hidden="true">
          <i className="span waiting" /> waits
          <i className="span succeeded" /> runs
          <i className="span failed" /> failed
          {critical.size === 0 ? null : (
            <>
              <i className="critical-mark" /> critical path
            </>
          )}
        </span>
        <select
          value={order}
          onChange={(event) => setParameters({ order: event.target.value === "longest" ? "longest" : undefined })}
          aria-label="Order of the tasks of a step"
        >
          <option value="called">as called</option>
          <option value="longest">longest first</option>
        </select>
        <div className="buttons">
          <button
            type="button"
            className="quiet"
            onClick={() => scale(2)}
            disabled={zoom === undefined}
            aria-label="Zoom out"
          >
            −
          </button>
          <button type="button" className="quiet" onClick={() => setZoom(undefined)} disabled={zoom === undefined}>
            All
          </button>
          <button type="button" className="quiet" onClick={() => scale(0.5)} aria-label="Zoom in">
            +
          </button>
        </div>
      </header>
      <Axis ticks={ticks} place={place} view={view} zoomTo={setZoom} />
      <div
        className="wf-scroll"
        ref={scroll}
        tabIndex={0}
        role="group"
        aria-label="Tasks in time"
        onWheel={(event) => {
          if (!event.ctrlKey) return
          const box = event.currentTarget.getBoundingClientRect()
          scale(event.deltaY > 0 ? 1.25 : 0.8, Math.max(0, (event.clientX - box.left - labelWidth) / barWidth))
        }}
      >
        <div className="wf-rows" style={{ height: virtual.getTotalSize() }}>
          {virtual.getVirtualItems().map((item) => {
            const row = rows[item.index]
            return row === undefined ? null : (
              <WaterfallRow
                key={row.key}
                row={row}
                isCritical={
                  row.kind === "step" ? row.step.tasks.some(({ id }) => critical.has(id)) : critical.has(row.key)
                }
                label={row.kind === "task" && row.nested && row.depth === 0 ? labels[row.task.id] : undefined}
                top={item.start}
                selected={row.key === selected}
                select={select}
                unfold={unfold}
                from={view.from}
                to={view.to}
                now={ended === undefined ? now : ended}
                labelShare={labelShare}
                open={open}
              />
            )
          })}
        </div>
      </div>
    </section>
  )
}
