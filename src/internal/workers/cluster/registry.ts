/**
 * The registry of workers: a table in which each worker describes itself: its flows and step versions, how busy it is,
 * whether it is draining. Drivers use it to place tasks, and operators read it.
 */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as SqlClient from "effect/sql/SqlClient"
import { ExecutorError } from "../../../Executor.ts"
import type { Any as AnyFlow } from "../../../Flow.ts"
import type { Definition, FlowDefinition } from "../../run/definition.ts"
import { comparableCode } from "./comparableCode.ts"
import { createTable, schema, whileAway } from "./connection.ts"
import type { Engine } from "./engine.ts"
import type { Shared } from "./settings.ts"

/** The steps of a worker's flows: each step's version, and the digest of its source if that can be read. */
export type Flows = {
  readonly [flow: string]: { readonly [step: string]: { readonly version: string; readonly code?: string } }
}

/** The versions of a flow's steps, by their names. */
export type StepVersions = { readonly [step: string]: string }

/** The versions of a flow's steps. */
export const stepVersions = ({ definitions }: Pick<FlowDefinition, "definitions">): StepVersions =>
  Object.fromEntries([...definitions.values()].map(({ name, version }) => [name, version]))

/** A worker. */
export interface WorkerRecord {
  /** `host:port`, the address at which drivers and other workers reach it. */
  readonly address: string
  /** The machine and the process id. */
  readonly host: string
  readonly pid: number
  /** The version of effect-flow. */
  readonly version: string
  readonly flows: Flows
  readonly threads: number
  /** The number of busy threads and of waiting tasks. */
  readonly busy: number
  readonly queued: number
  /** Whether it finishes its running tasks and accepts no new ones. */
  readonly draining: boolean
  /** The fingerprint of its secret; empty without one. */
  readonly secret: string
  /** The tokens of its blobs and of its run database; see `identity.ts`. */
  readonly blobs: string
  readonly store: string
  /** Milliseconds since the epoch, by the database's clock. */
  readonly startedAt: number
  readonly seenAt: number
}

/** The fields that change while a worker runs. */
export type State = Pick<WorkerRecord, "busy" | "queued" | "draining">

/** The registry of a group. */
export interface Registry {
  readonly register: (worker: Omit<WorkerRecord, "startedAt" | "seenAt">) => Effect.Effect<void>
  /** Renews a worker's registration. Yields whether an operator asked it to drain. */
  readonly beat: (address: string, state: State) => Effect.Effect<boolean>
  /** The group's workers that were seen within a lock's expiration. Waits for a database that is away. */
  readonly list: Effect.Effect<ReadonlyArray<WorkerRecord>>
  /** The same, but dies at once if the database is away. */
  readonly listNow: Effect.Effect<ReadonlyArray<WorkerRecord>>
}

/** The requirements for a worker: a whole flow, or a step in one version and with one source. */
export interface Needs {
  readonly flow: string
  /** The version of each of the flow's steps, where a run is to be continued that began with them. */
  readonly steps?: StepVersions | undefined
  readonly step?: string
  readonly version?: string
  readonly code?: string | undefined
  /** The tokens of the storage that a run's driver sees. */
  readonly storage?: Pick<WorkerRecord, "blobs" | "store"> | undefined
}

/** Refuses a process whose secret differs from the group's, because they could not connect. */
export const checkSecret = (workers: ReadonlyArray<WorkerRecord>, fingerprint: string, group: string) => {
  const other = workers.find(({ draining, secret }) => !draining && secret !== fingerprint)
  return other === undefined
    ? Effect.void
    : Effect.fail(
        new ExecutorError({
          reason: "settings",
          message: `Worker ${other.address} of group "${group}" has ${fingerprint === "" ? "a secret, and this process has none" : other.secret === "" ? "no secret, and this process has one" : "another secret than this process"}. Set EFFECT_FLOW_CLUSTER_SECRET to the same text in every worker and driver of a group.`
        })
      )
}

/** How long a worker with the same address must be silent to count as gone: more than two of its beats. */
const goneAfterMs = 5000

/** Refuses a worker whose address is in use by another live worker. */
export const checkAddress = Effect.fnUntraced(function* (registry: Registry, address: string) {
  const find = Effect.map(registry.list, (workers) =>
    workers.find((worker) => worker.address === address && !worker.draining)
  )
  const first = yield* find
  if (first === undefined) return
  yield* Effect.sleep(goneAfterMs)
  const second = yield* find
  if (second === undefined || second.seenAt === first.seenAt) return
  return yield* new ExecutorError({
    reason: "settings",
    message: `Another worker (process ${second.pid} on ${second.host}) has the address ${address}. Give this one an address of its own: EFFECT_FLOW_HOST is the name by which others reach this machine, EFFECT_FLOW_PORT the port.`
  })
})

