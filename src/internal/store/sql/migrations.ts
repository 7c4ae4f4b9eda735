/**
 * The tables of the run database, and how an older one becomes the present one. SQLite and Postgres get the same tables;
 * what differs is how a column of bytes and a growing number are declared, and that SQLite keeps small rows in their
 * index (the rows of tasks are too long for that: most of them would take a page of their own). Text is compared by its
 * bytes in both.
 *
 * What is asked for by its contents has columns of its own; what is only ever read whole (parameters, attempts, refs) is
 * JSON text. `uses` says which runs refer to an artifact: one row where a run writes it and reads it in ten tasks, since what a
 * task costs is mostly the pages it touches. For the same reason only the keys of cached steps are indexed.
 */
import * as Effect from "effect/Effect"
import * as Migrator from "effect/sql/Migrator"
import * as SqlClient from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"

/** Where the migrations that were made are written down. */
const table = "effect_flow_migrations"

interface Words {
  readonly text: string
  readonly bytes: string
  readonly serial: string
  readonly inIndex: string
}

const sqlite: Words = {
  text: "TEXT",
  bytes: "BLOB",
  serial: "INTEGER PRIMARY KEY AUTOINCREMENT",
  inIndex: " WITHOUT ROWID"
}

const pg: Words = {
  text: 'TEXT COLLATE "C"',
  bytes: "BYTEA",
  serial: "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
  inIndex: ""
}

const tables = ({ bytes, inIndex, serial, text }: Words): ReadonlyArray<string> => [
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
  // Tasks are counted without being read: their rows are long.
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

const first = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const statements = sql.onDialectOrElse({
    pg: () => [...tables(pg), "CREATE INDEX uses_run ON uses (run)"],
    orElse: () => tables(sqlite)
  })
  for (const statement of statements) yield* sql.unsafe(statement)
})

const migrations: Readonly<Record<string, Effect.Effect<void, SqlError, SqlClient.SqlClient>>> = { "1_first": first }

/** The version that this program reads and writes. */
export const version = Math.max(...Object.keys(migrations).map(Number.parseInt))

/** The version of the database that is there: 0 if it has none of the tables. Writes nothing. */
export const found: Effect.Effect<number, SqlError, SqlClient.SqlClient> = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const there = yield* sql.onDialectOrElse({
    pg: () => sql.unsafe(`SELECT 1 AS found WHERE to_regclass('"${table}"') IS NOT NULL`),
    orElse: () => sql.unsafe(`SELECT 1 AS found FROM sqlite_master WHERE type = 'table' AND name = '${table}'`)
  })
  if (there.length === 0) return 0
  const [row] = yield* sql.unsafe<{ version: number | null }>(`SELECT MAX(migration_id) AS version FROM ${table}`)
  return row?.version ?? 0
})

/** Makes what is missing, in one transaction. */
export const run = Effect.suspend(() => Migrator.make({})({ loader: Migrator.fromRecord({ ...migrations }), table }))
