/** What a worker or a driver is told that was started with the wrong settings: a sentence that names the setting. */
import { createServer, type Server } from "node:net"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import * as Executor from "../../src/Executor.ts"
import * as Flow from "../../src/Flow.ts"
import * as Group from "../../src/internal/workers/cluster/group.ts"
import * as Identity from "../../src/internal/workers/cluster/identity.ts"
import * as Reach from "../../src/internal/workers/cluster/reach.ts"
import * as ClusterSettings from "../../src/internal/workers/cluster/settings.ts"
import { RunStore } from "../../src/RunStore.ts"
import * as Storage from "../../src/Storage.ts"
import * as Flows from "../executor/flows.ts"
import { temporaryDirectory } from "../support/directory.ts"
import { freePort } from "../support/port.ts"
import * as Postgres from "./postgres.ts"
import * as Processes from "./processes.ts"
import * as Setting from "./setting.ts"
import { lockExpiration } from "./timing.ts"

describe("a worker's address", () => {
  it.effect("needs a secret as soon as other machines reach it", () =>
    Effect.gen(function* () {
      const settings = yield* ClusterSettings.load({ url: Redacted.make("postgres://ada@db/flows") }, {} as never)
      const check = (given: object) => ClusterSettings.checkReach({ ...settings, ...given })
      for (const host of ["localhost", "127.0.0.1", "127.1.2.3", "::1"]) yield* check({ host })
      yield* check({ host: "flows-1", secret: Redacted.make("long and random") })
      for (const given of [{ host: "flows-1" }, { listenHost: "0.0.0.0" }, { host: "10.0.0.7" }]) {
        const error = yield* Effect.flip(check(given))
        assert.match(
          error.message,
          /could reach this worker at \S+, and there is no secret\. Set EFFECT_FLOW_CLUSTER_SECRET/
        )
      }
    })
  )
})

describe("an address at which nothing answers", () => {
  it.live("is warned of, by the worker itself and by others, with the setting", () =>
    Effect.gen(function* () {
      const lines: Array<string> = []
      const logger = Logger.make<unknown, void>(({ message }) => void lines.push(String(message)))
      const port = yield* Effect.promise(freePort)
      const address = `127.0.0.1:${port}`
      const warn = (self: string | undefined) => Reach.warnOfUnreachable([address, "nowhere.invalid:1"], self)
      yield* Effect.andThen(warn(undefined), warn(address)).pipe(
        Effect.provideService(Logger.CurrentLoggers, new Set([logger]))
      )
      const others = lines.filter((line) =>
        line.startsWith(`Worker ${address} can't be reached from here (ECONNREFUSED)`)
      )
      assert.strictEqual(others.length, 1)
      assert.include(others[0], "Check its EFFECT_FLOW_HOST and EFFECT_FLOW_PORT")
      assert.strictEqual(lines.filter((line) => line.startsWith("Worker nowhere.invalid:1 can't be reached")).length, 2)
      const own = lines.find((line) => line.startsWith(`This worker can't reach itself at ${address}`))
      assert.include(own, "EFFECT_FLOW_LISTEN_HOST is where it listens")
      assert.strictEqual(lines.length, 4)

      // Something that answers is not warned of.
      const server = yield* Effect.acquireRelease(
        Effect.promise(
          () =>
            new Promise<Server>((resolve) => {
              const server = createServer().listen(port, "127.0.0.1", () => resolve(server))
            })
        ),
        (server) => Effect.sync(() => server.close())
      )
      assert.isTrue(server.listening)
      yield* Effect.provideService(
        Reach.warnOfUnreachable([address], address),
        Logger.CurrentLoggers,
        new Set([logger])
      )
      assert.strictEqual(lines.length, 4)
    }).pipe(Effect.scoped)
  )
})

describe("a group", () => {
  it("is named after the package in whose directory a process runs", () => {
    assert.strictEqual(Group.byDefault(import.meta.dirname), "effect_flow")
    assert.strictEqual(Group.byDefault("/"), "work")
    const names = { "@acme/Sales.Reports": "acme_sales_reports", "7zip": "zip", "---": "work" }
    for (const [name, group] of Object.entries(names)) assert.strictEqual(Group.fromPackageName(name), group)
    // Long names are told apart by what was cut off.
    const long = ["a", "b"].map((end) => Group.fromPackageName(`@acme/a-very-long-name-of-a-package-${end}`))
    assert.notStrictEqual(long[0], long[1])
    for (const group of long) assert.match(group, /^[a-z][a-z0-9_]{0,23}$/)
  })
})

