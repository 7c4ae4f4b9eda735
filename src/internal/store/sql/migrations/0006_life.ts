/**
 * Migration 6: what an app needs to follow its runs and to stop them. A run may have an id that its caller chose, so its
 * place in the order of runs is a column of its own. A request to cancel a run stands beside its record, because others
 * than its driver write it. And each task keeps the places of its events, by which readers of events continue.
 */
import type { Migration } from "./migration.ts"

export const migration: Migration = {
  id: 6,
  name: "life",
  statements: (_, { text }) => [
    `ALTER TABLE runs ADD COLUMN place ${text} NOT NULL DEFAULT ''`,
    "UPDATE runs SET place = id",
    "CREATE INDEX runs_place ON runs (place)",
    "CREATE INDEX runs_given ON runs (id) WHERE place <> id",
    "DROP INDEX runs_flow",
    "CREATE INDEX runs_flow ON runs (flow, place)",
    `ALTER TABLE runs ADD COLUMN cancel ${text}`,
    "CREATE INDEX runs_cancel ON runs (status) WHERE cancel IS NOT NULL",
    "ALTER TABLE tasks ADD COLUMN changed BIGINT NOT NULL DEFAULT 0",
    `ALTER TABLE tasks ADD COLUMN places ${text} NOT NULL DEFAULT '[]'`,
    "CREATE INDEX tasks_changed ON tasks (run, changed)"
  ]
}
