/**
 * Migration 12: a random token, by which a place for large artifacts tells the databases apart that use it. See
 * `store/owners.ts`.
 */
import type { Migration } from "./migration.ts"

export const migration: Migration = {
  id: 12,
  name: "token",
  statements: (dialect, { text }) => [
    `CREATE TABLE token (token ${text} NOT NULL)`,
    `INSERT INTO token (token) VALUES (${dialect === "pg" ? "gen_random_uuid()::text" : "lower(hex(randomblob(16)))"})`
  ]
}
