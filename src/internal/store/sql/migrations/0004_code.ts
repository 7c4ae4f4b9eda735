/**
 * Migration 4: the digest of each task's code, and of the code that wrote its outputs if the task was taken over or cached.
 */
import type { Migration } from "./migration.ts"

export const migration: Migration = {
  id: 4,
  name: "code",
  statements: (_, { text }) => [
    `ALTER TABLE tasks ADD COLUMN code ${text}`,
    `ALTER TABLE tasks ADD COLUMN source_code ${text}`
  ]
}
