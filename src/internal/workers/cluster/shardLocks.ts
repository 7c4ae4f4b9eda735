/**
 * The storage in which workers register and lock their shards, the parts into which the work of a group is divided. Effect's
 * own storage releases shards one by one, with two queries each, and confirms a lock with two more for every task. With a
 * distant database a worker then can't hand over its share before its deadline. This one needs one statement to acquire,
 * release or confirm any number of shards. The tables and the locks are the same as Effect's.
 */
import * as Context from "effect/Context"
import { PersistenceError } from "effect/cluster/ClusterError"
import * as RunnerStorage from "effect/cluster/RunnerStorage"
import * as SqlRunnerStorage from "effect/cluster/SqlRunnerStorage"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as SqlClient from "effect/sql/SqlClient"
import type { Connection } from "effect/sql/SqlConnection"
import type { SqlError } from "effect/sql/SqlError"
import { monotonicMs } from "../../monotonic.ts"

const refail = PersistenceError.refail

/** What this process knows of its locks, for its health check. */
export interface ShardLocksState {
  /** The shards that it has locked. */
  readonly held: () => ReadonlySet<string>
  /** How many shards it asked for and did not get the last time. */
  readonly missing: () => number
  /** When the database last answered for its locks: milliseconds of a monotonic clock. */
  readonly answeredAt: () => number
  /**
   * Whether a shard is certainly locked by this process: it asks the database if it has not for a while, because this process
   * may have been suspended and another one may have the lock by now.
   */
  readonly isCertain: (shard: string) => Effect.Effect<boolean>
}

/** The state of this process's locks. */
export class ShardLocks extends Context.Service<ShardLocks, ShardLocksState>()("effect-flow/cluster/ShardLocks") {}

/** A database session that holds the locks: the database drops them when the session ends. */
interface Session {
  readonly connection: Connection
  readonly scope: Scope.Closeable
  readonly pid: number
}

/**
 * A lock that was confirmed this recently is not confirmed again. The database drops the locks of a worker only after a
 * whole lock expiration of silence, or when its connection breaks.
 */
const confirmedForMs = 500

/** Releases that are asked for within this many milliseconds share a statement. */
const releaseWindowMs = 10

/** After this many lock expirations without a shard of its share, a worker says so. */
const expirationsUntilWarning = 2

/** The locks' namespace. Effect's storage has the same, so that a process of either kind respects the other's locks. */
const namespaceOf = (prefix: string): number => {
  let hash = 0x811c9dc5
  for (const byte of new TextEncoder().encode(`effect-cluster:${prefix}`)) hash = Math.imul(hash ^ byte, 0x01000193)
  return hash | 0
}

const groupBase = 1_000_000
const numberOf = (shard: string): number => groupBase + Number(shard.slice(shard.lastIndexOf(":") + 1))
const shardOf = (number: number): string => `default:${number - groupBase}`

