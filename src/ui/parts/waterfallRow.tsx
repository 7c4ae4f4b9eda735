/** A row of the waterfall: a task with its attempts, or a step with how many of its tasks ran at once. */
import { useLayoutEffect, useMemo, useRef } from "react"
import type { TaskView } from "../api.ts"
import { count, duration } from "../format.ts"
import { concurrency, highest } from "../model/concurrency.ts"
import { statusOf } from "../model/tasks.ts"
import { type Row, type Span, spansOf, type TimeWindow } from "../model/waterfall.ts"
import { StepBar } from "./graph.tsx"
import { StatusMark } from "./status.tsx"

export const WaterfallRow = ({
  isCritical,
  label,
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
  /** Whether it is on the critical path. */
  readonly isCritical: boolean
  /** The inputs that set the task apart from the others of its step. */
  readonly label: string | undefined
  readonly top: number
  readonly selected: boolean
  readonly select: (id: string | undefined) => void
  readonly toggle: (step: string) => void
  readonly open: () => void
  readonly view: TimeWindow
  readonly now: number
}) => {
  const heading =
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
          {label === undefined ? null : <span className="wf-setting"> {label}</span>}
        </span>
        {row.task.how === "executed" ? null : (
          <span className="wf-reused">{row.task.how === "cached" ? "cached" : "taken over"}</span>
        )}
      </>
    )
  return (
    <div
      className={`wf-row ${row.kind} ${selected ? "selected" : ""} ${isCritical ? "critical" : ""}`}
      style={{ transform: `translateY(${top}px)` }}
      data-row={row.key}
    >
      <div className="wf-label" title={label}>
        {heading}
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

const positionOf = (view: TimeWindow, from: number, to: number) => {
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
  interrupted: "interrupted",
  crashed: "crashed"
}

const TaskSpans = ({
  now,
  task,
  view
}: {
  readonly task: TaskView
  readonly view: TimeWindow
  readonly now: number
}) => {
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
  readonly view: TimeWindow
  readonly now: number
}) => {
  const canvas = useRef<SVGPathElement>(null)
  const bins = 160
  const { step } = row
  const area = useMemo(() => {
    const levels = concurrency(step.tasks, view.from, view.to, now, bins)
    const top = Math.max(1, ...levels)
    let path = "M0 20"
    levels.forEach((level, i) => {
      const y = level === 0 ? 20 : 19 - (level / top) * 16
      path += `H${i}V${y.toFixed(1)}`
    })
    return `${path}H${bins}V20Z`
  }, [step.tasks, view.from, view.to, now])
  const most = useMemo(() => highest(step.tasks, now), [step.tasks, now])
  useLayoutEffect(() => {
    canvas.current?.setAttribute("d", area)
  }, [area])
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
          {duration((step.to ?? now) - step.from)}
          {most === 0 ? "" : ` · at most ${count(most)} at once`}
        </span>
      </span>
    </>
  )
}
