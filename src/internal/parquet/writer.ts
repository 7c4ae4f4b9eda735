/**
 * Tables to Parquet. Rows are written in groups, each checked, converted and handed on before the next is looked at, so
 * that a table is never twice in memory. Equal tables have equal bytes.
 */
import * as Effect from "effect/Effect"
import type { ColumnChunk, RowGroup, SchemaElement, Statistics } from "hyparquet"
import { ByteWriter } from "hyparquet-writer"
import { writeMetadata } from "hyparquet-writer/src/metadata.js"
import * as ColumnCodec from "./columnCodec.ts"
import { toRows } from "./columnRows.ts"
import { type ColumnType, isNumbers, type Kind, numberArrays } from "./columnType.ts"
import * as Codecs from "./compression.ts"
import * as NestedLayout from "./nestedLayout.ts"
import { type LeafRows, toLeaves } from "./nestedRows.ts"
import * as PackedPages from "./packedPages.ts"
import { leafPages, type Page, pagesOf } from "./pages.ts"
import { boundsOf, type ChunkStatistics } from "./statistics.ts"

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

/** What a file begins with. */
export const magic = new TextEncoder().encode("PAR1")

/** Writes a table, handing its bytes on in parts, a group of rows at a time. */
export const write = Effect.fnUntraced(function* <E, R>(
  types: ReadonlyArray<ColumnType>,
  table: AnyTable,
  emit: (parts: ReadonlyArray<Uint8Array>) => Effect.Effect<void, E, R>,
  options: WriteOptions = {}
) {
  const rowGroupSize = Math.max(1, Math.floor(options.rowGroupSize ?? 100_000))
  const shape = shapeError(types, table)
  if (shape !== undefined) return yield* Effect.fail(shape)
  const groups = new Groups(types, options.compression ?? "zstd")
  yield* emit([magic])
  for (let start = 0; start < table.numRows; start += rowGroupSize) {
    const end = Math.min(start + rowGroupSize, table.numRows)
    yield* groups.add(table, start, end, emit)
    yield* Effect.yieldNow // a long table does not hold up the rest of the program
  }
  yield* emit([groups.footer()])
})

/** The row groups of a file, written one after the other, for a table of which only a part is at hand. */
export class Groups {
  readonly #types: ReadonlyArray<ColumnType>
  readonly #compression: Codecs.Compression
  readonly #groups: Array<RowGroup> = []
  #offset = magic.length
  #numRows = 0

  constructor(types: ReadonlyArray<ColumnType>, compression: Codecs.Compression) {
    this.#types = types
    this.#compression = compression
  }

  /** Bytes so far, those of `magic` counted. */
  get size(): number {
    return this.#offset
  }

  get numRows(): number {
    return this.#numRows
  }

