/**
 * Rows of tables, datasets and streams in batches, with a seeded shuffle in bounded memory. A table in memory is shuffled
 * as a whole. Of a dataset or a stream, a buffer of rows is kept: each row of a batch is drawn from it at random, and the
 * next row that is read takes its place.
 */
import * as Stream from "effect/Stream"
import type * as Artifact from "../../Artifact.ts"
import { Random } from "./random.ts"

/** A column of any type. */
export type Values = { readonly length: number; [index: number]: unknown }

/** A table of any columns. */
export interface Rows {
  readonly numRows: number
  readonly columns: { readonly [name: string]: Values }
}

/** An empty column of the same type as another. */
const emptyLike = (column: Values, length: number): Values =>
  ArrayBuffer.isView(column)
    ? new (column.constructor as new (length: number) => Values)(length) // a typed array
    : new Array<unknown>(length)

const firstOf = (column: Values, length: number): Values =>
  column.length === length
    ? column
    : (column as unknown as { slice: (start: number, end: number) => Values }).slice(0, length) // arrays have it

/** Collects rows of tables with the same columns. */
class Collected {
  columns: Record<string, Values> | undefined
  size = 0
  private readonly capacity: number

  constructor(capacity: number) {
    this.capacity = capacity
  }

  /** Copies a row to the end. */
  add({ columns }: Pick<Rows, "columns">, row: number): void {
    this.set(this.size++, columns, row)
  }

  /** Replaces a row. */
  set(at: number, columns: Rows["columns"], row: number): void {
    this.columns ??= Object.fromEntries(
      Object.entries(columns).map(([name, column]) => [name, emptyLike(column, this.capacity)])
    )
    for (const [name, column] of Object.entries(this.columns)) column[at] = columns[name]?.[row]
  }

  /** The rows so far, after which the collection is empty. */
  take(): Rows {
    const numRows = this.size
    const columns = Object.fromEntries(
      Object.entries(this.columns ?? {}).map(([name, column]) => [name, firstOf(column, numRows)])
    )
    this.columns = undefined
    this.size = 0
    return { numRows, columns }
  }
}

/** How rows are put into batches. */
export interface Batching {
  readonly batchSize: number
  /** How many rows of a stream are kept to draw from; 0 if rows are not shuffled. */
  readonly bufferRows: number
}

/** The batches of a table, shuffled as a whole. */
export const ofTable = (
  { columns, numRows }: Rows,
  { batchSize, bufferRows }: Batching,
  seed: number
): Stream.Stream<Rows> =>
  Stream.suspend(() => {
    const order = Int32Array.from({ length: numRows }, (_, row) => row)
    if (bufferRows > 0) new Random(seed).shuffle(order)
    const batch = new Collected(batchSize)
    return Stream.map(Stream.range(0, Math.ceil(numRows / batchSize) - 1), (number) => {
      const start = number * batchSize
      for (const row of order.subarray(start, start + batchSize)) batch.add({ columns }, row)
      return batch.take()
    })
  })

/** The batches of tables as they come. */
export const ofStream = <E, R>(
  tables: Stream.Stream<Rows, E, R>,
  { batchSize, bufferRows }: Batching,
  seed: number
): Stream.Stream<Rows, E, R> =>
  Stream.suspend(() => {
    const random = new Random(seed)
    const buffer = new Collected(Math.max(1, bufferRows))
    const batch = new Collected(batchSize)
    const full: Array<Rows> = []
    const emit = (columns: Rows["columns"], row: number) => {
      batch.add({ columns }, row)
      if (batch.size === batchSize) full.push(batch.take())
    }
    const read = ({ columns, numRows }: Rows): ReadonlyArray<Rows> => {
      for (let row = 0; row < numRows; row++) {
        if (bufferRows === 0) emit(columns, row)
        else if (buffer.size < bufferRows) buffer.add({ columns }, row)
        else {
          const drawn = random.below(bufferRows)
          emit(buffer.columns as Rows["columns"], drawn) // it is full
          buffer.set(drawn, columns, row)
        }
      }
      return full.splice(0)
    }
    const rest = Stream.suspend(() => {
      const order = Int32Array.from({ length: buffer.size }, (_, row) => row)
      random.shuffle(order)
      for (const row of order) emit(buffer.columns as Rows["columns"], row) // it has these rows
      if (batch.size > 0) full.push(batch.take())
      return Stream.fromIterable(full.splice(0))
    })
    return Stream.concat(
      Stream.flatMap(tables, (table) => Stream.fromIterable(read(table))),
      rest
    )
  })

/** Tables, a dataset, or a function that gives a stream of tables for each epoch. */
export type Source<E, R> = Rows | Artifact.Dataset<Artifact.TableFields> | (() => Stream.Stream<Rows, E, R>)

/** The batches of an epoch. */
export const of = (
  source: Source<unknown, unknown>,
  columns: ReadonlyArray<string> | undefined,
  batching: Batching,
  seed: number
): Stream.Stream<Rows, unknown, unknown> => {
  if (typeof source === "function") return ofStream(source(), batching, seed)
  if ("scan" in source) {
    const tables = source.scan(columns === undefined ? {} : { columns })
    return ofStream(tables as Stream.Stream<Rows, unknown, unknown>, batching, seed) // columns are arrays
  }
  return ofTable(source, batching, seed)
}

/** Whether a value is something that rows are read from. */
export const isSource = (value: unknown): boolean =>
  typeof value === "function" ||
  (typeof value === "object" && value !== null && ("scan" in value || ("numRows" in value && "columns" in value)))

/** A seed for each epoch. */
export const seedOf = (seed: number, epoch: number): number => (seed + 1) * 1_000_003 + epoch
