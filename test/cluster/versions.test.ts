/** Workers of several versions and of other flows in one group: a task goes to one that can execute it, and no run fails. */
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as EntityId from "effect/cluster/EntityId"
import * as Sharding from "effect/cluster/Sharding"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as SqlClient from "effect/sql/SqlClient"
import * as WorkflowEngine from "effect/workflow/WorkflowEngine"
import * as Executor from "../../src/Executor.ts"
import * as Flow from "../../src/Flow.ts"
import * as ClusterEngine from "../../src/internal/workers/cluster/engine.ts"
import * as ClusterSettings from "../../src/internal/workers/cluster/settings.ts"
import { RunWorkflow } from "../../src/internal/workers/cluster/workflows.ts"
import { RunStore } from "../../src/RunStore.ts"
import * as Flows from "../executor/flows.ts"
import { beginnings } from "./counted.ts"
import * as Postgres from "./postgres.ts"
import * as Processes from "./processes.ts"
import * as Setting from "./setting.ts"
import { lockExpiration } from "./timing.ts"
import * as Versioned from "./versioned.ts"

const moduleOf = (version: string): string => new URL(`./deployment.ts?version=${version}`, import.meta.url).href
describe.skipIf(Postgres.binaries === undefined)("a group of several versions", { concurrent: true }, () => {
  it.live("runs each version on its own workers, and continues a run on a worker that has its flow", () =>
    Effect.gen(function* () {
      const { directory, options, workers } = yield* Setting.Setting
      const store = yield* RunStore
      const apart = yield* Effect.all(
        [1, 2].map((version) => Processes.worker({ ...options, module: moduleOf(`${version}`) })),
        {
          concurrency: 2
        }
      )
      const run = Effect.fnUntraced(function* (version: string) {
        const flow = Versioned.make(version)
        const { id, output } = yield* Flow.run(flow, {})
        assert.deepStrictEqual(
          output,
          Array.from({ length: 12 }, () => version)
        )
        for (const { attempts } of yield* store.tasks({ run: id })) assert.strictEqual(attempts.length, 1)
      })
      yield* Effect.all([run("1"), run("2"), run("1"), run("2")], { concurrency: "unbounded" })

      // A version that no worker has: the run says so, with both versions, and nothing counts as an attempt.
      const flow = Versioned.make("3")
      const error = yield* Effect.flip(
        Effect.provide(
          Flow.run(flow, {}),
          Executor.layerCluster({ url: options.database, lockExpiration, waitForWorker: "1 second" })
        )
      )
      assert(error instanceof Executor.ExecutorError)
      assert.strictEqual(error.reason, "version")
      assert.match(
        error.message,
        /^Step "work" of flow "VersionedFlow" has version "3" in the driver of the run, but version "[12]" on worker /
      )

      // Three workers have the flow of this run, each in a version of its own. The one with the run's version goes on with it.
      const file = join(directory, "counted")
      const driver = yield* Processes.start("./driver.ts", {
        ...options,
        parameters: { count: 4, milliseconds: 500, file }
      })
      yield* driver.prints("finished counted/1")
      yield* driver.kill("SIGKILL")
      const id = /run (\S+)/.exec(driver.output())?.[1] ?? ""
      while ((yield* store.runs({ idPrefix: id }))[0]?.status === "running") yield* Effect.sleep(200)
      const [continued] = yield* store.runs({ idPrefix: id })
      assert.strictEqual(continued?.status, "succeeded")
      const tasks = yield* store.tasks({ run: continued?.id ?? "" })
      assert.strictEqual(tasks.length, 5)
      for (const { version } of tasks) assert.strictEqual(version, "")
      for (const pids of beginnings(file).values()) assert.strictEqual(pids.length, 1)
      assert.strictEqual(workers.length + apart.length, 3)
      // One driver is killed, and another one is the process of the tests, which may be silent for long.
    }).pipe(Effect.provide(Setting.layer(1, { patience: "30 seconds" })))
  )

  it.live("lets a task wait for the worker of a rolling update", () =>
    Effect.gen(function* () {
      const { options } = yield* Setting.Setting
      const flow = Versioned.make("1")
      const running = yield* Effect.forkChild(Flow.run(flow, {}))
      yield* Effect.sleep("1 second")
      yield* Processes.worker({ ...options, module: moduleOf("1") })
      assert.strictEqual((yield* Fiber.join(running)).output.length, 12)
      assert.strictEqual((yield* Flow.run(Flows.SquaresFlow, { count: 4 })).output.total, 14)
    }).pipe(Effect.provide(Setting.layer(1)))
  )

  it.live("lets go of a run that it handed to a worker of the run's version", () =>
    Effect.gen(function* () {
      const { directory, options, workers } = yield* Setting.Setting
      const store = yield* RunStore
      const own = Processes.worker({ ...options, module: moduleOf("1"), patience: "2 seconds" })
      // A run that nobody watches over: its driver, which is killed, needs no cluster.
      const driver = yield* Processes.start("./driver.ts", {
        ...options,
        version: "1",
        isLocal: true,
        parameters: { count: 6, milliseconds: 300, file: join(directory, "counted") }
      })
      yield* Effect.all([own, driver.prints("finished counted/1")], { concurrency: 2 })
      yield* driver.kill("SIGKILL")
      const run = /run (\S+)/.exec(driver.output())?.[1] ?? ""

      // A watch over it at the worker that can't continue it, which hands it to the one that can.
      const settings = { ...(yield* ClusterSettings.config), group: "effect_flow" }
      const engine = yield* Layer.build(ClusterEngine.client({ ...settings, url: Redacted.make(options.database) }))
      const sharding = Context.get(engine, Sharding.Sharding)
      const sql = Context.get(engine, SqlClient.SqlClient)
      const port = /Working at localhost:(\d+)/.exec(workers[0]?.output() ?? "")?.[1]
      const locks = sql<{ readonly shard: number }>`
          SELECT objid::int - 1000000 AS shard FROM pg_locks JOIN pg_stat_activity USING (pid)
          WHERE locktype = 'advisory' AND objsubid = 2 AND application_name = ${`effect-flow worker localhost:${port}`}`
      let held = yield* locks
      // Half of them go to the other worker.
      while (held.length === 0 || held.length > 40) {
        yield* Effect.sleep(100)
        held = yield* locks
      }
      const isThere = (id: string) =>
        held.some(({ shard }) => shard === sharding.getShardId(EntityId.make(id), "default").id)
      const watch = Array.from({ length: 1000 }, (_, index) => `${run}.9${index}`).find(isThere) ?? ""
      yield* Effect.flatMap(WorkflowEngine.WorkflowEngine, (engine) =>
        engine.execute(RunWorkflow, { executionId: watch, payload: { run, steps: { counted: "1" } }, discard: true })
      ).pipe(Effect.provideContext(engine))
      const handedOver = sql`
          SELECT id FROM effect_flow_cluster.effect_flow_cluster_effect_flow_messages WHERE entity_id = ${watch} AND processed`
      while ((yield* handedOver).length === 0) yield* Effect.sleep(100)
      // As the end of any run does, with the answers of the watches that are over.
      yield* sql`
          WITH gone AS (
            DELETE FROM effect_flow_cluster.effect_flow_cluster_effect_flow_messages WHERE entity_id = ${watch} RETURNING id
          )
          DELETE FROM effect_flow_cluster.effect_flow_cluster_effect_flow_replies WHERE request_id IN (SELECT id FROM gone)`

      const waiting = (tag: string) =>
        Effect.map(
          sql<{ readonly count: string }>`
              SELECT COUNT(*) AS count FROM effect_flow_cluster.effect_flow_cluster_effect_flow_messages
              WHERE entity_type = 'Workflow/effect-flow/run' AND tag = ${tag} AND NOT processed`,
          ([row]) => Number(row?.count)
        )
      while ((yield* waiting("run")) > 0) yield* Effect.sleep(100)
      assert.strictEqual((yield* store.runs({ id: run }))[0]?.status, "succeeded")
      // The end of the second watch must not wake the first one: that would wait for its answer without end, and its worker
      // with it when it lets go of its share.
      assert.strictEqual(yield* waiting("resume"), 0)
    }).pipe(Effect.provide(Setting.layer(1, { module: moduleOf("2"), patience: "500 millis" })))
  )
})
