/** The program of a cluster's worker: see `Worker.run`. */
import { createServer } from "node:net"
import { availableParallelism, hostname } from "node:os"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { ArtifactStore } from "../../../ArtifactStore.ts"
import { Executor, ExecutorError } from "../../../Executor.ts"
import { RunStore } from "../../../RunStore.ts"
import type { Options } from "../../../Worker.ts"
import { messageOf } from "../../cause.ts"
import * as Recorder from "../../run/recorder.ts"
import { Leaving } from "../../run/takeover.ts"
import { version } from "../../run/version.ts"
import * as FlowModule from "../flowModule.ts"
import * as ThreadPool from "../thread/pool.ts"
import * as ThreadStore from "../thread/store.ts"
import * as ClusterEngine from "./engine.ts"
import * as ClusterExecutor from "./executor.ts"
import * as ClusterPlacement from "./placement.ts"
import * as Registry from "./registry.ts"
import * as ClusterRun from "./runs.ts"
import type { Settings } from "./settings.ts"
import * as ClusterSettings from "./settings.ts"
import * as ClusterTail from "./tail.ts"
import * as ClusterTask from "./tasks.ts"

/** How many bytes of decoded values its threads keep together. */
const valueBytes = 1024 ** 3

/** Lines and metrics go to the store after this many milliseconds. */
const flushIntervalMs = 50

/** A worker says in the registry that it is alive, and how busy, after this many milliseconds. */
const beatIntervalMs = 2000

/** Works until it is interrupted. */
export const run = Effect.fnUntraced(function* (
  options: Options
): Effect.fn.Return<never, ExecutorError, ArtifactStore | RunStore> {
  const store = yield* ArtifactStore
  const runs = yield* RunStore
  const settings = yield* settingsOf(options, store)
  const module = FlowModule.urlOf(options.module)
  const flows = yield* FlowModule.load(module)
  if (flows.size === 0) {
    return yield* new ExecutorError({
      reason: "module",
      message: `The module ${FlowModule.show(module)} exports no flow for this worker to execute.`
    })
  }
  const size = settings.threads ?? availableParallelism()

  return yield* Effect.scoped(
    Effect.gen(function* () {
      const scope = yield* Effect.scope
      const pool = yield* ThreadPool.make({
        module,
        store: yield* ThreadStore.placeOf(store, "cluster"),
        valueBytes: Math.floor(valueBytes / size),
        heapMegabytes: settings.heapMegabytes,
        size
      })
      yield* Effect.mapError(pool.flows, (error) =>
        error instanceof ExecutorError ? error : new ExecutorError({ reason: "store", message: messageOf(error) })
      )
      const recorder = Recorder.make(runs)
      yield* Effect.forkScoped(Effect.forever(Effect.delay(Effect.ignore(recorder.write([])), flushIntervalMs)))

      const engine = yield* Layer.buildWithScope(ClusterEngine.worker(settings, size), scope)
      const registry = yield* Registry.make(settings, engine)
      const placement = ClusterPlacement.make(settings, engine, registry)
      const described = Registry.describe(flows)
      const leaving = yield* Deferred.make<void>()
      let isLeaving = false
      const executor = ClusterExecutor.make({
        settings,
        engine,
        placement,
        tail: yield* ClusterTail.make,
        isLeaving: () => isLeaving
      })
      const stores = Context.make(ArtifactStore, store).pipe(Context.add(RunStore, runs))
      const driving = stores.pipe(
        Context.add(Executor, executor),
        Context.add(Leaving, Deferred.await(leaving))
      ) as Context.Context<ArtifactStore | RunStore> // references besides
      yield* Layer.buildWithScope(
        Layer.merge(
          ClusterTask.layer(settings, described, pool, recorder),
          ClusterRun.layer(settings, flows, placement, driving)
        ).pipe(Layer.provide(Layer.succeedContext(Context.merge(engine, stores)))),
        scope
      )
      yield* announce(registry, settings, described, size, pool)
      // First of all that happens at the end: the runs that are driven here are left to others.
      yield* Effect.addFinalizer(() => {
        isLeaving = true
        return Deferred.succeed(leaving, undefined)
      })
      yield* Effect.logInfo(
        `Working at ${settings.host}:${settings.port} with ${size} threads for ${[...flows.keys()].join(", ")}.`
      )
      return yield* Effect.never
    })
  )
})

/** Says in the registry that this worker is there, until the scope closes. */
const announce = Effect.fnUntraced(function* (
  registry: Registry.Registry,
  { host, port }: Pick<Settings, "host" | "port">,
  flows: Registry.Flows,
  threads: number,
  pool: ThreadPool.Pool
) {
  const address = `${host}:${port}`
  const state = () => ({ ...pool.load(), draining: false })
  yield* Effect.acquireRelease(
    registry.register({ address, host: hostname(), pid: process.pid, version, flows, threads, ...state() }),
    () => registry.remove(address)
  )
  const beat = Effect.suspend(() => registry.beat(address, state()))
  yield* Effect.forkScoped(Effect.forever(Effect.delay(Effect.ignoreCause(beat), beatIntervalMs)))
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
      drain: millis(options.drain),
      lockExpiration: millis(options.lockExpiration),
      patience: millis(options.patience)
    },
    store
  )
  return settings.port === 0 ? { ...settings, port: yield* freePort(settings.listenHost ?? settings.host) } : settings
})

/** A port that is free: the address must be known before anyone listens at it. */
const freePort = (host: string) =>
  Effect.callback<number, ExecutorError>((resume) => {
    const server = createServer()
    server.once("error", (error) =>
      resume(
        Effect.fail(
          new ExecutorError({ reason: "settings", message: `The worker can't listen at ${host}: ${error.message}.` })
        )
      )
    )
    server.listen(0, host, () => {
      const address = server.address()
      server.close(() => resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : 0)))
    })
  })