/** Why a worker can't execute something, or `undefined` if it can. */
export const unable = (flows: Flows, needs: Needs): "flow" | "step" | "version" | "code" | undefined => {
  const steps = flows[needs.flow]
  if (steps === undefined) return "flow"
  for (const [name, version] of Object.entries(needs.steps ?? {})) {
    if (steps[name]?.version !== version) return "version"
  }
  if (needs.step === undefined) return undefined
  const step = steps[needs.step]
  if (step === undefined) return "step"
  if (needs.version !== undefined && step.version !== needs.version) return "version"
  return needs.code !== undefined && step.code !== undefined && step.code !== needs.code ? "code" : undefined
}

/** The steps that a module's flows have. */
export const describe = (flows: ReadonlyMap<string, AnyFlow>): Flows =>
  Object.fromEntries(
    [...flows].map(([name, flow]) => [
      name,
      Object.fromEntries(
        [...flow.definitions.values()].map((definition: Definition) => {
          const code = comparableCode(definition)
          return [definition.name, { version: definition.version, ...(code === undefined ? {} : { code }) }]
        })
      )
    ])
  )

/** The table of all groups' workers. */
export const table = `${schema}.workers`

/** Workers that were last seen this long ago are removed from the table. */
const forgottenAfter = "1 hour"

/** The columns that hold what a worker says of itself. */
const columns = [
  ...(["address", "host", "pid", "version", "flows", "threads"] as const),
  ...(["busy", "queued", "draining", "secret", "blobs", "store"] as const)
]

/** A row of the table. */
export interface Row extends Omit<WorkerRecord, "flows" | "startedAt" | "seenAt"> {
  readonly group_name: string
  readonly flows: string
  readonly started: number
  readonly seen: number
}

const millis = (column: string) => `(EXTRACT(EPOCH FROM ${column}) * 1000)::float8`

/** Selects rows. Times are in milliseconds since the epoch. */
export const select = `SELECT group_name, ${columns.join(", ")}, ${millis("started_at")} AS started, ${millis("seen_at")} AS seen FROM ${table}`

/** The worker that a row describes. */
export const fromRow = ({ flows, group_name: _, seen, started, ...rest }: Row): WorkerRecord => ({
  ...rest,
  flows: JSON.parse(flows),
  startedAt: started,
  seenAt: seen
})

/** Registers a worker, in place of an earlier one with its address. */
const register = `WITH forgotten AS (DELETE FROM ${table} WHERE seen_at < now() - INTERVAL '${forgottenAfter}')
INSERT INTO ${table} (group_name, ${columns.join(", ")}) VALUES ($1, ${columns.map((_, index) => `$${index + 2}`).join(", ")})
ON CONFLICT (group_name, address) DO UPDATE SET ${columns.map((name) => `${name} = excluded.${name}`).join(", ")},
  drain_asked = FALSE, started_at = now(), seen_at = now()`

/** Opens the registry of a group. Creates the table if it is missing. */
export const make = Effect.fnUntraced(function* (settings: Shared, engine: Context.Context<Engine>) {
  const sql = (yield* Effect.provideContext(SqlClient.SqlClient, engine)).withoutTransforms()
  const { group } = settings
  const seconds = Math.ceil(settings.lockExpiration / 1000)
  yield* Effect.orDie(
    createTable(
      sql,
      `${table} (
        group_name TEXT NOT NULL,
        address TEXT NOT NULL,
        host TEXT NOT NULL,
        pid INTEGER NOT NULL,
        version TEXT NOT NULL,
        flows TEXT NOT NULL,
        threads INTEGER NOT NULL,
        busy INTEGER NOT NULL,
        queued INTEGER NOT NULL,
        draining BOOLEAN NOT NULL,
        secret TEXT NOT NULL,
        blobs TEXT NOT NULL,
        store TEXT NOT NULL,
        drain_asked BOOLEAN NOT NULL DEFAULT FALSE,
        started_at TIMESTAMPTZ NOT NULL DEFAULT now(),
        seen_at TIMESTAMPTZ NOT NULL DEFAULT now(),
        PRIMARY KEY (group_name, address)
      )`
    )
  )
  const list = Effect.map(
    sql.unsafe<Row>(
      `${select} WHERE group_name = $1 AND seen_at > now() - INTERVAL '${seconds} seconds' ORDER BY address`,
      [group]
    ),
    (rows) => rows.map(fromRow)
  )
  return {
    register: (worker) => {
      const row = { ...worker, flows: JSON.stringify(worker.flows) }
      const values = columns.map((name) => row[name])
      return Effect.orDie(Effect.asVoid(whileAway(sql.unsafe(register, [group, ...values]))))
    },
    beat: (address, { busy, draining, queued }) =>
      Effect.map(
        Effect.orDie(
          sql.unsafe<{ readonly drain_asked: boolean }>(
            `UPDATE ${table} SET seen_at = greatest(seen_at, now()), busy = $3, queued = $4, draining = $5
             WHERE group_name = $1 AND address = $2 RETURNING drain_asked`,
            [group, address, busy, queued, draining]
          )
        ),
        ([row]) => row?.drain_asked === true
      ),
    list: Effect.orDie(whileAway(list)),
    listNow: Effect.orDie(list)
  } satisfies Registry as Registry
})
