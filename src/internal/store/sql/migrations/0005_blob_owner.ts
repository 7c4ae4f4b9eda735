/**
 * Migration 5: a small artifact keeps the run that wrote it first in its own row. Most artifacts are used by that run alone, so `uses`
 * needs no row for them: that halves the random pages that a task touches. A row in `uses` stands for every other run.
 *
 * A card is replaced by its task, so cards are found by task too: without an index each card of a run would cost a scan of all others.
 */
import type { Migration } from "./migration.ts"

export const migration: Migration = {
  id: 5,
  name: "blob_owner",
  statements: (_, { text }) => [
    `ALTER TABLE blobs ADD COLUMN run ${text}`,
    "CREATE INDEX cards_task ON cards (run, task)"
  ]
}
