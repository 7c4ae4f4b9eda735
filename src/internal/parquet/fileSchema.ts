/**
 * What a file says of itself, for people and programs that meet it for the first time: its columns' full types, its row
 * groups, their statistics, and the declaration that reads it.
 */
import type { ColumnMetaData, SchemaTree } from "hyparquet"
import type { Metadata } from "./footer.ts"
import { type FileColumn, type Inferred, infer, objectCode } from "./inferredFields.ts"
import { type Leaf, leafOf } from "./leaf.ts"

/** The least and the greatest value that a row group's statistics name. Long texts may be cut. */
export type Bound = string | number | bigint | boolean | Date

/** What a file's statistics say of values; absent where the file does not say it. */
export interface Statistics {
  readonly nullCount?: number
  readonly min?: Bound
  readonly max?: Bound
}

/** A leaf of a row group. */
export interface ChunkSchema extends Statistics {
  /** The leaf's name, and before it those of what it is nested in: `items.list.element.price`. */
  readonly path: string
  readonly compression: string
  readonly encodings: ReadonlyArray<string>
  /** Values, missing ones counted. */
  readonly numValues: number
  readonly bytes: number
  readonly compressedBytes: number
}

/** A row group. */
export interface RowGroupSchema {
  readonly numRows: number
  readonly bytes: number
  readonly columns: ReadonlyArray<ChunkSchema>
}

/** A column, and what all row groups together say of its values. */
export type ColumnSchema = FileColumn & Statistics

/** A file's schema. */
export interface FileSchema {
  readonly numRows: number
  /** The program that wrote the file. */
  readonly createdBy?: string
  readonly columns: ReadonlyArray<ColumnSchema>
  readonly rowGroups: ReadonlyArray<RowGroupSchema>
  /** What to know before declaring the table: columns that are an index, integers that are stored as doubles. */
  readonly hints: ReadonlyArray<string>
  /** The declaration of the whole table: `Artifact.table({ … })`. */
  readonly code: string
}

/** The columns of a file, with the schemas that read them. */
export const inferAll = (meta: Metadata): ReadonlyArray<Inferred> => meta.children.map(infer)

/** A file's schema, from its metadata. */
export const fileSchema = (meta: Metadata): FileSchema => {
  const leaves = new Map<string, Leaf>()
  for (const node of meta.children) collectLeaves(node, leaves)
  const rowGroups = meta.row_groups.map(({ columns, num_rows, total_byte_size }) => ({
    numRows: Number(num_rows),
    bytes: Number(total_byte_size),
    columns: columns.flatMap(({ meta_data }) => (meta_data === undefined ? [] : [chunkSchema(meta_data, leaves)]))
  }))
  const inferred = inferAll(meta)
  return {
    numRows: meta.numRows,
    ...(meta.created_by === undefined ? {} : { createdBy: meta.created_by }),
    columns: inferred.map(({ column }) => ({ ...column, ...merged(rowGroups, column.name) })),
    rowGroups,
    hints: hintsOf(meta),
    code: `Artifact.table(${objectCode(inferred, "\n  ")})`
  }
}

/** The schema of several files as one table; or which of them has other columns than the first. */
export const joined = (
  files: ReadonlyArray<{ readonly file: string; readonly schema: FileSchema }>
): FileSchema | { readonly file: string; readonly difference: string } => {
  const [first, ...others] = files
  if (first === undefined) throw new Error("there is no file")
  if (others.length === 0) return first.schema
  for (const { file, schema } of others) {
    for (const column of first.schema.columns) {
      const own = schema.columns.find(({ name }) => name === column.name)
      if (own === undefined) return { file, difference: `it has no column ${column.name}, which ${first.file} has` }
      if (own.type !== column.type) {
        return { file, difference: `column ${column.name} is ${own.type}, and ${column.type} in ${first.file}` }
      }
    }
  }
  const rowGroups = files.flatMap(({ schema }) => schema.rowGroups)
  return {
    ...first.schema,
    numRows: files.reduce((sum, { schema }) => sum + schema.numRows, 0),
    columns: first.schema.columns.map(({ max: _max, min: _min, nullCount: _nullCount, ...column }) => ({
      ...column,
      ...merged(rowGroups, column.name)
    })),
    rowGroups
  }
}

const collectLeaves = (node: SchemaTree, leaves: Map<string, Leaf>): void => {
  if (node.element.type !== undefined) leaves.set(node.path.join("."), leafOf(node.element))
  for (const child of node.children) collectLeaves(child, leaves)
}

const chunkSchema = (meta: ColumnMetaData, leaves: ReadonlyMap<string, Leaf>): ChunkSchema => {
  const path = meta.path_in_schema.join(".")
  const { statistics } = meta
  const leaf = leaves.get(path)
  const isOrdered =
    leaf !== undefined &&
    (leaf.kind === "float" || leaf.kind === "double" || (leaf.kind === "integer" && leaf.isSigned))
  // The older fields compare bytes and unsigned numbers as if they had a sign.
  const min = boundOf(leaf, statistics?.min_value ?? (isOrdered ? statistics?.min : undefined))
  const max = boundOf(leaf, statistics?.max_value ?? (isOrdered ? statistics?.max : undefined))
  return {
    path,
    compression: meta.codec,
    encodings: meta.encodings,
    numValues: Number(meta.num_values),
    bytes: Number(meta.total_uncompressed_size),
    compressedBytes: Number(meta.total_compressed_size),
    ...(statistics?.null_count === undefined ? {} : { nullCount: Number(statistics.null_count) }),
    ...(min === undefined ? {} : { min }),
    ...(max === undefined ? {} : { max })
  }
}

