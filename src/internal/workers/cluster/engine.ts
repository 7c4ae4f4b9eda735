/**
 * Effect's cluster on Postgres, set up for effect-flow: as a worker, which executes its share of the work, or as a
 * client, which only submits work. Its tables have a schema of their own, and those of each group a prefix in it.
 */
import { hostname } from "node:os"
import * as NodeCrypto from "@effect/platform-node/NodeCrypto"
import * as Cause from "effect/Cause"
import * as ConfigProvider from "effect/ConfigProvider"
import * as ClusterWorkflowEngine from "effect/cluster/ClusterWorkflowEngine"
import type { MessageStorage } from "effect/cluster/MessageStorage"
import * as RunnerAddress from "effect/cluster/RunnerAddress"
import type { RunnerStorage } from "effect/cluster/RunnerStorage"
import type { Sharding } from "effect/cluster/Sharding"
import * as ShardingConfig from "effect/cluster/ShardingConfig"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import type { SqlClient } from "effect/sql/SqlClient"
import type { WorkflowEngine } from "effect/workflow/WorkflowEngine"
import type { ExecutorError } from "../../../Executor.ts"
import { driver } from "../../store/postgresDriver.ts"
import * as Away from "../../store/sql/away.ts"
import * as SqlRetry from "../../store/sql/retry.ts"
import { createSchema, errorsOf, orUnreachable, schema, unreachable, whileAway, withConnection } from "./connection.ts"
import * as Listening from "./listening.ts"
import * as ClusterMessageStorage from "./messageStorage.ts"
import type { Settings, Shared } from "./settings.ts"
import * as ShardLocks from "./shardLocks.ts"
import * as Sockets from "./sockets.ts"

/** What the rest of the cluster's parts need. */
export type Engine = WorkflowEngine | Sharding | RunnerStorage | MessageStorage | SqlClient | ShardLocks.ShardLocks

/** Of a group's tables, and so of its locks: each group is a cluster of its own. */
export const prefixOf = (group: string): string => `effect_flow_cluster_${group}`

/**
 * The number of parts into which the work is divided. Every process of a group must have the same number, and a group has
 * at most half as many workers.
 */
export const shards = 64

type Config = Partial<ShardingConfig.ShardingConfig["Service"]>

/** Must be the same in all processes of a cluster. */
const shared = ({ lockExpiration }: Shared): Config => ({
  shardsPerGroup: shards,
  shardLockExpiration: lockExpiration,
  shardLockRefreshInterval: Math.ceil(lockExpiration / 3),
  refreshAssignmentsInterval: 1000,
  runnerHealthCheckInterval: Math.min(5000, lockExpiration / 2),
  // Workers are notified of messages. Polling covers lost notifications.
  entityMessagePollInterval: 1000,
  entityReplyPollInterval: 100,
  simulateRemoteSerialization: false
})

/** What tells a worker from a client. */
interface Role<E> {
  readonly config: Config
  readonly sockets: Layer.Layer<any, any, any>
  /** The most connections to the database. */
  readonly connections: number
  /** As which the database lists the connections. */
  readonly name: string
  /** The error for a cause that no waiting helped. */
  readonly failure: (cause: Cause.Cause<unknown>) => E
}

const layer = <E>(
  shared: Shared,
  { config, connections, failure, name, sockets }: Role<E>
): Layer.Layer<Engine, ExecutorError | E> => {
  const sql = Layer.unwrap(
    Effect.map(driver, (PgClient) =>
      PgClient.layer({
        url: shared.url,
        applicationName: `effect-flow ${name}`.slice(0, 63),
        connectTimeout: 5000,
        maxConnections: connections,
        startupParameters: { search_path: schema }
      })
    )
  )
  const prefix = prefixOf(shared.group)
  const storage = Layer.merge(
    Layer.provide(ClusterMessageStorage.layer(prefix), NodeCrypto.layerDigest),
    ShardLocks.layer({ prefix, lockExpirationMs: shared.lockExpiration })
  ).pipe(Layer.provide(ShardingConfig.layer(config)), Layer.provideMerge(sql))
  const engine = ClusterWorkflowEngine.layer.pipe(
    Layer.provideMerge(sockets),
    Layer.provideMerge(storage),
    // Use these settings instead of environment variables such as HOST and PORT.
    Layer.provide(ConfigProvider.layer(ConfigProvider.fromUnknown({})))
  ) as Layer.Layer<Engine, unknown> // the cluster's own services are provided internally
  return Layer.unwrap(Effect.as(awaitDatabase(shared.url), persistently(engine, failure)))
}

/**
 * Waits for a database that is unavailable or temporarily read-only, because the cluster itself would give up
 * immediately.
 */
const awaitDatabase = (url: Redacted.Redacted): Effect.Effect<void, ExecutorError> => {
  const connect = withConnection(url, "start", (sql) =>
    Effect.andThen(
      sql.unsafe(
        "DO $$ BEGIN IF current_setting('transaction_read_only') = 'on' THEN RAISE EXCEPTION 'the database takes no writes' USING ERRCODE = '25006'; END IF; END $$"
      ),
      Effect.asVoid(sql.unsafe(createSchema))
    )
  )
  return orUnreachable(url)(SqlRetry.whileBusy(connect, { isAway: Away.isAway, isAbsent: Away.isAbsent }))
}

/** Builds a layer. If the database goes away meanwhile, it waits until it is back, and builds it again. */
const persistently = <E>(
  engine: Layer.Layer<Engine, unknown>,
  failure: (cause: Cause.Cause<unknown>) => E
): Layer.Layer<Engine, E> =>
  Layer.effectContext(
    Effect.gen(function* () {
      const scope = yield* Effect.scope
      const build = Effect.gen(function* () {
        const own = yield* Scope.fork(scope)
        return yield* Effect.onError(Layer.buildWithScope(engine, own), (cause) =>
          Scope.close(own, Exit.failCause(cause))
        )
      })
      return yield* Effect.catchCause(build, (cause) =>
        Effect.failCause(
          Cause.fail(
            errorsOf(cause)
              .map(Away.sqlErrorIn)
              .find((error) => error !== undefined) ?? cause
          )
        )
      ).pipe(
        whileAway,
        Effect.mapError((error) => failure(Cause.isCause(error) ? error : Cause.fail(error)))
      )
    })
  )

/** A process that submits work. */
export const client = (settings: Shared): Layer.Layer<Engine, ExecutorError> => {
  const config = shared(settings)
  return layer(settings, {
    config,
    sockets: Sockets.client(settings, config),
    connections: 8,
    name: `driver ${hostname()}/${process.pid}`,
    failure: (cause) => unreachable(settings.url, cause)
  })
}

/** A process that executes work. */
export const worker = (
  settings: Settings,
  threads: number
): Layer.Layer<Engine, ExecutorError | Listening.CannotListen> => {
  const config: Config = {
    ...shared(settings),
    runnerAddress: Option.some(RunnerAddress.make(settings.host, settings.port)),
    runnerListenAddress: Option.map(Option.fromUndefinedOr(settings.listenHost), (host) =>
      RunnerAddress.make(host, settings.port)
    ),
    runnerShardWeight: threads,
    entityTerminationTimeout: settings.drain
  }
  return layer(settings, {
    config,
    sockets: Sockets.worker(settings, config),
    connections: 16,
    name: `worker ${settings.host}:${settings.port}`,
    failure: (cause) =>
      errorsOf(cause)
        .map(Listening.errorIn)
        .find((error) => error !== undefined) ?? unreachable(settings.url, cause)
  })
}
