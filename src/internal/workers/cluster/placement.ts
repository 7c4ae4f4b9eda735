/**
 * Shares tasks out to workers. The cluster puts an execution where its id's hash says, which of six long tasks may give five
 * to one of two workers. So an attempt has a few ids that it could have, and gets the one whose worker has the least to do
 * for its threads, as far as this process knows. Where the attempt may have been asked for before, by a process that is
 * gone, the id that it got then is looked for first.
 */

import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as EntityAddress from "effect/cluster/EntityAddress"
import * as EntityId from "effect/cluster/EntityId"
import * as EntityType from "effect/cluster/EntityType"
import * as MessageStorage from "effect/cluster/MessageStorage"
import type { RunnerAddress } from "effect/cluster/RunnerAddress"
import * as RunnerStorage from "effect/cluster/RunnerStorage"
import * as Sharding from "effect/cluster/Sharding"
import * as Effect from "effect/Effect"
import * as HashRing from "effect/HashRing"
import * as Option from "effect/Option"
import * as Semaphore from "effect/Semaphore"
import { type Engine, shards } from "./engine.ts"
import { TaskWorkflow } from "./workflows.ts"

/** How many ids an attempt could have. */
const choices = 8

/** How long it is believed who the workers are, in milliseconds. */
const belief = 2000

/** Places attempts. */
export interface Placement {
  /**
   * Lends the id of an attempt's execution to an effect, and counts it as its worker's until that ends.
   *
   * @param askedBefore Whether another process may have asked for it.
   */
  readonly withId: <A, E, R>(
    attempt: string,
    askedBefore: boolean,
    use: (id: string) => Effect.Effect<A, E, R>
  ) => Effect.Effect<A, E, R>
}

/** The workers as they are known: each with what it can do at once, and which shards are whose. */
interface Workers {
  readonly at: number
  readonly weights: ReadonlyMap<string, number>
  readonly owners: ReadonlyArray<RunnerAddress>
}

/** A placement. */
export const make = (engine: Context.Context<Engine>): Placement => {
  const sharding = Context.get(engine, Sharding.Sharding)
  const runners = Context.get(engine, RunnerStorage.RunnerStorage)
  const messages = Context.get(engine, MessageStorage.MessageStorage)
  const one = Semaphore.makeUnsafe(1)
  const busy = new Map<string, number>()
  let known: Workers | undefined

  const idOf = (attempt: string, choice: number) => `${attempt}.${choice}`
  const shardOf = (id: string) => sharding.getShardId(EntityId.make(id), "default")

  const workers = one.withPermits(1)(
    Effect.gen(function* () {
      const now = Number(yield* Clock.monotonicTimeNanos) / 1e6
      if (known !== undefined && now - known.at < belief) return known
      const found = yield* Effect.orElseSucceed(runners.getRunners, () => [])
      const weights = new Map<string, number>()
      let ring = HashRing.make<RunnerAddress>()
      for (const [runner, healthy] of found) {
        if (!healthy) continue
        weights.set(keyOf(runner.address), runner.weight)
        ring = HashRing.add(ring, runner.address, { weight: runner.weight })
      }
      known = { at: now, weights, owners: HashRing.getShards(ring, shards) ?? [] }
      return known
    })
  )

  const exists = (id: string) => {
    const entityId = EntityId.make(id)
    const address = EntityAddress.make({
      entityType: EntityType.make(`Workflow/${TaskWorkflow._tag}`),
      entityId,
      shardId: shardOf(id)
    })
    return Effect.map(messages.requestIdForPrimaryKey({ address, tag: "run", id: "" }), Option.isSome)
  }

  const choose = Effect.fnUntraced(function* (attempt: string, askedBefore: boolean) {
    if (askedBefore) {
      for (let choice = 0; choice < choices; choice++) {
        if (yield* Effect.orElseSucceed(exists(idOf(attempt, choice)), () => false)) return idOf(attempt, choice)
      }
    }
    const { owners, weights } = yield* workers
    let best = idOf(attempt, 0)
    let least = Number.POSITIVE_INFINITY
    for (let choice = 0; choice < choices; choice++) {
      const id = idOf(attempt, choice)
      const owner = owners[shardOf(id).id - 1]
      if (owner === undefined) continue
      const key = keyOf(owner)
      const load = (busy.get(key) ?? 0) / (weights.get(key) ?? 1)
      if (load < least) {
        best = id
        least = load
      }
    }
    return best
  })

  return {
    withId: (attempt, askedBefore, use) =>
      Effect.flatMap(choose(attempt, askedBefore), (id) =>
        Effect.suspend(() => {
          const owner = known?.owners[shardOf(id).id - 1]
          const key = owner === undefined ? "" : keyOf(owner)
          busy.set(key, (busy.get(key) ?? 0) + 1)
          return Effect.ensuring(
            use(id),
            Effect.sync(() => busy.set(key, (busy.get(key) ?? 1) - 1))
          )
        })
      )
  }
}

const keyOf = ({ host, port }: RunnerAddress): string => `${host}:${port}`