const make = Effect.fnUntraced(function* (options: { readonly prefix: string; readonly lockExpirationMs: number }) {
  const { lockExpirationMs } = options
  const sql = (yield* SqlClient.SqlClient).withoutTransforms()
  const scope = yield* Effect.scope
  const runners = `${options.prefix}_runners`
  const namespace = namespaceOf(options.prefix)
  const deadlineMs = lockExpirationMs / 3
  const expired = `(now() - INTERVAL '${Math.ceil(lockExpirationMs / 1000)} seconds')`
  /** The numbers of the shards that this session has locked. `pg_locks` shows a namespace as an unsigned number. */
  const mine = `SELECT objid::int AS n FROM pg_locks WHERE locktype = 'advisory' AND granted AND classid = ${namespace >>> 0} AND objsubid = 2 AND pid = pg_backend_pid()`

  // --- the session ---------------------------------------------------------------------------------------------------

  let session: Session | undefined
  let held = new Set<string>()
  let confirmedAt = Number.NEGATIVE_INFINITY
  let answeredAt = Number.NEGATIVE_INFINITY
  const opening = Semaphore.makeUnsafe(1)
  const open: Effect.Effect<Session, SqlError> = opening.withPermits(1)(
    Effect.suspend(() => (session === undefined ? reserve : Effect.succeed(session)))
  )
  const reserve = Effect.gen(function* () {
    const own = yield* Scope.fork(scope)
    return yield* Effect.gen(function* () {
      const connection = yield* Scope.provide(sql.reserve, own)
      // The session ends by itself, and its locks with it, when this process has been silent for a lock expiration.
      const [row] = yield* connection.executeValues(
        `SELECT pg_backend_pid(), set_config('idle_session_timeout', '${Math.ceil(lockExpirationMs)}', false)`,
        []
      )
      session = { connection, scope: own, pid: Number(row?.[0]) }
      return session
    }).pipe(Effect.onError(() => Scope.close(own, Exit.void)))
  })

  /** Ends a session that failed, whatever it is doing. Another one can have its locks at once. */
  const discard = (failed: Session) =>
    Effect.suspend(() => {
      if (session !== failed) return Effect.void
      session = undefined
      held = new Set()
      confirmedAt = Number.NEGATIVE_INFINITY
      const end = Effect.ignoreCause(
        Effect.timeout(
          // The name is compared because the number may be another session's by now.
          sql.unsafe(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = $1 AND application_name = current_setting('application_name')",
            [failed.pid]
          ),
          deadlineMs
        )
      )
      return Effect.asVoid(Effect.forkIn(Effect.andThen(end, Scope.close(failed.scope, Exit.void)), scope))
    })

  /** Bounds an operation even where the connection can't be interrupted. */
  const use = <A>(operation: (connection: Connection) => Effect.Effect<A, SqlError>) =>
    Effect.gen(function* () {
      const current = yield* Effect.timeout(open, deadlineMs)
      const fiber = yield* Effect.forkIn(operation(current.connection), scope, { startImmediately: true })
      return yield* Effect.onError(Effect.timeout(Fiber.join(fiber), deadlineMs), () =>
        Effect.andThen(discard(current), Effect.forkIn(Fiber.interrupt(fiber), scope))
      )
    })
  yield* Effect.addFinalizer(() =>
    session === undefined
      ? Effect.void
      : Effect.ignoreCause(
          Effect.timeout(
            session.connection.executeRaw(
              "SELECT pg_advisory_unlock_all(), (SELECT set_config(name, reset_val, false) FROM pg_settings WHERE name = 'idle_session_timeout')",
              []
            ),
            deadlineMs
          )
        )
  )

  // --- acquiring -----------------------------------------------------------------------------------------------------

  let missing: ReadonlyArray<string> = []
  let missingSince: number | undefined
  let warnedAt = Number.NEGATIVE_INFINITY

  const acquire = Effect.fnUntraced(function* (address: string, shards: ReadonlyArray<string>) {
    const rows = yield* use((connection) =>
      connection.executeValuesUnprepared(
        `WITH mine AS MATERIALIZED (${mine})
         SELECT n FROM unnest(ARRAY[${shards.map(numberOf).join(",")}]) AS n
         WHERE CASE WHEN n IN (SELECT mine.n FROM mine) THEN TRUE ELSE pg_try_advisory_lock(${namespace}, n) END`,
        []
      )
    )
    answeredAt = yield* monotonicMs
    const acquired = rows.map((row) => shardOf(Number(row[0])))
    for (const shard of acquired) held.add(shard)
    missing = shards.filter((shard) => !held.has(shard))
    yield* warn(address)
    return acquired
  })

  const warn = Effect.fnUntraced(function* (address: string) {
    const now = yield* monotonicMs
    if (missing.length === 0) missingSince = undefined
    else missingSince ??= now
    const limitMs = lockExpirationMs * expirationsUntilWarning
    if (missingSince === undefined || now - missingSince < limitMs || now - warnedAt < 60_000) return
    warnedAt = now
    const holders = yield* Effect.orElseSucceed(
      sql.unsafe<{ readonly name: string; readonly count: number }>(
        `SELECT application_name AS name, count(*)::int AS count FROM pg_locks JOIN pg_stat_activity USING (pid)
         WHERE locktype = 'advisory' AND granted AND classid = ${namespace >>> 0} AND objsubid = 2
           AND objid::int IN (${missing.map(numberOf).join(",")}) GROUP BY 1 ORDER BY 2 DESC`
      ),
      () => []
    )
    const others = holders.map(({ count, name }) => `${name} (${count})`).join(", ")
    yield* Effect.logWarning(
      `Worker ${address} has ${held.size} parts of the work, and has waited ${Math.round((now - missingSince) / 1000)} s for ${missing.length} more of its share. ${others === "" ? "No session holds them: the database answers too slowly for EFFECT_FLOW_SHARD_LOCK_EXPIRATION." : `Held by: ${others}.`}`
    )
  })

  // --- confirming ----------------------------------------------------------------------------------------------------

  const confirming = Semaphore.makeUnsafe(1)
  let address: string | undefined
  const refresh = (own: string, shards: ReadonlyArray<string>) =>
    confirming.withPermits(1)(
      Effect.gen(function* () {
        const now = yield* monotonicMs
        const [only] = shards
        if (shards.length === 1 && only !== undefined && held.has(only) && now - confirmedAt < confirmedForMs) {
          return [only]
        }
        const rows = yield* use((connection) =>
          connection.executeValues(
            `WITH beat AS (UPDATE ${runners} SET last_heartbeat = now() WHERE address = $1) ${mine}`,
            [own]
          )
        )
        address = own
        held = new Set(rows.map((row) => shardOf(Number(row[0]))))
        confirmedAt = now
        answeredAt = now
        return shards.filter((shard) => held.has(shard))
      })
    )

  // --- releasing -----------------------------------------------------------------------------------------------------

  let batch: { readonly numbers: Array<number>; readonly done: Deferred.Deferred<void, unknown> } | undefined
  const flush = Effect.suspend(() => {
    const current = batch
    batch = undefined
    if (current === undefined) return Effect.void
    return Deferred.into(
      Effect.asVoid(
        use((connection) =>
          connection.executeValuesUnprepared(
            `SELECT pg_advisory_unlock(${namespace}, n) FROM (${mine}) AS mine WHERE n IN (${current.numbers.join(",")})`,
            []
          )
        )
      ),
      current.done
    )
  })
  const release = (shard: string) =>
    Effect.gen(function* () {
      held.delete(shard)
      const collecting = batch
      if (collecting !== undefined) {
        collecting.numbers.push(numberOf(shard))
        return yield* Deferred.await(collecting.done)
      }
      const begun = { numbers: [numberOf(shard)], done: Deferred.makeUnsafe<void, unknown>() }
      batch = begun
      yield* Effect.forkIn(Effect.delay(flush, releaseWindowMs), scope)
      return yield* Deferred.await(begun.done)
    })

  const run = (statement: string, values: ReadonlyArray<unknown> = []) =>
    Effect.asVoid(sql.unsafe(statement, values)).pipe(refail, Effect.withTracerEnabled(false))

  const storage = RunnerStorage.makeEncoded({
    getRunners: Effect.map(
      sql.unsafe<{ readonly runner: string; readonly healthy: boolean }>(
        `SELECT runner, healthy FROM ${runners} WHERE last_heartbeat > ${expired}`
      ),
      (rows) => rows.map(({ healthy, runner }) => [runner, healthy] as const)
    ).pipe(refail, Effect.withTracerEnabled(false)),
    register: (address, runner, healthy) =>
      Effect.map(
        sql.unsafe<{ readonly machine_id: number }>(
          `INSERT INTO ${runners} (address, runner, last_heartbeat, healthy) VALUES ($1, $2, now(), $3)
           ON CONFLICT (address) DO UPDATE SET runner = excluded.runner, last_heartbeat = excluded.last_heartbeat,
             healthy = excluded.healthy RETURNING machine_id`,
          [address, runner, healthy]
        ),
        ([row]) => Number(row?.machine_id)
      ).pipe(refail, Effect.withTracerEnabled(false)),
    unregister: (address) => run(`DELETE FROM ${runners} WHERE address = $1 OR last_heartbeat < ${expired}`, [address]),
    setRunnerHealth: (address, healthy) =>
      run(`UPDATE ${runners} SET healthy = $2 WHERE address = $1`, [address, healthy]),
    // A worker without shards leaves its session idle, so the database may have ended it: then another one is opened.
    acquire: (address, shards) =>
      Effect.catch(acquire(address, shards), () => acquire(address, shards)).pipe(
        refail,
        Effect.withTracerEnabled(false)
      ),
    refresh: (address, shards) =>
      (shards.length === 0
        ? Effect.as(
            Effect.timeout(
              sql.unsafe(`UPDATE ${runners} SET last_heartbeat = now() WHERE address = $1`, [address]),
              deadlineMs
            ),
            []
          )
        : refresh(address, shards)
      ).pipe(refail, Effect.withTracerEnabled(false)),
    release: (_address, shard) => release(shard).pipe(refail, Effect.withTracerEnabled(false)),
    releaseAll: () =>
      Effect.suspend(() => {
        held = new Set()
        // Without a session there is nothing to release.
        return session === undefined
          ? Effect.void
          : Effect.asVoid(use((connection) => connection.executeRaw("SELECT pg_advisory_unlock_all()", [])))
      }).pipe(refail, Effect.withTracerEnabled(false))
  })
  const state: ShardLocksState = {
    held: () => held,
    missing: () => missing.length,
    answeredAt: () => answeredAt,
    isCertain: Effect.fnUntraced(function* (shard) {
      const isRecent = (yield* monotonicMs) - confirmedAt < lockExpirationMs / 2
      if (isRecent || address === undefined) return held.has(shard)
      return yield* refresh(address, [shard]).pipe(
        Effect.map((confirmed) => confirmed.includes(shard)),
        Effect.catchCause(() => Effect.succeed(false)),
        Effect.withTracerEnabled(false)
      )
    })
  }
  return Context.make(RunnerStorage.RunnerStorage, storage).pipe(Context.add(ShardLocks, state))
})

/** The storage of a group. Its tables are made if they are missing. */
export const layer = (options: { readonly prefix: string; readonly lockExpirationMs: number }) =>
  Layer.effectContext(make(options)).pipe(Layer.provide(SqlRunnerStorage.layerMigrations({ prefix: options.prefix })))
