/**
 * Where a leaf's pages go: straight into a table's column, where a row has one value at most; or into the levels and
 * values of a row group, from which lists, structs and maps are put together once all of their leaves are there.
 */
import * as SchemaParser from "effect/SchemaParser"
import * as CodecIssue from "../schema/codecIssue.ts"
import type { StorableSchema } from "../schema/storableSchema.ts"
import type { Page, PageValues } from "./columnChunk.ts"
import * as ColumnCodec from "./columnCodec.ts"
import type { ValueCodec } from "./columnType.ts"
import { ValueError } from "./convert.ts"
import type { Raw } from "./encodings.ts"
import type { LevelCursor } from "./levelCursor.ts"
import type { Assembly } from "./nested.ts"
import { ShapeError } from "./nestedFault.ts"

/** Takes pages, in the order of the file. Throws `ColumnFault` for a value that the column can't have. */
export interface PageSink {
  readonly add: (page: Page) => void
}

/** A `ColumnError` on its way out of a decoder. */
export class ColumnFault extends Error {
  readonly error: ColumnCodec.ColumnError
  constructor(error: ColumnCodec.ColumnError) {
    super(error.message)
    this.error = error
  }
}

const raise = (error: ColumnCodec.ColumnError | undefined): void => {
  if (error !== undefined) throw new ColumnFault(error)
}

/** Adds each page to a column. */
export const flat = (column: ColumnCodec.Gathered): PageSink => {
  const { type } = column
  let dictionary: Raw | undefined
  let ready: ArrayLike<unknown> | undefined
  return {
    add: ({ definition: present, values }) => {
      // Said before the values are looked at: a row without a value is the first thing that is wrong with it.
      if (present !== undefined && !type.optional) raise(ColumnCodec.missing(column, present))
      const decoded = valuesOf(
        values,
        (index) => new ColumnCodec.ColumnError("invalid", type.name, column.rows + rowOf(present, index), "")
      )
      if (decoded.indexes === undefined)
        return raise(ColumnCodec.append(column, { values: decoded.values as ColumnCodec.Physical, present }))
      if (dictionary !== decoded.dictionary) {
        dictionary = decoded.dictionary
        ready = ColumnCodec.ready(type, dictionary as ColumnCodec.Physical)
      }
      if (ready !== undefined) return raise(ColumnCodec.appendReady(column, ready, decoded.indexes, present))
      const { dictionary: entries, indexes } = decoded
      raise(ColumnCodec.append(column, { values: Array.from(indexes, (index) => entries[index]), present }))
    }
  }
}

/** A page's values. The error of one that can't be converted gets its place from `at`. */
const valuesOf = (values: () => PageValues, at: (index: number) => ColumnCodec.ColumnError): PageValues => {
  try {
    return values()
  } catch (cause) {
    if (!(cause instanceof ValueError)) throw cause
    const { column, row } = at(cause.index)
    throw new ColumnFault(new ColumnCodec.ColumnError(cause.reason, column, row, cause.message))
  }
}

/** The row of a page that has a value, by the value's index. */
const rowOf = (present: Uint8Array | undefined, index: number): number => {
  if (present === undefined) return index
  let row = -1
  for (let left = index; left >= 0; left--) row = present.indexOf(1, row + 1)
  return row
}

/** The levels and values of a leaf in one row group. */
export interface Levels extends PageSink {
  readonly cursor: () => LevelCursor
}

/**
 * Gathers a leaf's levels and values.
 *
 * @param name The table's column.
 * @param firstRow The row of the table that the row group begins with.
 * @param maxDefinition The leaf's highest definition level.
 * @param start The row of the row group that the first wanted one is; the pages may begin before it.
 */
