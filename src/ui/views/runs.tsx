/** The runs of a store: newest first, with filters, live updates, and a selection of two to compare. */
import { useWindowVirtualizer } from "@tanstack/react-virtual"
import { useCallback, useEffect, useMemo, useRef, useState } from "react"
import * as Api from "../api.ts"
import { duration, inline, plural, shortId } from "../format.ts"
import { useKeys, useTitle } from "../hooks.ts"
import { useLive } from "../live.ts"
import { type Filters, type RunList, refreshed, totals, withPage, withUpdates } from "../model/runList.ts"
import { Ago, Command, Empty, Failure, Link, Loading, Tags, Took } from "../parts/basic.tsx"
import { Status } from "../parts/status.tsx"
import { navigate, setParameters, toCompare, toRun, useParameter } from "../router.ts"

const pageSize = 100
const rowHeight = 44
const periods = { "1h": 3_600_000, "24h": 86_400_000, "7d": 604_800_000, "30d": 2_592_000_000 } as const
const isPeriod = (text: string | undefined): text is keyof typeof periods => text !== undefined && text in periods

const useFilters = (): Filters & { readonly key: string } => {
  const [flow] = useParameter("flow")
  const [status] = useParameter("status")
  const [tag] = useParameter("tag")
  const [period] = useParameter("within")
  return useMemo(
    () => ({
      flow,
      status: status as Filters["status"], // the server rejects other values
      tag,
      since: isPeriod(period) ? Date.now() - periods[period] : undefined,
      key: [flow, status, tag, period].join("\n")
    }),
    [flow, status, tag, period]
  )
}

const useRunList = (filters: Filters & { readonly key: string }) => {
  const [list, setList] = useState<{ readonly key: string; readonly list: RunList }>()
  const [error, setError] = useState<Api.ApiError>()
  const busy = useRef(false)
  const current = list?.key === filters.key ? list.list : undefined

  const ask = useCallback(
    (before: string | undefined) =>
      Api.runs({
        flow: filters.flow,
        status: filters.status,
        tags: filters.tag,
        since: filters.since,
        before,
        limit: pageSize
      }).then((page): RunList => ({ runs: page.runs, next: page.next })),
    [filters]
  )
  const fail = useCallback((cause: unknown) => {
    if (cause instanceof Api.ApiError && cause.status !== 0) setError(cause)
  }, [])
  const reload = useCallback(() => {
    ask(undefined).then((page) => {
      setError(undefined)
      setList((before) => ({
        key: filters.key,
        list: refreshed(before?.key === filters.key ? before.list : undefined, page)
      }))
    }, fail)
  }, [ask, fail, filters.key])
  const more = useCallback(() => {
    if (busy.current || current?.next === undefined) return
    busy.current = true
    ask(current.next).then(
      (page) => {
        busy.current = false
        setList((before) =>
          before?.key === filters.key ? { key: filters.key, list: withPage(before.list, page) } : before
        )
      },
      (cause) => {
        busy.current = false
        fail(cause)
      }
    )
  }, [ask, current, fail, filters.key])

  useEffect(reload, [reload])
  useLive("/api/live", {
    onOpen: reload,
    onEvent: (event) => {
      if (event._tag === "Broken") setError(new Api.ApiError(event.message, 500))
      if (event._tag !== "Runs") return
      setList((before) =>
        before?.key === filters.key ? { ...before, list: withUpdates(before.list, event.runs, filters) } : before
      )
    }
  })
  return { list: current, error, more, reload }
}

export const Runs = ({ about }: { readonly about: Api.About }) => {
  useTitle("")
  const filters = useFilters()
  const { error, list, more, reload } = useRunList(filters)
  const filtered = filters.key.trim() !== ""
  return (
    <div className="runs">
      <div className="runs-head">
        <h1>Runs</h1>
        <FilterBar runs={list?.runs ?? []} />
        {list === undefined || list.runs.length < 2 ? null : <Strip runs={list.runs} />}
      </div>
      {error === undefined ? null : <Failure error={error} retry={reload} />}
      {list === undefined ? (
        error === undefined ? (
          <Loading what="the runs" />
        ) : null
      ) : list.runs.length === 0 ? (
        filtered ? (
          <Empty title="No run matches">
            <p>
              <button type="button" onClick={() => navigate("/")}>
                Show all runs
              </button>
            </p>
          </Empty>
        ) : (
          <Empty title="No run yet">
            <p>Start a flow that writes to this store, and it will appear here:</p>
            <Command>npx tsx examples/branch.ts</Command>
            {about.store === "" ? null : <p className="muted">This page shows {about.store}.</p>}
          </Empty>
        )
      ) : (
        <List list={list} more={more} />
      )}
    </div>
  )
}

