/**
 * Migration 7: the checkpoints of tasks, one row for each. A row without a digest was opened and has no value yet. The index
 * by digest is for garbage collection, which asks whether anything refers to an artifact.
 */
import type { Migration } from "./migration.ts"

export const migration: Migration = {
  id: 7,
  name: "checkpoints",
  statements: (_, { inIndex, text }) => [
    `CREATE TABLE checkpoints (
      run ${text} NOT NULL,
      task ${text} NOT NULL,
      name ${text} NOT NULL,
      writer ${text} NOT NULL,
      key ${text} NOT NULL,
      code ${text} NOT NULL,
      attempt INTEGER NOT NULL,
      at DOUBLE PRECISION NOT NULL,
      digest ${text},
      ref ${text},
      PRIMARY KEY (run, task, name)
    )${inIndex}`,
    "CREATE INDEX checkpoints_digest ON checkpoints (digest)"
  ]
}
