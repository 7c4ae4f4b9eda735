/**
 * The settings by which the processes of a cluster find each other, and their timeouts: passed in code, or read from
 * the environment through `Config`, with defaults that are safe on one machine and on many.
 */
import * as Config from "effect/Config"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type { ArtifactStore } from "../../../ArtifactStore.ts"
import { ExecutorError } from "../../../Executor.ts"
import { settingIn } from "../../run/errorRecord.ts"
import { databaseUrl } from "../../store/location.ts"
import * as Group from "./group.ts"

/** The settings of drivers and workers. */
export interface Shared {
  /** The cluster's Postgres database. */
  readonly url: Redacted.Redacted
  /** The group: only workers with the same group are used. */
  readonly group: string
  /** How long to wait before other workers take over a dead worker's tasks, in milliseconds. */
  readonly lockExpiration: number
  /** How long a task waits for a worker that has its step's version, in milliseconds. */
  readonly waitForWorker: number
  /** The secret that processes need to connect to a worker. Without one, workers listen on loopback only. */
  readonly secret: Redacted.Redacted | undefined
  /** Whether a worker may execute other code under the same version. */
  readonly allowOtherCode: boolean
}

/** The additional settings of a worker. */
export interface Settings extends Shared {
  /** Where other processes reach it. */
  readonly host: string
  /** 0 selects any free port. */
  readonly port: number
  readonly listenHost: string | undefined
  readonly health: "ping" | "k8s"
  /** The port of the health endpoint; none without it. */
  readonly healthPort: number | undefined
  readonly namespace: string | undefined
  readonly labels: string | undefined
  readonly threads: number | undefined
  readonly heapMegabytes: number | undefined
  /** How long a thread without a task is kept, in milliseconds. */
  readonly threadIdle: number
  /** How long a stopping worker waits for its tasks, in milliseconds. */
  readonly drain: number
  /** How long a run's driver may be silent before a worker continues the run, in milliseconds. */
  readonly patience: number
}

const optional = <A>(config: Config.Config<A>): Config.Config<A | undefined> =>
  Config.map(Config.option(config), Option.getOrUndefined)

const milliseconds = (name: string, byDefault: Duration.Input): Config.Config<number> =>
  Config.map(Config.withDefault(Config.Duration(name), Duration.fromInputUnsafe(byDefault)), (duration) =>
    Duration.toMillis(duration)
  )

/**
 * From the environment:
 *
 * | variable | means | default |
 * | --- | --- | --- |
 * | `EFFECT_FLOW_DATABASE_URL` | the cluster's Postgres database | the store's |
 * | `EFFECT_FLOW_GROUP` | which workers take a run's tasks | the name of the package in whose directory the process runs |
 * | `EFFECT_FLOW_SHARD_LOCK_EXPIRATION` | how long a worker that is gone keeps its tasks | `15 seconds` |
 * | `EFFECT_FLOW_CLUSTER_SECRET` | what every process must know to connect to a worker | workers listen on loopback only |
 * | `EFFECT_FLOW_WAIT_FOR_WORKER` | how long a task waits, while workers are there, for one that has its step's version | `1 minute` |
 * | `EFFECT_FLOW_ALLOW_OTHER_CODE` | whether a worker may execute other code under the same version | `false` |
 * | `EFFECT_FLOW_HOST` | the name or address by which other processes reach a worker | `localhost` |
 * | `EFFECT_FLOW_PORT` | its port | any that is free |
 * | `EFFECT_FLOW_LISTEN_HOST` | the address it listens at | its host |
 * | `EFFECT_FLOW_THREADS` | how many tasks a worker executes at once | its cores |
 * | `EFFECT_FLOW_HEAP_MEGABYTES` | the heap of each of its threads | Node's choice |
 * | `EFFECT_FLOW_THREAD_IDLE` | how long a thread without a task is kept | `5 minutes` |
 * | `EFFECT_FLOW_DRAIN` | how long a worker that is told to stop waits for its tasks | `25 seconds` |
 * | `EFFECT_FLOW_DRIVER_PATIENCE` | how long a run's driver may be silent before a worker goes on with the run | `20 seconds` |
 * | `EFFECT_FLOW_HEALTH` | how workers are found dead: `ping` or `k8s` | `ping` |
 * | `EFFECT_FLOW_HEALTH_PORT` | the port of a worker's health endpoint | none |
 * | `EFFECT_FLOW_K8S_NAMESPACE`, `EFFECT_FLOW_K8S_LABELS` | the workers' pods, for `k8s` | all of its namespace |
 */
