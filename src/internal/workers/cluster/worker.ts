/** The program of a cluster's worker: see `Worker.run`. */
import { availableParallelism, hostname } from "node:os"
import * as Context from "effect/Context"
import * as Sharding from "effect/cluster/Sharding"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as SqlClient from "effect/sql/SqlClient"
import { ArtifactStore } from "../../../ArtifactStore.ts"
import { Executor, ExecutorError } from "../../../Executor.ts"
import { RunStore } from "../../../RunStore.ts"
import type { Options } from "../../../Worker.ts"
import { messageOf } from "../../cause.ts"
import { Recorder } from "../../run/recorder.ts"
import { OwnShutdown, ShutdownSignal } from "../../run/takeover.ts"
import { version } from "../../run/version.ts"
import * as FlowModule from "../flowModule.ts"
import * as ThreadPool from "../thread/pool.ts"
import * as ThreadStore from "../thread/store.ts"
import * as Drain from "./drain.ts"
import * as ClusterEngine from "./engine.ts"
import * as ClusterExecutor from "./executor.ts"
import { freeMemory } from "./freeMemory.ts"
import * as Health from "./health.ts"
import * as Identity from "./identity.ts"
import * as Listening from "./listening.ts"
import * as Operations from "./operations.ts"
import * as Ownership from "./ownership.ts"
import * as ClusterPlacement from "./placement.ts"
import * as QuietLog from "./quietLog.ts"
import * as Reach from "./reach.ts"
import * as Registry from "./registry.ts"
import * as ClusterRun from "./runs.ts"
import type { Settings } from "./settings.ts"
import * as ClusterSettings from "./settings.ts"
import { ShardLocks } from "./shardLocks.ts"
import * as Sockets from "./sockets.ts"
import * as ClusterTail from "./tail.ts"
import * as ClusterTask from "./tasks.ts"

/**
 * The thread that has shown at the start that threads can load the module is kept for so long if no task comes. A worker
 * without work then needs half the memory.
 */
const unusedThreadMs = 5000

/** The interval at which a worker updates its registration. */
const beatIntervalMs = 2000

/** The group's queue is measured every so many signs of life. */
const beatsPerMeasurement = 5

/** Executes tasks until it is interrupted or asked to drain. */
export const run = (options: Options): Effect.Effect<void, ExecutorError, ArtifactStore | RunStore> =>
  QuietLog.quietly(work(options))

const work = Effect.fnUntraced(function* (
  options: Options
): Effect.fn.Return<void, ExecutorError, ArtifactStore | RunStore> {
  const store = yield* ArtifactStore
  const runs = yield* RunStore
  const given = yield* settingsOf(options, store)
  yield* ClusterSettings.checkReach(given)
  const module = FlowModule.urlOf(options.module)
  const flows = yield* FlowModule.load(module)
  if (flows.size === 0) {
    return yield* new ExecutorError({
      reason: "module",
      message: `The module ${FlowModule.show(module)} exports no flow for this worker to execute.`
    })
  }
  const size = given.threads ?? availableParallelism()

  return yield* Drain.within(given.drain, (drain) =>
    Effect.gen(function* () {
      const scope = yield* Effect.scope
      const pool = yield* ThreadPool.make({
        module,
        store: yield* ThreadStore.placeOf(store, "cluster"),
        heapMegabytes: given.heapMegabytes,
        idleLimitMs: given.threadIdle,
        whenEmpty: freeMemory,
        size
      })
      yield* Effect.mapError(pool.flows, (error) =>
        error instanceof ExecutorError ? error : new ExecutorError({ reason: "store", message: messageOf(error) })
      )
      const recorder = new Recorder(runs)
      const { built: engine, settings } = yield* Listening.withPort(given, (settings) =>
        Layer.buildWithScope(ClusterEngine.worker(settings, size), scope)
      )
      const registry = yield* Registry.make(settings, engine)
      yield* Registry.checkAddress(registry, `${settings.host}:${settings.port}`)
      const sql = Context.get(engine, SqlClient.SqlClient).withoutTransforms()
      const storage = yield* Identity.of(store.location, settings, sql)
      yield* Identity.check(yield* registry.list, storage, settings.group, store.location)
      const placement = ClusterPlacement.make(settings, engine, registry)
      const described = Registry.describe(flows)
      const leaving = new OwnShutdown()
      let isLeaving = false
      const executor = ClusterExecutor.make({
        settings,
        storage,
        engine,
        placement,
        tail: yield* ClusterTail.make,
        isLeaving: () => isLeaving
      })
      const stores = Context.make(ArtifactStore, store).pipe(Context.add(RunStore, runs))
      const driving = stores.pipe(
        Context.add(Executor, executor),
        Context.add(ShutdownSignal, leaving)
      ) as Context.Context<ArtifactStore | RunStore> // references besides
      const handover = Ownership.handover(
        Context.get(engine, Sharding.Sharding),
        Context.get(engine, ShardLocks),
        settings.drain
      )
      // After the tasks' own shutdown, which does not wait for those whose shards are on their way to another worker.
      yield* Effect.addFinalizer(() => handover.ended)
      yield* Layer.buildWithScope(
        Layer.merge(
          ClusterTask.layer({ settings, storage, flows: described, pool, recorder }, () => {
            if (drain.isDraining) drain.cut++
          }),
          ClusterRun.layer({ settings, storage, flows, placement }, driving)
        ).pipe(Layer.provide(Layer.succeedContext(Context.merge(engine, stores)))),
        scope
      )
      drain.load = pool.load
      const drainAsked = yield* announce({
        registry,
        settings,
        storage,
        flows: described,
        threads: size,
        drain,
        engine
      })
      // First of all that happens at the end: the runs that are driven here are left to others.
      yield* Effect.addFinalizer(() => {
        isLeaving = true
        drain.isDraining = true
        leaving.begin()
        return handover.begin
      })
      const address = `${settings.host}:${settings.port}`
      yield* Effect.forkScoped(Reach.warnOfUnreachable([address], address))
      yield* Effect.logInfo(
        `Working at ${settings.host}:${settings.port} with ${size} thread${size === 1 ? "" : "s"} for ${[...flows.keys()].join(", ")}.`
      )
      options.onReady?.()
      yield* Effect.forkScoped(Effect.delay(pool.endUnused, unusedThreadMs))
      yield* drainAsked
      yield* Effect.logInfo("An operator asked this worker to drain.")
    })
  )
})

