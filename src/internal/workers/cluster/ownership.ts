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
import * as Schedule from "effect/Schedule"
import type { ShardLocksState } from "./shardLocks.ts"

const pollIntervalMs = 200
const releasePollMs = 20

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

/**
 * Waits at a worker's end for the shards that are being handed over to another worker. Their tasks may finish first, but the
 * engine that is shutting down waits for the tasks of its own shards only: without a wait, the result of a task whose shard
 * a new worker was about to take would be lost, and that worker would execute it again.
 */
export const handover = (sharding: Sharding.Sharding["Service"], locks: ShardLocksState, limitMs: number) => {
  let waiting: Effect.Effect<unknown> = Effect.void
  return {
    /** Begins to wait; before the shutdown, from which on no shard counts as this worker's. */
    begin: Effect.suspend(() => {
      const leaving = [...locks.held()].filter((shard) => !sharding.hasShardId(ShardId.fromString(shard)))
      const isLeaving = Effect.sync(() => leaving.some((shard) => locks.held().has(shard)))
      return Effect.repeat(isLeaving, { while: (is) => is, schedule: Schedule.spaced(releasePollMs) }).pipe(
        Effect.timeoutOption(limitMs),
        Effect.interruptible,
        Effect.forkDetach,
        Effect.flatMap((fiber) =>
          Effect.sync(() => {
            waiting = Fiber.await(fiber)
          })
        )
      )
    }),
    /** Ends when the last of them has been released, or the limit is over. */
    ended: Effect.suspend(() => waiting)
  }
}

/** Hands over this fiber's execution to its current owner. */
export const abandon: Effect.Effect<never> = Effect.interruptible(
  Effect.callback<never>(() => {
    const fiber = Fiber.getCurrent()
    fiber?.interruptUnsafe(fiber.id, ClusterSchema.Abandon.annotation as Context.Context<never>) // an annotation, not a service
  })
)
