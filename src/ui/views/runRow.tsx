/** A run as a row of the list: its status, flow, tasks, what tells it apart from others, and its times. */
import { memo } from "react"
import type * as Api from "../api.ts"
import { inline, plural, shortId } from "../format.ts"
import { totals } from "../model/runList.ts"
import { Ago, Link, Tags, Took } from "../parts/basic.tsx"
import { Status } from "../parts/status.tsx"
import { toRun } from "../router.ts"

export const Row = memo(
  ({
    cursor,
    index,
    run,
    select,
    selected,
    top,
    varying
  }: {
    readonly varying: ReadonlySet<string>
    readonly run: Api.RunView
    readonly index: number
    readonly top: number
    readonly cursor: boolean
    readonly selected: boolean
    readonly select: (id: string) => void
  }) => {
    // What differs between the runs of a flow tells most, so it comes first.
    const parameters = Object.entries(run.parameters).sort(
      ([a], [b]) => Number(varying.has(`${run.flow}\n${b}`)) - Number(varying.has(`${run.flow}\n${a}`))
    )
    return (
      <div
        role="row"
        tabIndex={-1}
        className={`row ${cursor ? "cursor" : ""} ${selected ? "selected" : ""}`}
        aria-rowindex={index + 2}
        style={{ transform: `translateY(${top}px)` }}
        data-run={run.id}
      >
        <Cell>
          <input
            type="checkbox"
            checked={selected}
            onChange={() => select(run.id)}
            aria-label={`Select run ${run.id} for a comparison`}
          />
        </Cell>
        <Cell>
          <Status status={run.status} />
        </Cell>
        <Cell className="run-cell">
          <Link to={toRun(run.id)} className="mono" title={run.id}>
            {shortId(run.id)}
          </Link>
          {run.origin === undefined ? null : <span className="badge">resumed</span>}
          {run.parent === undefined ? null : <span className="badge">child</span>}
        </Cell>
        <Cell className="flow-cell">{run.flow}</Cell>
        <Cell>
          <Progress run={run} />
        </Cell>
        <Cell
          className="parameters"
          title={parameters.map(([name, value]) => `${name} = ${inline(value, 400)}`).join("\n")}
        >
          <Tags tags={run.tags} />
          {run.error === undefined ? (
            parameters.map(([name, value]) => (
              <span key={name}>
                <span className="muted">{name}</span> {inline(value, 160)}
              </span>
            ))
          ) : (
            <span className="bad-text">{inline(run.error.message, 300)}</span>
          )}
        </Cell>
        <Cell className="number">
          <Took from={run.startedAt} to={run.endedAt} going={run.status === "running"} />
        </Cell>
        <Cell className="number">
          <Ago at={run.startedAt} />
        </Cell>
      </div>
    )
  }
)

const Cell = ({
  children,
  className,
  title
}: {
  readonly children: React.ReactNode
  readonly className?: string
  readonly title?: string
}) => (
  <div role="cell" className={className} title={title}>
    {children}
  </div>
)

/** The progress of a run: its tasks by status. */
const Progress = ({ run }: { readonly run: Api.RunView }) => {
  const sum = totals(run)
  if (sum.all === 0) return <span className="muted">none</span>
  const parts = (["succeeded", "failed", "crashed", "interrupted", "running"] as const).filter(
    (status) => sum[status] > 0
  )
  return (
    <span className="progress" title={parts.map((status) => `${sum[status]} ${status}`).join(", ")}>
      <span className="segments" aria-hidden="true">
        {parts.map((status) => (
          <span key={status} className={status} style={{ flexGrow: sum[status] }} />
        ))}
      </span>
      <span className="tabular">
        {sum.succeeded === sum.all ? plural(sum.all, "task") : `${sum.succeeded} of ${sum.all}`}
      </span>
    </span>
  )
}
