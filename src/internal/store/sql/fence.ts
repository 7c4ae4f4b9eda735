/**
 * Checks fencing tokens (`RunStore.Driver`) in the transaction that writes. The check locks the rows of the runs, so a
 * claim by another process comes either before it, and the write is refused, or after the write has been committed. A run
 * that is being copied has its token in `copies`, because it has no row yet.
 */
import * as Schema from "effect/Schema"
import type { SqlError } from "effect/sql/SqlError"
import type { RunStatus } from "../../../RunRecord.ts"
import type { Claim, Driver } from "../../../RunStore.ts"
import type { Row } from "./rows.ts"
import type { Prepared } from "./statement.ts"

/** A token that a run must have for a write to go through. */
export interface Fence extends Driver {
  /** A claim changes the token, so it locks the row against every other writer. */
  readonly isClaim: boolean
  /** The status that the run must have, too. */
  readonly status?: RunStatus
}

/** A run had another token than the write presented. */
export class Fenced extends Schema.TaggedError<Fenced>()("Fenced", { message: Schema.String }) {}

/** The fences of a claim: the run's own, unless it is new, and that of the run it resumes. */
export const ofClaim = ({ origin, over, run }: Claim): ReadonlyArray<Fence> => [
  ...(over === undefined ? [] : [{ run: run.id, token: over.driver ?? "", status: over.status, isClaim: true }]),
  ...(origin === undefined ? [] : [{ ...origin, isClaim: true }])
]

/** Several writes' fences, each once. */
export const distinct = (fences: Iterable<Fence>): ReadonlyArray<Fence> => [
  ...new Map([...fences].map((fence) => [`${fence.run} ${fence.token}`, fence])).values()
]

/** A query for the rows that have the expected tokens, which locks them. */
const locking = (
  from: string,
  columns: { readonly run: string; readonly token: string },
  fences: ReadonlyArray<Fence>,
  dialect: "sqlite" | "pg"
): Prepared => {
  const conditions = fences.map(
    ({ status }) => `(${columns.run} = ? AND ${columns.token} = ?${status === undefined ? "" : " AND status = ?"})`
  )
  const lock = dialect === "sqlite" ? "" : fences.some(({ isClaim }) => isClaim) ? " FOR UPDATE" : " FOR SHARE"
  return {
    sql: `SELECT ${columns.run} AS id FROM ${from} WHERE ${conditions.join(" OR ")} ORDER BY ${columns.run}${lock}`,
    params: fences.flatMap(({ run, status, token }) => [run, token, ...(status === undefined ? [] : [status])])
  }
}

/** Finds the rows that have the expected tokens, and locks them in one order in every process. */
const select = (fences: ReadonlyArray<Fence>, dialect: "sqlite" | "pg"): Prepared => {
  const ofRuns = fences.filter(({ isCopy }) => isCopy !== true)
  const ofCopies = fences.filter(({ isCopy }) => isCopy === true)
  const runs = locking("runs", { run: "id", token: "driver" }, ofRuns, dialect)
  if (ofCopies.length === 0) return runs
  const copies = locking("copies", { run: "run", token: "token" }, ofCopies, dialect)
  if (ofRuns.length === 0) return copies
  return {
    sql: `SELECT id FROM (${runs.sql}) AS held UNION ALL SELECT id FROM (${copies.sql}) AS copied`,
    params: [...runs.params, ...copies.params]
  }
}

/** The check as the first statement of a transaction; `holds` judges the rows that it found. */
export const check = (
  fences: ReadonlyArray<Fence>,
  dialect: "sqlite" | "pg"
): { readonly statement: Prepared; readonly holds: (rows: ReadonlyArray<Row>) => boolean } => ({
  statement: select(fences, dialect),
  holds: (rows) => rows.length === fences.length
})

/**
 * The check as part of one Postgres statement that also writes: it divides by zero where a token is out of date, which
 * undoes all of the statement. (SQL has no other expression that fails on purpose.)
 */
export const within = (fences: ReadonlyArray<Fence>): { readonly table: Prepared; readonly result: string } => ({
  table: select(fences, "pg"),
  result: `SELECT 1 / CASE WHEN COUNT(*) = ${fences.length} THEN 1 ELSE 0 END AS held`
})

/** Whether a statement failed by the division of `within`. */
export const isRefusal = (error: SqlError): boolean =>
  (error.reason.cause as { readonly code?: string } | undefined)?.code === "22012"
