/** What a worker or a driver is told that was started with the wrong settings: a sentence that names the setting. */
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Executor from "../../src/Executor.ts"
import * as Flow from "../../src/Flow.ts"
import * as Group from "../../src/internal/workers/cluster/group.ts"
import * as Identity from "../../src/internal/workers/cluster/identity.ts"
import * as ClusterSettings from "../../src/internal/workers/cluster/settings.ts"
import * as Storage from "../../src/Storage.ts"
import * as Flows from "../executor/flows.ts"
import { temporaryDirectory } from "../support/directory.ts"
import * as Postgres from "./postgres.ts"
import * as Processes from "./processes.ts"
import * as Setting from "./setting.ts"

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

describe("a group", () => {
  it("is called after the package in whose directory a process runs", () => {
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
  it.live(
    "runs tasks over encrypted connections, and tells who has another secret or a worker's address",
    () =>
      Effect.gen(function* () {
        const { options, workers } = yield* Setting.Setting
        const run = (secret: string) =>
          Effect.provide(
            Flow.run(Flows.SquaresFlow, { count: 3 }),
            Executor.layerCluster({
              url: options.database,
              lockExpiration: "5 seconds",
              ...(secret === "" ? {} : { secret })
            })
          )
        assert.strictEqual((yield* run("one")).output.total, 5)
        const other = (yield* Effect.flip(run("two"))) as Executor.ExecutorError
        assert.match(
          other.message,
          /^Worker localhost:\d+ of group "effect_flow" has another secret than this process\. Set EFFECT_FLOW_CLUSTER_SECRET/
        )
        const none = (yield* Effect.flip(run(""))) as Executor.ExecutorError
        assert.match(none.message, /has a secret, and this process has none/)

        // Another directory of blobs, another database of runs, a name that does not resolve.
        const { directory } = yield* Setting.Setting
        const elsewhere = join(directory, "elsewhere")
        const misplaced = (yield* Effect.flip(
          Effect.provide(run("one"), Storage.layerPostgres({ url: options.database, blobs: elsewhere }))
        )) as Executor.ExecutorError
        assert.match(
          misplaced.message,
          /sees other blobs than this process does in .*elsewhere\. Set EFFECT_FLOW_BLOBS/
        )
        const otherDatabase = yield* Postgres.database
        const apart = (yield* Effect.flip(
          Effect.provide(run("one"), Storage.layerPostgres({ url: otherDatabase, blobs: directory }))
        )) as Executor.ExecutorError
        assert.match(
          apart.message,
          /keeps its runs in another database than this process\. Set EFFECT_FLOW_DATABASE_URL/
        )
        const lost = yield* Processes.start("./worker.ts", { ...options, host: "nowhere.invalid", secret: "one" })
        assert.strictEqual(yield* lost.exit, 1)
        assert.include(lost.output(), 'The name "nowhere.invalid" of this worker does not resolve')

        const port = Number(/Working at localhost:(\d+)/.exec(workers[0]?.output() ?? "")?.[1])
        const twin = yield* Processes.start("./worker.ts", { ...options, port, listenHost: "127.0.0.2", secret: "one" })
        assert.strictEqual(yield* twin.exit, 1)
        assert.include(
          twin.output(),
          `has the address localhost:${port}. Give this one an address of its own: EFFECT_FLOW_HOST`
        )
      }).pipe(Effect.provide(Setting.layer(1, { secret: "one" }))),
    180_000
  )
})
