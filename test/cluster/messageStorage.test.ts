/** The storage of messages: one suite, against Effect's own storage and ours, and how few statements ours needs. */
import * as NodeCrypto from "@effect/platform-node/NodeCrypto"
import * as PgClient from "@effect/sql-pg/PgClient"
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as EntityAddress from "effect/cluster/EntityAddress"
import * as EntityId from "effect/cluster/EntityId"
import * as EntityType from "effect/cluster/EntityType"
import type * as Envelope from "effect/cluster/Envelope"
import type * as MessageStorage from "effect/cluster/MessageStorage"
import type * as Reply from "effect/cluster/Reply"
import * as ShardId from "effect/cluster/ShardId"
import * as SqlMessageStorage from "effect/cluster/SqlMessageStorage"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as SqlClient from "effect/sql/SqlClient"
import * as Gather from "../../src/internal/workers/cluster/gather.ts"
import { makeEncoded } from "../../src/internal/workers/cluster/messageStorage.ts"
import * as Postgres from "./postgres.ts"

const prefix = "storage"
const shard = ShardId.make("default", 3)
const type = "Workflow/effect-flow/task"

const request = (id: number, entity: string, payload: unknown = { id }): Envelope.Encoded & { _tag: "Request" } => ({
  _tag: "Request",
  requestId: String(id),
  address: { shardId: { group: "default", id: 3 }, entityType: type, entityId: entity },
  tag: "run",
  payload,
  headers: { traced: "no" }
})
const addressOf = (entity: string) =>
  EntityAddress.make({ shardId: shard, entityType: EntityType.make(type), entityId: EntityId.make(entity) })
const keyOf = (entity: string, name = "run/") => `${type}/${entity}/${name}`
const reply = (id: number, requestId: number): Reply.Encoded & { _tag: "WithExit" } => ({
  _tag: "WithExit",
  id: String(id),
  requestId: String(requestId),
  exit: { _tag: "Success", value: `done ${requestId}` }
})
const save = (storage: MessageStorage.Encoded, id: number, entity: string) =>
  storage.saveEnvelope({ envelope: request(id, entity), primaryKey: keyOf(entity), deliverAt: null })
const claim = (storage: MessageStorage.Encoded, limit?: number) =>
  Effect.map(storage.unprocessedMessages([ShardId.toString(shard)], Date.UTC(2030, 1), { limit }), (found) =>
    found.map(({ envelope }) => ("requestId" in envelope ? `${envelope._tag} ${envelope.requestId}` : ""))
  )

