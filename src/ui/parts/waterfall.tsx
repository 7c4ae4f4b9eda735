/** The waterfall: when tasks ran and waited. It shares its selection with the graph. */
import { useVirtualizer } from "@tanstack/react-virtual"
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react"
import type { TaskView } from "../api.ts"
import { count, duration, plural } from "../format.ts"
import { useKeys, useNow, useSize } from "../hooks.ts"
import { statusOf } from "../model/tasks.ts"
import { concurrency, type Row, rowsOf, type Span, spansOf, timeTicks } from "../model/waterfall.ts"
import { navigate, toTask } from "../router.ts"
import type { Selection } from "./graph.tsx"
import { StepBar } from "./graph.tsx"
import { StatusMark } from "./status.tsx"

const rowHeight = 26
const labelWidth = 250

interface Window {
  readonly from: number
  readonly to: number
}

export const Waterfall = ({
  ended,
  run,
  select,
  selected,
  started,
  tasks,
  version
}: {
  readonly run: string
  readonly started: number
  /** Absent while the run is running. */
  readonly ended: number | undefined
  readonly tasks: ReadonlyArray<TaskView>
  readonly version: number
  readonly selected: Selection
  readonly select: (id: string | undefined) => void
}) => {
  const now = useNow(ended === undefined)
  const [toggled, setToggled] = useState<ReadonlySet<string>>(new Set())
  const [zoom, setZoom] = useState<Window>()
  const [holder, holderWidth] = useSize<HTMLDivElement>()
  const scroll = useRef<HTMLDivElement>(null)
  // biome-ignore lint/correctness/useExhaustiveDependencies: the list is changed in place, and its version counts the changes
  const rows = useMemo(() => rowsOf(tasks, toggled), [version, toggled])
  // biome-ignore lint/correctness/useExhaustiveDependencies: see above
  const last = useMemo(
    () => tasks.reduce((highest, task) => Math.max(highest, task.finishedAt ?? 0), started),
    [version, started]
  )
  const whole: Window = { from: started, to: Math.max(ended ?? now, last, started + 1) }
  const view = zoom ?? whole
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroll.current,
    estimateSize: () => rowHeight,
    overscan: 10
  })

  const toggle = useCallback((step: string) => {
    setToggled((before) => {
      const next = new Set(before)
      if (!next.delete(step)) next.add(step)
      return next
    })
  }, [])

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
    o: current && (() => toggle(current.kind === "step" ? current.step.step : current.task.step)),
    Enter:
      current && (() => (current.kind === "step" ? toggle(current.step.step) : navigate(toTask(run, current.task.id)))),
    Escape: () => select(undefined)
  })
  // Selecting a task in the graph expands its step here.
  // biome-ignore lint/correctness/useExhaustiveDependencies: only when the selection changes
  useEffect(() => {
    if (selected === undefined) return
    if (index >= 0) virtual.scrollToIndex(index, { align: "auto" })
    else {
      const task = tasks.find(({ id }) => id === selected)
      if (task !== undefined) toggle(task.step)
    }
  }, [selected])

  const barWidth = Math.max(50, holderWidth - labelWidth)
  const ticks = timeTicks(view.from, view.to, started, Math.max(3, Math.floor(barWidth / 90)))
  const place = (at: number) => `${((at - view.from) / (view.to - view.from)) * 100}%`

  return (
    <section className="waterfall" aria-label="Waterfall" ref={holder}>
      <header>
        <h2>
          Waterfall <span className="count">{plural(tasks.length, "task")}</span>
        </h2>
        <span className="legend" aria-hidden="true">
          <i className="span waiting" /> waits
          <i className="span succeeded" /> runs
          <i className="span failed" /> failed
        </span>
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
                top={item.start}
                selected={row.key === selected}
                select={select}
                toggle={toggle}
                view={view}
                now={now}
                open={() => navigate(toTask(run, row.key))}
              />
            )
          })}
        </div>
      </div>
    </section>
  )
}