const FilterBar = ({ runs }: { readonly runs: ReadonlyArray<Api.RunView> }) => {
  const [flow] = useParameter("flow")
  const [status] = useParameter("status")
  const [tag] = useParameter("tag")
  const [period] = useParameter("within")
  const first = useRef<HTMLSelectElement>(null)
  useKeys({ f: () => first.current?.focus() })
  const flows = useMemo(
    () => [...new Set([...runs.map((run) => run.flow), ...(flow === undefined ? [] : [flow])])].sort(),
    [runs, flow]
  )
  const tags = useMemo(() => [...new Set(runs.flatMap((run) => run.tags))].sort(), [runs])
  return (
    <form className="filters" aria-label="Filter" onSubmit={(event) => event.preventDefault()}>
      <label>
        <span>Flow</span>
        <select ref={first} value={flow ?? ""} onChange={(event) => setParameters({ flow: event.target.value })}>
          <option value="">any</option>
          {flows.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </label>
      <label>
        <span>Status</span>
        <select value={status ?? ""} onChange={(event) => setParameters({ status: event.target.value })}>
          <option value="">any</option>
          {["running", "succeeded", "failed", "interrupted", "crashed"].map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </label>
      <TagField key={tag ?? ""} tag={tag} tags={tags} />
      <label>
        <span>Started</span>
        <select value={period ?? ""} onChange={(event) => setParameters({ within: event.target.value })}>
          <option value="">any time</option>
          <option value="1h">within an hour</option>
          <option value="24h">within a day</option>
          <option value="7d">within a week</option>
          <option value="30d">within 30 days</option>
        </select>
      </label>
      {(flow ?? status ?? tag ?? period) ? (
        <button type="button" className="quiet" onClick={() => navigate("/", { replace: true })}>
          Clear
        </button>
      ) : null}
    </form>
  )
}

const TagField = ({ tag, tags }: { readonly tag: string | undefined; readonly tags: ReadonlyArray<string> }) => (
  <label>
    <span>Tag</span>
    <input
      defaultValue={tag ?? ""}
      list="known-tags"
      placeholder="any"
      size={12}
      onBlur={(event) => setParameters({ tag: event.target.value.trim() })}
      onKeyDown={(event) => {
        if (event.key === "Enter") setParameters({ tag: event.currentTarget.value.trim() })
        if (event.key === "Escape") event.currentTarget.blur()
      }}
    />
    <datalist id="known-tags">
      {tags.map((name) => (
        <option key={name} value={name} />
      ))}
    </datalist>
  </label>
)

/** A strip of the newest runs, the newest on the right, with status and duration. */
const Strip = ({ runs }: { readonly runs: ReadonlyArray<Api.RunView> }) => {
  const shown = runs.slice(0, 50).reverse()
  const longest = Math.max(1, ...shown.map((run) => (run.finishedAt ?? run.heartbeatAt) - run.startedAt))
  return (
    <div className="strip" aria-hidden="true">
      {shown.map((run) => {
        const took = (run.finishedAt ?? run.heartbeatAt) - run.startedAt
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

const List = ({ list, more }: { readonly list: RunList; readonly more: () => void }) => {
  const { runs } = list
  const [cursor, setCursor] = useState(-1)
  const [selected, setSelected] = useState<ReadonlyArray<string>>([])
  const holder = useRef<HTMLDivElement>(null)
  const virtual = useWindowVirtualizer({
    count: runs.length,
    estimateSize: () => rowHeight,
    overscan: 12,
    scrollMargin: holder.current?.offsetTop ?? 0
  })
  const items = virtual.getVirtualItems()
  const last = items.at(-1)?.index ?? 0
  useEffect(() => {
    if (last >= runs.length - 30) more()
  }, [last, runs.length, more])

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
          {["", "Status", "Run", "Flow", "Tasks", "Parameters", "Took", "Started"].map((title) => (
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

const Row = ({
  cursor,
  index,
  run,
  select,
  selected,
  top
}: {
  readonly run: Api.RunView
  readonly index: number
  readonly top: number
  readonly cursor: boolean
  readonly selected: boolean
  readonly select: (id: string) => void
}) => {
  const parameters = Object.entries(run.parameters)
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
        <Tags tags={run.tags} />
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
        <Took
          from={run.startedAt}
          to={run.finishedAt ?? (run.status === "crashed" ? run.heartbeatAt : undefined)}
          going={run.status === "running"}
        />
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
  const parts = (["succeeded", "failed", "interrupted", "running"] as const).filter((status) => sum[status] > 0)
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
