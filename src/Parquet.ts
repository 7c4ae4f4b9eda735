/**
 * Parquet files as tables, column by column. A table's declaration, `Artifact.table`, says which columns are read and
 * what their values must be. A column with other values fails with a typed error that names the file, the column and the
 * row.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { AsyncBuffer } from "hyparquet"
import type { Columns, Table, TableArtifact, TableFields } from "./internal/artifact/table.ts"
import { codeOf, reasonOf } from "./internal/cause.ts"
import * as Checked from "./internal/checked.ts"
import { ColumnError } from "./internal/parquet/columnCodec.ts"
import * as ColumnType from "./internal/parquet/columnType.ts"
import type { FileSchema } from "./internal/parquet/fileSchema.ts"
import { filesOf, type Source, sourceName } from "./internal/parquet/files.ts"
import type { FileError } from "./internal/parquet/footer.ts"
import * as Given from "./internal/parquet/given.ts"
import * as Modules from "./internal/parquet/lazy.ts"
import type { ReadTable } from "./internal/parquet/reader.ts"
import * as FileSource from "./internal/parquet/source.ts"
import { textFormat } from "./internal/parquet/textFormat.ts"
import type { WriteOptions } from "./internal/parquet/writer.ts"
import type { StorableSchema } from "./internal/schema/storableSchema.ts"
import * as WholeFile from "./internal/wholeFile.ts"

export type {
  Bound,
  ChunkSchema,
  ColumnSchema,
  FileSchema,
  RowGroupSchema,
  Statistics
} from "./internal/parquet/fileSchema.ts"
export type { Source } from "./internal/parquet/files.ts"
export type { FileColumn } from "./internal/parquet/inferredFields.ts"
export type { WriteOptions } from "./internal/parquet/writer.ts"

/**
 * A Parquet file could not be read or written.
 *
 * `reason` is `missing` (no such file), `directory`, `notParquet`, `truncated`, `damaged` (its bytes make no sense),
 * `unsupported` (Parquet that can't be read here), `columnMissing`, `columnType` (a column of another type than is
 * declared), `null` (in a column that must not have any), `outOfRange` (an integer that a number can't hold exactly),
 * `invalid` (a value that its schema rejects), `unreadable` or `unwritable` (the medium failed).
 */
export class ParquetError extends Schema.TaggedError<ParquetError>()("ParquetError", {
  reason: Schema.Literals([
    "missing",
    "directory",
    "notParquet",
    "truncated",
    "damaged",
    "unsupported",
    "columnMissing",
    "columnType",
    "null",
    "outOfRange",
    "invalid",
    "unreadable",
    "unwritable"
  ]),
  message: Schema.String,
  /** The file or URL. */
  file: Schema.String,
  column: Schema.optionalKey(Schema.String),
  /** The row's number, counted from 1. */
  row: Schema.optionalKey(Schema.Int)
}) {}

const errorOf = (source: string) => {
  const named = FileSource.withoutSecrets(source)
  const file = named.trim() === "" ? JSON.stringify(named) : named
  return (fault: ColumnError | FileError | FileSource.SourceError): ParquetError =>
    fault instanceof ColumnError
      ? new ParquetError({
          reason: fault.reason,
          message: `${file}: ${fault.message}`,
          file,
          column: fault.column,
          ...(fault.row === undefined ? {} : { row: fault.row + 1 })
        })
      : new ParquetError({
          reason: fault.reason,
          message: `${file}: ${fault.message}`,
          file,
          ...("column" in fault && fault.column !== undefined ? { column: fault.column } : {})
        })
}

/** What to read of a table. */
export interface ReadOptions {
  /**
   * Only these rows: from the one of index `start` (counted from 0) to before the one of index `end`. Row groups outside
   * of the range are not fetched. Of several files, the rows are counted through.
   */
  readonly rows?: { readonly start?: number; readonly end?: number }
}

/**
 * Reads the declared columns of a Parquet file, or of several as one table. Every value arrives as its column declares
 * it, or the read fails with a `ParquetError` that names file, column and row.
 *
 * Integers of 64 bits are read as `Schema.Int` where a number holds them and as `Schema.BigInt` always. Decimals are
 * read as `Schema.String` or `Schema.BigDecimal` with all of their digits, as `Schema.Number` where the nearest double
 * stands for no other decimal, and as `Schema.BigInt` without the point: `12.34` is `1234n`. Times of day are texts
 * (`12:34:56.789000`), or their unit's count as bigints, and so are timestamps, whose dates keep milliseconds.
 *
 * @param source A path, a pattern (`data/*.parquet`), a `file:` or http(s) URL, an object or a pattern of objects in a
 * bucket (`s3://bucket/data/*.parquet`), or a list of them. Of URLs and objects only the needed ranges are fetched. A file that
 * changes while it is read is refused. Files named `.csv`, `.tsv`, `.jsonl` or `.ndjson` (or `.gz` of them) are read by
 * DuckDB, the optional peer `@duckdb/node-api`.
 * @param table Which columns, and what they hold.
 * @param options.rows Only some rows.
 *
 * @example
 * ```ts
 * const { columns, numRows } = yield* Parquet.read("reviews.parquet", Reviews)
 * const first = yield* Parquet.read("reviews/*.parquet", Reviews, { rows: { end: 100 } })
 * ```
 */
