/**
 * Rows as records: conditions of queries, long lists in parts, and what becomes of a row that can't be read. One damaged
 * record costs its run alone. Lists leave it out with a warning that names it; asking for that run fails.
 */
import * as Effect from "effect/Effect"
import { StoreError } from "../../../RunStore.ts"
import type { Database } from "./database.ts"
import type * as Rows from "./rows.ts"

/** Conditions that must all hold, with their parameters. */
export class Where {
  readonly conditions: Array<string> = []
  readonly params: Array<unknown> = []
  /** Omits the condition if a parameter is undefined. */
  add(condition: string, ...params: ReadonlyArray<unknown>): this {
    if (params.includes(undefined)) return this
    this.conditions.push(condition)
    this.params.push(...params)
    return this
  }
  addAll(other: Where): this {
    this.conditions.push(...other.conditions)
    this.params.push(...other.params)
    return this
  }
  toString(): string {
    return this.conditions.length === 0 ? "" : ` WHERE ${this.conditions.join(" AND ")}`
  }
}

/** A row that can't be read. */
export class Damaged {
  /** `run 01k…`, or `task train/3 of run 01k…`. */
  readonly name: string
  readonly run: string
  readonly why: string

  constructor(row: Rows.Row, cause: unknown) {
    this.run = String(row.run ?? row.id)
    this.name = row.run === undefined ? `run ${this.run}` : `task ${row.id ?? row.task} of run ${this.run}`
    this.why = cause instanceof Error ? cause.message : String(cause)
  }
}

/** A row as a record, or what is damaged: a damaged row costs itself alone. */
export const recordOr =
  <A>(of: (row: Rows.Row) => A) =>
  (row: Rows.Row): A | Damaged => {
    try {
      return of(row)
    } catch (cause) {
      return new Damaged(row, cause)
    }
  }

/** What could be read, and what could not. */
export const separate = <A>(results: ReadonlyArray<A | Damaged>) => {
  const isDamaged = (result: A | Damaged): result is Damaged => result instanceof Damaged
  const damaged = results.filter(isDamaged)
  const records = (damaged.length === 0 ? results : results.filter((result) => !isDamaged(result))) as ReadonlyArray<A> // none is damaged
  return { records, damaged }
}

export const readRows = <A>(rows: ReadonlyArray<Rows.Row>, of: (row: Rows.Row) => A) => separate(rows.map(recordOr(of)))

export const damagedError = (database: Database, { name, run, why }: Damaged): StoreError =>
  new StoreError({
    message:
      `${database.name} holds a damaged record: ${name} can't be read (${why}). ` +
      `Other runs are not affected. Restore the database from a copy to get this run back.`,
    run
  })

/** Sorts after every text that starts with the prefix. */
export const after = (prefix: string | undefined): string | undefined =>
  prefix === undefined ? undefined : `${prefix}\u{10FFFF}`

export const marks = (values: ReadonlyArray<unknown>): string => values.map(() => "?").join(", ")

/** Long lists of values are queried in parts of this length, below any database's limit on parameters. */
const listSize = 5000

export const limited = (limit: number | undefined): string =>
  limit === undefined ? "" : ` LIMIT ${Math.max(0, Math.floor(limit))}`

/** Reads the rows of one database. */
export interface Reading {
  /** Fails with the first damaged row. */
  readonly read: <A>(
    sql: string,
    params: ReadonlyArray<unknown>,
    of: (row: Rows.Row) => A
  ) => Effect.Effect<ReadonlyArray<A>, StoreError>
  /** Names each damaged row in a warning, once. */
  readonly warn: (damaged: ReadonlyArray<Damaged>) => Effect.Effect<void>
}

export const make = (database: Database): Reading => {
  const warned = new Set<string>()
  return {
    read: (sql, params, of) =>
      Effect.flatMap(database.select(sql, params, recordOr(of)), (results) => {
        const { damaged, records } = separate(results)
        return damaged[0] === undefined ? Effect.succeed(records) : Effect.fail(damagedError(database, damaged[0]))
      }),
    warn: (damaged) =>
      Effect.forEach(
        damaged.filter(({ name }) => !warned.has(name)),
        (row) => {
          warned.add(row.name)
          return Effect.logWarning(damagedError(database, row).message)
        },
        { discard: true }
      )
  }
}

/** Asks about distinct values, a part of a long list at a time. */
export const inParts = <A>(
  values: ReadonlyArray<string>,
  ask: (part: ReadonlyArray<string>) => Effect.Effect<ReadonlyArray<A>, StoreError>,
  size = listSize
): Effect.Effect<ReadonlyArray<A>, StoreError> => {
  const distinct = [...new Set(values)]
  const parts = Array.from({ length: Math.ceil(distinct.length / size) }, (_, i) =>
    distinct.slice(i * size, (i + 1) * size)
  )
  return Effect.map(Effect.forEach(parts, ask), (answers) => answers.flat())
}
