/**
 * The token by which a place for large artifacts tells run databases apart (`store/owners.ts`). A database that is copied,
 * by `cp` or `pg_dump`, takes its token along. So beside it stands what a copy does not have, and a database that finds
 * something else there takes a token of its own: it needs artifacts that the other one may remove, and the reverse.
 */
import { randomBytes } from "node:crypto"
import { realpathSync, statSync } from "node:fs"
import * as Effect from "effect/Effect"
import type { SqlError } from "effect/sql/SqlError"
import type { StoreError } from "../../../RunStore.ts"
import type { Database } from "./database.ts"

/** Facts about a database, of which a copy has none. One that was moved has some of them still. None if nothing is known. */
export type Facts = (database: Database) => Effect.Effect<ReadonlyArray<string>, StoreError>

/** A file has a path and a number. Moving it keeps the number, and restoring it from a backup keeps the path. */
export const ofFile =
  (filename: string): Facts =>
  () =>
    Effect.sync(() => {
      try {
        return [`path ${realpathSync(filename)}`, `file ${statSync(filename, { bigint: true }).ino}`]
      } catch {
        return [] // it is gone, or in a directory that this user may not search
      }
    })

/**
 * In Postgres, the server's number, and those of the database and the table, which are given out anew where a dump is
 * restored. Where the server does not tell its number, nothing is known: without it, the others may be the same by chance.
 */
export const ofPostgres: Facts = (database) =>
  Effect.catch(
    Effect.map(
      database.query(
        "SELECT system_identifier::text AS server, (SELECT oid FROM pg_database WHERE datname = current_database())::text AS database, 'token'::regclass::oid::text AS table_id FROM pg_control_system()",
        []
      ),
      ([row]) => [`server ${row?.server} database ${row?.database} table ${row?.table_id}`]
    ),
    () => Effect.succeed([])
  )

export interface Identity {
  /** The database's token. One that may be a copy's has no token that was seen before. */
  readonly token: Effect.Effect<string, StoreError>
  /** The same, and takes it for good. */
  readonly kept: Effect.Effect<string, StoreError>
}

export const make = (database: Database, factsOf: Facts | undefined): Identity => {
  const read = Effect.gen(function* () {
    const [row] = yield* database.query("SELECT token, identity FROM token", [])
    const facts = factsOf === undefined ? [] : yield* factsOf(database)
    const before: ReadonlyArray<string> = row?.identity === null ? facts : JSON.parse(row?.identity) // as written below
    const token: string = row?.token
    const isOriginal = facts.length === 0 || facts.some((fact) => before.includes(fact))
    const identity = facts.length === 0 ? row?.identity : JSON.stringify(facts)
    return {
      identity,
      isKnown: identity === row?.identity,
      known: token,
      token: isOriginal ? token : randomBytes(16).toString("hex")
    }
  })
  const take = (known: string, token: string, identity: string): Effect.Effect<void, StoreError> =>
    database.orStoreError(
      "write to",
      database.transaction<void, SqlError>((connection) =>
        Effect.asVoid(
          database.runOne(connection, {
            sql: "UPDATE token SET token = ?, identity = ? WHERE token = ?",
            params: [token, identity, known]
          })
        )
      )
    )
  return {
    token: Effect.map(read, ({ token }) => token),
    kept: Effect.gen(function* () {
      const { identity, isKnown, known, token } = yield* read
      if (isKnown) return token
      yield* take(known, token, identity)
      return (yield* read).token // another process may have been faster
    })
  }
}