/** Without the classes of an envelope's parts. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

const connect = Effect.gen(function* () {
  const url = yield* Postgres.database
  const context = yield* Layer.build(
    Layer.provideMerge(
      SqlMessageStorage.layerMigrations({ prefix }),
      Layer.merge(PgClient.layer({ url: Redacted.make(url), maxConnections: 4 }), NodeCrypto.layerDigest)
    )
  )
  return { context, sql: Context.get(context, SqlClient.SqlClient) }
})

const storages = {
  "Effect's": SqlMessageStorage.makeEncodedStorage({ prefix }),
  ours: makeEncoded(prefix)
}

describe.skipIf(Postgres.binaries === undefined)("the storage of messages", () => {
  for (const [name, make] of Object.entries(storages)) {
    it.live(`${name}: keeps requests in order, once, until they are answered`, () =>
      Effect.gen(function* () {
        const { context, sql } = yield* connect
        const storage: MessageStorage.Encoded = yield* Effect.provideContext(make, context)
        const saved = yield* Effect.forEach([1, 2, 3], (id) => save(storage, id, `run/${id}`))
        assert.deepStrictEqual(
          saved.map(({ _tag }) => _tag),
          ["Success", "Success", "Success"]
        )
        // The same request again, on its own and twice at once: nothing is added, and its first id is known.
        const again = yield* Effect.all([save(storage, 11, "run/1"), save(storage, 12, "run/1")], { concurrency: 2 })
        for (const result of again) {
          assert(result._tag === "Duplicate")
          assert.strictEqual(String(result.originalId), "1")
          assert.isTrue(Option.isNone(result.lastReceivedReply))
        }
        assert.strictEqual(
          yield* Effect.map(storage.requestIdForPrimaryKey(keyOf("run/2")), (id) => String(Option.getOrThrow(id))),
          "2"
        )

        // A claim takes what is there in order, and no other claim takes it again.
        assert.deepStrictEqual(yield* claim(storage, 2), ["Request 1", "Request 2"])
        assert.deepStrictEqual(yield* claim(storage), ["Request 3"])
        assert.deepStrictEqual(yield* claim(storage), [])
        yield* storage.resetShards([ShardId.toString(shard)])
        const [first] = yield* storage.unprocessedMessages([ShardId.toString(shard)], 0)
        assert.deepStrictEqual(plain(first?.envelope), request(1, "run/1"))

        // An interruption of an answered request is processed with it; one of an open request is delivered.
        const interruption = (id: number, requestId: number): Envelope.Encoded => ({
          _tag: "Interrupt",
          id: String(id),
          requestId: String(requestId),
          address: request(requestId, `run/${requestId}`).address
        })
        for (const envelope of [interruption(21, 1), interruption(22, 2)])
          yield* storage.saveEnvelope({ envelope, primaryKey: null, deliverAt: null })
        yield* storage.saveReply(reply(31, 1))
        assert.deepStrictEqual(yield* claim(storage), ["Interrupt 2"])

        const answered = yield* save(storage, 13, "run/1")
        assert(answered._tag === "Duplicate")
        assert.deepStrictEqual(Option.getOrThrow(answered.lastReceivedReply), reply(31, 1))
        assert.deepStrictEqual(yield* storage.repliesFor(["1", "2"]), [reply(31, 1)])

        // A second final reply takes no other with it. Effect's refuses it; with ours, the first stands.
        const exits = yield* Effect.all(
          [reply(32, 1), reply(33, 2), reply(34, 3)].map((exit) => Effect.exit(storage.saveReply(exit))),
          { concurrency: "unbounded" }
        )
        assert.deepStrictEqual(
          exits.map(({ _tag }) => _tag),
          [name === "ours" ? "Success" : "Failure", "Success", "Success"]
        )
        // Replies saved at the same time have no order.
        const stored = yield* storage.repliesFor(["1", "2", "3"])
        assert.sameDeepMembers(stored, [reply(31, 1), reply(33, 2), reply(34, 3)])
        yield* storage.resetShards([ShardId.toString(shard)])
        assert.deepStrictEqual(yield* claim(storage), [])

        // By address, and not before its time.
        yield* Effect.forEach([4, 5], (id) => save(storage, id, `run/${id}`))
        const later = { envelope: request(6, "run/6"), primaryKey: keyOf("run/6"), deliverAt: 1000 }
        yield* storage.saveEnvelope(later)
        const chosen = yield* storage.unprocessedMessages([ShardId.toString(shard)], 999, {
          addresses: [addressOf("run/5"), addressOf("run/6")]
        })
        assert.deepStrictEqual(
          chosen.map(({ envelope }) => plain(envelope)),
          [request(5, "run/5")]
        )
        assert.deepStrictEqual(yield* claim(storage), ["Request 4", "Request 6"])

        // A transaction that is rolled back leaves nothing.
        yield* Effect.exit(sql.withTransaction(Effect.andThen(save(storage, 7, "run/7"), Effect.fail("undo"))))
        assert.isTrue(Option.isNone(yield* storage.requestIdForPrimaryKey(keyOf("run/7"))))
        // A key longer than its column.
        const long = `run/${"x".repeat(251)}`
        assert.strictEqual((yield* save(storage, 8, long))._tag, "Success")
        assert.strictEqual((yield* save(storage, 9, long))._tag, "Duplicate")
      }).pipe(Effect.scoped)
    )
  }

  it.live("ours: an execution that its worker gave up has no reply, and is claimed again", () =>
    Effect.gen(function* () {
      const { context } = yield* connect
      const storage = yield* Effect.provideContext(makeEncoded(prefix), context)
      yield* save(storage, 1, "run/1")
      assert.deepStrictEqual(yield* claim(storage), ["Request 1"])
      yield* storage.saveReply({
        ...reply(2, 1),
        exit: { _tag: "Failure", cause: [{ _tag: "Interrupt", fiberId: 7 }] }
      })
      assert.deepStrictEqual(yield* storage.repliesFor(["1"]), [])
      let claimed = yield* claim(storage)
      while (claimed.length === 0) {
        yield* Effect.sleep(50)
        claimed = yield* claim(storage)
      }
      assert.deepStrictEqual(claimed, ["Request 1"])
    }).pipe(Effect.scoped)
  )

  it.live("ours: what a claim took whose answer was lost is claimed again", () =>
    Effect.gen(function* () {
      const { context, sql } = yield* connect
      let isLosing = false
      // The database executes each statement. The line is cut before its answer arrives.
      const losing = new Proxy(sql.withoutTransforms(), {
        get: (target, name) => {
          if (name !== "unsafe") return Reflect.get(target, name)
          return (...words: Parameters<typeof sql.unsafe>) =>
            isLosing ? Effect.andThen(target.unsafe(...words), Effect.fail(new Error("cut"))) : target.unsafe(...words)
        }
      })
      const client = new Proxy(sql, {
        get: (target, name) => (name === "withoutTransforms" ? () => losing : Reflect.get(target, name))
      })
      const storage = yield* Effect.provideContext(
        makeEncoded(prefix),
        Context.add(context, SqlClient.SqlClient, client)
      )
      yield* save(storage, 1, "run/1")
      assert.deepStrictEqual(yield* claim(storage), ["Request 1"])
      yield* Effect.forEach([2, 3, 4], (id) => save(storage, id, `run/${id}`))
      isLosing = true
      assert.strictEqual((yield* Effect.exit(claim(storage)))._tag, "Failure")
      assert.strictEqual((yield* Effect.exit(claim(storage)))._tag, "Failure")
      isLosing = false
      yield* save(storage, 5, "run/5")
      // The engine skips what it is executing, so a message may be claimed more than once, but not forever.
      const again = new Set<string>()
      let claimed: ReadonlyArray<string> = []
      do {
        claimed = yield* claim(storage, 2)
        for (const message of claimed) again.add(message)
      } while (claimed.length > 0)
      for (const id of [2, 3, 4, 5]) assert.isTrue(again.has(`Request ${id}`), `request ${id}`)
    })
  )

  it.live("ours: a shard that could not be reset when a worker got it is reset before the worker's next claim", () =>
    Effect.gen(function* () {
      const { context, sql } = yield* connect
      const [earlier, later] = yield* Effect.all([
        Effect.provideContext(makeEncoded(prefix), context),
        Effect.provideContext(makeEncoded(prefix), context)
      ])
      yield* Effect.forEach([1, 2], (id) => save(earlier, id, `run/${id}`))
      assert.deepStrictEqual(yield* claim(earlier), ["Request 1", "Request 2"])
      // The database takes no writes when the shard changes hands.
      const setReadOnly = (value: boolean) =>
        sql.unsafe(
          `ALTER TABLE ${prefix}_messages ${value ? "ADD CONSTRAINT full_disk CHECK (FALSE) NOT VALID" : "DROP CONSTRAINT full_disk"}`
        )
      yield* setReadOnly(true)
      assert.strictEqual((yield* Effect.exit(later.resetShards([ShardId.toString(shard)])))._tag, "Failure")
      assert.strictEqual((yield* Effect.exit(claim(later)))._tag, "Failure")
      yield* setReadOnly(false)
      assert.deepStrictEqual(yield* claim(later), ["Request 1", "Request 2"])
      assert.deepStrictEqual(yield* claim(later), [])
    })
  )

  it.live("ours: many at once share statements, and a claim says whether there is an interruption", () =>
    Effect.gen(function* () {
      const { context, sql } = yield* connect
      const storage = yield* Effect.provideContext(makeEncoded(prefix), context)
      const ids = Array.from({ length: 100 }, (_, index) => index + 1)
      yield* Effect.forEach(ids, (id) => save(storage, id, `run/${id}`), { concurrency: "unbounded" })
      const signal = "deferred/Workflow/InterruptSignal"
      const interrupted: Envelope.Encoded = { ...request(500, "run/2"), tag: "deferred" }
      yield* storage.saveEnvelope({ envelope: interrupted, primaryKey: keyOf("run/2", signal), deliverAt: null })
      assert.strictEqual((yield* claim(storage)).length, 101)
      yield* Effect.forEach(ids, (id) => storage.saveReply(reply(1000 + id, id)), { concurrency: "unbounded" })
      assert.strictEqual((yield* storage.repliesFor(["1", ...ids.map(String)])).length, 100)
      // Each statement is a transaction of its own.
      const distinct = (table: string) =>
        Effect.map(
          sql.unsafe<{ readonly count: number }>(`SELECT count(DISTINCT xmin::text)::int AS count FROM ${table}`),
          ([row]) => row?.count ?? 0
        )
      assert.isAtMost(yield* distinct(`${prefix}_replies`), 4)

      // What the claim found is believed once, without asking the database.
      yield* sql.unsafe(`ALTER TABLE ${prefix}_messages RENAME TO elsewhere`)
      const find = (id: number) => storage.requestIdForPrimaryKey(keyOf(`run/${id}`, signal))
      assert.isTrue(Option.isNone(yield* find(1)))
      assert.strictEqual((yield* Effect.exit(find(1)))._tag, "Failure")
      assert.strictEqual((yield* Effect.exit(find(2)))._tag, "Failure")
      yield* sql.unsafe(`ALTER TABLE elsewhere RENAME TO ${prefix}_messages`)
      assert.strictEqual(String(Option.getOrThrow(yield* find(2))), "500")
    }).pipe(Effect.scoped)
  )
})

describe("calls that share a statement", () => {
  it.effect("are sent at once when alone, and together while others are under way", () =>
    Effect.gen(function* () {
      const sent: Array<ReadonlyArray<number>> = []
      const double = yield* Gather.make((inputs: ReadonlyArray<number>) =>
        Effect.suspend(() => {
          sent.push(inputs)
          return inputs.includes(13) ? Effect.fail("unlucky") : Effect.succeed(inputs.map((input) => 2 * input))
        }).pipe(Effect.tap(Effect.yieldNow))
      )
      assert.strictEqual(yield* double(1), 2)
      const many = Array.from({ length: 300 }, (_, index) => index + 100)
      assert.deepStrictEqual(
        yield* Effect.forEach(many, double, { concurrency: "unbounded" }),
        many.map((input) => 2 * input)
      )
      assert.deepStrictEqual(
        sent.map(({ length }) => length),
        [1, 256, 44]
      )
      // One that can't be stored fails alone.
      const exits = yield* Effect.forEach([12, 13, 14], (input) => Effect.exit(double(input)), { concurrency: 3 })
      assert.deepStrictEqual(
        exits.map(({ _tag }) => _tag),
        ["Success", "Failure", "Success"]
      )
    })
  )
})
