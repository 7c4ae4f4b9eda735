/** The tools above a table: search, conditions, columns, statistics, copy and download. */
import { useEffect, useState } from "react"
import * as Api from "../api.ts"
import { count } from "../format.ts"
import { type Question, toQuery } from "./useTable.ts"

const operators: ReadonlyArray<readonly [op: Api.Condition["op"], text: string]> = [
  ["contains", "contains"],
  ["is", "is"],
  ["isNot", "is not"],
  ["atLeast", "≥"],
  ["atMost", "≤"],
  ["isNull", "is null"],
  ["isNotNull", "is not null"]
]

const wordOf = (op: Api.Condition["op"]): string => operators.find(([name]) => name === op)?.[1] ?? op

const hasValue = (op: Api.Condition["op"]): boolean => op !== "isNull" && op !== "isNotNull"

export const TableTools = ({
  ask,
  columns,
  digest,
  hidden,
  matches,
  question,
  rows,
  showStatistics,
  statistics,
  toggleHidden
}: {
  readonly digest: string
  readonly columns: Api.TableView["columns"]
  readonly question: Question
  readonly ask: (changes: Partial<Question>) => void
  readonly rows: number
  /** The rows that the conditions leave, once it is known. */
  readonly matches: number | undefined
  readonly hidden: ReadonlySet<string>
  readonly toggleHidden: (name: string) => void
  readonly statistics: boolean
  readonly showStatistics: (shown: boolean) => void
}) => {
  const [search, setSearch] = useState(question.search)
  useEffect(() => {
    if (search === question.search) return
    const timer = setTimeout(() => ask({ search }), 300)
    return () => clearTimeout(timer)
  }, [search, question.search, ask])
  const shown = columns.filter(({ name }) => !hidden.has(name))
  return (
    <div className="table-tools">
      <input
        value={search}
        onChange={(event) => setSearch(event.target.value)}
        placeholder="Find in any column"
        aria-label="Find in any column"
        spellCheck={false}
      />
      <NewCondition columns={columns} add={(condition) => ask({ where: [...question.where, condition] })} />
      {question.where.map((condition, i) => (
        <button
          type="button"
          className="condition"
          // biome-ignore lint/suspicious/noArrayIndexKey: conditions have no other identity than their order
          key={i}
          onClick={() => ask({ where: question.where.filter((_, j) => j !== i) })}
          title="Remove this condition"
        >
          {condition.column} {wordOf(condition.op)} {hasValue(condition.op) ? `“${condition.value}”` : ""} ✕
        </button>
      ))}
      <span className="muted tabular" role="status">
        {matches === undefined ? "" : `${count(matches)} of ${count(rows)} rows`}
      </span>
      <span className="grow" />
      <details className="choices">
        <summary>
          Columns {shown.length === columns.length ? "" : `(${count(shown.length)} of ${count(columns.length)})`}
        </summary>
        <div>
          {columns.slice(0, 500).map(({ name }) => (
            <label key={name}>
              <input type="checkbox" checked={!hidden.has(name)} onChange={() => toggleHidden(name)} /> {name}
            </label>
          ))}
        </div>
      </details>
      <button
        type="button"
        aria-pressed={statistics}
        className={statistics ? "pressed" : ""}
        onClick={() => showStatistics(!statistics)}
      >
        Statistics
      </button>
      <a
        href={Api.csvUrl(digest, {
          ...toQuery(question),
          columns: shown.length === columns.length ? undefined : shown.map(({ name }) => name).join("\n")
        })}
        download
        title="The rows and columns shown"
      >
        CSV
      </a>
    </div>
  )
}

const NewCondition = ({
  add,
  columns
}: {
  readonly columns: Api.TableView["columns"]
  readonly add: (condition: Api.Condition) => void
}) => {
  const [column, setColumn] = useState(columns[0]?.name ?? "")
  const [op, setOp] = useState<Api.Condition["op"]>("contains")
  const [value, setValue] = useState("")
  return (
    <form
      className="new-condition"
      aria-label="Filter rows"
      onSubmit={(event) => {
        event.preventDefault()
        add({ column, op, value })
        setValue("")
      }}
    >
      <select value={column} onChange={(event) => setColumn(event.target.value)} aria-label="Column">
        {columns.slice(0, 500).map(({ name }) => (
          <option key={name}>{name}</option>
        ))}
      </select>
      <select
        value={op}
        onChange={(event) => setOp(operators.find(([name]) => name === event.target.value)?.[0] ?? "contains")}
        aria-label="Condition"
      >
        {operators.map(([name, text]) => (
          <option key={name} value={name}>
            {text}
          </option>
        ))}
      </select>
      {hasValue(op) ? (
        <input value={value} onChange={(event) => setValue(event.target.value)} aria-label="Value" size={10} />
      ) : null}
      <button type="submit">Filter</button>
    </form>
  )
}
