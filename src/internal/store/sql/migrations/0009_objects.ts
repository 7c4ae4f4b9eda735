/**
 * Migration 9: what is known of objects in a bucket, where large artifacts are kept in one. See `store/ledger.ts`.
 */
import type { Migration } from "./migration.ts"

export const migration: Migration = {
  id: 9,
  name: "objects",
  statements: (_, { inIndex, text }) => [
    `CREATE TABLE objects (
      digest ${text} NOT NULL PRIMARY KEY,
      size DOUBLE PRECISION NOT NULL,
      etag ${text} NOT NULL,
      touched_at DOUBLE PRECISION NOT NULL,
      leaving_at DOUBLE PRECISION
    )${inIndex}`
  ]
}
