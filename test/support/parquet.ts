/** Values of Parquet files in one notation, whoever read them, so that they can be compared cell by cell. */
import { existsSync } from "node:fs"
import { join } from "node:path"
import * as DuckDb from "./duckdb.ts"

/** Where the public suite of Parquet files is. It is no part of the project. */
export const suite = join(import.meta.dirname, "../../../shared/cases/parquet-testing")

/** Whether the public suite is here. */
export const hasSuite = existsSync(join(suite, "data"))

if (!hasSuite) console.warn("Skipped: the files of apache/parquet-testing are not in ../shared/cases/parquet-testing")

/** A value as this library reads it. */
export const ours = (value: unknown): unknown => {
  if (value === null || value === undefined) return null
  if (typeof value === "number" || typeof value === "bigint") return Object.is(value, -0) ? "0" : String(value)
  if (typeof value !== "object") return value
  if (value instanceof Date) return value.toISOString()
  if (value instanceof Uint8Array) return Buffer.from(value).toString("hex")
  if (value instanceof Map) return [...value].map(([key, item]) => [ours(key), ours(item)])
  if (Array.isArray(value)) return value.map(ours)
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, ours(item)]))
}

interface Native {
  readonly constructor: { readonly name: string }
  readonly items: ReadonlyArray<unknown>
  readonly entries: any
  readonly bytes: Uint8Array
  readonly micros: bigint
  readonly nanos: bigint
  readonly days: number
}

/** A value as DuckDB reads it. */
export const duckdb = (value: unknown): unknown => {
  if (typeof value !== "object" || value === null) return ours(value)
  const native = value as Native // of the classes of DuckDB's client
  switch (native.constructor.name) {
    case "DuckDBListValue":
      return native.items.map(duckdb)
    case "DuckDBStructValue":
      return Object.fromEntries(Object.entries(native.entries).map(([key, item]) => [key, duckdb(item)]))
    case "DuckDBMapValue":
      return native.entries.map((entry: { key: unknown; value: unknown }) => [duckdb(entry.key), duckdb(entry.value)])
    case "DuckDBBlobValue":
      return Buffer.from(native.bytes).toString("hex")
    case "DuckDBTimestampValue":
    case "DuckDBTimestampTZValue":
      return new Date(Math.floor(Number(native.micros) / 1000)).toISOString()
    case "DuckDBTimestampNanosecondsValue":
      return new Date(Math.floor(Number(native.nanos) / 1e6)).toISOString()
    case "DuckDBDateValue":
      return new Date(native.days * 86_400_000).toISOString()
    case "DuckDBTimeValue":
      return timeText(native.micros)
    default:
      return String(value) // decimals, UUIDs
  }
}

const timeText = (micros: bigint): string =>
  `${new Date(Number(micros / 1000n)).toISOString().slice(11, 19)}.${String(micros % 1_000_000n).padStart(6, "0")}`

/** The columns of a file as DuckDB reads them, in this notation; or why it does not read it. */
export const duckdbColumns = async (
  file: string
): Promise<{ readonly [name: string]: ReadonlyArray<unknown> } | { readonly error: string }> => {
  try {
    const columns = await DuckDb.columns(`select * from '${file}'`)
    return Object.fromEntries(Object.entries(columns).map(([name, values]) => [name, values.map(duckdb)]))
  } catch (cause) {
    return { error: (cause as Error).message }
  }
}
