/** A table that loads rows while scrolling, with the kind and a summary of each column. */
import { useVirtualizer } from "@tanstack/react-virtual"
import { useCallback, useEffect, useRef, useState } from "react"
import * as Api from "../api.ts"
import { count, number } from "../format.ts"
import { Failure, Loading } from "./basic.tsx"
import { Histogram } from "./histogram.tsx"

const page = 200
const rowHeight = 26
const columnsLimit = 200

/** The minimum width of a column in pixels, and its share of the remaining width. */
const columnWidths: Readonly<Record<string, readonly [least: number, share: number]>> & {
  readonly other: readonly [number, number]
} = {
  text: [220, 4],
  JSON: [220, 4],
  list: [180, 2],
  struct: [180, 2],
  map: [180, 2],
  other: [112, 1]
}

type Pages = ReadonlyMap<number, Api.TableView["values"]>

const TableViewer = ({ compact, digest }: { readonly digest: string; readonly compact: boolean }) => {
  const first = Api.useQuery(`table ${digest}`, (signal) => Api.table(digest, { offset: 0, limit: page }, signal))
  const columns = Api.useQuery(`columns ${digest}`, (signal) => Api.columns(digest, signal))
  if (first.error !== undefined) return <Failure error={first.error} retry={first.reload} />
  if (first.data === undefined) return <Loading what="the table" />
  return <Rows key={digest} digest={digest} first={first.data} looks={columns.data} compact={compact} />
}

export default TableViewer

const Rows = ({
  compact,
  digest,
  first,
  looks
}: {
  readonly digest: string
  readonly first: Api.TableView
  readonly looks: Api.ColumnsView | undefined
  readonly compact: boolean
}) => {
  const [pages, setPages] = useState<Pages>(() => new Map([[0, first.values]]))
  const [error, setError] = useState<Api.ApiError>()
  const [picked, setPicked] = useState<number>()
  const requested = useRef(new Set([0]))
  const scroll = useRef<HTMLDivElement>(null)
  const shown = first.columns.slice(0, columnsLimit)
  const virtual = useVirtualizer({
    count: first.rows,
    getScrollElement: () => scroll.current,
    estimateSize: () => rowHeight,
    overscan: 15
  })
  const items = virtual.getVirtualItems()
  const from = Math.floor((items[0]?.index ?? 0) / page)
  const to = Math.floor((items.at(-1)?.index ?? 0) / page)

  const load = useCallback(
    (at: number) => {
      if (requested.current.has(at)) return
      requested.current.add(at)
      Api.table(digest, { offset: at * page, limit: page }).then(
        (answer) => setPages((before) => new Map(before).set(at, answer.values)),
        (cause) => {
          requested.current.delete(at)
          if (cause instanceof Api.ApiError) setError(cause)
        }
      )
    },
    [digest]
  )
  useEffect(() => {
    // Wait briefly, so that fast scrolling does not load rows that are only passed.
    const timer = setTimeout(() => {
      for (let at = from; at <= to; at++) load(at)
    }, 60)
    return () => clearTimeout(timer)
  }, [from, to, load])

  const widths = shown.map(({ kind }) => columnWidths[kind] ?? columnWidths.other)
  const template = `64px ${widths.map(([least, share]) => `minmax(${least}px, ${share}fr)`).join(" ")}`
  const minWidth = widths.reduce((sum, [least]) => sum + least, 64)
  return (
    <div className="table-viewer">
      {error === undefined ? null : <Failure error={error} />}
      <div
        className={`table-scroll ${compact ? "compact" : ""}`}
        ref={scroll}
        tabIndex={0}
        role="table"
        aria-label="Rows"
        aria-rowcount={first.rows + 1}
        aria-colcount={first.columns.length + 1}
      >
        <div
          className="table-row table-head"
          role="row"
          aria-rowindex={1}
          style={{ gridTemplateColumns: template, minWidth }}
        >
          <div role="columnheader">
            <span className="hidden">Row</span>
          </div>
          {shown.map(({ kind, name }, i) => (
            <div role="columnheader" key={name}>
              <span className="column-name" title={name}>
                {name}
              </span>
              <span className="column-kind">{kind}</span>
              <Look look={looks?.columns[i]} of={looks?.sampled ?? 0} />
            </div>
          ))}
        </div>
        <div style={{ height: virtual.getTotalSize(), minWidth, position: "relative" }}>
          {items.map((item) => {
            const row = pages.get(Math.floor(item.index / page))?.[item.index % page]
            return (
              <div
                key={item.key}
                className="table-row"
                role="row"
                tabIndex={-1}
                aria-rowindex={item.index + 2}
                style={{ gridTemplateColumns: template, minWidth, transform: `translateY(${item.start}px)` }}
              >
                <div role="cell" className="row-number">
                  <button type="button" onClick={() => setPicked(item.index)} title="Show the whole row">
                    {count(item.index)}
                  </button>
                </div>
                {shown.map(({ name }, i) => {
                  const value = row?.[i]
                  return (
                    <div
                      role="cell"
                      key={name}
                      className={typeof value === "number" ? "right" : value === null ? "null" : ""}
                    >
                      {row === undefined ? "" : cell(value)}
                    </div>
                  )
                })}
              </div>
            )
          })}
        </div>
      </div>
      <p className="viewer-note">
        {count(first.rows)} rows, {count(first.columns.length)} columns
        {first.columns.length > shown.length ? `, the first ${columnsLimit} of them shown` : ""}
        {looks !== undefined && looks.sampled < looks.rows
          ? `; the summaries cover the first ${count(looks.sampled)} rows`
          : ""}
      </p>
      {picked === undefined ? null : (
        <WholeRow digest={digest} index={picked} columns={first.columns} close={() => setPicked(undefined)} />
      )}
    </div>
  )
}

