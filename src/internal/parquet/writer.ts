/**
 * Tables to Parquet. Rows are written in groups, each checked, converted and handed on before the next is looked at, so
 * that a table is never twice in memory. Equal tables have equal bytes.
 */
import { crc32 } from "node:zlib"
import * as Effect from "effect/Effect"
import type { ColumnChunk, RowGroup, SchemaElement } from "hyparquet"
import { ByteWriter } from "hyparquet-writer"
import { writePageHeader } from "hyparquet-writer/src/datapage.js"
import { writeMetadata } from "hyparquet-writer/src/metadata.js"
import * as ColumnCodec from "./columnCodec.ts"
import { type ColumnType, isNumbers, type Kind, numberArrays } from "./columnType.ts"
import * as Codecs from "./compression.ts"
import { type Page, pagesOf } from "./pages.ts"

/** A table whose columns are not yet known to fit. */
export interface AnyTable {
  readonly numRows: number
  readonly columns: { readonly [name: string]: ArrayLike<unknown> }
}

/** How a table is written. */
export interface WriteOptions {
  /** Default: "zstd". */
  readonly compression?: Codecs.Compression
  /** Rows of a group. Default: 100,000: enough to compress well, few enough to be held twice in memory. */
  readonly rowGroupSize?: number
}

const magic = new TextEncoder().encode("PAR1")

/** Writes a table, handing its bytes on in parts, a group of rows at a time. */
export const write = Effect.fnUntraced(function* <E, R>(
  types: ReadonlyArray<ColumnType>,
  table: AnyTable,
  emit: (parts: ReadonlyArray<Uint8Array>) => Effect.Effect<void, E, R>,
  options: WriteOptions = {}
) {
  const { compression = "zstd" } = options
  const rowGroupSize = Math.max(1, Math.floor(options.rowGroupSize ?? 100_000))
  const shape = shapeError(types, table)
  if (shape !== undefined) return yield* Effect.fail(shape)
  const groups: Array<RowGroup> = []
  let offset = magic.length
  yield* emit([magic])
  for (let start = 0; start < table.numRows; start += rowGroupSize) {
    const end = Math.min(start + rowGroupSize, table.numRows)
    const columns: Array<ColumnChunk> = []
    let size = 0n
    for (const type of types) {
      const rows = ColumnCodec.toRows(type, table.columns[type.name] as ArrayLike<unknown>, start, end) // `shapeError` saw it
      if (rows instanceof ColumnCodec.ColumnError) return yield* Effect.fail(rows)
      const chunk = yield* chunkOf(type, rows, offset, end - start, compression)
      columns.push(chunk.chunk)
      size += chunk.chunk.meta_data?.total_uncompressed_size ?? 0n
      offset += chunk.size
      yield* emit(chunk.parts)
    }
    groups.push({ columns, total_byte_size: size, num_rows: BigInt(end - start) })
    yield* Effect.yieldNow // a long table does not hold up the rest of the program
  }
  const footer = new ByteWriter()
  writeMetadata(footer, {
    version: 2,
    created_by: "effect-flow",
    schema: schemaOf(types),
    num_rows: BigInt(table.numRows),
    row_groups: groups,
    metadata_length: 0
  })
  footer.appendBytes(magic)
  yield* emit([footer.getBytes()])
})

/** A column's part of a row group. */
const chunkOf = Effect.fnUntraced(function* (
  type: ColumnType,
  rows: ColumnCodec.Rows,
  offset: number,
  count: number,
  wanted: Codecs.Compression
) {
  const pages = pagesOf(type, rows)
  const compression = (yield* pays(wanted, pages)) ? wanted : "none"
  const bodies = yield* Effect.forEach(pages, (page) => Codecs.compress(compression, page.bytes), { concurrency: 4 })
  const parts: Array<Uint8Array> = []
  let size = 0
  let uncompressed = 0
  let firstData = offset
  for (const [i, page] of pages.entries()) {
    const body = bodies[i] as Uint8Array // one a page
    const header = headerOf(page, body)
    if (page.isDictionary) firstData += header.length + body.length
    parts.push(header, body)
    size += header.length + body.length
    uncompressed += header.length + page.bytes.length
  }
  const chunk: ColumnChunk = {
    file_offset: BigInt(offset),
    meta_data: {
      type: elements[type.kind].type,
      encodings: [...new Set(["RLE" as const, ...pages.map((page) => page.encoding)])],
      path_in_schema: [type.name],
      codec: Codecs.codecs[compression],
      num_values: BigInt(count),
      total_uncompressed_size: BigInt(uncompressed),
      total_compressed_size: BigInt(size),
      data_page_offset: BigInt(firstData),
      ...(firstData > offset ? { dictionary_page_offset: BigInt(offset) } : {}),
      statistics: { null_count: BigInt(count - rows.values.length) }
    }
  }
  return { chunk, parts, size }
})

