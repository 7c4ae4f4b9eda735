/**
 * Migration 13: runs that are being copied into this database, and have no record yet. Only the process with the token
 * writes what belongs to such a run. See `store/sql/copies.ts`.
 */
import type { Migration } from "./migration.ts"

export const migration: Migration = {
  id: 13,
  name: "copies",
  statements: (_, { inIndex, text }) => [
    `CREATE TABLE copies (
      run ${text} NOT NULL PRIMARY KEY,
      token ${text} NOT NULL,
      began_at DOUBLE PRECISION NOT NULL
    )${inIndex}`
  ]
}
