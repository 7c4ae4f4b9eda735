/** The locks of shards: exclusive between sessions, in one statement for any number, and gone with their session. */
import * as PgClient from "@effect/sql-pg/PgClient"
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as RunnerAddress from "effect/cluster/RunnerAddress"
import { RunnerStorage } from "effect/cluster/RunnerStorage"
import * as ShardId from "effect/cluster/ShardId"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import * as SqlClient from "effect/sql/SqlClient"
import * as TestClock from "effect/testing/TestClock"
import * as ShardLocks from "../../src/internal/workers/cluster/shardLocks.ts"
import * as Postgres from "./postgres.ts"

const all = Array.from({ length: 64 }, (_, index) => ShardId.make("default", index + 1))

/** A process of the group, with a pool of its own. */
const member = (url: string, name: string) =>
  Layer.build(
    ShardLocks.layer({ prefix: "locks", lockExpirationMs: 15_000 }).pipe(
      Layer.provideMerge(PgClient.layer({ url: Redacted.make(url), applicationName: name, maxConnections: 2 }))
    )
  )

describe.skipIf(Postgres.binaries === undefined)("the locks of shards", () => {
  it.effect("that a worker waits for too long are warned of, with who has them", () =>
    Effect.gen(function* () {
      const lines: Array<string> = []
      const logger = Logger.make<unknown, void>(({ message }) => void lines.push(String(message)))
      const url = yield* Postgres.database
      const [one, other] = yield* Effect.all([member(url, "one"), member(url, "other")])
      const here = RunnerAddress.make("one", 1)
      yield* Context.get(other, RunnerStorage).acquire(RunnerAddress.make("other", 2), all.slice(0, 40))
      const acquire = Effect.provideService(
        Context.get(one, RunnerStorage).acquire(here, all),
        Logger.CurrentLoggers,
        new Set([logger])
      )
      assert.strictEqual((yield* acquire).length, 24)
      yield* TestClock.adjust("29 seconds")
      yield* acquire
      assert.deepStrictEqual(lines, [])
      yield* TestClock.adjust("1 second")
      yield* acquire
      assert.deepStrictEqual(lines, [
        "Worker one:1 has 24 parts of the work, and has waited 30 s for 40 more of its share. Held by: other (40)."
      ])
      // Once a minute.
      yield* TestClock.adjust("59 seconds")
      yield* acquire
      assert.strictEqual(lines.length, 1)
      yield* TestClock.adjust("1 second")
      yield* acquire
      assert.strictEqual(lines.length, 2)
    }).pipe(Effect.scoped)
  )

  it.effect("are confirmed by the database before a task begins, if this process was away", () =>
    Effect.gen(function* () {
      const url = yield* Postgres.database
      const [one, other] = yield* Effect.all([member(url, "one"), member(url, "other")])
      const storage = Context.get(one, RunnerStorage)
      const state = Context.get(one, ShardLocks.ShardLocks)
      const here = RunnerAddress.make("one", 1)
      yield* storage.acquire(here, all)
      yield* storage.refresh(here, all)
      // Its session ends unnoticed, as after a suspension.
      const sql = Context.get(other, SqlClient.SqlClient)
      yield* sql`SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE application_name = 'one'`
      assert.isTrue(yield* state.isCertain("default:1"))
      yield* TestClock.adjust("8 seconds")
      assert.isFalse(yield* state.isCertain("default:1"))
    }).pipe(Effect.scoped)
  )

  it.live("are exclusive, and released together or with their session", () =>
    Effect.gen(function* () {
      const url = yield* Postgres.database
      const [one, other] = yield* Effect.all([member(url, "one"), member(url, "other")])
      const storage = Context.get(one, RunnerStorage)
      const rival = Context.get(other, RunnerStorage)
      const state = Context.get(one, ShardLocks.ShardLocks)
      const here = RunnerAddress.make("one", 1)
      const there = RunnerAddress.make("other", 2)

      assert.strictEqual((yield* storage.acquire(here, all)).length, 64)
      assert.deepStrictEqual(yield* rival.acquire(there, all), [])
      assert.deepStrictEqual([state.held().size, state.missing()], [64, 0])
      assert.strictEqual((yield* storage.refresh(here, all)).length, 64)

      // Released at once, and each lock was taken once: the rival has exactly these.
      const half = all.slice(0, 32)
      yield* Effect.forEach(half, (shard) => storage.release(here, shard), { concurrency: "unbounded", discard: true })
      assert.deepStrictEqual((yield* rival.acquire(there, all)).map(String), half.map(String))
      assert.strictEqual((yield* storage.refresh(here, all)).length, 32)

      // The session ends (the server waits until it has), as in a restart of the database. Nothing is confirmed that is not held.
      const sql = Context.get(other, SqlClient.SqlClient)
      yield* sql`SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE application_name = 'one'`
      const rest = all.slice(32)
      assert.deepStrictEqual((yield* rival.acquire(there, rest)).map(String), rest.map(String))
      const confirmed = yield* Effect.orElseSucceed(storage.refresh(here, rest), () => [])
      assert.deepStrictEqual(confirmed, [])
      assert.deepStrictEqual(yield* storage.acquire(here, rest), [])
      yield* rival.releaseAll(there)
      assert.strictEqual((yield* storage.acquire(here, all)).length, 64)
    }).pipe(Effect.scoped)
  )
})
