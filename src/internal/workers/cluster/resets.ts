/**
 * Puts claimed messages back, and does not forget those that it could not. Effect resets the messages of a shard that a worker
 * gets, and goes on if that fails: locks need no disk, so a worker gets shards even while the database's disk is full.
 * What an earlier worker had claimed would then belong to nobody. Here a reset that failed is done before the next claim.
 */
import type { PersistenceError } from "effect/cluster/ClusterError"
import type * as MessageStorage from "effect/cluster/MessageStorage"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"

type Resetting = Pick<MessageStorage.Encoded, "resetAddresses" | "resetRequests" | "resetShards">

/** The resets of a storage, and `redo`, which a claim of messages of some shards does first. */
export interface Resets extends Resetting {
  readonly redo: (shards: ReadonlyArray<string>) => Effect.Effect<void, PersistenceError>
}

/** Makes resets that remember what failed. */
export const make = (base: Resetting): Resets => {
  const shardsToReset = new Set<string>()
  const requestsToReset = new Set<Parameters<Resetting["resetRequests"]>[0][number]>()

  /** A reset takes what it is for off the list, and puts it back unless it succeeds: an interruption counts, too. */
  const remembering = <A>(list: Set<A>, items: ReadonlyArray<A>, reset: Effect.Effect<void, PersistenceError>) =>
    Effect.suspend(() => {
      for (const item of items) list.delete(item)
      return Effect.onExit(reset, (exit) =>
        Effect.sync(() => {
          if (Exit.isFailure(exit)) for (const item of items) list.add(item)
        })
      )
    })

  const resetShards: Resetting["resetShards"] = (shards) => remembering(shardsToReset, shards, base.resetShards(shards))
  const resetRequests: Resetting["resetRequests"] = (requests) =>
    remembering(requestsToReset, requests, base.resetRequests(requests))

  return {
    resetShards,
    resetRequests,
    // If it fails, the whole shards are reset. The engine skips what it is executing.
    resetAddresses: (addresses) =>
      remembering(
        shardsToReset,
        addresses.map(({ shardId }) => shardId.toString()),
        base.resetAddresses(addresses)
      ),
    redo: Effect.fnUntraced(function* (shards) {
      const [first, ...others] = shards.filter((shard) => shardsToReset.has(shard))
      if (first !== undefined) yield* resetShards([first, ...others])
      if (requestsToReset.size > 0) yield* resetRequests([...requestsToReset])
    })
  }
}
