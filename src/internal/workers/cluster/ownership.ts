/**
 * Tracks whether an execution still belongs to this worker. Workers come and go, and each time the work is
 * redistributed: a worker hands over executions it has not started, or only watches, to their new owner.
 */

import type * as Context from "effect/Context"
import * as ClusterSchema from "effect/cluster/ClusterSchema"
import * as EntityId from "effect/cluster/EntityId"
import * as ShardId from "effect/cluster/ShardId"
import type * as Sharding from "effect/cluster/Sharding"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type { ShardLocksState } from "./shardLocks.ts"

const pollIntervalMs = 200

/** Ends when an execution no longer belongs to this worker, or when the worker is stopping. */
export const lost = Effect.fnUntraced(function* (sharding: Sharding.Sharding["Service"], executionId: string) {
  const shard = sharding.getShardId(EntityId.make(executionId), "default")
  while (sharding.hasShardId(shard)) yield* Effect.sleep(pollIntervalMs)
})

/** Whether an execution certainly belongs to this worker, which may have been suspended for a while. */
export const isCertain = Effect.fnUntraced(function* (
  sharding: Sharding.Sharding["Service"],
  locks: ShardLocksState,
  executionId: string
) {
  const shard = sharding.getShardId(EntityId.make(executionId), "default")
  return sharding.hasShardId(shard) && (yield* locks.isCertain(ShardId.toString(shard)))
})

/** Hands over this fiber's execution to its current owner. */
export const abandon: Effect.Effect<never> = Effect.interruptible(
  Effect.callback<never>(() => {
    const fiber = Fiber.getCurrent()
    fiber?.interruptUnsafe(fiber.id, ClusterSchema.Abandon.annotation as Context.Context<never>) // an annotation, not a service
  })
)
