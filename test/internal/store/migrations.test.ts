/** Migrations: a store that release 0.1.0 wrote, and the runner with several migrations. */
import * as Fs from "node:fs/promises"
import * as Path from "node:path"
import { DatabaseSync } from "node:sqlite"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Reactivity from "effect/reactivity/Reactivity"
import { SqlClient } from "effect/sql/SqlClient"
import { ArtifactStore, Flow, Run, RunStore, Storage } from "effect-flow"
import type { Migration } from "../../../src/internal/store/sql/migrations/migration.ts"
import * as Migrations from "../../../src/internal/store/sql/migrations.ts"
import * as SqliteClient from "../../../src/internal/store/sql/sqliteClient.ts"
import { hasPostgres, postgresSchema, temporaryDirectory } from "../../conformance/layers.ts"
import { client, realTime } from "../../conformance/postgres.ts"
import { FixtureFlow } from "./fixtureFlow.ts"

const fixture = fileURLToPath(new URL("../../fixtures/store-0.1.0", import.meta.url))

const ids = {
  succeeded: "01m8bz7hbb8gt6qzyb3xvfmkjd",
  failed: "01m8bz7jdjfv3mmevm6w5p1ejm",
  killed: "01m8bz7keymf916bcf1z3zp2gj"
}

/** A copy of the store that release 0.1.0 wrote. */
const oldStore = Effect.tap(temporaryDirectory, (directory) =>
  Effect.promise(() => Fs.cp(fixture, directory, { recursive: true }))
)

const versionOf = (directory: string): number => {
  const database = new DatabaseSync(Path.join(directory, "runs.sqlite"), { readOnly: true })
  const row = database.prepare("SELECT MAX(migration_id) AS version FROM effect_flow_migrations").get()
  database.close()
  return Number(row?.version)
}

describe("a store written by release 0.1.0", () => {
  it.live("is migrated, and keeps its runs, tasks, logs, metrics, cards, tags and artifacts", () =>
    Effect.gen(function* () {
      const directory = yield* oldStore
      yield* Effect.gen(function* () {
        const runs = yield* Run.list({})
        assert.deepStrictEqual(
          runs.map(({ id, status, tags }) => [id, status, tags]),
          [
            [ids.killed, "running", []],
            [ids.failed, "failed", []],
            [ids.succeeded, "succeeded", ["first"]]
          ]
        )
        assert.strictEqual(yield* Run.status(runs[0] as (typeof runs)[0]), "crashed")
        assert.strictEqual(runs[1]?.error?.message, "14 is too much")
        const store = yield* RunStore.RunStore
        const artifacts = yield* ArtifactStore.ArtifactStore
        const tasks = yield* store.tasks({ run: ids.succeeded })
        assert.deepStrictEqual(
          tasks.map(({ id, status }) => `${id} ${status}`),
          ["prepare/1", "square/2", "square/3", "square/4", "total/5", "finish/6"].map((id) => `${id} succeeded`)
        )
        for (const { outputs } of tasks) for (const { digest } of outputs) yield* artifacts.get(digest)
        const lines = yield* store.logs({ run: ids.succeeded, step: "square" })
        assert.isTrue(lines.some(({ message }) => message === "squaring 1"))
        assert.deepStrictEqual(
          (yield* store.metrics({ run: ids.succeeded })).map(({ name, value }) => [name, value]),
          [["parts", 3]]
        )
        assert.strictEqual((yield* store.cards({ run: ids.succeeded })).length, 1)
        const output = yield* Run.output(ids.succeeded, FixtureFlow)
        assert.strictEqual(yield* (output as NonNullable<typeof output>).report, "5 of 66000 bytes")
      }).pipe(Effect.provide(Storage.layerLocal({ directory })))
      assert.strictEqual(versionOf(directory), Migrations.version)
    }).pipe(Effect.scoped)
  )

  it.live("resumes its failed and its killed run", () =>
    Effect.gen(function* () {
      const directory = yield* oldStore
      yield* Effect.gen(function* () {
        for (const origin of [ids.failed, ids.killed]) {
          const { id, output } = yield* Flow.resume(FixtureFlow, { origin })
          assert.strictEqual(yield* output.report, origin === ids.failed ? "14 of 66000 bytes" : "30 of 66000 bytes")
          const tasks = yield* Run.tasks(id)
          assert.deepStrictEqual(
            tasks.flatMap(({ how, step }) => (how === "executed" ? [step] : [])),
            ["finish"]
          )
        }
      }).pipe(Effect.provide(Storage.layerLocal({ directory })))
    }).pipe(Effect.scoped)
  )
})

