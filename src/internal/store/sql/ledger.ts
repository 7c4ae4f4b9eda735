/** The ledger of a bucket's objects (`store/ledger.ts`) in the run database, with one row for each object. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { StoreError } from "../../../RunStore.ts"
import { ArtifactError } from "../artifactError.ts"
import type { Entry, Ledger } from "../ledger.ts"
import type { Database } from "./database.ts"
import type { Row } from "./rows.ts"

/** How many rows one statement changes. */
const rowsAtOnce = 500

/**
 * A row that has been leaving for so long was left behind by a process that ended in between. Removing a batch of
 * objects takes less.
 */
const leavingLimitMs = 180_000

export const make = (database: Database): Ledger => {
  const realTime = (): number => Clock.Clock.defaultValue().currentTimeMillisUnsafe()

  const failed =
    (reason: "unreadable" | "unwritable") =>
    (error: StoreError): ArtifactError =>
      new ArtifactError({ reason, message: error.message })

  const change = (sql: string, params: ReadonlyArray<unknown>): Effect.Effect<ReadonlyArray<Row>, ArtifactError> =>
    Effect.mapError(
      database.orStoreError(
        "write to",
        database.transaction((connection) => database.runOne(connection, { sql, params }))
      ),
      failed("unwritable")
    )

  /** Runs a statement over parts of a long list. */
  const inParts = <A>(
    all: ReadonlyArray<A>,
    run: (part: ReadonlyArray<A>) => Effect.Effect<ReadonlyArray<Row>, ArtifactError>
  ): Effect.Effect<ReadonlyArray<Row>, ArtifactError> =>
    Effect.map(
      Effect.forEach(
        Array.from({ length: Math.ceil(all.length / rowsAtOnce) }, (_, index) =>
          all.slice(index * rowsAtOnce, (index + 1) * rowsAtOnce)
        ),
        run
      ),
      (found) => found.flat()
    )

  return {
    claim: (claims, now) =>
      Effect.map(
        // In one order everywhere, so that two claims can't each wait for the other.
        inParts(unique(claims), (part) =>
          change(
            `INSERT INTO objects (digest, size, etag, touched_at) VALUES ${part.map(() => "(?, ?, ?, ?)").join(", ")}
              ON CONFLICT (digest) DO UPDATE SET leaving_at = NULL,
                touched_at = CASE WHEN objects.touched_at > excluded.touched_at THEN objects.touched_at ELSE excluded.touched_at END
              WHERE objects.leaving_at IS NULL OR objects.leaving_at < ?
              RETURNING digest, size, etag, touched_at`,
            [...part.flatMap(({ digest, etag, size }) => [digest, size, etag, now]), realTime() - leavingLimitMs]
          )
        ),
        (rows) => new Map(rows.map((row) => [row.digest, entryOf(row)]))
      ),
    settle: (digest, size, etag) =>
      Effect.asVoid(change("UPDATE objects SET size = ?, etag = ? WHERE digest = ?", [size, etag, digest])),
    between: (after, last) =>
      Effect.map(
        Effect.mapError(
          last === undefined
            ? database.query("SELECT digest, size, etag, touched_at FROM objects WHERE digest > ? ORDER BY digest", [
                after
              ])
            : database.query(
                "SELECT digest, size, etag, touched_at FROM objects WHERE digest > ? AND digest <= ? ORDER BY digest",
                [after, last]
              ),
          failed("unreadable")
        ),
        (rows) => rows.map(entryOf)
      ),
    leave: (objects, before) =>
      Effect.map(
        inParts(objects, (part) =>
          change(
            `INSERT INTO objects (digest, size, etag, touched_at, leaving_at) VALUES ${part.map(() => "(?, ?, '', ?, ?)").join(", ")}
              ON CONFLICT (digest) DO UPDATE SET leaving_at = excluded.leaving_at
              WHERE objects.touched_at < ? AND (objects.leaving_at IS NULL OR objects.leaving_at < ?)
                AND NOT EXISTS (SELECT 1 FROM uses WHERE uses.digest = objects.digest)
                AND objects.digest NOT IN (SELECT digest FROM cards)
                AND NOT EXISTS (SELECT 1 FROM checkpoints WHERE checkpoints.digest = objects.digest)
              RETURNING digest`,
            [
              ...part.flatMap(({ digest, size }) => [digest, size, Number.MIN_SAFE_INTEGER, realTime()]),
              before,
              realTime() - leavingLimitMs
            ]
          )
        ),
        (rows) => rows.map((row) => row.digest)
      ),
    left: (digests) =>
      Effect.asVoid(
        inParts(digests, (part) =>
          change(
            `DELETE FROM objects WHERE digest IN (${part.map(() => "?").join(", ")}) AND leaving_at IS NOT NULL`,
            part
          )
        )
      ),
    forget: (digests, before) =>
      Effect.asVoid(
        inParts(digests, (part) =>
          change(`DELETE FROM objects WHERE digest IN (${part.map(() => "?").join(", ")}) AND touched_at < ?`, [
            ...part,
            before
          ])
        )
      )
  }
}

const entryOf = (row: Row): Entry => ({
  digest: row.digest,
  size: row.size,
  etag: row.etag,
  touchedAt: row.touched_at
})

const unique = <A extends { readonly digest: string }>(claims: ReadonlyArray<A>): ReadonlyArray<A> =>
  [...new Map(claims.map((claim) => [claim.digest, claim])).values()].sort((one, other) =>
    one.digest < other.digest ? -1 : 1
  )
