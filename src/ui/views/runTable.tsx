/** The table of runs, gone through by mouse or keyboard, with a selection of two to compare. */
import { useWindowVirtualizer } from "@tanstack/react-virtual"
import { useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react"
import type * as Api from "../api.ts"
import { duration, inline, plural, shortId } from "../format.ts"
import { useKeys } from "../hooks.ts"
import { type RunList, totals } from "../model/runList.ts"
import { Ago, Link, Tags, Took } from "../parts/basic.tsx"
import { Status } from "../parts/status.tsx"
import { navigate, toCompare, toRun } from "../router.ts"

/** The height of a row in pixels: a row of a table, or a card of three lines on a phone. The stylesheet has the same. */
const rowHeights = { table: 44, card: 92 }
const phone = window.matchMedia("(max-width: 640px)")

const usePhone = (): boolean =>
  useSyncExternalStore(
    (listener) => {
      phone.addEventListener("change", listener)
      return () => phone.removeEventListener("change", listener)
    },
    () => phone.matches
  )

/** A strip of the newest runs, the newest on the right, with status and duration. */
export const Strip = ({ runs }: { readonly runs: ReadonlyArray<Api.RunView> }) => {
  const shown = runs.slice(0, 50).reverse()
  const longest = Math.max(1, ...shown.map((run) => (run.endedAt ?? run.heartbeatAt) - run.startedAt))
  return (
    <div className="strip" aria-hidden="true">
      {shown.map((run) => {
        const took = (run.endedAt ?? run.heartbeatAt) - run.startedAt
        return (
          <a
            key={run.id}
            href={toRun(run.id)}
            tabIndex={-1}
            className={run.status}
            title={`${run.flow} ${shortId(run.id)}: ${run.status}, ${duration(took)}`}
            onClick={(event) => {
              event.preventDefault()
              navigate(toRun(run.id))
            }}
          >
            <span style={{ height: `${18 + 82 * Math.sqrt(Math.max(0, took) / longest)}%` }} />
          </a>
        )
      })}
    </div>
  )
}

export const RunTable = ({ list, more }: { readonly list: RunList; readonly more: () => void }) => {
  const { runs } = list
  const [cursor, setCursor] = useState(-1)
  const [selected, setSelected] = useState<ReadonlyArray<string>>([])
  const holder = useRef<HTMLDivElement>(null)
  const rowHeight = rowHeights[usePhone() ? "card" : "table"]
  const virtual = useWindowVirtualizer({
    count: runs.length,
    estimateSize: () => rowHeight,
    overscan: 12,
    scrollMargin: holder.current?.offsetTop ?? 0
  })
  // biome-ignore lint/correctness/useExhaustiveDependencies: another height of rows makes the measured ones void
  useEffect(() => virtual.measure(), [rowHeight])
  const items = virtual.getVirtualItems()
  const last = items.at(-1)?.index ?? 0
  useEffect(() => {
    if (last >= runs.length - 30) more()
  }, [last, runs.length, more])

  const varying = useMemo(() => varyingOf(runs.slice(0, 500)), [runs])
  const select = (id: string) =>
    setSelected((before) => (before.includes(id) ? before.filter((one) => one !== id) : [...before.slice(-1), id]))
  const move = (by: number) => {
    const next = Math.min(runs.length - 1, Math.max(0, cursor + by))
    setCursor(next)
    virtual.scrollToIndex(next, { align: "auto" })
  }
  const compare = () => {
    const [a, b] = [...selected].sort()
    if (a !== undefined && b !== undefined) navigate(toCompare(a, b))
  }
  const under = runs[cursor]
  useKeys({
    ArrowDown: () => move(1),
    ArrowUp: () => move(-1),
    j: () => move(1),
    k: () => move(-1),
    Enter: under && (() => navigate(toRun(under.id))),
    x: under && (() => select(under.id)),
    c: compare
  })

  return (
    <>
      <div
        role="table"
        aria-label="Runs"
        aria-rowcount={list.next === undefined ? runs.length + 1 : -1}
        className="grid"
      >
        <div role="row" className="row head" aria-rowindex={1}>
          {["", "Status", "Run", "Flow", "Tasks", "Tags and parameters", "Took", "Started"].map((title) => (
            <div role="columnheader" key={title}>
              {title === "" ? <span className="hidden">Compare</span> : title}
            </div>
          ))}
        </div>
        <div ref={holder} className="rows" style={{ height: virtual.getTotalSize() }}>
          {items.map((item) => {
            const run = runs[item.index]
            return run === undefined ? null : (
              <Row
                key={run.id}
                run={run}
                index={item.index}
                top={item.start - virtual.options.scrollMargin}
                cursor={item.index === cursor}
                selected={selected.includes(run.id)}
                select={select}
                varying={varying}
              />
            )
          })}
        </div>
      </div>
      {selected.length === 0 ? null : (
        <div className="tray" role="status">
          {selected.length === 1 ? (
            <span>
              <code>{shortId(selected[0] ?? "")}</code> selected. Select another run to compare the two.
            </span>
          ) : (
            <>
              <span>
                <code>{selected.map(shortId).join(" and ")}</code>
              </span>
              <button type="button" className="primary" onClick={compare}>
                Compare
              </button>
            </>
          )}
          <button type="button" className="quiet" onClick={() => setSelected([])}>
            Clear
          </button>
        </div>
      )}
    </>
  )
}

/** The parameters that differ between the runs of a flow, as `flow` and name. */
const varyingOf = (runs: ReadonlyArray<Api.RunView>): ReadonlySet<string> => {
  const values = new Map<string, string>()
  const varying = new Set<string>()
  for (const { flow, parameters } of runs) {
    for (const [name, value] of Object.entries(parameters)) {
      const key = `${flow}\n${name}`
      const text = JSON.stringify(value)
      const known = values.get(key)
      if (known === undefined) values.set(key, text)
      else if (known !== text) varying.add(key)
    }
  }
  return varying
}

const Row = ({
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
