/** The table of runs, gone through by mouse or keyboard, with a selection of two to compare. */
import { useWindowVirtualizer } from "@tanstack/react-virtual"
import { useCallback, useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react"
import type * as Api from "../api.ts"
import { duration, shortId } from "../format.ts"
import { useKeys } from "../hooks.ts"
import type { RunList, Sort } from "../model/runList.ts"
import { navigate, toCompare, toRun } from "../router.ts"
import { Row } from "./runRow.tsx"
import { sortBy } from "./useRunList.ts"

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

interface Column {
  readonly title: string
  /** What the list is sorted by when its title is pressed, and first in which order. */
  readonly by?: Sort["by"]
  readonly first?: Sort["order"]
}

const columns: ReadonlyArray<Column> = [
  { title: "" },
  { title: "Status", by: "status", first: "up" },
  { title: "Run" },
  { title: "Flow", by: "flow", first: "up" },
  { title: "Tasks" },
  { title: "Tags and parameters" },
  { title: "Took", by: "duration", first: "down" },
  { title: "Started", by: "started", first: "down" }
]

const Heading = ({ column: { by, first = "up", title }, sort }: { readonly column: Column; readonly sort: Sort }) => {
  if (by === undefined)
    return <div role="columnheader">{title === "" ? <span className="hidden">Compare</span> : title}</div>
  const isSorted = by === sort.by
  return (
    <div role="columnheader" aria-sort={isSorted ? (sort.order === "up" ? "ascending" : "descending") : "none"}>
      <button
        type="button"
        className="sort"
        title={`Sort by ${title.toLowerCase()}`}
        onClick={() => sortBy({ by, order: isSorted ? (sort.order === "up" ? "down" : "up") : first })}
      >
        {title}
        <span aria-hidden="true">{isSorted ? (sort.order === "up" ? " ↑" : " ↓") : ""}</span>
      </button>
    </div>
  )
}

export const RunTable = ({
  list,
  more,
  sort
}: {
  readonly list: RunList
  readonly more: () => void
  readonly sort: Sort
}) => {
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
  const select = useCallback(
    (id: string) =>
      setSelected((before) =>
        before.includes(id) ? before.filter((other) => other !== id) : [...before.slice(-1), id]
      ),
    []
  )
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
          {columns.map((column) => (
            <Heading key={column.title} column={column} sort={sort} />
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
      const before = values.get(key)
      if (before === undefined) values.set(key, text)
      else if (before !== text) varying.add(key)
    }
  }
  return varying
}
