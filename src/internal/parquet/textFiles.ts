/**
 * CSV and JSON Lines, read by DuckDB (the optional peer `@duckdb/node-api`) into a temporary Parquet file, which is then
 * read like any other. What the table declares tells DuckDB the types, so that `007` stays a text where a text is declared.
 */
import { randomUUID } from "node:crypto"
import { rm, stat } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { codeOf, messageOf, reasonOf } from "../cause.ts"
import type { ColumnType, Kind } from "./columnType.ts"
import { isHttp, SourceError } from "./source.ts"
import type { Format } from "./textFormat.ts"

/** The path of a Parquet file with the rows of a text file, which is removed with the scope. */
export const asParquet = (
  file: string,
  format: Format,
  types: ReadonlyArray<ColumnType> | undefined
): Effect.Effect<string, SourceError, Scope.Scope> =>
  Effect.gen(function* () {
    if (isHttp(file))
      return yield* Effect.fail(
        new SourceError("unreadable", "CSV and JSON Lines are read from local files only; download it first")
      )
    const path = file.startsWith("file:") ? fileURLToPath(file) : file
    yield* Effect.tryPromise({ try: () => stat(path), catch: statError })
    const connection = yield* connect
    const target = yield* Effect.acquireRelease(
      Effect.sync(() => join(tmpdir(), `effect-flow-${randomUUID()}.parquet`)),
      (target) => Effect.promise(() => rm(target, { force: true }))
    )
    const run = (sql: string) =>
      Effect.tryPromise({
        try: (signal) => {
          signal.addEventListener("abort", () => connection.interrupt())
          return connection.runAndReadAll(sql)
        },
        catch: (cause) =>
          new SourceError(
            "unreadable",
            `it can't be read as ${format === "csv" ? "CSV" : "JSON Lines"}: ${sentenceOf(cause)}`
          )
      })
    const read = format === "csv" ? "read_csv" : "read_json"
    const fixed = format === "csv" ? "" : ", format = 'newline_delimited'"
    let options = fixed
    if (types !== undefined && format === "csv") {
      const described = yield* run(`describe select * from read_csv(${quote(path)})`)
      const names = new Set(described.getRowObjects().map((row) => String(row.column_name)))
      options += csvOptions(types.filter(({ name }) => names.has(name)))
    }
    yield* run(
      `copy (select * from ${read}(${quote(path)}${options})) to ${quote(target)} (format parquet, compression zstd)`
    )
    return target
  })

const statError = (cause: unknown) =>
  codeOf(cause) === "ENOENT"
    ? new SourceError("missing", "there is no such file")
    : new SourceError("unreadable", `it can't be read: ${reasonOf(cause)}`)

const connect = Effect.gen(function* () {
  const { DuckDBInstance } = yield* Effect.tryPromise({
    try: () => import("@duckdb/node-api"),
    catch: () =>
      new SourceError(
        "unreadable",
        "CSV and JSON Lines are read through DuckDB, which is not installed; npm install @duckdb/node-api"
      )
  })
  return yield* Effect.acquireRelease(
    Effect.tryPromise({
      try: async () => {
        const instance = await DuckDBInstance.create(":memory:")
        return instance.connect()
      },
      catch: (cause) => new SourceError("unreadable", `DuckDB does not start: ${messageOf(cause)}`)
    }),
    (connection) => Effect.sync(() => connection.closeSync())
  )
})

const quote = (text: string): string => `'${text.replaceAll("'", "''")}'`

const sqlTypes: { readonly [K in Kind]: string } = {
  text: "VARCHAR",
  json: "VARCHAR",
  int: "BIGINT",
  bigint: "BIGINT",
  int64: "BIGINT",
  int32: "INTEGER",
  number: "DOUBLE",
  float64: "DOUBLE",
  float32: "FLOAT",
  boolean: "BOOLEAN",
  date: "TIMESTAMP",
  bytes: "VARCHAR"
}

/** An empty field is null, but in a column of texts that must not be. */
const csvOptions = (types: ReadonlyArray<ColumnType>): string => {
  if (types.length === 0) return ""
  const required = types.filter(({ kind, optional }) => kind === "text" && !optional)
  const columns = types.map(({ kind, name }) => `${quote(name)}: ${quote(sqlTypes[kind])}`).join(", ")
  const notNull =
    required.length === 0 ? "" : `, force_not_null = [${required.map(({ name }) => quote(name)).join(", ")}]`
  return `, types = {${columns}}${notNull}`
}

/** DuckDB's message without the advice on its own options. */
const sentenceOf = (cause: unknown): string =>
  messageOf(cause)
    .split(/\n(?:Possible|\s*\n)/)[0]
    ?.replace(/\s*\n\s*/g, "; ")
    .trim() ?? ""
