/**
 * Brings a run database up to the version this program uses. Each migration is a file in `migrations/` and runs in a
 * transaction of its own, so a process that dies between two of them leaves a database at a version in between, and the
 * next process continues from there.
 *
 * Several processes may open an old store at once: each checks, inside the transaction that it runs a migration in,
 * whether another process has already run it.
 */
import * as Effect from "effect/Effect"
import * as SqlClient from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { migration as first } from "./migrations/0001_first.ts"
import { migration as driver } from "./migrations/0002_driver.ts"
import { migration as lost } from "./migrations/0003_lost.ts"
import { migration as code } from "./migrations/0004_code.ts"
import { migration as blobOwner } from "./migrations/0005_blob_owner.ts"
import { migration as life } from "./migrations/0006_life.ts"
import { migration as checkpoints } from "./migrations/0007_checkpoints.ts"
import { migration as recentBlobs } from "./migrations/0008_recent_blobs.ts"
import { migration as objects } from "./migrations/0009_objects.ts"
import { migration as order } from "./migrations/0010_order.ts"
import { migration as sources } from "./migrations/0011_sources.ts"
import { migration as token } from "./migrations/0012_token.ts"
import { migration as copies } from "./migrations/0013_copies.ts"
import { migration as identity } from "./migrations/0014_identity.ts"
import type { ColumnTypes, Migration } from "./migrations/migration.ts"
import * as SqlRetry from "./retry.ts"

/** All migrations, oldest first. */
export const all: ReadonlyArray<Migration> = [
  first,
  driver,
  lost,
  code,
  blobOwner,
  life,
  checkpoints,
  recentBlobs,
  objects,
  order,
  sources,
  token,
  copies,
  identity
]

/** The version this program reads and writes: the id of the newest migration. */
export const version = all.length

/**
 * The table that records which migrations ran. Its shape is that of effect's own migrator, which release 0.1.0 used.
 */
const table = "effect_flow_migrations"

const columnTypes: Readonly<Record<"sqlite" | "pg", ColumnTypes>> = {
  sqlite: {
    text: "TEXT",
    bytes: "BLOB",
    serial: "INTEGER PRIMARY KEY AUTOINCREMENT",
    inIndex: " WITHOUT ROWID"
  },
  pg: {
    text: 'TEXT COLLATE "C"',
    bytes: "BYTEA",
    serial: "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
    inIndex: ""
  }
}

/** The version of an existing database, or 0 if it has none of the tables. Writes nothing. */
export const found: Effect.Effect<number, SqlError, SqlClient.SqlClient> = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const tables = yield* sql.onDialectOrElse({
    pg: () => sql.unsafe(`SELECT 1 AS found WHERE to_regclass('"${table}"') IS NOT NULL`),
    orElse: () => sql.unsafe(`SELECT 1 AS found FROM sqlite_master WHERE type = 'table' AND name = '${table}'`)
  })
  if (tables.length === 0) return 0
  const [row] = yield* sql.unsafe<{ version: number | null }>(`SELECT MAX(migration_id) AS version FROM ${table}`)
  return row?.version ?? 0
})

/**
 * Whether a SQLite file belongs to another program: it has tables, and none of this library's. (In Postgres, others may
 * have tables in the same schema.)
 */
export const isForeign: Effect.Effect<boolean, SqlError, SqlClient.SqlClient> = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const tables = yield* sql.onDialectOrElse({
    pg: () => Effect.succeed([]),
    orElse: () =>
      sql.unsafe(
        `SELECT 1 AS found FROM sqlite_master WHERE name NOT LIKE 'sqlite!_%' ESCAPE '!' AND NOT EXISTS (SELECT 1 FROM sqlite_master WHERE name = '${table}') LIMIT 1`
      )
  })
  return tables.length > 0
})

/** Takes the lock under which migrations run. SQLite has taken it with `BEGIN IMMEDIATE`. */
const lock = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql.onDialectOrElse({
    pg: () => sql.unsafe(`SELECT pg_advisory_xact_lock(hashtextextended('${table}', 0))`),
    orElse: () => Effect.void
  })
})

const createTable = (dialect: "sqlite" | "pg"): string =>
  dialect === "pg"
    ? `CREATE TABLE IF NOT EXISTS ${table} (
        migration_id INTEGER PRIMARY KEY,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
        name TEXT NOT NULL
      )`
    : `CREATE TABLE IF NOT EXISTS ${table} (
        migration_id INTEGER PRIMARY KEY NOT NULL,
        created_at DATETIME NOT NULL DEFAULT current_timestamp,
        name VARCHAR(255) NOT NULL
      )`

/** Runs one migration and records it, unless another process did so in the meantime. */
const apply = Effect.fnUntraced(function* (migration: Migration) {
  const sql = yield* SqlClient.SqlClient
  const dialect = sql.onDialectOrElse({ pg: () => "pg" as const, orElse: () => "sqlite" as const })
  yield* lock
  yield* sql.unsafe(createTable(dialect))
  if ((yield* found) >= migration.id) return
  for (const statement of migration.statements(dialect, columnTypes[dialect])) yield* sql.unsafe(statement)
  yield* sql.unsafe(`INSERT INTO ${table} (migration_id, name) VALUES (${migration.id}, '${migration.name}')`)
})

/**
 * Runs the migrations a database is missing, each in a transaction of its own.
 *
 * @param begin The statement that starts a transaction that writes.
 * @param migrations All migrations, oldest first; tests pass their own.
 * @param limitMs How long to wait for a lock. Default: a minute.
 */
export const run = Effect.fnUntraced(function* (
  begin: string,
  migrations: ReadonlyArray<Migration> = all,
  limitMs?: number
) {
  const sql = yield* SqlClient.SqlClient
  const from = yield* found
  for (const migration of migrations) {
    if (migration.id <= from) continue
    yield* SqlRetry.whileBusy(
      Effect.provideService(sql.withTransaction(apply(migration)), SqlClient.BeginTransaction, begin),
      { limitMs }
    )
  }
})
