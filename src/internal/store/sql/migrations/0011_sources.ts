/**
 * Migration 11: where artifacts were copied from, so that an object in a bucket that has not changed is not copied again.
 * See `store/sources.ts`.
 */
import type { Migration } from "./migration.ts"

export const migration: Migration = {
  id: 11,
  name: "sources",
  statements: (_, { inIndex, text }) => [
    `CREATE TABLE sources (
      source ${text} NOT NULL PRIMARY KEY,
      digest ${text} NOT NULL,
      size DOUBLE PRECISION NOT NULL,
      kept_at DOUBLE PRECISION NOT NULL
    )${inIndex}`
  ]
}