export const read = <F extends TableFields>(
  source: Source,
  table: TableArtifact<F>,
  options?: ReadOptions
): Effect.Effect<Table<F>, ParquetError> => {
  Given.source("Parquet.read", source)
  Given.declaration("Parquet.read", table)
  Checked.options("Parquet.read", options)
  const types = ColumnType.lazy(table.fields)
  return Effect.flatMap(expand(source), (files) =>
    Effect.map(
      readFiles(files, () => types(), options?.rows),
      ({ columns, numRows }) => ({
        numRows,
        columns: columns as Columns<F> // each was checked by its type
      })
    )
  )
}

/** A table that was read without being declared. */
export interface AnyTable {
  readonly numRows: number
  readonly columns: { readonly [name: string]: ReadonlyArray<unknown> }
  /** What its columns hold: `Artifact.table(fields)` declares the table. */
  readonly fields: { readonly [name: string]: StorableSchema }
}

/**
 * Reads a Parquet file whose columns are not known. Each is read whole and exactly: 64-bit integers as bigints, decimals
 * and times of day as texts, timestamps as dates, lists as arrays, structs as objects, maps as `Map`s.
 *
 * @param source As for `Parquet.read`. Of several files, the first one decides what the columns are.
 * @param options.columns Only these columns.
 * @param options.rows Only some rows.
 *
 * @example
 * ```ts
 * const { columns, fields } = yield* Parquet.readAny("unknown.parquet", { columns: ["price"], rows: { end: 1000 } })
 * ```
 */
export const readAny = (
  source: Source,
  options?: ReadOptions & {
    /** Only these columns. Default: all. */
    readonly columns?: ReadonlyArray<string>
  }
): Effect.Effect<AnyTable, ParquetError> =>
  Effect.gen(function* () {
    Given.source("Parquet.readAny", source)
    Checked.strings("`columns` of Parquet.readAny", Checked.options("Parquet.readAny", options)?.columns)
    const files = yield* expand(source)
    const [first] = files
    const { inferAll } = yield* Modules.schema
    const inferred = yield* withFile(
      first as string,
      undefined,
      (
        file // `expand` gives a file at least
      ) => Effect.flatMap(Modules.footer, ({ metadata }) => Effect.map(metadata(file), inferAll))
    )
    const all = new Map(inferred.map(({ column, schema }) => [column.name, schema]))
    const names = options?.columns ?? [...all.keys()]
    const fields = Object.fromEntries(names.map((name) => [name, all.get(name) ?? Schema.Unknown])) // a missing one is reported by the reader
    const types = ColumnType.lazy(fields)
    const { columns, numRows } = yield* readFiles(files, () => types(), options?.rows)
    return { numRows, columns: columns as AnyTable["columns"], fields } // no column of plain numbers was declared
  })

/**
 * What a Parquet file says of itself: the full types of its columns, its row groups, their statistics, and the
 * declaration that reads it, as code. Reads only the file's metadata, not its rows. Fails with `ParquetError`.
 *
 * @param source As for `Parquet.read`. Of several files the types are those of the first, which the others must share;
 * rows and row groups are those of all.
 *
 * @example
 * ```ts
 * const { code, columns, rowGroups } = yield* Parquet.schema("unknown.parquet")
 * ```
 */
export const schema = (source: Source): Effect.Effect<FileSchema, ParquetError> => schemaOf("Parquet.schema", source)

const schemaOf = (of: string, source: Source): Effect.Effect<FileSchema, ParquetError> =>
  Effect.gen(function* () {
    Given.source(of, source)
    const files = yield* expand(source)
    const { fileSchema, joined } = yield* Modules.schema
    const { metadata } = yield* Modules.footer
    const schemas = yield* Effect.forEach(files, (file) =>
      Effect.map(withFile(file, undefined, metadata), (meta) => ({ file, schema: fileSchema(meta) }))
    )
    const whole = joined(schemas)
    return "difference" in whole
      ? yield* new ParquetError({
          reason: "columnType",
          message: `${whole.file}: ${whole.difference}`,
          file: whole.file
        })
      : whole
  })