const cell = (value: unknown): string =>
  value === null || value === undefined
    ? "null"
    : typeof value === "number"
      ? number(value)
      : typeof value === "object"
        ? JSON.stringify(value)
        : String(value)

const Look = ({ look, of }: { readonly look: Api.ColumnView | undefined; readonly of: number }) => {
  if (look === undefined) return <span className="look" />
  const nulls =
    look.nulls === 0 ? null : (
      <span title={`${look.nulls} of ${of} rows`}>{Math.round((look.nulls / Math.max(1, of)) * 100)}% null</span>
    )
  if (look.top !== undefined) {
    return (
      <span className="look">
        {look.top.slice(0, 2).map(({ count: times, value }) => (
          <span key={value} className="look-top" title={`${times} times`}>
            {value === "" ? "(empty)" : value} <i>{Math.round((times / Math.max(1, of)) * 100)}%</i>
          </span>
        ))}
        {nulls}
      </span>
    )
  }
  const time = look.kind === "time" || look.kind === "date"
  return (
    <span className="look">
      {look.histogram === undefined ? null : (
        <Histogram
          histogram={look.histogram}
          format={
            time
              ? (at) => new Date(at).toISOString().slice(0, 10)
              : look.kind === "text"
                ? (letters) => `${number(letters)} letters`
                : number
          }
        />
      )}
      {nulls}
    </span>
  )
}

/** A row with uncut values. */
const WholeRow = ({
  close,
  columns,
  digest,
  index
}: {
  readonly digest: string
  readonly index: number
  readonly columns: Api.TableView["columns"]
  readonly close: () => void
}) => {
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => {
    if (dialog.current?.open === false) dialog.current.showModal()
  }, [])
  const result = Api.useQuery(`row ${digest} ${index}`, (signal) =>
    Api.table(digest, { offset: index, limit: 1, cut: 200_000 }, signal)
  )
  const row = result.data?.values[0]
  return (
    <dialog ref={dialog} onClose={close} className="whole-row" aria-label={`Row ${index}`}>
      <header>
        <h2>Row {count(index)}</h2>
        <button type="button" className="quiet" onClick={close} aria-label="Close">
          ✕
        </button>
      </header>
      {row === undefined ? (
        <Loading what="the row" />
      ) : (
        <dl className="pairs">
          {columns.map(({ name }, i) => (
            <div key={name} className="pair">
              <dt>{name}</dt>
              <dd className="mono">
                {typeof row[i] === "object" && row[i] !== null ? JSON.stringify(row[i], null, 2) : cell(row[i])}
              </dd>
            </div>
          ))}
        </dl>
      )}
    </dialog>
  )
}
