/**
 * Chooses the worker that executes a task. The cluster places executions by hashing their ids, so with two workers one
 * may get five of six long tasks. An attempt therefore has many possible ids, and gets the one whose worker has the
 * least to do per thread, of those workers that have its flow and its step in the right version. If another process may
 * have requested the attempt before, its existing id is looked up first.
 */
import * as Context from "effect/Context"
import * as EntityId from "effect/cluster/EntityId"
import type { RunnerAddress } from "effect/cluster/RunnerAddress"
import * as RunnerStorage from "effect/cluster/RunnerStorage"
import * as Sharding from "effect/cluster/Sharding"
import * as Effect from "effect/Effect"
import * as HashRing from "effect/HashRing"
import * as Semaphore from "effect/Semaphore"
import * as SqlClient from "effect/sql/SqlClient"
import { monotonicMs } from "../../monotonic.ts"
import { type Engine, prefixOf, shards } from "./engine.ts"
import * as Identity from "./identity.ts"
import * as Registry from "./registry.ts"
import type { Shared } from "./settings.ts"

/** An attempt is placed on the least busy of this many workers that could execute it. */
const candidates = 8

/** The number of ids tried to find a worker that can execute the attempt. */
const mostChoices = 4 * shards

/** The interval at which the list of workers is read. */
const freshMs = 2000

/** The attempt to place. */
export interface Placed {
  /** The prefix of the ids. */
  readonly name: string
  readonly needs: Registry.Needs
  /** Ids whose worker refused the attempt. */
  readonly refused: ReadonlySet<string>
  /** Workers that refused. They say nothing else for a while than their registration did. */
  readonly refusedBy: ReadonlySet<string>
}

/** Why the attempt could not be placed. */
export type Unplaced =
  | { readonly _tag: "NoWorkers" }
  /** There are workers, and why each of them can't execute the attempt. */
  | {
      readonly _tag: "Unable"
      readonly workers: ReadonlyArray<{
        readonly worker: Registry.WorkerRecord
        readonly because: NonNullable<ReturnType<typeof Registry.unable>> | keyof Identity.Identity
      }>
    }

/** Places attempts. */
export interface Placement {
  /** The ids that an attempt already has, from any process. */
  readonly asked: (name: string) => Effect.Effect<ReadonlyArray<string>>
  /** An id that leads to a worker that can execute it. */
  readonly choose: (placed: Placed) => Effect.Effect<string | Unplaced>
  /** Counts an execution as its worker's load for as long as an effect lasts. */
  readonly counting: (id: string) => <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
}

/** The workers as they are known: what each has, and which shards are whose. */
interface Workers {
  readonly at: number
  readonly threads: ReadonlyMap<string, number>
  readonly records: ReadonlyMap<string, Registry.WorkerRecord>
  readonly owners: ReadonlyArray<RunnerAddress>
}

/** A placement. */
export const make = (settings: Shared, engine: Context.Context<Engine>, registry: Registry.Registry): Placement => {
  const sharding = Context.get(engine, Sharding.Sharding)
  const runners = Context.get(engine, RunnerStorage.RunnerStorage)
  const sql = Context.get(engine, SqlClient.SqlClient).withoutTransforms()
  const messages = `${prefixOf(settings.group)}_messages`
  const mutex = Semaphore.makeUnsafe(1)
  const busy = new Map<string, number>()
  let latest: Workers | undefined

  const shardOf = (id: string) => sharding.getShardId(EntityId.make(id), "default")
  const ownerOf = (id: string, owners: ReadonlyArray<RunnerAddress>) => {
    const owner = owners[shardOf(id).id - 1]
    return owner === undefined ? undefined : keyOf(owner)
  }

  const workers = mutex.withPermits(1)(
    Effect.gen(function* () {
      const now = yield* monotonicMs
      if (latest !== undefined && now - latest.at < freshMs) return latest
      const [registered, records] = yield* Effect.all(
        [
          Effect.orElseSucceed(runners.getRunners, () => []),
          Effect.catchCause(registry.listNow, () => Effect.succeed([...(latest?.records.values() ?? [])]))
        ],
        { concurrency: 2 }
      )
      const threads = new Map<string, number>()
      let ring = HashRing.make<RunnerAddress>()
      for (const [runner, healthy] of registered) {
        if (!healthy) continue
        threads.set(keyOf(runner.address), runner.weight)
        ring = HashRing.add(ring, runner.address, { weight: runner.weight })
      }
      latest = {
        at: now,
        threads,
        records: new Map(records.map((record) => [record.address, record])),
        owners: HashRing.getShards(ring, shards) ?? []
      }
      return latest
    })
  )

  const choose = Effect.fnUntraced(function* ({ name, needs, refused, refusedBy }: Placed) {
    const { owners, records, threads } = yield* workers
    const able = new Set<string>()
    const others: Array<Extract<Unplaced, { readonly _tag: "Unable" }>["workers"][number]> = []
    for (const address of threads.keys()) {
      const worker = records.get(address)
      const because =
        worker === undefined
          ? undefined
          : (Registry.unable(worker.flows, needs) ?? Identity.difference(worker, needs.storage))
      // A worker that is not registered may accept the attempt.
      if (because === undefined && !refusedBy.has(address) && worker?.draining !== true) able.add(address)
      if (because !== undefined && worker !== undefined) others.push({ worker, because })
    }
    if (threads.size === 0) return { _tag: "NoWorkers" } as const
    if (able.size === 0) return { _tag: "Unable", workers: others } as const
    let best: string | undefined
    let least = Number.POSITIVE_INFINITY
    for (let choice = 0, seen = 0; choice < mostChoices && seen < candidates; choice++) {
      const id = `${name}.${choice}`
      const owner = ownerOf(id, owners)
      if (owner === undefined || !able.has(owner) || refused.has(id)) continue
      seen++
      const load = (busy.get(owner) ?? 0) / (threads.get(owner) ?? 1)
      if (load < least) {
        best = id
        least = load
      }
    }
    // A new worker may not own a shard yet.
    return best ?? ({ _tag: "Unable", workers: others } as const)
  })

  return {
    choose,
    asked: (name) =>
      Effect.map(
        Effect.orDie(
          sql.unsafe<{ readonly entity_id: string }>(
            `SELECT DISTINCT entity_id FROM ${messages} WHERE starts_with(entity_id, $1)`,
            [`${name}.`]
          )
        ),
        (rows) => rows.map((row) => row.entity_id)
      ),
    counting: (id) => (self) =>
      Effect.suspend(() => {
        const owner = ownerOf(id, latest?.owners ?? []) ?? ""
        busy.set(owner, (busy.get(owner) ?? 0) + 1)
        return Effect.ensuring(
          self,
          Effect.sync(() => busy.set(owner, (busy.get(owner) ?? 1) - 1))
        )
      })
  }
}

const keyOf = ({ host, port }: RunnerAddress): string => `${host}:${port}`
