/**
 * Group commit. A caller enqueues its changes and waits; one fiber takes everything that has arrived and commits it in one transaction. So
 * the order of calls is kept, eight tasks that end at once share a commit, and a caller that does not await the result only pays for the
 * enqueue. If a batch is refused, its calls are tried one by one: a change that can't be stored fails its own call only.
 */

import type { Done } from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import type { SqlError } from "effect/sql/SqlError"
import { StoreError } from "../../../RunStore.ts"
import * as Changes from "./changes.ts"
import type { Database } from "./database.ts"

interface Entry extends Changes.Write {
  readonly done: Deferred.Deferred<void, StoreError>
}

/** Writes changes and blobs together. */
export type Writer = (write: Pick<Changes.Write, "changes" | "blobs">) => Effect.Effect<void, StoreError>

/** How many calls may share a transaction. */
const batchSize = 512

/** A writer for a database that was opened for reading only. */
export const refusing =
  (database: Database): Writer =>
  () =>
    Effect.fail(
      new StoreError({ message: `${database.name} was opened for reading only: nothing can be written to it.` })
    )

/** Starts the writing fiber. When the scope closes, everything enqueued before is still written. */
export const make = Effect.fnUntraced(function* (database: Database): Effect.fn.Return<Writer, never, Scope.Scope> {
  const queue = yield* Queue.unbounded<Entry, Done>()

  // Within an effect, so that a record which can't be put into SQL fails its own call and not the writing fiber.
  const commit = (entries: ReadonlyArray<Entry>): Effect.Effect<void, SqlError> =>
    Effect.suspend(() => database.write(Changes.statements(entries, database.dialect)))

  const settle = (entries: ReadonlyArray<Entry>): Effect.Effect<void> =>
    Effect.flatMap(Effect.exit(database.orStoreError("write to", commit(entries))), (exit) => {
      if (Exit.isSuccess(exit) || entries.length === 1) {
        for (const entry of entries) Deferred.doneUnsafe(entry.done, exit)
        return Effect.void
      }
      return Effect.forEach(entries, (entry) => settle([entry]), { discard: true })
    })

  const writing = yield* Queue.takeBetween(queue, 1, batchSize).pipe(
    Effect.flatMap(settle),
    Effect.andThen(database.stepAside),
    Effect.forever({ disableYield: true }),
    Effect.exit,
    Effect.forkDetach
  )
  yield* Effect.addFinalizer(() => Effect.andThen(Queue.end(queue), Fiber.await(writing)))

  return (write) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => {
      const done = Deferred.makeUnsafe<void, StoreError>()
      return Queue.offerUnsafe(queue, { ...write, now, done })
        ? Deferred.await(done)
        : Effect.fail(new StoreError({ message: `${database.name} is closed: nothing can be written to it any more.` }))
    })
})
