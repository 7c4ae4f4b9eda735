/**
 * Rows of a stored table or dataset, printed as aligned columns, as JSON or as CSV: from the start, from the end, or from
 * a row on, and of some columns only. Only the parts and row groups of these rows are read.
 */
import * as Effect from "effect/Effect"
import { ArtifactStore } from "../../../ArtifactStore.ts"
import * as Parquet from "../../../Parquet.ts"
import type { RefRecord } from "../../../RunRecord.ts"
import * as Manifest from "../../artifact/datasetManifest.ts"
import { jsonValue } from "../../jsonValue.ts"
import * as Text from "../../text.ts"
import * as Units from "../../units.ts"
import * as Cli from "../cli.ts"
import { styleFor } from "../style.ts"

/** Which rows, and how they are printed. */
export interface RowOptions {
  /** How many rows. Default: 10, and all for CSV. */
  readonly rows: number | undefined
  /** The first row, counted from 1. */
  readonly from: number | undefined
  /** The last rows in place of the first. */
  readonly tail: boolean
  /** Names with commas between them. */
  readonly columns: string | undefined
  readonly csv: boolean
  readonly json: boolean
}

const defaultRows = 10

/** So many rows are read and printed at a time. */
const rowsAtOnce = 50_000

/** A Parquet file with some of the rows. */
interface Part {
  readonly digest: string
  readonly numRows: number
}

/** Prints rows of a table or dataset. */
export const print = Effect.fnUntraced(function* (cli: Cli.Cli, ref: RefRecord, options: RowOptions) {
  const store = yield* ArtifactStore
  const pathOf = (digest: string) => store.path(digest, ".parquet")
  const parts: ReadonlyArray<Part> =
    ref.format === "dataset"
      ? yield* Effect.flatMap(store.get(ref.digest), Manifest.decode)
      : [{ digest: ref.digest, numRows: (yield* Parquet.describe(yield* pathOf(ref.digest))).numRows }]
  const total = parts.reduce((sum, { numRows }) => sum + numRows, 0)
  const count = options.rows ?? (options.csv ? total : defaultRows)
  const start = options.tail ? Math.max(0, total - count) : Math.min(total, Math.max(0, (options.from ?? 1) - 1))
  const end = Math.min(total, start + count)
  const columns = options.columns?.split(",").map((name) => name.trim())
  const [first] = parts
  if (columns !== undefined && first !== undefined) {
    const { columns: there } = yield* Parquet.describe(yield* pathOf(first.digest))
    const unknown = columns.find((name) => there.every((column) => column.name !== name))
    if (unknown !== undefined) {
      const message = `${ref.name} has no column "${unknown}". Its columns: ${there.map(({ name }) => name).join(", ")}.`
      return yield* new Cli.Exit({ code: Cli.exitCodes.usage, message })
    }
  }
  const printed: Array<Record<string, unknown>> = []
  let names = columns ?? []
  let before = 0
  let isFirst = true
  for (const { digest, numRows } of parts) {
    const last = Math.min(end, before + numRows)
    for (let at = Math.max(start, before); at < last || (isFirst && before + numRows >= end); at += rowsAtOnce) {
      const rows = { start: at - before, end: Math.min(last, at + rowsAtOnce) - before }
      const table = yield* Parquet.readAny(yield* pathOf(digest), {
        rows,
        ...(columns === undefined ? {} : { columns })
      })
      names = Object.keys(table.columns)
      if (options.csv && isFirst) Cli.print(cli, names.map(csvCell).join(","))
      isFirst = false
      if (options.csv) {
        if (table.numRows > 0) Cli.print(cli, csvLines(table, names))
      } else printed.push(...rowsOf(table, names))
    }
    before += numRows
  }
  if (options.csv) return
  if (options.json)
    return Cli.print(
      cli,
      JSON.stringify(
        printed.map((row) => jsonValue(row)),
        undefined,
        2
      )
    )
  const style = styleFor(cli.stdout, cli.environment)
  const room = Math.max(20, Math.floor((cli.stdout.columns ?? 120) / Math.max(1, names.length)) - 2)
  const cells = printed.map((row) => names.map((name) => Text.fit(Text.oneLine(Text.printable(cell(row[name]))), room)))
  Cli.print(cli, Text.columns([names.map(style.dim), ...cells]))
  const shown = start === end ? "none of them" : start === 0 ? `the first ${end}` : `rows ${start + 1} to ${end}`
  const whole = end - start === total ? "" : `; showing ${shown}`
  const inParts = ref.format === "dataset" ? ` in ${Units.plural(parts.length, "part")}` : ""
  Cli.say(cli, `${Units.plural(total, "row")}${inParts}, ${Units.plural(names.length, "column")}${whole}`)
})

const rowsOf = ({ columns, numRows }: Parquet.AnyTable, names: ReadonlyArray<string>) =>
  Array.from({ length: numRows }, (_, row) => Object.fromEntries(names.map((name) => [name, columns[name]?.[row]])))

const cell = (value: unknown): string => {
  if (value === null || value === undefined) return ""
  return typeof value === "object" ? JSON.stringify(jsonValue(value)) : String(value)
}

const csvLines = ({ columns, numRows }: Parquet.AnyTable, names: ReadonlyArray<string>): string =>
  Array.from({ length: numRows }, (_, row) =>
    names
      .map((name) => {
        const value = columns[name]?.[row]
        return csvCell(value instanceof Date ? value.toISOString() : cell(value))
      })
      .join(",")
  ).join("\n")

/** A field as RFC 4180 has it. */
const csvCell = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)
