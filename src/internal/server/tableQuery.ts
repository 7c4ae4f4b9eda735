/**
 * Sorts, filters and searches a table artifact for the page. The rows are scattered over the file then, so its columns are
 * read into memory once, which tables up to a size allow. Larger ones are for DuckDB.
 */
import * as Effect from "effect/Effect"
import { jsonValue } from "../jsonValue.ts"
import { UiBadRequest, type UiBroken } from "./api.ts"
import type { Condition, TableView } from "./shapes.ts"
import { bytesText, isMissing, numberOf, type OpenTable, partsOf, read, show } from "./table.ts"

/** Tables whose columns take more than this unpacked are not read into memory. */
const unpackedLimitBytes = 256 * 1024 * 1024
/** Tables whose columns take less stay in memory for a while once a page of them was asked for. */
const smallBytes = 4 * 1024 * 1024

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

/** Whether a table is read into memory whatever the question is. */
export const isSmall = ({ bytes }: OpenTable): boolean => bytes < smallBytes

/** A column in memory. */
export interface LoadedColumn {
  readonly kind: string
  readonly values: ArrayLike<unknown>
}

/** The columns of a table in memory. */
export interface Loaded {
  readonly rows: number
  readonly columns: ReadonlyMap<string, LoadedColumn>
}

/** Reads all columns, one at a time. */
export const load = Effect.fnUntraced(function* (table: OpenTable): Effect.fn.Return<Loaded, UiBroken | UiBadRequest> {
  if (table.bytes > unpackedLimitBytes) {
    return yield* new UiBadRequest({
      message: `The table takes ${Math.round(table.bytes / 1e6)} MB unpacked. The page sorts and filters tables up to ${Math.round(unpackedLimitBytes / 1e6)} MB; use Duckdb.query for larger ones.`
    })
  }
  const columns = new Map<string, LoadedColumn>()
  const parts = partsOf(table)
  for (const { kind, name } of table.columns) {
    const pieces: Array<ArrayLike<unknown>> = []
    for (const part of parts) {
      pieces.push((yield* read(table, part, name))[name] ?? [])
      yield* Effect.yieldNow // other requests come in between
    }
    const [first = []] = pieces
    columns.set(name, { kind, values: pieces.length > 1 ? pieces.flatMap((piece) => Array.from(piece)) : first })
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

/** A value as something that `<` orders: a number, or a text. Nothing for a value that has no place in an order. */
const orderOf = (value: unknown, kind: string): number | string | undefined => {
  if (isMissing(value)) return undefined
  const number = typeof value === "boolean" ? Number(value) : numberOf(value, kind)
  return number === undefined ? textOf(value) : Number.isNaN(number) ? undefined : number
}

/** What a user typed, in the form in which a column's values are compared. */
const wantedFor = (sample: unknown, kind: string, text: string): number | string =>
  sample instanceof Date
    ? Date.parse(text)
    : typeof sample === "boolean"
      ? Number(/^(true|yes|1)$/i.test(text))
      : numberOf(sample, kind) === undefined
        ? text
        : Number(text)

const firstPresent = (values: ArrayLike<unknown>): unknown => {
  for (let row = 0; row < values.length; row++) if (!isMissing(values[row])) return values[row]
  return undefined
}

const testOf = ({ kind, values }: LoadedColumn, { op, value }: Condition): ((row: number) => boolean) => {
  if (op === "isNull") return (row) => isMissing(values[row])
  if (op === "isNotNull") return (row) => !isMissing(values[row])
  if (op === "contains") {
    const part = value.toLowerCase()
    return (row) => !isMissing(values[row]) && textOf(values[row]).toLowerCase().includes(part)
  }
  const wanted = wantedFor(firstPresent(values), kind, value)
  const holds = {
    is: (order: number | string) => order === wanted,
    isNot: (order: number | string) => order !== wanted,
    atLeast: (order: number | string) => order >= wanted,
    atMost: (order: number | string) => order <= wanted
  }[op]
  return (row) => {
    if (isMissing(values[row])) return false
    const order = orderOf(values[row], kind)
    return order === undefined ? op === "isNot" : holds(order)
  }
}

/** The numbers of the rows that a question asks for, in its order. */
export const rowsOf = (loaded: Loaded, question: Question): Uint32Array => {
  const tests = question.where.flatMap((condition) => {
    const column = loaded.columns.get(condition.column)
    return column === undefined ? [] : [testOf(column, condition)]
  })
  if (question.search !== "") {
    const condition = { op: "contains", value: question.search, column: "" } as const
    const any = [...loaded.columns.values()].map((column) => testOf(column, condition))
    tests.push((row) => any.some((test) => test(row)))
  }
  const rows = new Uint32Array(loaded.rows)
  let count = 0
  for (let row = 0; row < loaded.rows; row++) if (tests.every((test) => test(row))) rows[count++] = row
  const matching = rows.subarray(0, count)
  const column = question.sort === undefined ? undefined : loaded.columns.get(question.sort)
  if (column === undefined) return matching
  const keys = Array.from(column.values, (value) => orderOf(value, column.kind))
  const sign = question.descending ? -1 : 1
  // Missing values come last in both directions, and equal ones keep the order of the table.
  return matching.sort((a, b) => {
    const first = keys[a]
    const second = keys[b]
    if (first === undefined || second === undefined) {
      return first === second ? a - b : first === undefined ? 1 : -1
    }
    return first < second ? -sign : first > second ? sign : a - b
  })
}

/** A page of the table as it is. */
export const plainPage = (
  table: OpenTable,
  loaded: Loaded,
  offset: number,
  limit: number,
  maxLength: number
): TableView => {
  const end = Math.min(loaded.rows, offset + limit)
  return {
    rows: table.rows,
    columns: table.columns,
    offset,
    values: Array.from({ length: Math.max(0, end - offset) }, (_, i) => cellsOf(table, loaded, offset + i, maxLength))
  }
}

const cellsOf = (table: OpenTable, loaded: Loaded, row: number, maxLength: number) =>
  table.columns.map(({ name }) => show(loaded.columns.get(name)?.values[row], maxLength))

/** A page of the rows that a question asks for. */
export const page = (
  table: OpenTable,
  loaded: Loaded,
  matching: Uint32Array,
  offset: number,
  limit: number,
  maxLength: number
): TableView => {
  const shown = matching.subarray(offset, offset + limit)
  return {
    rows: table.rows,
    matches: matching.length,
    columns: table.columns,
    offset,
    at: [...shown],
    values: Array.from(shown, (row) => cellsOf(table, loaded, row, maxLength))
  }
}

const csvCell = (value: unknown): string => {
  const text = isMissing(value) ? "" : textOf(value)
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

/** The rows of a question as lines of CSV, with a head line, in pieces. */
export const csv = function* (
  loaded: Loaded,
  matching: Uint32Array,
  names: ReadonlyArray<string>
): Generator<string, void, void> {
  const columns = names.flatMap((name) => {
    const values = loaded.columns.get(name)?.values
    return values === undefined ? [] : [{ name, values }]
  })
  yield `${columns.map(({ name }) => csvCell(name)).join(",")}\r\n`
  const linesPerPiece = 1000
  for (let from = 0; from < matching.length; from += linesPerPiece) {
    let piece = ""
    for (const row of matching.subarray(from, from + linesPerPiece)) {
      piece += `${columns.map(({ values }) => csvCell(values[row])).join(",")}\r\n`
    }
    yield piece
  }
}
