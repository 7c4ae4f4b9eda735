/**
 * Migration 1: the tables of release 0.1.0.
 *
 * A value that queries filter by has a column of its own. Values that are only read as a whole (parameters, attempts, refs) are JSON
 * text. `uses` records which runs refer to an artifact: one row per run, even where ten of its tasks read the artifact, because the
 * cost of a task is mostly the number of pages it touches. Only the keys of cached steps are indexed, for the same reason.
 */
import type { ColumnTypes, Migration } from "./migration.ts"

const tables = ({ bytes, inIndex, serial, text }: ColumnTypes): ReadonlyArray<string> => [
  `CREATE TABLE runs (
    id ${text} NOT NULL PRIMARY KEY,
    flow ${text} NOT NULL,
    status ${text} NOT NULL,
    origin ${text},
    from_step ${text},
    parent ${text},
    started_at DOUBLE PRECISION NOT NULL,
    finished_at DOUBLE PRECISION,
    heartbeat_at DOUBLE PRECISION NOT NULL,
    host ${text} NOT NULL,
    pid INTEGER NOT NULL,
    parameters ${text} NOT NULL,
    error ${text},
    output ${text},
    system_tags ${text} NOT NULL
  )`,
  "CREATE INDEX runs_flow ON runs (flow, id)",
  "CREATE INDEX runs_parent ON runs (parent) WHERE parent IS NOT NULL",
  `CREATE TABLE run_tags (
    run ${text} NOT NULL,
    tag ${text} NOT NULL,
    PRIMARY KEY (run, tag)
  )${inIndex}`,
  "CREATE INDEX run_tags_tag ON run_tags (tag, run)",
  `CREATE TABLE tasks (
    run ${text} NOT NULL,
    number INTEGER NOT NULL,
    id ${text} NOT NULL,
    step ${text} NOT NULL,
    status ${text} NOT NULL,
    how ${text} NOT NULL,
    source ${text},
    key ${text} NOT NULL,
    version ${text} NOT NULL,
    cache ${text},
    started_at DOUBLE PRECISION NOT NULL,
    finished_at DOUBLE PRECISION,
    attempts ${text} NOT NULL,
    parents ${text} NOT NULL,
    error ${text},
    inputs ${text} NOT NULL,
    outputs ${text} NOT NULL,
    PRIMARY KEY (run, number)
  )`,
  "CREATE INDEX tasks_key ON tasks (key, run) WHERE cache IS NOT NULL",
  // Covers counting tasks, whose rows are long, without reading them.
  "CREATE INDEX tasks_counts ON tasks (run, step, status)",
  `CREATE TABLE uses (
    digest ${text} NOT NULL,
    run ${text} NOT NULL,
    PRIMARY KEY (digest, run)
  )${inIndex}`,
  `CREATE TABLE logs (
    sequence ${serial},
    run ${text} NOT NULL,
    task ${text} NOT NULL,
    attempt INTEGER NOT NULL,
    at DOUBLE PRECISION NOT NULL,
    level ${text} NOT NULL,
    message ${text} NOT NULL
  )`,
  "CREATE INDEX logs_run ON logs (run, sequence)",
  `CREATE TABLE metrics (
    sequence ${serial},
    run ${text} NOT NULL,
    task ${text} NOT NULL,
    name ${text} NOT NULL,
    step DOUBLE PRECISION NOT NULL,
    value DOUBLE PRECISION,
    at DOUBLE PRECISION NOT NULL
  )`,
  "CREATE INDEX metrics_run ON metrics (run, sequence)",
  `CREATE TABLE cards (
    sequence ${serial},
    run ${text} NOT NULL,
    task ${text} NOT NULL,
    attempt INTEGER NOT NULL,
    at DOUBLE PRECISION NOT NULL,
    digest ${text} NOT NULL,
    size DOUBLE PRECISION NOT NULL
  )`,
  "CREATE INDEX cards_run ON cards (run, sequence)",
  `CREATE TABLE schemas (
    digest ${text} NOT NULL PRIMARY KEY,
    description ${text} NOT NULL
  )`,
  `CREATE TABLE blobs (
    digest ${text} NOT NULL PRIMARY KEY,
    touched_at DOUBLE PRECISION NOT NULL,
    size INTEGER NOT NULL,
    bytes ${bytes} NOT NULL
  )`
]

export const migration: Migration = {
  id: 1,
  name: "first",
  statements: (dialect, types) =>
    dialect === "pg" ? [...tables(types), "CREATE INDEX uses_run ON uses (run)"] : tables(types)
}
