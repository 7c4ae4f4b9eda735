/** A table that loads rows while scrolling: sorted by its heads, filtered, searched, summarized, copied from. */
import { type ReactNode, useEffect, useRef, useState } from "react"
import * as Api from "../api.ts"
import { count } from "../format.ts"
import { copyText, Failure, Loading } from "./basic.tsx"
import { cell, plainCell } from "./tableCell.ts"
import { Look } from "./tableLook.tsx"
import { WholeRow } from "./tableRow.tsx"
import { TableStatistics } from "./tableStatistics.tsx"
import { TableTools } from "./tableTools.tsx"
import { pageSize, type Question, toQuery, useQuestion, useRows } from "./useTable.ts"
import { useTallRows } from "./useTallRows.ts"

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

const TableViewer = ({
  compact,
  digest,
  otherwise
}: {
  readonly digest: string
  readonly compact: boolean
  /** What is shown of bytes that are no table. */
  readonly otherwise?: ReactNode
}) => {
  const table = useQuestion(compact)
  const { ask, hidden, question, toggleHidden } = table
  const [statistics, showStatistics] = useState(false)
  const key = `table ${digest} ${JSON.stringify(question)}`
  const first = Api.useQuery(key, (signal) =>
    Api.table(digest, { offset: 0, limit: pageSize, ...toQuery(question) }, signal)
  )
  const columns = Api.useQuery(`columns ${digest}`, (signal) => Api.columns(digest, signal))
  // While another question is answered, the last answer stays on the screen.
  const [answered, setAnswered] = useState<{
    readonly key: string
    readonly view: Api.TableView
    readonly question: Question
  }>()
  if (first.data !== undefined && answered?.key !== key) setAnswered({ key, view: first.data, question })
  if (answered === undefined) {
    return first.error === undefined ? (
      <Loading what="the table" />
    ) : (
      <>
        <Failure error={first.error} retry={first.reload} />
        {first.error.status === 500 ? otherwise : null}
      </>
    )
  }
  const { view } = answered
  return (
    <div className="table-viewer" aria-busy={answered.key !== key}>
      <TableTools
        digest={digest}
        columns={view.columns}
        question={question}
        ask={ask}
        rows={view.rows}
        matches={view.matches}
        hidden={hidden}
        toggleHidden={toggleHidden}
        statistics={statistics}
        showStatistics={showStatistics}
      />
      {first.error === undefined ? null : <Failure error={first.error} retry={first.reload} />}
      {statistics ? <TableStatistics digest={digest} /> : null}
      <Rows
        key={answered.key}
        digest={digest}
        first={view}
        question={answered.question}
        ask={ask}
        hidden={hidden}
        looks={columns.data}
        compact={compact}
      />
    </div>
  )
}

export default TableViewer

/** Scrolls to the side as far as it takes to see a cell. */
const showAcross = (scroll: HTMLElement, cell: HTMLElement): void => {
  const end = cell.offsetLeft + cell.offsetWidth
  if (cell.offsetLeft < scroll.scrollLeft) scroll.scrollLeft = cell.offsetLeft
  else if (end > scroll.scrollLeft + scroll.clientWidth) scroll.scrollLeft = end - scroll.clientWidth
}

interface Place {
  readonly row: number
  readonly column: number
}

const moves: Readonly<Record<string, readonly [row: number, column: number]>> = {
  ArrowDown: [1, 0],
  ArrowUp: [-1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1]
}

