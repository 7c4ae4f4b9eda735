/** A Postgres database that is away for now: which errors say so, and that a run waits for it. */
import { execFile } from "node:child_process"
import { readdir, readFile, readlink } from "node:fs/promises"
import { promisify } from "node:util"
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Schema from "effect/Schema"
import { ConnectionError, SqlError, UnknownError } from "effect/sql/SqlError"
import { Flow, RunStore, Step, Storage } from "effect-flow"
import * as Away from "../../../src/internal/store/sql/away.ts"
import * as Postgres from "../../cluster/postgres.ts"
import { temporaryDirectory } from "../../conformance/layers.ts"

const withCode = (code: string) =>
  new SqlError({
    reason: new UnknownError({ cause: Object.assign(new Error(code), { code }), message: code, operation: "x" })
  })

describe("a database that is away", () => {
  it("is told from one that refuses, by the code of the database or the system", () => {
    const away = "25006 53100 53300 57P01 57P02 57P03 08006 ECONNRESET EPIPE ETIMEDOUT EAI_AGAIN ENOTFOUND ECONNREFUSED"
    for (const code of away.split(" ")) assert.isTrue(Away.isAway(withCode(code)), code)
    for (const code of ["28P01", "3D000", "42501", "23505", "22012"]) assert.isFalse(Away.isAway(withCode(code)), code)
    const lost = new SqlError({
      reason: new ConnectionError({ cause: new Error("closed"), message: "closed", operation: "x" })
    })
    assert.isTrue(Away.isAway(lost))
    assert.strictEqual(Away.sqlErrorIn({ _tag: "PersistenceError", cause: lost }), lost)
  })
})

describe.skipIf(Postgres.binaries === undefined)("a run", () => {
  it.live("waits while its database takes no writes", () =>
    Effect.gen(function* () {
      const postgres = yield* Postgres.make()
      const blobs = yield* temporaryDirectory
      const statements = (texts: ReadonlyArray<string>, env = {}) =>
        promisify(execFile)("psql", [postgres.url, "-qAt", ...texts.flatMap((text) => ["-c", text])], {
          env: { ...process.env, ...env }
        })
      const setting = "default_transaction_read_only"
      // The server tells its connections of a change as soon as it has read it itself, and a new connection shows when.
      const setReadOnly = (value: "on" | "off") =>
        Effect.promise(async () => {
          await statements([`ALTER SYSTEM SET ${setting} = ${value}`, "SELECT pg_reload_conf()"], {
            PGOPTIONS: `-c ${setting}=off`
          })
          while ((await statements([`SHOW ${setting}`])).stdout.trim() !== value);
        })
      const began = yield* Deferred.make<void>()
      const isReadOnly = yield* Deferred.make<void>()
      const step = Step.make("step", {
        input: { n: Schema.Int },
        output: { n: Schema.Int },
        // The third task does not end before the database is read-only, however long that takes.
        run: ({ n }) =>
          Effect.gen(function* () {
            if (n === 2) {
              yield* Deferred.done(began, Exit.void)
              yield* Deferred.await(isReadOnly)
            }
            return { n }
          })
      })
      const flow = Flow.make("Steps", {
        steps: [step],
        run: () => Step.forEach([...Array(8).keys()], (n) => step({ n }), { concurrency: 1 })
      })
      yield* Effect.gen(function* () {
        const run = yield* Effect.forkChild(Flow.run(flow, {}))
        yield* Deferred.await(began)
        yield* setReadOnly("on")
        yield* Deferred.done(isReadOnly, Exit.void)
        yield* Effect.sleep("1500 millis")
        assert.isUndefined(run.pollUnsafe())
        yield* setReadOnly("off")
        const { id } = yield* Fiber.join(run)
        const tasks = yield* (yield* RunStore.RunStore).tasks({ run: id })
        assert.deepStrictEqual(
          tasks.map(({ attempts, status }) => [status, attempts.length]),
          Array.from({ length: 8 }, () => ["succeeded", 1])
        )
      }).pipe(Effect.provide([Storage.layerPostgres({ url: postgres.url, blobs }), Logger.layer([])]))
    })
  )
})

/** This process's TCP connections to a port, each with the timer that the kernel has for it (Linux: `/proc/net/tcp`). */
const timersTo = async (port: number): Promise<ReadonlyArray<string>> => {
  const links = await Promise.all(
    (await readdir("/proc/self/fd")).map((name) => readlink(`/proc/self/fd/${name}`).catch(() => ""))
  )
  const own = new Set(links.map((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1]))
  const remote = port.toString(16).toUpperCase().padStart(4, "0")
  return (await readFile("/proc/net/tcp", "utf8"))
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , address, , , , , , , inode]) => address?.endsWith(`:${remote}`) && own.has(inode))
    .map(([, , , , , timer = ""]) => timer.slice(0, 2))
}

describe.skipIf(Postgres.binaries === undefined || process.platform !== "linux")("a connection", () => {
  it.live("is probed while it is silent, so that an answer that will never come is not awaited", () =>
    Effect.gen(function* () {
      const { url } = yield* Postgres.onShared
      const blobs = yield* temporaryDirectory
      const store = yield* Layer.build(Storage.layerPostgres({ url, blobs }))
      yield* Effect.provideContext(
        Effect.flatMap(RunStore.RunStore, (runs) => runs.count),
        store
      )
      const timers = yield* Effect.promise(() => timersTo(Number(new URL(url).port)))
      assert.isAbove(timers.length, 0)
      const keepAlive = "02"
      assert.deepStrictEqual([...new Set(timers)], [keepAlive])
    })
  )
})
