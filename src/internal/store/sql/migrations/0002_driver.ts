/**
 * Migration 2: the fencing token of the process that drives a run (empty for a run that never had one), and an index that
 * finds the runs that resumed another.
 */
import type { Migration } from "./migration.ts"

export const migration: Migration = {
  id: 2,
  name: "driver",
  statements: (_, { text }) => [
    `ALTER TABLE runs ADD COLUMN driver ${text} NOT NULL DEFAULT ''`,
    "CREATE INDEX runs_origin ON runs (origin) WHERE origin IS NOT NULL"
  ]
}