const Axis = ({
  place,
  ticks,
  view,
  zoomTo
}: {
  readonly ticks: ReadonlyArray<{ readonly at: number; readonly text: string }>
  readonly place: (at: number) => string
  readonly view: Window
  readonly zoomTo: (window: Window) => void
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

const WaterfallRow = ({
  now,
  open,
  row,
  select,
  selected,
  toggle,
  top,
  view
}: {
  readonly row: Row
  readonly top: number
  readonly selected: boolean
  readonly select: (id: string | undefined) => void
  readonly toggle: (step: string) => void
  readonly open: () => void
  readonly view: Window
  readonly now: number
}) => {
  const label =
    row.kind === "step" ? (
      <>
        <button
          type="button"
          className="wf-toggle"
          onClick={() => toggle(row.step.step)}
          aria-expanded={row.open}
          aria-label={`Tasks of ${row.step.step}`}
        >
          <svg viewBox="0 0 10 10" width="9" height="9" aria-hidden="true" className={row.open ? "open" : ""}>
            <path d="M3 1.5 7 5 3 8.5" fill="none" stroke="currentColor" strokeWidth="1.6" />
          </svg>
        </button>
        <StatusMark status={statusOf(row.step)} />
        <span className="wf-name">{row.step.step}</span>
        <span className="muted tabular">×{count(row.step.tasks.length)}</span>
      </>
    ) : (
      <>
        <span className={row.nested ? "wf-indent" : "wf-toggle"} />
        <StatusMark status={row.task.status} />
        <span className="wf-name">
          {row.nested ? "" : row.task.step}
          <span className="muted">{row.nested ? row.task.id : `/${row.task.index}`}</span>
        </span>
        {row.task.how === "executed" ? null : (
          <span className="wf-reused">{row.task.how === "cached" ? "cached" : "taken over"}</span>
        )}
      </>
    )
  return (
    <div
      className={`wf-row ${row.kind} ${selected ? "selected" : ""}`}
      style={{ transform: `translateY(${top}px)` }}
      data-row={row.key}
    >
      <div className="wf-label">
        {label}
        <button
          type="button"
          className="wf-pick"
          onClick={() => select(row.key)}
          onDoubleClick={row.kind === "task" ? open : () => toggle(row.kind === "step" ? row.step.step : "")}
          aria-pressed={selected}
          aria-label={row.kind === "step" ? `Select ${row.step.step}` : `Select ${row.task.id}`}
        />
      </div>
      <div className="wf-bars">
        {row.kind === "step" ? (
          <StepSpans row={row} view={view} now={now} />
        ) : (
          <TaskSpans task={row.task} view={view} now={now} />
        )}
      </div>
    </div>
  )
}

const positionOf = (view: Window, from: number, to: number) => {
  const range = view.to - view.from
  const left = (from - view.from) / range
  const right = (to - view.from) / range
  if (right < 0 || left > 1) return undefined
  const start = Math.max(-0.01, left)
  return { left: `${start * 100}%`, width: `${Math.max(0, Math.min(1.01, right) - start) * 100}%` }
}

const words: Readonly<Record<Span["kind"], string>> = {
  waiting: "waits",
  running: "runs",
  succeeded: "succeeded",
  failed: "failed",
  interrupted: "interrupted"
}

const TaskSpans = ({ now, task, view }: { readonly task: TaskView; readonly view: Window; readonly now: number }) => {
  const end = task.finishedAt ?? now
  const after = positionOf(view, end, end)
  const before = positionOf(view, task.startedAt, task.startedAt)
  // The label of a bar that ends at the right edge goes before the bar, unless the bar starts at the left edge.
  const turned = Number.parseFloat(after?.left ?? "100") > 90 && Number.parseFloat(before?.left ?? "0") > 12
  const label = turned ? before : after
  const took = end - task.startedAt
  return (
    <>
      {spansOf(task).map((span) => {
        const to = span.to ?? now
        const position = positionOf(view, span.from, to)
        return position === undefined ? null : (
          <span
            key={span.from}
            className={`span ${span.kind} ${task.how}`}
            style={position}
            title={`${span.attempt === undefined || task.attempts.length === 1 ? "" : `attempt ${span.attempt} `}${words[span.kind]}, ${duration(to - span.from)}`}
          />
        )
      })}
      {label === undefined || task.how !== "executed" ? null : (
        <span className={`wf-took ${turned ? "before" : ""}`} style={{ left: label.left }}>
          {duration(took)}
          {task.attempts.length > 1 ? ` · ${task.attempts.length} attempts` : ""}
        </span>
      )}
    </>
  )
}

/** The number of tasks that ran at once, as an area. */
const StepSpans = ({
  now,
  row,
  view
}: {
  readonly row: Extract<Row, { kind: "step" }>
  readonly view: Window
  readonly now: number
}) => {
  const canvas = useRef<SVGPathElement>(null)
  const bins = 160
  const { step } = row
  const area = useMemo(() => {
    const levels = concurrency(step.tasks, view.from, view.to, now, bins)
    const highest = Math.max(1, ...levels)
    let path = "M0 20"
    levels.forEach((level, i) => {
      const y = level === 0 ? 20 : 19 - (level / highest) * 16
      path += `H${i}V${y.toFixed(1)}`
    })
    return { path: `${path}H${bins}V20Z`, highest }
  }, [step.tasks, view.from, view.to, now])
  useLayoutEffect(() => {
    canvas.current?.setAttribute("d", area.path)
  }, [area.path])
  return (
    <>
      <svg
        className={`wf-area ${statusOf(step)}`}
        viewBox={`0 0 ${bins} 20`}
        preserveAspectRatio="none"
        aria-hidden="true"
      >
        <path ref={canvas} />
      </svg>
      <span className="wf-sum">
        <StepBar step={step} />
        <span>
          {duration((step.to ?? now) - step.from)} · at most {count(area.highest)} at once
        </span>
      </span>
    </>
  )
}