const expand = (source: Source): Effect.Effect<ReadonlyArray<string>, ParquetError> =>
  Effect.mapError(filesOf(source), errorOf(sourceName(source)))

/** Opens a file for as long as `use` takes. Text files are converted first. */
const withFile = <A, E extends ColumnError | FileError>(
  name: string,
  types: ReadonlyArray<ColumnType.ColumnType> | undefined,
  use: (file: AsyncBuffer) => Effect.Effect<A, E>
): Effect.Effect<A, ParquetError> => {
  const format = textFormat(name)
  const opened =
    format === undefined
      ? FileSource.openSource(name)
      : Effect.flatMap(Modules.textFiles, ({ asParquet }) =>
          Effect.flatMap(asParquet(name, format, types), FileSource.openSource)
        )
  return opened.pipe(Effect.flatMap(use), Effect.scoped, Effect.mapError(errorOf(name)))
}

const readFiles = Effect.fnUntraced(function* (
  files: ReadonlyArray<string>,
  types: () => ReadonlyArray<ColumnType.ColumnType>,
  rows: ReadOptions["rows"]
) {
  const { concat, open, readRows } = yield* Modules.reader
  const { end = Number.POSITIVE_INFINITY, start = 0 } = rows ?? {}
  if (
    !(Number.isInteger(start) && start >= 0 && (end === Number.POSITIVE_INFINITY || Number.isInteger(end)) && end >= 0)
  ) {
    const file = files.join(", ")
    return yield* new ParquetError({
      reason: "invalid",
      message: `${file}: rows are counted from 0 in whole numbers, and the range asked for is ${start} to ${end}`,
      file
    })
  }
  const tables: Array<ReadTable> = []
  let before = 0
  for (const file of files) {
    if (before >= end && tables.length > 0) break
    tables.push(
      yield* withFile(file, types(), (source) =>
        Effect.flatMap(open(source, types()), (opened) => {
          const range = { start: start - before, end: end - before }
          before += opened.meta.numRows
          return readRows(opened, range)
        })
      )
    )
  }
  return concat(tables)
})

/** A column of a file, as the file declares it. */
export interface DescribedColumn {
  readonly name: string
  /** `INT64`, `DOUBLE`, `STRING`, `LIST` … */
  readonly type: string
  readonly optional: boolean
}

/**
 * The names and types of a Parquet file's columns. `Parquet.schema` says more. Reads only the file's metadata, not its
 * rows. Fails with `ParquetError`.
 *
 * @param source As for `Parquet.read`.
 *
 * @example
 * ```ts
 * const { columns, numRows } = yield* Parquet.describe("reviews.parquet")
 * ```
 */
export const describe = (
  source: Source
): Effect.Effect<{ readonly numRows: number; readonly columns: ReadonlyArray<DescribedColumn> }, ParquetError> =>
  Effect.map(schemaOf("Parquet.describe", source), ({ columns, numRows }) => ({
    numRows,
    columns: columns.map(({ name, optional, type }) => ({ name, type, optional }))
  }))

/**
 * Writes a table to a Parquet file. The file appears when it is complete; until then it has a temporary name in the same directory.
 * A device or a pipe is written to.
 *
 * @param path Where to. A file that is there is replaced.
 * @param table Which columns, and what they hold. `Artifact.column("float32")` makes a FLOAT.
 * @param value The table.
 * @param options.compression "zstd" (default), "snappy", "gzip" or "none".
 * @param options.rowGroupSize Rows per row group. Default: 100,000.
 *
 * @example
 * ```ts
 * yield* Parquet.write("copy.parquet", Reviews, yield* data.df, { compression: "snappy" })
 * ```
 */
export const write = <F extends TableFields>(
  path: string,
  table: TableArtifact<F>,
  value: Table<F>,
  options?: WriteOptions
): Effect.Effect<void, ParquetError> => {
  Checked.expect("The first argument of Parquet.write", path, typeof path === "string", "a path, as a string")
  Given.declaration("Parquet.write", table)
  Given.table("Parquet.write", value)
  Checked.options("Parquet.write", options)
  const types = ColumnType.lazy(table.fields)
  return WholeFile.write(path, unwritable(path), (append) =>
    Modules.writer.pipe(
      Effect.flatMap(({ write }) =>
        write(types(), value, (parts) => Effect.forEach(parts, append, { discard: true }), options)
      ),
      Effect.mapError((fault) => (fault instanceof ColumnError ? errorOf(path)(fault) : fault))
    )
  )
}

const unwritable =
  (file: string) =>
  (cause: unknown): ParquetError =>
    new ParquetError({
      reason: "unwritable",
      message: `${file} can't be written: ${codeOf(cause) === "ENOENT" ? "its directory does not exist" : reasonOf(cause)}`,
      file
    })
