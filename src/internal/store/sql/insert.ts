/**
 * Inserts of many rows in few statements. The number of rows in a statement is a power of two: that keeps the statements
 * that a database has to prepare few.
 */
import type { Prepared } from "./statement.ts"

/** How rows are inserted into a table. */
export interface Insert {
  readonly columns: number
  readonly head: string
  readonly row: string
  readonly tail: string
  /** By the number of rows. */
  readonly texts: Map<number, string>
}

/** Inserts rows into a table. `tail` says what happens where a row is there. */
export const into = (table: string, columns: ReadonlyArray<string>, tail: string): Insert => ({
  columns: columns.length,
  head: `INSERT INTO ${table} (${columns.join(", ")}) VALUES `,
  row: `(${columns.map(() => "?").join(", ")})`,
  tail,
  texts: new Map()
})

/** Replaces the row, but never one that has ended by one that says "running". */
export const upsert = (
  table: string,
  columns: ReadonlyArray<string>,
  keys: ReadonlyArray<string>,
  kept: ReadonlyArray<string> = []
): Insert => {
  const changed = columns.filter((column) => !keys.includes(column) && !kept.includes(column))
  const set = changed.map((column) => `${column} = excluded.${column}`)
  const ended = `${table}.status <> 'running' AND excluded.status = 'running'`
  return into(table, columns, ` ON CONFLICT (${keys.join(", ")}) DO UPDATE SET ${set.join(", ")} WHERE NOT (${ended})`)
}

/** The statement that inserts so many rows. */
export const textOf = (insert: Insert, rows: number): string => {
  const before = insert.texts.get(rows)
  if (before !== undefined) return before
  const text = insert.head + Array.from({ length: rows }, () => insert.row).join(", ") + insert.tail
  insert.texts.set(rows, text)
  return text
}

/** A statement has at most so many rows. */
const most = 64

/** Collects rows of one table as statements. */
export class Rows {
  readonly #insert: Insert
  readonly #full: Array<Prepared> = []
  #values: Array<unknown> = []
  #count = 0

  constructor(insert: Insert) {
    this.#insert = insert
  }

  /** Counts a row, and returns the array that its values are to be pushed to. */
  next(): Array<unknown> {
    if (this.#count === most) {
      this.#full.push({ sql: textOf(this.#insert, most), params: this.#values })
      this.#values = []
      this.#count = 0
    }
    this.#count++
    return this.#values
  }

  /** All rows so far, in their order. */
  statements(): ReadonlyArray<Prepared> {
    const statements = [...this.#full]
    const { columns } = this.#insert
    for (let at = 0; at < this.#count; ) {
      const count = 2 ** Math.floor(Math.log2(this.#count - at))
      const isAll = count === this.#count
      const params = isAll ? this.#values : this.#values.slice(at * columns, (at + count) * columns)
      statements.push({ sql: textOf(this.#insert, count), params })
      at += count
    }
    return statements
  }
}
