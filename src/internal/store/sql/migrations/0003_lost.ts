/** Migration 3: tasks record which artifact was missing or damaged, if that is why they were executed again. */
import type { Migration } from "./migration.ts"

export const migration: Migration = {
  id: 3,
  name: "lost",
  statements: (_, { text }) => [`ALTER TABLE tasks ADD COLUMN lost ${text}`]
}