const statement = (id: number, sql: string): Migration => ({ id, name: `test ${id}`, statements: () => [sql] })

const inMemory = <A, E>(body: Effect.Effect<A, E, SqlClient>) =>
  SqliteClient.make({ filename: ":memory:", disableWAL: true }).pipe(
    Effect.flatMap((sql) => Effect.provideService(body, SqlClient, sql)),
    Effect.scoped,
    Effect.provide(Reactivity.layer)
  )

describe("the migration runner", () => {
  it("has migrations whose ids count up by one", () => {
    assert.deepStrictEqual(
      Migrations.all.map(({ id }) => id),
      Array.from({ length: Migrations.version }, (_, index) => index + 1)
    )
  })

  it.effect("runs what is missing, in order, and each migration once", () =>
    inMemory(
      Effect.gen(function* () {
        const sql = yield* SqlClient
        const one = statement(1, "CREATE TABLE a (x INTEGER)")
        const two = statement(2, "INSERT INTO a VALUES (2)")
        const three = statement(3, "INSERT INTO a VALUES (3)")
        assert.strictEqual(yield* Migrations.found, 0)
        yield* Migrations.run("BEGIN IMMEDIATE", [one])
        assert.strictEqual(yield* Migrations.found, 1)
        yield* Migrations.run("BEGIN IMMEDIATE", [one, two, three])
        yield* Migrations.run("BEGIN IMMEDIATE", [one, two, three])
        assert.strictEqual(yield* Migrations.found, 3)
        assert.deepStrictEqual(
          (yield* sql.unsafe<{ x: number }>("SELECT x FROM a")).map(({ x }) => x),
          [2, 3]
        )
      })
    )
  )

  it.effect("undoes a migration that fails, and keeps those before it", () =>
    inMemory(
      Effect.gen(function* () {
        const sql = yield* SqlClient
        const broken: Migration = {
          id: 3,
          name: "broken",
          statements: () => ["INSERT INTO a VALUES (3)", "INSERT INTO nowhere VALUES (1)"]
        }
        const good = [statement(1, "CREATE TABLE a (x INTEGER)"), statement(2, "INSERT INTO a VALUES (2)")]
        yield* Effect.flip(Migrations.run("BEGIN IMMEDIATE", [...good, broken]))
        assert.strictEqual(yield* Migrations.found, 2)
        assert.strictEqual((yield* sql.unsafe("SELECT x FROM a")).length, 1)
        yield* Migrations.run("BEGIN IMMEDIATE", [...good, statement(3, "INSERT INTO a VALUES (3)")])
        assert.strictEqual((yield* sql.unsafe("SELECT x FROM a")).length, 2)
      })
    )
  )

  it.skipIf(!hasPostgres)("runs each migration once where several processes open a Postgres database at once", () =>
    Effect.gen(function* () {
      const url = yield* postgresSchema
      const migrations = [statement(1, "CREATE TABLE a (x INTEGER)"), statement(2, "INSERT INTO a VALUES (2)")]
      const one = Effect.scoped(
        Effect.flatMap(client(url), (sql) => Effect.provideService(Migrations.run("BEGIN", migrations), SqlClient, sql))
      )
      yield* Effect.all([one, one, one, one], { concurrency: "unbounded" })
      const rows = yield* Effect.scoped(Effect.flatMap(client(url), (sql) => sql.unsafe("SELECT x FROM a")))
      assert.strictEqual(rows.length, 1)
    }).pipe(Effect.scoped, realTime, Effect.runPromise)
  )
})
