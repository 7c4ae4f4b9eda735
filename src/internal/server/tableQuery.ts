/**
 * Sorts, filters and searches a table artifact for the page. The rows are scattered over the file then, so its columns are
 * read into memory once, which tables up to a size allow. Larger ones are for DuckDB.
 */
import * as Effect from "effect/Effect"
import { type Json, jsonValue } from "../jsonValue.ts"
import { UiBadRequest, type UiBroken } from "./api.ts"
import type { Condition, TableView } from "./shapes.ts"
import { bytesText, type OpenTable, read } from "./table.ts"

/** Tables whose columns take more than this unpacked are not read into memory. */
const unpackedLimitBytes = 256 * 1024 * 1024
const rowsPerRead = 50_000

/** Which rows, in which order. */
export interface Question {
  readonly sort: string | undefined
  readonly descending: boolean
  readonly where: ReadonlyArray<Condition>
  /** A text that some column of a row has. */
  readonly search: string
}

/** Whether a question asks for anything but all rows in their order. */
export const isPlain = ({ search, sort, where }: Question): boolean =>
  sort === undefined && where.length === 0 && search === ""

/** The columns of a table in memory. */
export interface Loaded {
  readonly rows: number
  readonly columns: ReadonlyMap<string, ReadonlyArray<unknown>>
}

/** Reads all columns. */
export const load = Effect.fnUntraced(function* (table: OpenTable): Effect.fn.Return<Loaded, UiBroken | UiBadRequest> {
  const unpacked = table.metadata.row_groups.reduce((sum, group) => sum + Number(group.total_byte_size), 0)
  if (unpacked > unpackedLimitBytes) {
    return yield* new UiBadRequest({
      message: `The table takes ${Math.round(unpacked / 1e6)} MB unpacked. The page sorts and filters tables up to ${Math.round(unpackedLimitBytes / 1e6)} MB; use Duckdb.query for larger ones.`
    })
  }
  const columns = new Map(table.columns.map(({ name }): [string, Array<unknown>] => [name, []]))
  for (let from = 0; from < table.rows; from += rowsPerRead) {
    for (const row of yield* read(table, from, Math.min(table.rows, from + rowsPerRead))) {
      for (const [name, values] of columns) values.push(row[name])
    }
  }
  return { rows: table.rows, columns }
})

const textOf = (value: unknown): string =>
  typeof value === "string"
    ? value
    : value instanceof Date
      ? value.toISOString()
      : typeof value === "object"
        ? JSON.stringify(jsonValue(value, { bytes: bytesText }))
        : String(value)

/** A value as something that `<` orders: a number, or a text. */
const orderOf = (value: unknown): number | string =>
  typeof value === "number"
    ? value
    : typeof value === "bigint" || typeof value === "boolean"
      ? Number(value)
      : value instanceof Date
        ? value.getTime()
        : textOf(value)

/** What a user typed, in the form in which a column's values are compared. */
const wantedFor = (sample: unknown, text: string): number | string =>
  sample instanceof Date
    ? Date.parse(text)
    : typeof sample === "number" || typeof sample === "bigint"
      ? Number(text)
      : typeof sample === "boolean"
        ? Number(/^(true|yes|1)$/i.test(text))
        : text

const isMissing = (value: unknown): boolean => value === null || value === undefined

const testOf = (values: ReadonlyArray<unknown>, { op, value }: Condition): ((row: number) => boolean) => {
  if (op === "isNull") return (row) => isMissing(values[row])
  if (op === "isNotNull") return (row) => !isMissing(values[row])
  if (op === "contains") {
    const wanted = value.toLowerCase()
    return (row) => !isMissing(values[row]) && textOf(values[row]).toLowerCase().includes(wanted)
  }
  const wanted = wantedFor(
    values.find((one) => !isMissing(one)),
    value
  )
  const holds = {
    is: (one: number | string) => one === wanted,
    isNot: (one: number | string) => one !== wanted,
    atLeast: (one: number | string) => one >= wanted,
    atMost: (one: number | string) => one <= wanted
  }[op]
  return (row) => !isMissing(values[row]) && holds(orderOf(values[row]))
}

/** The numbers of the rows that a question asks for, in its order. */
export const rowsOf = (loaded: Loaded, question: Question): Uint32Array => {
  const tests = question.where.flatMap((condition) => {
    const values = loaded.columns.get(condition.column)
    return values === undefined ? [] : [testOf(values, condition)]
  })
  if (question.search !== "") {
    const condition = { op: "contains", value: question.search, column: "" } as const
    const any = [...loaded.columns.values()].map((values) => testOf(values, condition))
    tests.push((row) => any.some((test) => test(row)))
  }
  const rows = new Uint32Array(loaded.rows)
  let count = 0
  for (let row = 0; row < loaded.rows; row++) if (tests.every((test) => test(row))) rows[count++] = row
  const found = rows.subarray(0, count)
  const values = question.sort === undefined ? undefined : loaded.columns.get(question.sort)
  if (values === undefined) return found
  const keys = values.map((value) => (isMissing(value) ? undefined : orderOf(value)))
  const sign = question.descending ? -1 : 1
  // Missing values come last in both directions, and equal ones keep the order of the table.
  return found.sort((a, b) => {
    const one = keys[a]
    const other = keys[b]
    if (one === undefined || other === undefined) {
      return one === other ? a - b : one === undefined ? 1 : -1
    }
    return one < other ? -sign : one > other ? sign : a - b
  })
}

/** A page of the rows that were found. */
export const page = (
  table: OpenTable,
  loaded: Loaded,
  found: Uint32Array,
  offset: number,
  limit: number,
  maxLength: number
): TableView => {
  const shown = found.subarray(offset, offset + limit)
  const cell = (name: string, row: number): Json =>
    jsonValue(loaded.columns.get(name)?.[row], { maxLength, maxItems: 100, bytes: bytesText })
  return {
    rows: table.rows,
    matches: found.length,
    columns: table.columns,
    offset,
    at: [...shown],
    values: Array.from(shown, (row) => table.columns.map(({ name }) => cell(name, row)))
  }
}

const csvCell = (value: unknown): string => {
  const text = isMissing(value) ? "" : textOf(value)
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

/** The rows that were found as lines of CSV, with a head line, in pieces. */
export const csv = function* (
  loaded: Loaded,
  found: Uint32Array,
  names: ReadonlyArray<string>
): Generator<string, void, void> {
  const columns = names.flatMap((name) => {
    const values = loaded.columns.get(name)
    return values === undefined ? [] : [{ name, values }]
  })
  yield `${columns.map(({ name }) => csvCell(name)).join(",")}\r\n`
  const linesPerPiece = 1000
  for (let from = 0; from < found.length; from += linesPerPiece) {
    let piece = ""
    for (const row of found.subarray(from, from + linesPerPiece)) {
      piece += `${columns.map(({ values }) => csvCell(values[row])).join(",")}\r\n`
    }
    yield piece
  }
}
