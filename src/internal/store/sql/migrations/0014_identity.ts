/**
 * Migration 14: what tells the database with a token from a copy that was made of it, token and all. See
 * `store/sql/identity.ts`.
 */
import type { Migration } from "./migration.ts"

export const migration: Migration = {
  id: 14,
  name: "identity",
  statements: (_, { text }) => [`ALTER TABLE token ADD COLUMN identity ${text}`]
}