export const config = Config.all({
  url: optional(Config.Redacted("EFFECT_FLOW_DATABASE_URL")),
  group: optional(Config.NonEmptyString("EFFECT_FLOW_GROUP")),
  lockExpiration: milliseconds("EFFECT_FLOW_SHARD_LOCK_EXPIRATION", "15 seconds"),
  secret: optional(Config.Redacted("EFFECT_FLOW_CLUSTER_SECRET")),
  waitForWorker: milliseconds("EFFECT_FLOW_WAIT_FOR_WORKER", "1 minute"),
  allowOtherCode: Config.withDefault(Config.Boolean("EFFECT_FLOW_ALLOW_OTHER_CODE"), false),
  host: Config.withDefault(Config.NonEmptyString("EFFECT_FLOW_HOST"), "localhost"),
  port: Config.withDefault(Config.Int("EFFECT_FLOW_PORT"), 0),
  listenHost: optional(Config.NonEmptyString("EFFECT_FLOW_LISTEN_HOST")),
  health: Config.withDefault(Config.Literals(["ping", "k8s"], "EFFECT_FLOW_HEALTH"), "ping"),
  healthPort: optional(Config.Int("EFFECT_FLOW_HEALTH_PORT")),
  namespace: optional(Config.NonEmptyString("EFFECT_FLOW_K8S_NAMESPACE")),
  labels: optional(Config.NonEmptyString("EFFECT_FLOW_K8S_LABELS")),
  threads: optional(Config.Int("EFFECT_FLOW_THREADS")),
  heapMegabytes: optional(Config.Int("EFFECT_FLOW_HEAP_MEGABYTES")),
  threadIdle: milliseconds("EFFECT_FLOW_THREAD_IDLE", "5 minutes"),
  drain: milliseconds("EFFECT_FLOW_DRAIN", "25 seconds"),
  patience: milliseconds("EFFECT_FLOW_DRIVER_PATIENCE", "20 seconds")
})

/** A schema's words for what a setting takes, and ours. */
const expectations: { readonly [expected: string]: string } = {
  "a string representing a finite number": "a whole number",
  "an integer": "a whole number",
  "a valid Duration string": 'a duration, such as "30 seconds"',
  '"ping" | "k8s"': '"ping" or "k8s"'
}

/** A sentence that names the setting. */
const problemIn = ({ message }: { readonly message: string }): string => {
  const setting = settingIn(message)
  if (setting === undefined) return message
  const { expected, name } = setting
  return `${name} must be ${expected.startsWith('"true" | ') ? "true or false" : (expectations[expected] ?? expected)}.`
}

/** Settings passed in code, which override the environment. */
export type Given = { readonly [K in keyof Settings]?: Settings[K] | undefined }

/** The settings, from code or the environment. The database defaults to the store's. */
export const load = Effect.fnUntraced(function* (
  given: Given,
  store: ArtifactStore["Service"]
): Effect.fn.Return<Settings, ExecutorError> {
  const configured = yield* Effect.mapError(
    config,
    (error) =>
      new ExecutorError({ reason: "settings", message: `The cluster's settings are invalid: ${problemIn(error)}` })
  )
  const here = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Given // without holes
  const url = given.url ?? configured.url ?? databaseUrl(store.location)
  if (url === undefined) {
    return yield* new ExecutorError({
      reason: "settings",
      message:
        "A cluster needs a Postgres database for its work. Provide Storage.layerPostgres, give the cluster a `url`, or set EFFECT_FLOW_DATABASE_URL=postgres://user:password@host/database."
    })
  }
  const group = here.group ?? configured.group ?? Group.byDefault(process.cwd())
  const settings = { ...configured, ...here, url, group } as Settings // every hole is filled by what was found
  if (!/^[a-z][a-z0-9_]{0,23}$/.test(settings.group)) {
    return yield* new ExecutorError({
      reason: "settings",
      message: `"${settings.group}" can't name a group of workers: a name has at most 24 lower-case letters, digits and "_", a letter first.`
    })
  }
  const outside = limits.find(({ least, most, setting }) => {
    const given = settings[setting]
    return given !== undefined && !(Number.isInteger(given) && given >= least && given <= most)
  })
  if (outside !== undefined) {
    const { least, most, setting, variable } = outside
    return yield* new ExecutorError({
      reason: "settings",
      message: `${variable} must be a whole number ${most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`}, but it is ${settings[setting]}.`
    })
  }
  return settings
})

/** What the numbers among the settings may be. */
const limits = [
  { setting: "port", variable: "EFFECT_FLOW_PORT", least: 0, most: 65_535 },
  { setting: "healthPort", variable: "EFFECT_FLOW_HEALTH_PORT", least: 0, most: 65_535 },
  { setting: "threads", variable: "EFFECT_FLOW_THREADS", least: 1, most: Number.MAX_SAFE_INTEGER },
  { setting: "heapMegabytes", variable: "EFFECT_FLOW_HEAP_MEGABYTES", least: 1, most: Number.MAX_SAFE_INTEGER }
] as const

/** Whether only this machine can reach a host. */
export const isLoopback = (host: string): boolean =>
  host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host)

/** Refuses a worker without a secret that other machines could reach. */
export const checkReach = ({ host, listenHost, secret }: Settings): Effect.Effect<void, ExecutorError> => {
  const open = [host, listenHost].find((name) => name !== undefined && !isLoopback(name))
  return secret !== undefined || open === undefined
    ? Effect.void
    : Effect.fail(
        new ExecutorError({
          reason: "settings",
          message: `Other machines could reach this worker at ${open}, and there is no secret. Set EFFECT_FLOW_CLUSTER_SECRET to the same long random text in every worker and driver (openssl rand -hex 32 makes one), or leave EFFECT_FLOW_HOST out to work on this machine alone.`
        })
      )
}

/** A database URL for messages, without its password. */
export const showUrl = (url: Redacted.Redacted): string => {
  const parsed = URL.parse(Redacted.value(url))
  if (parsed === null) return "the cluster's database (its URL can't be read)"
  parsed.password = ""
  return `${parsed.protocol}//${parsed.username === "" ? "" : `${parsed.username}@`}${parsed.host}${parsed.pathname}`
}
