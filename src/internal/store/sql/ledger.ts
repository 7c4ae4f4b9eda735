/** The ledger of a bucket's objects (`store/ledger.ts`) in the run database, with one row for each object. */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type { StoreError } from "../../../RunStore.ts"
import { ArtifactError } from "../artifactError.ts"
import type { Claim, Entry, Ledger } from "../ledger.ts"
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
      (parts) => parts.flat()
    )

  /** Claims that arrive while others are under way share the next statement, which costs as much as one alone. */
  let waiting: Array<{ readonly claims: ReadonlyArray<Timed>; readonly done: Claimed }> = []
  let isRunning = false

  const claimWaiting = Effect.gen(function* () {
    while (waiting.length > 0) {
      const batch = waiting
      waiting = []
      const exit = yield* Effect.exit(claimAll(batch.flatMap(({ claims }) => claims)))
      for (const { done } of batch) yield* Deferred.done(done, exit)
    }
    isRunning = false
  })

  const claimAll = (claims: ReadonlyArray<Timed>): Effect.Effect<ReadonlyMap<string, Entry>, ArtifactError> =>
    Effect.map(
      // In one order everywhere, so that two claims can't each wait for the other.
      inParts(unique(claims), (part) =>
        change(
          `INSERT INTO objects (digest, size, etag, touched_at) VALUES ${part.map(() => "(?, ?, ?, ?)").join(", ")}
              ON CONFLICT (digest) DO UPDATE SET leaving_at = NULL,
                touched_at = CASE WHEN objects.touched_at > excluded.touched_at THEN objects.touched_at ELSE excluded.touched_at END
              WHERE objects.leaving_at IS NULL OR objects.leaving_at < ?
              RETURNING digest, size, etag, touched_at`,
          [...part.flatMap(({ digest, etag, now, size }) => [digest, size, etag, now]), realTime() - leavingLimitMs]
        )
      ),
      (rows) => new Map(rows.map((row) => [row.digest, entryOf(row)]))
    )

  return {
    claim: (claims, now) =>
      Effect.suspend(() => {
        const done: Claimed = Deferred.makeUnsafe()
        waiting.push({ claims: claims.map((claim) => ({ ...claim, now })), done })
        if (isRunning) return Deferred.await(done)
        isRunning = true
        // Detached: if this caller is interrupted, the others still get their answers.
        return Effect.andThen(Effect.forkDetach(claimWaiting), Deferred.await(done))
      }),
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

/** A claim, and when it was made. */
interface Timed extends Claim {
  readonly now: number
}

type Claimed = Deferred.Deferred<ReadonlyMap<string, Entry>, ArtifactError>

const entryOf = (row: Row): Entry => ({
  digest: row.digest,
  size: row.size,
  etag: row.etag,
  touchedAt: row.touched_at
})

/** Each digest once, with the latest time, in order. */
const unique = (claims: ReadonlyArray<Timed>): ReadonlyArray<Timed> => {
  const latest = new Map<string, Timed>()
  for (const claim of claims)
    if (claim.now >= (latest.get(claim.digest)?.now ?? claim.now)) latest.set(claim.digest, claim)
  return [...latest.values()].sort((a, b) => (a.digest < b.digest ? -1 : 1))
}