const Rows = ({
  ask,
  compact,
  digest,
  first,
  hidden,
  looks,
  question
}: {
  readonly digest: string
  readonly first: Api.TableView
  readonly question: Question
  readonly ask: (changes: Partial<Question>) => void
  readonly hidden: ReadonlySet<string>
  readonly looks: Api.ColumnsView | undefined
  readonly compact: boolean
}) => {
  const [picked, setPicked] = useState<number>()
  const [place, setPlace] = useState<Place>()
  const [copied, setCopied] = useState("")
  const scroll = useRef<HTMLDivElement>(null)
  const total = first.matches ?? first.rows
  const visible = first.columns.map((column, i) => ({ ...column, i })).filter(({ name }) => !hidden.has(name))
  const shown = visible.slice(0, columnsLimit)
  const head = useRef<HTMLDivElement>(null)
  const tall = useTallRows(scroll, head, { count: total, rowHeight })
  const { error, rowAt } = useRows(
    digest,
    question,
    first,
    Math.floor(tall.from / pageSize),
    Math.floor(Math.max(tall.from, tall.to - 1) / pageSize)
  )
  useEffect(() => {
    const cell = place === undefined ? null : scroll.current?.querySelector<HTMLElement>(".picked")
    if (scroll.current !== null && cell) showAcross(scroll.current, cell)
  }, [place])

  const widths = shown.map(({ kind }) => columnWidths[kind] ?? columnWidths.other)
  const numberWidth = Math.max(64, 24 + 7 * count(first.rows).length)
  const template = `${numberWidth}px ${widths.map(([least, share]) => `minmax(${least}px, ${share}fr)`).join(" ")}`
  const minWidth = widths.reduce((sum, [least]) => sum + least, numberWidth)

  /** The keys go on from a cell that was clicked. Its row would lose them where it is scrolled away. */
  const pick = (cell: Place) => {
    setPlace(cell)
    scroll.current?.focus({ preventScroll: true })
  }

  /** Copies a cell in full: what is shown may be cut. */
  const copy = async ({ column, row }: Place) => {
    const number = rowAt(row).number
    if (number === undefined) return
    const { values } = await Api.table(digest, { offset: number, limit: 1, cut: 1_000_000 })
    await copyText(plainCell(values[0]?.[shown[column]?.i ?? 0]))
    setCopied(`${shown[column]?.name} of row ${count(number)} copied`)
    setTimeout(() => setCopied(""), 2000)
  }
  const onKeyDown = (event: React.KeyboardEvent) => {
    if (place === undefined) {
      if (event.key === "Enter" && event.target === event.currentTarget) {
        setPlace({ row: tall.first, column: 0 })
      }
      return
    }
    const move = moves[event.key]
    if (move !== undefined) {
      event.preventDefault()
      const row = Math.min(total - 1, Math.max(0, place.row + move[0]))
      setPlace({ row, column: Math.min(shown.length - 1, Math.max(0, place.column + move[1])) })
      tall.show(row)
    } else if ((event.ctrlKey || event.metaKey) && event.key === "c" && String(getSelection()) === "") {
      event.preventDefault()
      copy(place).catch(() => setCopied("The cell could not be read"))
    } else if (event.key === "Enter") setPicked(rowAt(place.row).number)
    else if (event.key === "Escape") setPlace(undefined)
  }
  return (
    <>
      {error === undefined ? null : <Failure error={error} />}
      <div
        className={`table-scroll ${compact ? "compact" : ""}`}
        ref={scroll}
        tabIndex={0}
        role="table"
        aria-label="Rows"
        aria-rowcount={total + 1}
        aria-colcount={shown.length + 1}
        onKeyDown={onKeyDown}
      >
        <div
          className="table-row table-head"
          ref={head}
          role="row"
          aria-rowindex={1}
          style={{ gridTemplateColumns: template, minWidth }}
        >
          <div role="columnheader">
            <span className="hidden">Row</span>
          </div>
          {shown.map(({ i, kind, name }) => {
            const isSorted = question.sort === name
            return (
              <div
                role="columnheader"
                key={name}
                aria-sort={isSorted ? (question.order === "up" ? "ascending" : "descending") : "none"}
              >
                <button
                  type="button"
                  className="column-name"
                  title={`Sort by ${name}`}
                  onClick={() =>
                    ask(
                      isSorted && question.order === "down"
                        ? { sort: undefined, order: "up" }
                        : { sort: name, order: isSorted ? "down" : "up" }
                    )
                  }
                >
                  {name}
                  <span aria-hidden="true">{isSorted ? (question.order === "up" ? " ↑" : " ↓") : ""}</span>
                </button>
                <span className="column-kind">{kind}</span>
                <Look look={looks?.columns[i]} of={looks?.sampled ?? 0} />
              </div>
            )
          })}
        </div>
        <div style={{ height: tall.height, minWidth, position: "relative" }}>
          {Array.from({ length: tall.to - tall.from }, (_, i) => {
            const index = tall.from + i
            const { number, row } = rowAt(index)
            return (
              <div
                key={index}
                className="table-row"
                role="row"
                tabIndex={-1}
                aria-rowindex={index + 2}
                style={{ gridTemplateColumns: template, minWidth, transform: `translateY(${tall.startOf(index)}px)` }}
              >
                <div role="cell" className="row-number">
                  <button type="button" onClick={() => setPicked(number)} title="Show the whole row">
                    {count(number ?? index)}
                  </button>
                </div>
                {shown.map(({ i, name }, column) => {
                  const value = row?.[i]
                  const isPlace = place?.row === index && place.column === column
                  return (
                    // biome-ignore lint/a11y/useKeyWithClickEvents: the table handles the keys of its cells
                    <div
                      role="cell"
                      key={name}
                      className={`${typeof value === "number" ? "right" : value === null ? "null" : ""} ${isPlace ? "picked" : ""}`}
                      onClick={() => pick({ row: index, column })}
                      title={isPlace ? "Ctrl+C copies the cell" : undefined}
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
      <p className="viewer-note" role="status">
        {copied === ""
          ? `${count(first.rows)} rows, ${count(first.columns.length)} columns${
              visible.length > shown.length ? `, the first ${columnsLimit} of them shown` : ""
            }${
              looks !== undefined && looks.sampled < looks.rows
                ? `; the summaries cover the first ${count(looks.sampled)} rows`
                : ""
            }`
          : copied}
      </p>
      {picked === undefined ? null : (
        <WholeRow digest={digest} index={picked} columns={first.columns} close={() => setPicked(undefined)} />
      )}
    </>
  )
}