/** A bound as readers see the column's values; nothing where it is no value of the column's type. */
const boundOf = (leaf: Leaf | undefined, raw: unknown): Bound | undefined => {
  if (raw === undefined || raw === null) return undefined
  switch (leaf?.kind) {
    case "text":
    case "json":
      return raw instanceof Uint8Array ? Buffer.from(raw).toString() : undefined
    case "integer":
      if (typeof raw === "bigint") return leaf.bits <= 32 ? Number(raw) : raw
      return typeof raw === "number" ? raw : undefined
    case "float":
    case "double":
    case "float16":
      return typeof raw === "number" && !Number.isNaN(raw) ? raw : undefined
    case "boolean":
      return typeof raw === "boolean" ? raw : undefined
    case "decimal":
      // Read as a double, which has 15 digits.
      return typeof raw === "number" && Math.abs(raw) * 10 ** leaf.scale < 1e15
        ? raw.toFixed(Math.min(leaf.scale, 100))
        : undefined
    case "date":
      return typeof raw === "number" ? dateOf(raw * 86_400_000) : undefined
    case "timestamp": {
      if (typeof raw !== "bigint") return undefined
      return dateOf(Math.floor(Number(raw) / { MILLIS: 1, MICROS: 1e3, NANOS: 1e6 }[leaf.unit]))
    }
    default:
      return undefined
  }
}

const dateOf = (ms: number): Date | undefined => (Math.abs(ms) <= 8.64e15 ? new Date(ms) : undefined)

/** The statistics of a column over all row groups, where each of them has some. */
const merged = (rowGroups: ReadonlyArray<RowGroupSchema>, name: string): Statistics => {
  const chunks = rowGroups
    .filter(({ numRows }) => numRows > 0)
    .map(({ columns }) => columns.find(({ path }) => path === name))
  const nullCount = chunks.reduce((sum, chunk) => sum + (chunk?.nullCount ?? Number.NaN), 0)
  const bounds = (pick: (chunk: ChunkSchema) => Bound | undefined, isBetter: (a: Bound, b: Bound) => boolean) => {
    let best: Bound | undefined
    for (const chunk of chunks) {
      if (chunk === undefined) return undefined
      if (chunk.nullCount === chunk.numValues) continue // no value, so no bound
      const bound = pick(chunk)
      if (bound === undefined) return undefined
      if (best === undefined || isBetter(bound, best)) best = bound
    }
    return best
  }
  const min = bounds(
    (chunk) => chunk.min,
    (a, b) => a < b
  )
  const max = bounds(
    (chunk) => chunk.max,
    (a, b) => a > b
  )
  return {
    ...(Number.isNaN(nullCount) ? {} : { nullCount }),
    ...(min === undefined ? {} : { min }),
    ...(max === undefined ? {} : { max })
  }
}

/** What pandas says of its columns, in a JSON text beside the format's own schema. */
interface PandasMetadata {
  readonly index_columns?: ReadonlyArray<unknown>
  readonly columns?: ReadonlyArray<{
    readonly field_name?: unknown
    readonly name?: unknown
    readonly numpy_type?: unknown
    readonly pandas_type?: unknown
  }>
}

const hintsOf = (meta: Metadata): ReadonlyArray<string> => {
  const pandas = pandasOf(meta)
  if (pandas === undefined) return []
  const hints: Array<string> = []
  const names = new Set(meta.children.map(({ element }) => element.name))
  for (const index of pandas.index_columns ?? []) {
    if (typeof index === "string" && names.has(index)) {
      hints.push(
        `${index} is the index of the DataFrame, which pandas stores as a column; leave it out of the table unless you need it`
      )
    }
  }
  for (const node of meta.children) {
    const { name } = node.element
    if (node.element.type === undefined || leafOf(node.element).kind !== "double") continue
    const chunks = meta.row_groups.map(({ columns }) =>
      columns.find(({ meta_data }) => meta_data?.path_in_schema[0] === name)
    )
    const nulls = chunks.reduce((sum, chunk) => sum + Number(chunk?.meta_data?.statistics?.null_count ?? 0), 0)
    const whole = chunks.every((chunk) => {
      const { max_value: max, min_value: min } = chunk?.meta_data?.statistics ?? {}
      return Number.isInteger(min) && Number.isInteger(max)
    })
    if (nulls > 0 && whole) {
      hints.push(
        `${name} is DOUBLE and has missing values between whole numbers: pandas stores integers with missing values that way; if it holds integers, declare it Schema.NullOr(Schema.Number) and check them, or write it from pandas as Int64`
      )
    }
  }
  return hints
}

const pandasOf = (meta: Metadata): PandasMetadata | undefined => {
  const text = meta.key_value_metadata?.find(({ key }) => key === "pandas")?.value
  try {
    const value: unknown = text === undefined ? undefined : JSON.parse(text)
    return typeof value === "object" && value !== null ? value : undefined
  } catch {
    return undefined // only hints depend on it
  }
}
