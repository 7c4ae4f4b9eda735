/**
 * What operators ask and tell a cluster from outside: which workers there are, how much work waits, and that workers are to
 * drain. It uses one connection of its own, and reads the tables of all groups in the database.
 */
import * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import type { SqlClient } from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import type { ExecutorError } from "../../../Executor.ts"
import type { Queue, Status, WorkerInfo } from "../../../Worker.ts"
import { orUnreachable, schema, withConnection } from "./connection.ts"
import { prefixOf } from "./engine.ts"
import * as Registry from "./registry.ts"

/** Workers that were last seen longer ago than this are not listed. */
const listedForSeconds = 60

/** The first millisecond of the ids that Effect's cluster gives to messages. Source: `effect/cluster/Snowflake`. */
const epochMs = Date.UTC(2025, 0, 1)

/** The bits of such an id below its time. */
const idBits = 22

const asOperator = <A>(
  url: Redacted.Redacted,
  use: (sql: SqlClient) => Effect.Effect<A, SqlError>
): Effect.Effect<A, ExecutorError> => orUnreachable(url)(withConnection(url, "operator", use))

const hasTables = (sql: SqlClient) =>
  Effect.map(
    sql.unsafe<{ readonly found: boolean }>(`SELECT to_regclass('${Registry.table}') IS NOT NULL AS found`),
    ([row]) => row?.found === true
  )

const nothing: Status = { workers: [], queues: [] }

/** The tasks of a group that wait: those not executed yet, less those that a worker executes. */
export const readQueue = Effect.fnUntraced(function* (sql: SqlClient, group: string, busy: number) {
  const messages = `${schema}.${prefixOf(group)}_messages`
  // Workers begin with the oldest, so what waits is everything after as many as they execute.
  const rows = yield* sql.unsafe<{ readonly count: number; readonly oldest: string | null; readonly now: number }>(
    `SELECT count(*)::int AS count, min(id)::text AS oldest, (EXTRACT(EPOCH FROM now()) * 1000)::float8 AS now FROM (
       SELECT id FROM ${messages} WHERE NOT processed AND kind = 0 AND entity_type = 'Workflow/effect-flow/task' AND tag = 'run'
       ORDER BY id OFFSET $1
     ) AS waiting`,
    [busy]
  )
  const { count = 0, now = 0, oldest = null } = rows[0] ?? {}
  const queue: Queue = {
    group,
    waiting: count,
    ...(oldest === null
      ? undefined
      : { oldestWaitMs: Math.max(0, now - (Number(BigInt(oldest) >> BigInt(idBits)) + epochMs)) })
  }
  return queue
})

/** The workers of a group, or of all, and what waits for them. */
export const status = (url: Redacted.Redacted, group: string | undefined): Effect.Effect<Status, ExecutorError> =>
  asOperator(
    url,
    Effect.fnUntraced(function* (sql) {
      if (!(yield* hasTables(sql))) return nothing
      const rows = yield* sql.unsafe<Registry.Row>(
        `${Registry.select} WHERE seen_at > now() - INTERVAL '${listedForSeconds} seconds' ORDER BY group_name, address`
      )
      const prefix = prefixOf("")
      const tables = yield* sql.unsafe<{ readonly name: string }>(
        `SELECT tablename AS name FROM pg_tables WHERE schemaname = '${schema}' AND tablename LIKE $1`,
        [`${prefix.replaceAll("_", "\\_")}%\\_messages`]
      )
      const groups = tables.map(({ name }) => name.slice(prefix.length, -"_messages".length)).sort()
      const workers = rows.filter((row) => group === undefined || row.group_name === group).map(infoOf)
      const queues = yield* Effect.forEach(
        groups.filter((name) => group === undefined || name === group),
        (name) =>
          readQueue(
            sql,
            name,
            workers.reduce((sum, worker) => sum + (worker.group === name ? worker.busy : 0), 0)
          )
      )
      return { workers, queues }
    })
  )

const infoOf = (row: Registry.Row): WorkerInfo => {
  const { address, busy, draining, flows, host, pid, queued, seenAt, startedAt, threads, version } =
    Registry.fromRow(row)
  return {
    address,
    group: row.group_name,
    host,
    pid,
    version,
    flows: Object.keys(flows).sort(),
    threads,
    busy,
    queued,
    draining,
    startedAt,
    seenAt
  }
}

/** Asks workers to drain. Yields the addresses of those that will. */
export const drain = (
  url: Redacted.Redacted,
  address: string | undefined,
  group: string | undefined
): Effect.Effect<ReadonlyArray<string>, ExecutorError> =>
  asOperator(
    url,
    Effect.fnUntraced(function* (sql) {
      if (!(yield* hasTables(sql))) return []
      const rows = yield* sql.unsafe<{ readonly address: string }>(
        `UPDATE ${Registry.table} SET drain_asked = TRUE
         WHERE seen_at > now() - INTERVAL '${listedForSeconds} seconds'
           AND ($1::text IS NULL OR address = $1) AND ($2::text IS NULL OR group_name = $2) RETURNING address`,
        [address ?? null, group ?? null]
      )
      return rows.map((row) => row.address).sort()
    })
  )
