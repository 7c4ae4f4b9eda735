/**
 * Effect's cluster on Postgres, set up for effect-flow: as a worker, which executes its share of the work, or as a
 * client, which only submits work. Its tables have a prefix of their own, apart from those of an application's own
 * cluster.
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
import * as SqlMessageStorage from "effect/cluster/SqlMessageStorage"
import * as SqlRunnerStorage from "effect/cluster/SqlRunnerStorage"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import * as Reactivity from "effect/reactivity/Reactivity"
import type { SqlClient } from "effect/sql/SqlClient"
import type { WorkflowEngine } from "effect/workflow/WorkflowEngine"
import { ExecutorError } from "../../../Executor.ts"
import { driver } from "../../store/postgresDriver.ts"
import * as Away from "../../store/sql/away.ts"
import * as SqlRetry from "../../store/sql/retry.ts"
import { type Settings, type Shared, showUrl } from "./settings.ts"
import * as Sockets from "./sockets.ts"

/** The services and settings for the other parts of the cluster. */
export type Engine = WorkflowEngine | Sharding | RunnerStorage | MessageStorage | SqlClient

/** Of a group's tables, and so of its locks: each group is a cluster of its own. */
export const prefixOf = (group: string): string => `effect_flow_cluster_${group}`

/**
 * Into how many parts the work is shared out: every process of a group must have the same number. A worker that joins or
 * leaves moves its share one by one, with two queries each, so a large number is slow on a distant database; a group has at
 * most half as many workers.
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

const layer = (
  shared: Shared,
  config: Config,
  cluster: Layer.Layer<any, any, any>,
  connections: number,
  name: string
): Layer.Layer<Engine, ExecutorError> => {
  const sql = Layer.unwrap(
    Effect.map(driver, (PgClient) =>
      PgClient.layer({
        url: shared.url,
        applicationName: `effect-flow ${name}`.slice(0, 63),
        connectTimeout: 5000,
        maxConnections: connections
      })
    )
  )
  const prefix = prefixOf(shared.group)
  const storage = Layer.merge(
    Layer.provide(SqlMessageStorage.layerWith({ prefix }), NodeCrypto.layerDigest),
    SqlRunnerStorage.layerWith({ prefix })
  ).pipe(Layer.provide(ShardingConfig.layer(config)), Layer.provideMerge(sql))
  const engine = ClusterWorkflowEngine.layer.pipe(
    Layer.provideMerge(cluster),
    Layer.provideMerge(storage),
    // Use these settings instead of environment variables such as HOST and PORT.
    Layer.provide(ConfigProvider.layer(ConfigProvider.fromUnknown({}))),
    Layer.catchCause((cause) => Layer.effectDiscard(Effect.fail(unreachable(shared.url, cause))))
  ) as Layer.Layer<Engine, ExecutorError> // the cluster's own services are provided internally
  return Layer.unwrap(Effect.as(awaitDatabase(shared.url), engine))
}

/**
 * Waits for a database that is unavailable or temporarily read-only, because the cluster itself would give up
 * immediately.
 */
const awaitDatabase = (url: Redacted.Redacted): Effect.Effect<void, ExecutorError> =>
  Effect.scoped(
    Effect.gen(function* () {
      const PgClient = yield* driver
      const sql = yield* PgClient.make({
        url,
        applicationName: "effect-flow start",
        maxConnections: 1,
        connectTimeout: 5000
      })
      yield* sql.unsafe(
        "DO $$ BEGIN IF current_setting('transaction_read_only') = 'on' THEN RAISE EXCEPTION 'the database takes no writes' USING ERRCODE = '25006'; END IF; END $$"
      )
    })
  ).pipe(
    Effect.provide(Reactivity.layer),
    (connect) => SqlRetry.whileBusy(connect, { isAway: Away.isAway, isAbsent: Away.isAbsent }),
    Effect.catchCause((cause) => Effect.fail(unreachable(url, cause)))
  )

/** Why the cluster's database can't be used, in a sentence without the password. */
const unreachable = (url: Redacted.Redacted, cause: Cause.Cause<unknown>): ExecutorError => {
  const errors = cause.reasons.map((reason) =>
    Cause.isFailReason(reason) ? reason.error : Cause.isDieReason(reason) ? reason.defect : undefined
  )
  return new ExecutorError({
    reason: "unreachable",
    message: `The cluster's database ${showUrl(url)} can't be used: ${errors.map(why).find((text) => text !== "") ?? Cause.pretty(cause)}.`
  })
}

/** The innermost message, from the database or the network. */
const why = (error: unknown): string => {
  if (typeof error !== "object" || error === null) return ""
  const { cause, message, reason } = error as { readonly [name: string]: unknown } // checked below
  const inner = why(reason) || why(cause)
  return inner !== "" ? inner : typeof message === "string" ? message : ""
}

/** A process that submits work. */
export const client = (settings: Shared): Layer.Layer<Engine, ExecutorError> => {
  const config = shared(settings)
  return layer(settings, config, Sockets.client(settings, config), 8, `driver ${hostname()}/${process.pid}`)
}

/** A process that executes work. */
export const worker = (settings: Settings, threads: number): Layer.Layer<Engine, ExecutorError> => {
  const config: Config = {
    ...shared(settings),
    runnerAddress: Option.some(RunnerAddress.make(settings.host, settings.port)),
    runnerListenAddress: Option.map(Option.fromUndefinedOr(settings.listenHost), (host) =>
      RunnerAddress.make(host, settings.port)
    ),
    runnerShardWeight: threads,
    entityTerminationTimeout: settings.drain
  }
  return layer(settings, config, Sockets.worker(settings, config), 16, `worker ${settings.host}:${settings.port}`)
}