export const levels = (name: string, firstRow: number, maxDefinition: number, start = 0): Levels => {
  let rowsBefore = 0
  const definitions: Array<Uint8Array> = []
  const repetitions: Array<Uint8Array> = []
  const values: Array<unknown> = []
  return {
    add: (page) => {
      if (definitions.length === 0) rowsBefore = start === 0 ? 0 : start - page.firstRow
      const definition = page.definition ?? new Uint8Array(page.count).fill(maxDefinition)
      const repetition = page.repetition ?? new Uint8Array(page.count)
      const decoded = valuesOf(page.values, (index) => {
        let at = -1
        for (let left = index; left >= 0; left--) at = definition.indexOf(maxDefinition, at + 1)
        const before = [...repetitions, repetition.subarray(0, at + 1)]
        const row = before.reduce(
          (sum, part) => sum + part.reduce((rows, level) => rows + (level === 0 ? 1 : 0), 0),
          -1
        )
        return new ColumnCodec.ColumnError("invalid", name, firstRow - rowsBefore + row, "")
      })
      definitions.push(definition)
      repetitions.push(repetition)
      if (decoded.indexes === undefined) pushAll(values, decoded.values)
      else for (const index of decoded.indexes) values.push(decoded.dictionary[index])
    },
    cursor: () => {
      const cursor = { definition: joined(definitions), repetition: joined(repetitions), values, at: 0, valueAt: 0 }
      skipRows(cursor, rowsBefore, maxDefinition)
      return cursor
    }
  }
}

/** Moves a cursor to the row after so many. */
const skipRows = (cursor: LevelCursor, rows: number, maxDefinition: number): void => {
  const { definition, repetition } = cursor
  for (let left = rows; left > 0; left--) {
    do {
      if (definition[cursor.at] === maxDefinition) cursor.valueAt++
      cursor.at++
    } while (cursor.at < repetition.length && repetition[cursor.at] !== 0)
  }
}

const pushAll = (into: Array<unknown>, values: Raw): void => {
  if (values instanceof Int32Array) for (let i = 0; i < values.length; i++) into.push(values[i])
  else for (let i = 0; i < values.length; i++) into.push(values[i])
}

const joined = (parts: ReadonlyArray<Uint8Array>): Uint8Array => {
  const [only] = parts
  return parts.length === 1 && only !== undefined ? only : Buffer.concat(parts)
}

/**
 * Puts the rows of a row group together and adds them to a column.
 *
 * @param isPart Whether the leaves may have more rows than these.
 */
export const appendNested = (
  column: ColumnCodec.Gathered,
  schema: StorableSchema,
  { isExact, read }: Assembly,
  cursors: ReadonlyArray<LevelCursor>,
  rows: number,
  isPart: boolean
): void => {
  const { type } = column
  const into = column.values as Array<unknown> // a column of a schema's values
  const decode = SchemaParser.decodeUnknownExit(schema)
  for (let i = 0; i < rows; i++) {
    const row = column.rows
    for (let i = 0; i < cursors.length; i++) {
      const { at, repetition } = cursors[i] as LevelCursor // within bounds
      if (repetition[at] !== 0) throw new Error("its lists do not fit its rows")
    }
    const value = readRow(read, cursors, type.name, row)
    if (value === null && !type.optional) {
      raise(new ColumnCodec.ColumnError("null", type.name, row, `it is null, and ${type.declared} is required`))
    }
    into[row] = isExact && value !== null ? value : decoded(decode, value === null ? type.empty : value, type.name, row)
    column.rows++
  }
  for (const { at, repetition } of isPart ? [] : cursors)
    if (at !== repetition.length) throw new Error("its lists do not fit its rows")
}

const readRow = (read: Assembly["read"], cursors: ReadonlyArray<LevelCursor>, name: string, row: number): unknown => {
  try {
    return read(cursors)
  } catch (cause) {
    if (!(cause instanceof ShapeError)) throw cause
    throw new ColumnFault(new ColumnCodec.ColumnError("invalid", name, row, cause.message))
  }
}

const decoded = (decode: ValueCodec["decode"], value: unknown, name: string, row: number): unknown => {
  const result = decode(value)
  if (result._tag === "Success") return result.value
  throw new ColumnFault(new ColumnCodec.ColumnError("invalid", name, row, CodecIssue.causeText(result.cause, value)))
}
