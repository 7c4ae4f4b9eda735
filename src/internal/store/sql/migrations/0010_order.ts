/**
 * Migration 10: indexes for lists of runs by status and by duration. Among 100,000 runs a page of either is found without
 * reading the others, and so are the runs that are going on.
 */
import type { Migration } from "./migration.ts"

export const migration: Migration = {
  id: 10,
  name: "order",
  statements: () => [
    "CREATE INDEX runs_status ON runs (status, place)",
    "CREATE INDEX runs_duration ON runs ((finished_at - started_at), place)"
  ]
}
