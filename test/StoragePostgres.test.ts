/** The shared store: processes that write at once, a server that goes away for a moment, and what may be wrong with it. */
import { spawnSync } from "node:child_process"
import * as Fs from "node:fs/promises"
import * as Os from "node:os"
import * as Path from "node:path"
import { fileURLToPath } from "node:url"
import { inspect } from "node:util"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import { ArtifactStore } from "../src/ArtifactStore.ts"
import * as Flow from "../src/Flow.ts"
import * as Gc from "../src/Gc.ts"
import * as Digest from "../src/internal/schema/digest.ts"
import { RunStore } from "../src/RunStore.ts"
import * as Storage from "../src/Storage.ts"
import { hasPostgres, postgresSchema, postgresUrl, temporaryDirectory } from "./conformance/layers.ts"
import { client, realTime } from "./conformance/postgres.ts"
import { line, putRun, putTask, ref, run, task } from "./conformance/records.ts"
import { environment } from "./support/environment.ts"

/** The server's URL with parts of its own. */
const changed = (change: (url: URL) => void): Effect.Effect<string> =>
  Effect.map(postgresUrl, (server) => {
    const url = new URL(server)
    change(url)
    return url.href
  })

const pause = (milliseconds: number) =>
  Effect.promise(() => new Promise((resolve) => setTimeout(resolve, milliseconds)))

describe("Storage.layerPostgres", () => {
  it.effect("says what is wrong with a URL, and shows no password", () =>
    Effect.gen(function* () {
      const secret = "hunter2-secret"
      for (const url of [`postgres//me:${secret}@host/db`, `mysql://me:${secret}@host/db`, secret]) {
        const error = yield* Effect.flip(
          Effect.provide(Effect.void, Storage.layerPostgres({ url, blobs: Os.tmpdir() }))
        )
        assert.strictEqual(
          error.message,
          "The URL of the run database is not a Postgres URL: write it as postgres://USER:PASSWORD@HOST:PORT/DATABASE."
        )
        assert.notInclude(inspect(error, { depth: 20 }), secret)
      }
    })
  )

  it.effect("says at once what a URL lacks, and does not wait for a database", () =>
    Effect.gen(function* () {
      yield* environment({ USER: undefined, USERNAME: undefined })
      const blobs = yield* temporaryDirectory
      const secret = "hunter2-secret"
      for (const [url, told] of [
        ["postgres://127.0.0.1:1/db", /^The URL of the run database names no user, and the variable USER is not set/],
        [
          `postgres://me:${secret}%zz@127.0.0.1:1/db`,
          /^The URL of the run database has a % that stands for no character/
        ],
        [
          `postgres://me:${secret}@127.0.0.1:1/%zz`,
          /^The URL of the run database has a % that stands for no character/
        ],
        [
          `postgres://me:${secret}@127.0.0.1:1/db?sslmode=verify-ful`,
          /its URL can't be used: .*sslmode.*"verify-ful"\.$/
        ]
      ] as const) {
        const error = yield* Effect.flip(Effect.provide(Effect.void, Storage.layerPostgres({ url, blobs })))
        assert.match(error.message, told)
        assert.notInclude(inspect(error, { depth: 20 }), secret)
      }
    })
  )

  it.effect("says that nothing listens, and shows no password", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const error = yield* Effect.flip(
        Effect.provide(
          Effect.void,
          Storage.layerPostgres({ url: "postgres://me:hunter2-secret@127.0.0.1:1/db", blobs: directory })
        )
      )
      assert.strictEqual(
        error.message,
        "The run database db on 127.0.0.1:1 could not be opened: nothing listens on 127.0.0.1:1. Is Postgres running there?"
      )
      assert.notInclude(inspect(error, { depth: 20 }), "hunter2-secret")
    }).pipe(Effect.scoped)
  )

  it("loads no driver until a layer is built", () => {
    const storage = fileURLToPath(new URL("../src/Storage.ts", import.meta.url))
    const script = `
      import { registerHooks } from "node:module"
      const loaded = []
      registerHooks({ resolve: (specifier, context, next) => { loaded.push(specifier); return next(specifier, context) } })
      const Storage = await import(${JSON.stringify(storage)})
      Storage.layerLocal(), Storage.layerPostgres({ url: "postgres://localhost/db", blobs: "blobs" })
      console.log(loaded.filter((name) => /sql-pg|node:sqlite|postgresStorage/.test(name)).join(), loaded.length > 10)`
    const { stdout } = spawnSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" })
    assert.strictEqual(stdout.trim(), "true")
  })
})

