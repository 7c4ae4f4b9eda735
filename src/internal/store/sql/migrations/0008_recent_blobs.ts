/**
 * Migration 8: where SQLite appends the small artifacts of a long run before they move into `blobs` (`../recentBlobs.ts`).
 * Its rows have no index by digest, because they are few. Postgres has no such table.
 */
import type { Migration } from "./migration.ts"

export const migration: Migration = {
  id: 8,
  name: "recent_blobs",
  statements: (dialect, { bytes, serial, text }) =>
    dialect === "pg"
      ? []
      : [
          `CREATE TABLE recent_blobs (
            sequence ${serial},
            digest ${text} NOT NULL,
            touched_at DOUBLE PRECISION NOT NULL,
            size INTEGER NOT NULL,
            bytes ${bytes} NOT NULL,
            run ${text} NOT NULL
          )`
        ]
}
