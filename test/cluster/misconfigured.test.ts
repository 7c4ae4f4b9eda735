/** What a worker or a driver is told that was started with the wrong settings: a sentence that names the setting. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Executor from "../../src/Executor.ts"
import * as Flow from "../../src/Flow.ts"
import * as ClusterSettings from "../../src/internal/workers/cluster/settings.ts"
import * as Flows from "../executor/flows.ts"
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
          /^Worker localhost:\d+ of group "work" has another secret than this process\. Set EFFECT_FLOW_CLUSTER_SECRET/
        )
        const none = (yield* Effect.flip(run(""))) as Executor.ExecutorError
        assert.match(none.message, /has a secret, and this process has none/)

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
