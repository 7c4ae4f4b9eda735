/**
 * Parquet files as tables, column by column. A table's declaration, `Artifact.table`, says which columns are read and
 * what their values must be. A column with other values fails with a typed error that names the file, the column and the
 * row.
 */
import { randomUUID } from "node:crypto"
import { type FileHandle, open, rename, rm } from "node:fs/promises"
import { basename, dirname, join } from "node:path"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Columns, Table, TableArtifact, TableFields } from "./internal/artifact/table.ts"
import { codeOf, reasonOf } from "./internal/cause.ts"
import { ColumnError } from "./internal/parquet/columnCodec.ts"
import * as ColumnType from "./internal/parquet/columnType.ts"
import * as Modules from "./internal/parquet/lazy.ts"
import * as Leaf from "./internal/parquet/leaf.ts"
import type { FileError } from "./internal/parquet/reader.ts"
import * as Source from "./internal/parquet/source.ts"
import type { WriteOptions } from "./internal/parquet/writer.ts"

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

const errorOf =
  (file: string) =>
  (fault: ColumnError | FileError | Source.SourceError): ParquetError =>
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

/**
 * Reads the declared columns of a Parquet file.
 *
 * @param source A path, or a `file:` or http(s) URL; of a URL only the needed ranges are fetched.
 * @param table Which columns, and what they hold.
 *
 * @example
 * ```ts
 * const { columns, numRows } = yield* Parquet.read("reviews.parquet", Reviews)
 * ```
 */
export const read = <F extends TableFields>(
  source: string | URL,
  table: TableArtifact<F>
): Effect.Effect<Table<F>, ParquetError> => {
  const types = ColumnType.lazy(table.fields)
  return Effect.zip(Source.openSource(source), Modules.reader).pipe(
    Effect.flatMap(([file, { read }]) => read(file, types())),
    Effect.scoped,
    Effect.mapBoth({
      onFailure: errorOf(Source.nameOf(source)),
      onSuccess: ({ columns, numRows }) => ({ numRows, columns: columns as Columns<F> }) // each was checked by its type
    })
  )
}

/** A column of a file, as the file declares it. */
export interface FileColumn {
  readonly name: string
  /** `INT64`, `DOUBLE`, `STRING`, `LIST` … */
  readonly type: string
  readonly optional: boolean
}

/**
 * What a Parquet file declares about itself. Reads only the file's metadata, not its rows. Fails with `ParquetError`.
 *
 * @param source A path, or a `file:` or http(s) URL.
 *
 * @example
 * ```ts
 * const { columns, numRows } = yield* Parquet.describe("reviews.parquet")
 * ```
 */
export const describe = (
  source: string | URL
): Effect.Effect<{ readonly numRows: number; readonly columns: ReadonlyArray<FileColumn> }, ParquetError> =>
  Effect.zip(Source.openSource(source), Modules.reader).pipe(
    Effect.flatMap(([file, { metadata }]) => metadata(file)),
    Effect.scoped,
    Effect.mapBoth({
      onFailure: errorOf(Source.nameOf(source)),
      onSuccess: (metadata) => ({
        numRows: metadata.numRows,
        columns: metadata.children.map((node) => ({
          name: node.element.name,
          type: Leaf.typeText(node),
          optional: Leaf.isOptional(node.element)
        }))
      })
    })
  )

/**
 * Writes a table to a Parquet file. The file appears when it is complete; until then it has a temporary name in the same directory.
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
  const types = ColumnType.lazy(table.fields)
  const temporary = join(dirname(path), `.${basename(path)}.${randomUUID()}.tmp`)
  const attempt = <A>(run: () => Promise<A>) => Effect.tryPromise({ try: run, catch: unwritable(path) })
  return Effect.acquireUseRelease(
    attempt(() => open(temporary, "wx")),
    (handle) =>
      Modules.writer.pipe(
        Effect.flatMap(({ write }) => write(types(), value, (parts) => attempt(() => append(handle, parts)), options)),
        Effect.mapError((fault) => (fault instanceof ColumnError ? errorOf(path)(fault) : fault)),
        Effect.andThen(attempt(() => handle.close())),
        Effect.andThen(attempt(() => rename(temporary, path)))
      ),
    (handle) =>
      Effect.promise(async () => {
        await handle.close().catch(() => undefined) // closed already, where all went well
        await rm(temporary, { force: true }) // renamed already, where all went well
      })
  )
}

const append = async (handle: FileHandle, parts: ReadonlyArray<Uint8Array>) => {
  for (const part of parts) await handle.appendFile(part) // the whole part, however often the system has to be asked
}

const unwritable =
  (file: string) =>
  (cause: unknown): ParquetError =>
    new ParquetError({
      reason: "unwritable",
      message: `${file} can't be written: ${codeOf(cause) === "ENOENT" ? "its directory does not exist" : reasonOf(cause)}`,
      file
    })