describe.skipIf(!hasPostgres)("Storage.layerPostgres, with a Postgres", () => {
  it.effect("says that a password is wrong, or a database is missing", () =>
    Effect.gen(function* () {
      const blobs = yield* temporaryDirectory
      const { host, pathname, username } = new URL(yield* postgresUrl)
      const wrong = yield* changed((url) => {
        url.password = "hunter2-secret"
      })
      const refused = yield* Effect.flip(Effect.provide(Effect.void, Storage.layerPostgres({ url: wrong, blobs })))
      assert.strictEqual(
        refused.message,
        `The run database ${pathname.slice(1)} on ${host} could not be opened: user ${username} was refused. Look at the password, and at what pg_hba.conf allows.`
      )
      assert.notInclude(inspect(refused, { depth: 20 }), "hunter2-secret")
      const missing = yield* changed((url) => {
        url.pathname = "/nosuch"
      })
      const none = yield* Effect.flip(Effect.provide(Effect.void, Storage.layerPostgres({ url: missing, blobs })))
      assert.strictEqual(
        none.message,
        `The run database nosuch on ${host} could not be opened: there is no database nosuch. Create it first (createdb nosuch).`
      )
    }).pipe(Effect.scoped)
  )

  it.effect("removes no artifacts from a directory in which another database keeps some, too", () =>
    Effect.gen(function* () {
      const blobs = yield* temporaryDirectory
      const [one, other] = [yield* postgresSchema, yield* postgresSchema]
      const put = (url: string, value: number) =>
        Effect.provide(
          Effect.flatMap(ArtifactStore, (store) => store.put([new Uint8Array(100_000).fill(value)])),
          Storage.layerPostgres({ url, blobs })
        )
      const collect = Effect.provide(Gc.collect({ grace: 0, dryRun: true }), Storage.layerPostgres({ url: one, blobs }))
      yield* put(one, 1)
      assert.strictEqual((yield* collect).artifacts, 1)
      yield* put(other, 2)
      const flow = Flow.make("Empty", { steps: [], run: () => Effect.succeed({}) })
      const { message } = yield* Effect.gen(function* () {
        yield* Flow.run(flow, {})
        const failure = yield* Effect.flip(Gc.collect({ keepRuns: 0 }))
        // No run was removed whose artifacts stay.
        assert.lengthOf(yield* Effect.flatMap(RunStore, (store) => store.runs({})), 1)
        return failure
      }).pipe(Effect.provide(Storage.layerPostgres({ url: one, blobs })))
      // What another program leaves there is no mark.
      yield* Effect.promise(() => Fs.writeFile(Path.join(blobs, "databases", ".DS_Store"), ""))
      assert.include(message, `No artifacts were removed from ${blobs}: 2 run databases keep artifacts there`)
      const mark = /remove (\S+)\.$/.exec(message)?.[1] ?? ""
      assert.strictEqual(Path.dirname(mark), Path.join(blobs, "databases"))
      yield* Effect.promise(() => Fs.rm(mark))
      assert.strictEqual((yield* collect).artifacts, 2)
    }).pipe(Effect.scoped, realTime)
  )

  it.effect("says that another program has a table by the name of one of its own", () =>
    Effect.gen(function* () {
      const url = yield* postgresSchema
      const sql = yield* client(url)
      yield* sql.unsafe("CREATE TABLE tasks (what TEXT)")
      const { message } = yield* Effect.flip(
        Effect.provide(Effect.void, Storage.layerPostgres({ url, blobs: yield* temporaryDirectory }))
      )
      assert.match(
        message,
        /could not be opened: another program has a table there by a name that effect-flow needs \(relation "tasks" already exists\)\. Create a schema for effect-flow \(CREATE SCHEMA flow\), and name it in the URL: \?options=-csearch_path%3Dflow\.$/
      )
      yield* sql.unsafe("DROP TABLE tasks")
      const put = Effect.flatMap(RunStore, (store) => store.write([putRun(run("r"))]))
      yield* Effect.provide(put, Storage.layerPostgres({ url, blobs: yield* temporaryDirectory }))
    }).pipe(Effect.scoped, realTime)
  )

  it.effect("removes no artifacts from the directory of a local store, nor does that one", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const local = Layer.fresh(Storage.layerLocal({ directory }))
      const url = yield* postgresSchema
      const shared = Layer.fresh(Storage.layerPostgres({ url, blobs: Path.join(directory, "blobs") }))
      const put = (value: number) =>
        Effect.flatMap(ArtifactStore, (store) => store.put([new Uint8Array(100_000).fill(value)]))
      const collect = Gc.collect({ grace: 0, dryRun: true })
      yield* Effect.provide(put(1), local)
      assert.strictEqual((yield* Effect.provide(collect, local)).artifacts, 1)
      const refused = yield* Effect.flip(Effect.provide(collect, shared))
      assert.include(refused.message, "2 run databases keep artifacts there")
      assert.match(refused.message, /remove \S+runs\.sqlite\.$/)
      yield* Effect.provide(put(2), shared)
      assert.match(
        (yield* Effect.flip(Effect.provide(collect, local))).message,
        /2 run databases keep artifacts there, .* remove \S+blobs\/databases\/\S+\.$/
      )
    }).pipe(Effect.scoped, realTime)
  )

  it.effect("leaves no tags of a run that was being removed when it was tagged", () =>
    Effect.gen(function* () {
      const url = yield* postgresSchema
      yield* Effect.gen(function* () {
        const store = yield* RunStore
        yield* store.write([putRun(run("r", { status: "succeeded" }))])
        const sql = yield* client(url)
        const tagging = yield* sql.withTransaction(
          Effect.gen(function* () {
            yield* sql.unsafe("SELECT id FROM runs WHERE id = 'r' FOR UPDATE")
            yield* sql.unsafe("DELETE FROM run_tags WHERE run = 'r'")
            yield* sql.unsafe("DELETE FROM runs WHERE id = 'r'")
            const write = store.write([{ _tag: "Tags", run: "r", add: ["late"], remove: [] }])
            const fiber = yield* Effect.forkChild(write)
            const [own] = yield* sql.unsafe<{ pid: number }>("SELECT pg_backend_pid() AS pid")
            const isWaiting = sql.unsafe(
              `SELECT 1 FROM pg_stat_activity WHERE ${own?.pid} = ANY(pg_blocking_pids(pid))`
            )
            while ((yield* isWaiting).length === 0 && fiber.pollUnsafe() === undefined) yield* pause(10)
            return fiber
          })
        )
        yield* Fiber.join(tagging)
        assert.deepStrictEqual(yield* sql.unsafe("SELECT run FROM run_tags"), [])
        assert.deepStrictEqual(yield* store.verify, [])
      }).pipe(Effect.provide(Storage.layerPostgres({ url, blobs: yield* temporaryDirectory })))
    }).pipe(Effect.scoped, realTime)
  )

  it.effect("names the host that misses a blob", () =>
    Effect.gen(function* () {
      const url = yield* postgresSchema
      const [here, elsewhere] = [yield* temporaryDirectory, yield* temporaryDirectory]
      const { digest } = yield* Effect.provide(
        Effect.flatMap(ArtifactStore, (store) => store.put([new Uint8Array(100_000)])),
        Storage.layerPostgres({ url, blobs: here })
      )
      const error = yield* Effect.flip(
        Effect.provide(
          Effect.flatMap(ArtifactStore, (store) => store.get(digest)),
          Storage.layerPostgres({ url, blobs: elsewhere })
        )
      )
      assert.strictEqual(
        error.message,
        `Artifact ${digest} is not in the store: there is no file ${Path.join(elsewhere, digest.slice(0, 2), digest)} on ${Os.hostname()}. Is this directory shared with the host that wrote it?`
      )
    }).pipe(Effect.scoped)
  )

  it.effect("is opened by several at once, and none misses a line that another writes", () =>
    Effect.gen(function* () {
      const url = yield* postgresSchema
      const blobs = yield* temporaryDirectory
      const layer = () => Storage.layerPostgres({ url, blobs })
      const count = 100
      const writer = (name: string) =>
        Effect.provide(
          Effect.flatMap(RunStore, (store) =>
            Effect.forEach(
              Array.from({ length: count }, (_, index) => index + 1),
              (index) => {
                // All write the same few artifacts, in their own order.
                const small = [1, 2, 3].map((n) => new TextEncoder().encode(String((index * n) % 5)))
                return store.write([
                  putTask(task(name, index, { outputs: small.map((bytes) => ref("x", Digest.ofChunks([bytes]))) }), {
                    blobs: small.map((bytes) => ({ digest: Digest.ofChunks([bytes]), bytes }))
                  }),
                  { _tag: "Logs", lines: [line("shared", name, String(index))] }
                ])
              },
              { concurrency: 4, discard: true }
            )
          ),
          layer()
        )
      const writers = ["a", "b", "c", "d"]
      const seen: Array<string> = []
      const follow = Effect.provide(
        Effect.gen(function* () {
          const store = yield* RunStore
          let after = 0
          while (seen.length < writers.length * count) {
            for (const line of yield* store.logs({ run: "shared", after })) {
              seen.push(`${line.task} ${line.message}`)
              after = line.sequence
            }
            yield* pause(1)
          }
        }),
        layer()
      )
      yield* Effect.all([follow, ...writers.map(writer)], { concurrency: "unbounded", discard: true })
      assert.strictEqual(new Set(seen).size, writers.length * count)
    }).pipe(Effect.scoped)
  )

  it.effect("goes on after its connections were cut", () =>
    Effect.gen(function* () {
      const url = yield* postgresSchema
      const blobs = yield* temporaryDirectory
      const sql = yield* client(yield* postgresUrl)
      const application = `cut-${process.pid}`
      const named = new URL(url)
      named.searchParams.set("application_name", application)
      let cuts = 0
      const cut = Effect.map(
        sql`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = ${application}`,
        (rows) => {
          cuts += rows.length
        }
      )
      const cutting = Effect.forEach(Array.from({ length: 20 }), () => Effect.andThen(pause(20), cut), {
        discard: true
      })
      const records = Array.from({ length: 400 }, (_, index) => task("r", index + 1))
      yield* Effect.provide(
        Effect.gen(function* () {
          const store = yield* RunStore
          yield* store.write([putRun(run("r"))])
          yield* Effect.all(
            [
              Effect.forEach(records, (record) => store.write([putTask(record)]), { concurrency: 4, discard: true }),
              cutting
            ],
            { concurrency: "unbounded", discard: true }
          )
          assert.deepStrictEqual(yield* store.tasks({ run: "r" }), records)
          assert.isAbove(cuts, 0)
        }),
        Storage.layerPostgres({ url: named.href, blobs })
      )
    }).pipe(Effect.scoped, realTime)
  )

  it.effect("writes what is left when it closes, though it has no connection then", () =>
    Effect.gen(function* () {
      const url = new URL(yield* postgresSchema)
      const blobs = yield* temporaryDirectory
      const sql = yield* client(yield* postgresUrl)
      const application = `close-${process.pid}`
      url.searchParams.set("application_name", application)
      const layer = Storage.layerPostgres({ url: url.href, blobs })
      yield* Effect.provide(
        Effect.gen(function* () {
          const store = yield* RunStore
          yield* store.write([putRun(run("r"))])
          yield* sql`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = ${application}`
          yield* pause(50)
          for (let index = 1; index <= 20; index++) {
            yield* Effect.forkDetach(store.write([putTask(task("r", index))]), { startImmediately: true })
          }
        }),
        layer
      )
      const tasks = yield* Effect.provide(
        Effect.flatMap(RunStore, (store) => store.tasks({ run: "r" })),
        layer
      )
      assert.strictEqual(tasks.length, 20)
    }).pipe(Effect.scoped, realTime)
  )

  it.effect("says that its database is of a newer version, and leaves it alone", () =>
    Effect.gen(function* () {
      const url = yield* postgresSchema
      const blobs = yield* temporaryDirectory
      const open = Effect.provide(
        Effect.flatMap(RunStore, (store) => store.write([putRun(run("r"))])),
        Storage.layerPostgres({ url, blobs })
      )
      yield* open
      const schema = new URL(url).searchParams.get("options")?.split("=")[1]
      const sql = yield* client(yield* postgresUrl)
      yield* sql.unsafe(`INSERT INTO ${schema}.effect_flow_migrations (migration_id, name) VALUES (999, 'future')`)
      const error = yield* Effect.flip(open)
      assert.match(error.message, /was written by a newer effect-flow: its schema has version 999/)
    }).pipe(Effect.scoped, realTime)
  )

  it.effect("says that the blobs' directory can't be written", () =>
    Effect.gen(function* () {
      const file = Path.join(yield* temporaryDirectory, "file")
      yield* Effect.promise(() => Fs.writeFile(file, ""))
      const error = yield* Effect.flip(
        Effect.provide(Effect.void, Storage.layerPostgres({ url: yield* postgresUrl, blobs: Path.join(file, "blobs") }))
      )
      assert.match(error.message, /^The directory .*\/file\/blobs for large artifacts can't be written: /)
    }).pipe(Effect.scoped)
  )
})