describe("a directory of blobs", () => {
  it.effect("has one token, whoever asks first", () =>
    Effect.gen(function* () {
      const directory = join(yield* temporaryDirectory, "new")
      const tokens = yield* Effect.all(
        Array.from({ length: 8 }, () => Identity.ofDirectory(directory)),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(new Set(tokens).size, 1)
      assert.match(tokens[0] ?? "", /^[0-9a-f-]{36}$/)
    })
  )
})

describe.skipIf(Postgres.binaries === undefined)("a group with a secret", () => {
  it.live("runs tasks over encrypted connections, and tells who has another secret or a worker's address", () =>
    Effect.gen(function* () {
      const { options, workers } = yield* Setting.Setting
      const run = (secret: string) =>
        Effect.provide(
          Effect.tap(Flow.run(Flows.SquaresFlow, { count: 3 }), ({ output }) =>
            Effect.sync(() => assert.strictEqual(output.total, 5))
          ),
          Executor.layerCluster({
            url: options.database,
            lockExpiration,
            ...(secret === "" ? {} : { secret })
          })
        )
      const { directory } = yield* Setting.Setting
      const elsewhere = join(directory, "elsewhere")
      const otherDatabase = yield* Postgres.database
      const port = Number(/Working at localhost:(\d+)/.exec(workers[0]?.output() ?? "")?.[1])
      const messageOf = <A, E, R>(run: Effect.Effect<A, E, R>) =>
        Effect.map(Effect.flip(run), (error) => (error as Executor.ExecutorError).message)
      const ends = Effect.fnUntraced(function* (more: object) {
        const process = yield* Processes.start("./worker.ts", { ...options, secret: "one", ...more })
        return { code: yield* process.exit, output: process.output() }
      })
      const { apart, lost, misplaced, none, other, twin } = yield* Effect.all(
        {
          other: messageOf(run("two")),
          none: messageOf(run("")),
          misplaced: messageOf(
            Effect.provide(run("one"), Storage.layerPostgres({ url: options.database, blobs: elsewhere }))
          ),
          apart: messageOf(Effect.provide(run("one"), Storage.layerPostgres({ url: otherDatabase, blobs: directory }))),
          lost: ends({ host: "nowhere.invalid" }),
          twin: ends({ port, listenHost: "127.0.0.2" }),
          same: run("one")
        },
        { concurrency: "unbounded" }
      )
      assert.match(
        other,
        /^Worker localhost:\d+ of group "effect_flow" has another secret than this process\. Set EFFECT_FLOW_CLUSTER_SECRET/
      )
      assert.match(none, /has a secret, and this process has none/)
      assert.match(misplaced, /sees other blobs than this process does in .*elsewhere\. Set EFFECT_FLOW_BLOBS/)
      assert.match(apart, /keeps its runs in another database than this process\. Set EFFECT_FLOW_DATABASE_URL/)
      assert.strictEqual(lost.code, 1)
      assert.include(lost.output, 'The name "nowhere.invalid" of this worker does not resolve')
      assert.strictEqual(twin.code, 1)
      assert.include(
        twin.output,
        `has the address localhost:${port}. Give this one an address of its own: EFFECT_FLOW_HOST`
      )
    }).pipe(Effect.provide(Setting.layer(1, { secret: "one" })))
  )
})

describe.skipIf(Postgres.binaries === undefined)("a driver that was there before the workers", () => {
  it.live("gets nothing from a worker that sees other blobs, and says which setting differs", () =>
    Effect.gen(function* () {
      const { directory, options } = yield* Setting.Setting
      const elsewhere = join(directory, "elsewhere")
      const executor = Executor.layerCluster({ url: options.database, lockExpiration, waitForWorker: "2 seconds" })
      const running = yield* Effect.forkChild(
        Effect.flip(Effect.provide(Flow.run(Flows.SquaresFlow, { count: 3 }), executor))
      )
      const store = yield* RunStore
      while ((yield* store.tasks({ status: "running" })).length === 0) yield* Effect.sleep("20 millis")
      yield* Processes.worker({ ...options, blobs: elsewhere })
      const error = yield* Fiber.join(running)
      assert.match(
        (error as Executor.ExecutorError).message,
        /^Worker localhost:\d+ sees other blobs than the run's driver\. Set EFFECT_FLOW_BLOBS to /
      )
      assert.deepStrictEqual(yield* store.tasks({ status: "succeeded" }), [])
    }).pipe(Effect.provide(Setting.layer(0)), Effect.scoped)
  )
})