/** Whether compressing pages saves anything to speak of; random numbers are best left as they are. */
const pays = (compression: Codecs.Compression, pages: ReadonlyArray<Page>): Effect.Effect<boolean> => {
  const [first] = pages
  if (compression === "none" || first === undefined) return Effect.succeed(false)
  const sample = first.bytes.subarray(0, sampleBytes)
  return Effect.map(Codecs.compress(compression, sample), (compressed) => compressed.length < sample.length * 0.8)
}

const sampleBytes = 1 << 14

const headerOf = (page: Page, body: Uint8Array): Uint8Array => {
  const writer = new ByteWriter(64)
  const sizes = {
    uncompressed_page_size: page.bytes.length,
    compressed_page_size: body.length,
    crc: crc32(body) | 0 // the format has a signed integer here
  }
  writePageHeader(
    writer,
    page.isDictionary
      ? { type: "DICTIONARY_PAGE", ...sizes, dictionary_page_header: { num_values: page.count, encoding: "PLAIN" } }
      : {
          type: "DATA_PAGE",
          ...sizes,
          data_page_header: {
            num_values: page.count,
            encoding: page.encoding,
            definition_level_encoding: "RLE",
            repetition_level_encoding: "RLE"
          }
        }
  )
  return writer.getBytes()
}

const schemaOf = (types: ReadonlyArray<ColumnType>): Array<SchemaElement> => [
  { name: "schema", num_children: types.length },
  ...types.map(({ kind, name, optional }) => ({
    name,
    repetition_type: optional ? ("OPTIONAL" as const) : ("REQUIRED" as const),
    ...elements[kind]
  }))
]

type Element = Omit<SchemaElement, "name" | "repetition_type"> & Required<Pick<SchemaElement, "type">>

const elements: { readonly [K in Kind]: Element } = {
  text: { type: "BYTE_ARRAY", converted_type: "UTF8", logical_type: { type: "STRING" } },
  int: { type: "INT64" },
  number: { type: "DOUBLE" },
  boolean: { type: "BOOLEAN" },
  bigint: { type: "INT64" },
  date: { type: "INT64", converted_type: "TIMESTAMP_MILLIS" },
  bytes: { type: "BYTE_ARRAY" },
  json: { type: "BYTE_ARRAY", converted_type: "JSON", logical_type: { type: "JSON" } },
  float32: { type: "FLOAT" },
  float64: { type: "DOUBLE" },
  int32: { type: "INT32" },
  int64: { type: "INT64" }
}

/** Why a table has no shape: a column that is missing, is not a list, or has a different length. */
const shapeError = (types: ReadonlyArray<ColumnType>, table: AnyTable): ColumnCodec.ColumnError | undefined => {
  const fault = (column: string, detail: string) => new ColumnCodec.ColumnError("invalid", column, undefined, detail)
  for (const { kind, name } of types) {
    const values = table?.columns?.[name]
    if (values === undefined) return fault(name, "it is missing from the table")
    if (isNumbers(kind) && !(values instanceof numberArrays[kind])) {
      return fault(name, `its values must be in a ${numberArrays[kind].name}`)
    }
    if (!Array.isArray(values) && !ArrayBuffer.isView(values)) return fault(name, "its values must be in an array")
    if (values.length !== table.numRows) {
      return fault(name, `it has ${values.length} values, and numRows is ${String(table.numRows)}`)
    }
  }
  return undefined
}