/**
 * Registers this worker, and says every two seconds that it is alive and how busy. It goes on saying so while it drains.
 * Yields an effect that ends when an operator asks the worker to drain.
 */
const announce = Effect.fnUntraced(function* (options: {
  readonly registry: Registry.Registry
  readonly settings: Settings
  readonly storage: Identity.Identity
  readonly flows: Registry.Flows
  readonly threads: number
  readonly drain: Drain.Drain
  readonly engine: Context.Context<ClusterEngine.Engine>
}) {
  const { drain, engine, flows, registry, settings, storage, threads } = options
  const { group, host, port, secret } = settings
  const address = `${host}:${port}`
  const state = () => ({ ...drain.load(), draining: drain.isDraining })
  const fingerprint = Sockets.fingerprint(secret)
  const workers = yield* registry.list
  yield* Registry.checkSecret(
    workers.filter((worker) => worker.address !== address),
    fingerprint,
    group
  )
  yield* registry.register({
    ...storage,
    secret: fingerprint,
    address,
    host: hostname(),
    pid: process.pid,
    version,
    flows,
    threads,
    ...state()
  })
  const locks = Context.get(engine, ShardLocks)
  const health = Effect.map(
    Health.msSince(locks.answeredAt()),
    (databaseMsAgo): Health.Health => ({
      address,
      group,
      threads,
      ...state(),
      shards: locks.held().size,
      missingShards: locks.missing(),
      databaseMsAgo: Math.round(databaseMsAgo)
    })
  )
  const isAsked = yield* Deferred.make<void>()
  const sql = Context.get(engine, SqlClient.SqlClient).withoutTransforms()
  const beats = Effect.gen(function* () {
    for (let count = 0; !drain.isClosed; count++) {
      const asked = yield* Effect.catchCause(registry.beat(address, state()), () => Effect.succeed(false))
      if (asked) yield* Deferred.succeed(isAsked, undefined)
      const queue =
        count % beatsPerMeasurement === 0
          ? yield* Effect.flatMap(registry.listNow, (all) =>
              Operations.readQueue(
                sql,
                group,
                all.reduce((sum, { busy }) => sum + busy, 0)
              )
            ).pipe(Effect.catchCause(() => Effect.succeed(undefined)))
          : undefined
      yield* Health.measure(yield* health, queue)
      yield* Effect.sleep(beatIntervalMs)
    }
  })
  yield* Effect.forkDetach(Effect.ignoreCause(beats))
  if (settings.healthPort !== undefined) {
    yield* Health.serve({
      port: settings.healthPort,
      host: settings.listenHost ?? host,
      lockExpirationMs: settings.lockExpiration,
      health: Effect.suspend(() => health)
    })
  }
  return Deferred.await(isAsked)
})

const settingsOf = Effect.fnUntraced(function* (options: Options, store: ArtifactStore["Service"]) {
  const millis = (input: Duration.Input | undefined) =>
    input === undefined ? undefined : Duration.toMillis(Duration.fromInputUnsafe(input))
  const settings = yield* ClusterSettings.load(
    {
      url: typeof options.url === "string" ? Redacted.make(options.url) : options.url,
      group: options.group,
      threads: options.size,
      heapMegabytes: options.heapMegabytes,
      host: options.host,
      port: options.port,
      listenHost: options.listenHost,
      health: options.health,
      healthPort: options.healthPort,
      drain: millis(options.drain),
      threadIdle: millis(options.threadIdle),
      secret: typeof options.secret === "string" ? Redacted.make(options.secret) : options.secret,
      lockExpiration: millis(options.lockExpiration),
      patience: millis(options.patience)
    },
    store
  )
  yield* Reach.checkResolves(settings.host)
  return settings
})
