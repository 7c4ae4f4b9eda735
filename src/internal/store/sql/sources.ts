/** Where artifacts were copied from (`store/sources.ts`), in the run database. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { StoreError } from "../../../RunStore.ts"
import { ArtifactError } from "../artifactError.ts"
import { type Sources, sourcesKept } from "../sources.ts"
import type { Database } from "./database.ts"

export const make = (database: Database): Sources => {
  const failed =
    (reason: "unreadable" | "unwritable") =>
    ({ message }: StoreError): ArtifactError =>
      new ArtifactError({ reason, message })
  return {
    find: (source) =>
      Effect.map(
        Effect.mapError(
          database.query("SELECT digest, size FROM sources WHERE source = ?", [source]),
          failed("unreadable")
        ),
        ([row]) => (row === undefined ? undefined : { digest: row.digest, size: row.size })
      ),
    keep: (source, { digest, size }) =>
      Effect.gen(function* () {
        const now = yield* Clock.currentTimeMillis
        const statements = [
          {
            sql: `INSERT INTO sources (source, digest, size, kept_at) VALUES (?, ?, ?, ?)
              ON CONFLICT (source) DO UPDATE SET digest = excluded.digest, size = excluded.size, kept_at = excluded.kept_at`,
            params: [source, digest, size, now]
          },
          {
            sql: "DELETE FROM sources WHERE kept_at < (SELECT kept_at FROM sources ORDER BY kept_at DESC LIMIT 1 OFFSET ?)",
            params: [sourcesKept - 1]
          }
        ]
        yield* Effect.mapError(
          database.orStoreError(
            "write to",
            database.transaction((connection) => database.runAll(connection, statements))
          ),
          failed("unwritable")
        )
      })
  }
}
