/** A row of the waterfall: a task with its attempts, a step with how many of its tasks ran at once, or a called run. */
import { memo, useLayoutEffect, useMemo, useRef } from "react"
import type { RunView, TaskView } from "../api.ts"
import { count, duration } from "../format.ts"
import { concurrency, highest } from "../model/concurrency.ts"
import { shownStatus, statusOf } from "../model/tasks.ts"
import {
  type CallRow,
  type Row,
  type Span,
  type StepRow,
  spansOf,
  type TaskRow,
  type TimeWindow
} from "../model/waterfall.ts"
import { CallMark, RunLink } from "./called.tsx"
import { StepBar } from "./graphNodes.tsx"
import { StatusMark } from "./status.tsx"

interface RowProps {
  readonly row: Row
  /** Whether it is on the critical path. */
  readonly isCritical: boolean
  /** The inputs that set the task apart from the others of its step. */
  readonly label: string | undefined
  readonly top: number
  readonly selected: boolean
  readonly select: (id: string | undefined) => void
  /** Opens or closes a step, or a called run. */
  readonly unfold: (row: StepRow | CallRow) => void
  readonly open: (row: TaskRow) => void
  /** The part of the time that is shown. */
  readonly from: number
  readonly to: number
  readonly now: number
  /** The room for the text beside a bar, in percent of the width of the bars. */
  readonly labelShare: number
}

const nameOf = (row: Row): string =>
  row.kind === "step" ? row.step.step : row.kind === "call" ? `the run of ${row.called.flow}` : row.task.id

/** A row. While others are scrolled in, one that is on the screen is not drawn again. */
export const WaterfallRow = memo((props: RowProps) => {
  const { from, isCritical, label, labelShare, now, open, row, select, selected, to, top, unfold } = props
  const view = useMemo((): TimeWindow => ({ from, to }), [from, to])
  return (
    <div
      className={`wf-row ${row.kind} ${selected ? "selected" : ""} ${isCritical ? "critical" : ""}`}
      style={{ transform: `translateY(${top}px)` }}
      data-row={row.key}
    >
      <div
        className="wf-label"
        title={label}
        style={row.depth === 0 ? undefined : { paddingLeft: 10 + 16 * row.depth }}
      >
        {row.kind === "task" ? <TaskHeading row={row} label={label} /> : <FoldHeading row={row} unfold={unfold} />}
        <button
          type="button"
          className="wf-pick"
          style={row.depth === 0 ? undefined : { left: 28 + 16 * row.depth }}
          onClick={() => select(row.key)}
          onDoubleClick={() => (row.kind === "task" ? open(row) : unfold(row))}
          aria-pressed={selected}
          aria-label={`Select ${nameOf(row)}`}
        />
        {row.kind === "call" ? <RunLink run={row.called.id} /> : null}
      </div>
      <div className="wf-bars">
        {row.kind === "step" ? (
          <StepSpans row={row} view={view} now={now} />
        ) : row.kind === "call" ? (
          <CallSpan called={row.called} view={view} now={now} labelShare={labelShare} />
        ) : (
          <TaskSpans task={row.task} view={view} now={now} labelShare={labelShare} />
        )}
      </div>
    </div>
  )
})

const TaskHeading = ({ label, row }: { readonly row: TaskRow; readonly label: string | undefined }) => (
  <>
    <span className={row.nested ? "wf-indent" : "wf-toggle"} />
    <StatusMark status={shownStatus(row.task)} />
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

/** The name of a step or of a called run, with what opens it. */
const FoldHeading = ({ row, unfold }: { readonly row: StepRow | CallRow; readonly unfold: RowProps["unfold"] }) => (
  <>
    {row.nested ? <span className="wf-toggle" /> : null}
    <button
      type="button"
      className="wf-toggle"
      onClick={() => unfold(row)}
      aria-expanded={row.open}
      aria-label={
        row.kind === "call"
          ? `Steps of the run ${row.called.id} of ${row.called.flow}`
          : `${row.isOfCalls ? "Runs" : "Tasks"} of ${row.step.step}`
      }
    >
      <svg viewBox="0 0 10 10" width="9" height="9" aria-hidden="true" className={row.open ? "open" : ""}>
        <path d="M3 1.5 7 5 3 8.5" fill="none" stroke="currentColor" strokeWidth="1.6" />
      </svg>
    </button>
    <StatusMark status={row.kind === "call" ? row.called.status : statusOf(row.step)} />
    {row.kind === "call" || row.isOfCalls ? <CallMark /> : null}
    {row.kind === "call" && row.nested ? (
      // The row above has the flow's name.
      <span className="wf-name muted mono" title={row.called.id}>
        …{row.called.id.slice(-6)}
      </span>
    ) : (
      <span className="wf-name">{row.kind === "call" ? row.called.flow : row.step.step}</span>
    )}
    {row.kind === "call" ? null : <span className="muted tabular">×{count(row.step.tasks.length)}</span>}
  </>
)

/** When a called run ran. */
const CallSpan = ({
  called,
  labelShare,
  now,
  view
}: {
  readonly called: RunView
  readonly view: TimeWindow
  readonly now: number
  readonly labelShare: number
}) => {
  const end = called.endedAt ?? now
  const position = positionOf(view, called.startedAt, end)
  const took = duration(end - called.startedAt)
  return (
    <>
      {position === undefined ? null : (
        <span className={`span called ${called.status}`} style={position} title={`${words[called.status]}, ${took}`} />
      )}
      <BarLabel view={view} from={called.startedAt} to={end} text={took} share={labelShare} />
    </>
  )
}

/** The text beside a bar: behind it, or before one that ends at the right edge, unless it starts at the left edge. */
const BarLabel = ({
  from,
  share,
  text,
  to,
  view
}: {
  readonly view: TimeWindow
  readonly from: number
  readonly to: number
  readonly text: string
  /** The room that it needs, in percent. */
  readonly share: number
}) => {
  const after = positionOf(view, to, to)
  const before = positionOf(view, from, from)
  const isBefore =
    Number.parseFloat(after?.left ?? "100") > 100 - share && Number.parseFloat(before?.left ?? "0") > share
  const place = isBefore ? before : after
  return place === undefined ? null : (
    <span className={`wf-took ${isBefore ? "before" : ""}`} style={{ left: place.left }}>
      {text}
    </span>
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
  labelShare,
  now,
  task,
  view
}: {
  readonly task: TaskView
  readonly view: TimeWindow
  readonly now: number
  readonly labelShare: number
}) => {
  const end = task.finishedAt ?? now
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
      {task.how !== "executed" ? null : (
        <BarLabel
          view={view}
          share={labelShare}
          from={task.startedAt}
          to={end}
          text={`${duration(took)}${task.attempts.length > 1 ? ` · ${task.attempts.length} attempts` : ""}`}
        />
      )}
    </>
  )
}

/** The number of tasks that ran at once, as an area. */
const StepSpans = ({ now, row, view }: { readonly row: StepRow; readonly view: TimeWindow; readonly now: number }) => {
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
