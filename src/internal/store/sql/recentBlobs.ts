/**
 * The newest small artifacts of a long run. `blobs` is in the order of digests, which is no order in time: a new row changes a
 * page of its own, and those pages cost more than all else that SQLite does for a task. So once a writer has stored some
 * artifacts in `blobs`, it appends further ones to `recent_blobs`, and moves them into `blobs` thousands at a time, sorted,
 * when many share a page. A writer that ends moves what is left; what a killed process leaves, the next writer moves.
 *
 * A row of `recent_blobs` says the same as a row of `blobs`: here are the bytes, and this run refers to them. Every question
 * about small artifacts therefore concerns both tables. In Postgres, where a task costs a message to the server, there is
 * only `blobs`.
 */
import type { Prepared } from "./statement.ts"

/** So many artifacts a writer stores in `blobs` directly, while its index is small. */
export const directCount = 256

/** An artifact of more bytes is stored in `blobs` directly: the page that it changes costs little beside it. */
export const sizeLimit = 1024

/** So many artifacts in one transaction share pages already, and are stored in `blobs` directly. */
export const enoughAtOnce = 4096

/** With so many rows in `recent_blobs`, a writer moves them. */
export const movedAtOnce = 16384

/** What happens where a small artifact is stored whose digest is there: the bytes at hand replace damaged ones. */
export const replacing = (isStale: string): string =>
  ` ON CONFLICT (digest) DO UPDATE SET touched_at = excluded.touched_at, size = excluded.size, bytes = excluded.bytes, run = COALESCE(blobs.run, excluded.run) WHERE ${isStale} OR blobs.size <> excluded.size OR blobs.bytes <> excluded.bytes`

/** In SQLite: bytes that come with a task's record need no exact time. */
export const isStaleInSqlite =
  "excluded.touched_at > blobs.touched_at + CASE WHEN excluded.run IS NULL THEN 0 ELSE 60000 END"

/** The statements that move all rows, in one transaction. None in Postgres. */
export const move = (dialect: "sqlite" | "pg"): ReadonlyArray<Prepared> => (dialect === "pg" ? [] : moving)

/** A row in `blobs` names one run. Others that refer to the same artifact have a row in `uses`. */
const otherUses = (condition: string): string =>
  `INSERT INTO uses (digest, run) SELECT recent_blobs.digest, recent_blobs.run FROM recent_blobs JOIN blobs ON blobs.digest = recent_blobs.digest WHERE ${condition} AND blobs.run <> recent_blobs.run ORDER BY recent_blobs.digest ON CONFLICT DO NOTHING`

const moving: ReadonlyArray<Prepared> = [
  // Before the rows are there: most digests are new, and then this looks into the index alone.
  otherUses("true"),
  `INSERT INTO blobs (digest, touched_at, size, bytes, run) SELECT digest, touched_at, size, bytes, run FROM recent_blobs WHERE true ORDER BY digest${replacing(isStaleInSqlite)}`,
  // And after it, where several runs may have brought the same artifact.
  otherUses("(SELECT COUNT(DISTINCT run) FROM recent_blobs) > 1"),
  "DELETE FROM recent_blobs"
].map((sql) => ({ sql, params: [] }))

/** A further part of a `UNION` over `blobs`, for a database that has the other table. */
export const union = (dialect: "sqlite" | "pg", select: string): string => (dialect === "pg" ? "" : ` ${select}`)

/** A condition: the run that a recent artifact belongs to is still there. */
export const ownerExists = "EXISTS (SELECT 1 FROM tasks WHERE tasks.run = recent_blobs.run)"
