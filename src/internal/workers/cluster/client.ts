/**
 * The executor of `Executor.layerCluster`, in the process that drives runs. It joins the cluster when the first run
 * begins, because only then the store, and so possibly the database, is known.
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as SqlClient from "effect/sql/SqlClient"
import { ArtifactStore } from "../../../ArtifactStore.ts"
import {
  type Attempt,
  type ClusterOptions,
  Executor,
  type ExecutorError,
  type ExecutorService
} from "../../../Executor.ts"
import * as ThreadStore from "../thread/store.ts"
import * as ClusterEngine from "./engine.ts"
import * as ClusterExecutor from "./executor.ts"
import * as Identity from "./identity.ts"
import * as ClusterPlacement from "./placement.ts"
import * as Reach from "./reach.ts"
import * as Registry from "./registry.ts"
import * as ClusterSettings from "./settings.ts"
import * as Sockets from "./sockets.ts"
import * as ClusterTail from "./tail.ts"

const make = Effect.fnUntraced(function* (options: ClusterOptions) {
  const scope = yield* Effect.scope
  const mutex = yield* Semaphore.make(1)
  const joined = new Map<string, ExecutorService>()

  const join = Effect.fnUntraced(function* (
    store: ArtifactStore["Service"]
  ): Effect.fn.Return<ExecutorService, ExecutorError> {
    const settings = yield* ClusterSettings.load(
      {
        url: typeof options.url === "string" ? Redacted.make(options.url) : options.url,
        group: options.group,
        secret: typeof options.secret === "string" ? Redacted.make(options.secret) : options.secret,
        lockExpiration:
          options.lockExpiration === undefined
            ? undefined
            : Duration.toMillis(Duration.fromInputUnsafe(options.lockExpiration)),
        waitForWorker:
          options.waitForWorker === undefined
            ? undefined
            : Duration.toMillis(Duration.fromInputUnsafe(options.waitForWorker)),
        allowOtherCode: options.allowOtherCode
      },
      store
    )
    const key = Redacted.value(settings.url)
    const remembered = joined.get(key)
    if (remembered !== undefined) return remembered
    const engine = yield* Layer.buildWithScope(ClusterEngine.client(settings), scope)
    const registry = yield* Registry.make(settings, engine)
    const workers = yield* registry.list
    yield* Registry.checkSecret(workers, Sockets.fingerprint(settings.secret), settings.group)
    const sql = Context.get(engine, SqlClient.SqlClient).withoutTransforms()
    const storage = yield* Identity.of(store.location, settings, sql)
    yield* Identity.check(workers, storage, settings.group, store.location)
    const addresses = workers.filter(({ draining }) => !draining).map(({ address }) => address)
    yield* Effect.forkIn(Reach.warnOfUnreachable(addresses, undefined), scope)
    const executor = ClusterExecutor.make({
      settings,
      storage,
      engine,
      placement: ClusterPlacement.make(settings, engine, registry),
      tail: yield* Scope.provide(ClusterTail.make, scope),
      isLeaving: () => false
    })
    joined.set(key, executor)
    return executor
  }, mutex.withPermits(1))

  const executor = Effect.flatMap(ArtifactStore, join)
  return {
    name: "cluster",
    prepare: Effect.fnUntraced(function* (flow) {
      yield* ThreadStore.placeOf(yield* ArtifactStore, "cluster")
      yield* (yield* executor).prepare(flow)
    }),
    watch: (run, flow) => Effect.flatMap(executor, (executor) => executor.watch?.(run, flow) ?? Effect.void),
    execute: (attempt: Attempt) => Effect.flatMap(executor, (executor) => executor.execute(attempt))
  } satisfies ExecutorService
})

/** The layer. */
export const layer = (options: ClusterOptions): Layer.Layer<never> =>
  Layer.effectContext(Effect.map(make(options), (executor) => Context.make(Executor, executor))) as Layer.Layer<never> // a reference has a default, so nothing is provided that was missing