  /** What the groups' statistics say of a column. */
  statistics(column: string): ReadonlyArray<ChunkStatistics> {
    return this.#groups.flatMap(({ columns }) =>
      columns.flatMap(({ meta_data }) =>
        meta_data?.path_in_schema[0] === column && meta_data.statistics !== undefined ? [meta_data.statistics] : []
      )
    )
  }

  /** Writes rows of a table as a group. The table has the shape that `shapeError` asks for. */
  readonly add = Effect.fnUntraced(function* <E, R>(
    this: Groups,
    table: AnyTable,
    start: number,
    end: number,
    emit: (parts: ReadonlyArray<Uint8Array>) => Effect.Effect<void, E, R>
  ) {
    const columns: Array<ColumnChunk> = []
    let size = 0n
    for (const type of this.#types) {
      const leaves = leavesOf(type, table.columns[type.name] as ArrayLike<unknown>, start, end) // it has the shape
      if (leaves instanceof ColumnCodec.ColumnError) return yield* Effect.fail(leaves)
      for (const leaf of leaves) {
        const chunk = yield* chunkOf(leaf, this.#offset, this.#compression)
        columns.push(chunk.chunk)
        size += chunk.chunk.meta_data?.total_uncompressed_size ?? 0n
        this.#offset += chunk.size
        yield* emit(chunk.parts)
      }
    }
    this.#groups.push({ columns, total_byte_size: size, num_rows: BigInt(end - start) })
    this.#numRows += end - start
  })

  /** The bytes that end the file. */
  footer(): Uint8Array {
    const footer = new ByteWriter()
    writeMetadata(footer, {
      version: 2,
      created_by: "effect-flow",
      schema: schemaOf(this.#types),
      num_rows: BigInt(this.#numRows),
      row_groups: this.#groups,
      metadata_length: 0
    })
    footer.appendBytes(magic)
    return footer.getBytes()
  }
}

/** Some rows of a leaf, ready to be written. */
interface Leaf {
  readonly path: ReadonlyArray<string>
  readonly kind: Kind
  readonly pages: Generator<Page, void>
  /** Values, missing ones counted. */
  readonly count: number
  /** Looks at all values. */
  readonly statistics?: () => Statistics
}

const leavesOf = (
  type: ColumnType,
  values: ArrayLike<unknown>,
  start: number,
  end: number
): ReadonlyArray<Leaf> | ColumnCodec.ColumnError => {
  const { kind, name } = type
  const layout = NestedLayout.layoutOf(type)
  if (layout === undefined) {
    const rows = toRows(type, values, start, end)
    if (rows instanceof ColumnCodec.ColumnError) return rows
    const count = end - start
    const statistics = () => ({ null_count: BigInt(count - rows.values.length), ...boundsOf(kind, rows.values) })
    return [{ path: [name], kind, pages: pagesOf(type, rows), count, statistics }]
  }
  const leaves = toLeaves(type, layout, values, start, end)
  if (leaves instanceof ColumnCodec.ColumnError) return leaves
  return layout.leaves.map(({ maxDefinition, maxRepetition, path, type: kind }, i) => {
    const { definition, repetition, values } = leaves[i] as LeafRows // one for each
    const levels = { definition, maxDefinition, maxRepetition, repetition }
    return { path, kind, pages: leafPages(kind, values, levels), count: definition.length }
  })
}

/** A leaf's part of a row group. */
const chunkOf = Effect.fnUntraced(function* (
  { count, kind, pages, path, statistics }: Leaf,
  offset: number,
  wanted: Codecs.Compression
) {
  const looking = Effect.sync(() => statistics?.()) // while other threads compress pages
  const [packed, bounds] = yield* Effect.all([PackedPages.pack(wanted, pages), looking], { concurrency: "unbounded" })
  const parts: Array<Uint8Array> = []
  let size = 0
  let uncompressed = 0
  let firstData = offset
  for (const page of packed.pages) {
    const length = page.header.length + page.body.length
    if (page.isDictionary) firstData += length
    parts.push(page.header, page.body)
    size += length
    uncompressed += page.uncompressed
  }
  const chunk: ColumnChunk = {
    file_offset: BigInt(offset),
    meta_data: {
      type: elements[kind].type,
      encodings: [...new Set(["RLE" as const, ...packed.pages.map((page) => page.encoding)])],
      path_in_schema: [...path],
      codec: Codecs.codecs[packed.compression],
      num_values: BigInt(count),
      total_uncompressed_size: BigInt(uncompressed),
      total_compressed_size: BigInt(size),
      data_page_offset: BigInt(firstData),
      ...(firstData > offset ? { dictionary_page_offset: BigInt(offset) } : {}),
      ...(bounds === undefined ? {} : { statistics: bounds })
    }
  }
  return { chunk, parts, size }
})

const schemaOf = (types: ReadonlyArray<ColumnType>): Array<SchemaElement> => [
  { name: "schema", num_children: types.length },
  ...types.flatMap((type) => {
    const { kind, name, optional } = type
    return (
      NestedLayout.layoutOf(type)?.elements ?? [
        { name, repetition_type: optional ? ("OPTIONAL" as const) : ("REQUIRED" as const), ...elements[kind] }
      ]
    )
  })
]

type Element = Omit<SchemaElement, "name" | "repetition_type"> & Required<Pick<SchemaElement, "type">>

const elements: { readonly [K in Kind]: Element } = {
  ...NestedLayout.leafElements,
  float32: { type: "FLOAT" },
  float64: { type: "DOUBLE" },
  int32: { type: "INT32" },
  int64: { type: "INT64" }
}

/** Why a table has no shape: a column that is missing, is not a list, or has a different length. */
export const shapeError = (types: ReadonlyArray<ColumnType>, table: AnyTable): ColumnCodec.ColumnError | undefined => {
  const fault = (column: string, detail: string) => new ColumnCodec.ColumnError("invalid", column, undefined, detail)
  for (const { kind, name } of types) {
    // Names are UTF-8 in a file, and what is assigned to `columns.__proto__` is no column of a table.
    if (!name.isWellFormed() || name === "__proto__") return fault(name, "no column can have this name")
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
