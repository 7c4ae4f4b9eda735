/**
 * Whose a table's columns are. A table that is to be written is copied before anything else runs, since its columns may
 * be buffers that its body fills again. A table that was read is kept once for all receivers: lists that can be frozen
 * are shared, and every other column is copied for a receiver when it first looks at it.
 */
import { inspect } from "node:util"
import type { ColumnField, ColumnType } from "../parquet/columnType.ts"
import { isNumberColumn, isNumbers, numberArrays } from "../parquet/columnType.ts"
import type { AnyTable } from "../parquet/writer.ts"
import { copy } from "../schema/copy.ts"
import { deepFreeze } from "../schema/deepFreeze.ts"
import type { Description } from "../schema/description.ts"
import { isPlain } from "../schema/schemaTraits.ts"
import type { Sharing } from "./artifact.ts"
import { memoryOf } from "./memory.ts"

type Columns = { readonly [name: string]: ArrayLike<unknown> }

/** A copy of a table that nobody else can change. What is not a table is returned as it is. */
export const snapshot = (types: ReadonlyArray<ColumnType>, table: AnyTable): AnyTable => {
  if (typeof table !== "object" || table === null || typeof table.columns !== "object" || table.columns === null) {
    return table
  }
  const columns: Record<string, ArrayLike<unknown>> = {}
  for (const { codec, kind, name } of types) {
    const values = table.columns[name]
    if (isNumbers(kind) && values instanceof numberArrays[kind]) columns[name] = copyNumbers(kind, values)
    else if (ArrayBuffer.isView(values)) columns[name] = copy(values) as unknown as ArrayLike<unknown>
    else if (Array.isArray(values)) {
      columns[name] = codec === undefined && hasPrimitives(kind) ? values.slice() : values.map(copy)
    } else if (values !== undefined) columns[name] = values
  }
  return { numRows: table.numRows, columns }
}

const copyNumbers = (kind: keyof typeof numberArrays, values: ArrayLike<unknown>): ArrayLike<unknown> => {
  const copied = new numberArrays[kind](values.length)
  copied.set(values as never) // an array of this very kind
  return copied
}

const hasPrimitives = (kind: ColumnType["kind"]): boolean => kind !== "date" && kind !== "bytes" && kind !== "json"

/**
 * Whether a snapshot that was written is what its bytes decode to, so that nobody has to decode them: its columns are plain
 * lists of primitives, each of which the writer has checked and Parquet holds exactly, or arrays of plain numbers.
 */
export const comesBackEqual = (types: ReadonlyArray<ColumnType>, { columns }: AnyTable): boolean =>
  types.every(({ codec, kind, name, optional }) => {
    if (isNumbers(kind)) return true
    const values = columns[name]
    const isList = Array.isArray(values) && Object.getPrototypeOf(values) === Array.prototype
    return isList && codec === undefined && !optional && hasPrimitives(kind)
  })

/** How a column reaches its receivers: as one frozen list, or as a list of each one's own, of primitives or of objects. */
type Way = "frozen" | "deeplyFrozen" | "sliced" | "copied"

/** Beyond this size, copies of columns cost more than they save: each receiver then decodes the table for itself. */
const maxCopiedBytes = 32 * 1024 ** 2

/** How a table's receivers share it; nothing where a column's values come from code of the program's own. */
export const sharingOf = (
  types: ReadonlyArray<ColumnType>,
  fields: { readonly [name: string]: ColumnField },
  description: () => Description
): Sharing<AnyTable> | undefined => {
  const ways = new Map<string, Way>()
  for (const type of types) {
    const way = wayOf(type, fields[type.name] as ColumnField) // a type for each field
    if (way === undefined) return undefined
    ways.set(type.name, way)
  }
  return {
    id: description().digest,
    memory: (table) => {
      let bytes = 0
      let copied = 0
      for (const [name, way] of ways) {
        const size = memoryOf(table.columns[name])
        bytes += size
        if (way === "sliced" || way === "copied") copied += size
      }
      return copied > maxCopiedBytes ? Number.POSITIVE_INFINITY : bytes
    },
    receive: (table) => Object.freeze({ numRows: table.numRows, columns: received(table.columns, ways) })
  }
}

const wayOf = ({ codec, kind }: ColumnType, field: ColumnField): Way | undefined => {
  if (isNumberColumn(field)) return "sliced"
  if (kind === "number" && isPlain(field.ast)) return "sliced" // to freeze a list of doubles boxes each of them
  if (isPlain(field.ast)) return hasPrimitives(kind) ? "frozen" : "deeplyFrozen"
  return codec === undefined && (kind === "date" || kind === "bytes") ? "copied" : undefined
}

/** One receiver's columns. */
const received = (shared: Columns, ways: ReadonlyMap<string, Way>): Columns => {
  const columns: Record<string, ArrayLike<unknown>> = {}
  for (const [name, way] of ways) {
    const values = shared[name] as ArrayLike<unknown> // a way for each column
    if (way === "frozen" || way === "deeplyFrozen") {
      columns[name] = way === "frozen" ? Object.freeze(values) : deepFreeze(values)
      continue
    }
    let own: ArrayLike<unknown> | undefined
    Object.defineProperty(columns, name, {
      enumerable: true,
      get: () => {
        own ??= way === "sliced" ? (values as Float64Array).slice() : Array.from(values, copy) // lists have `slice`, too
        return own
      }
    })
  }
  // Printed with its values, not with its getters.
  Object.defineProperty(columns, inspect.custom, { value: () => ({ ...columns }) })
  return Object.freeze(columns)
}
