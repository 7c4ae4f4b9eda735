/**
 * Group commit. A caller enqueues its changes and waits; one fiber takes everything that has arrived and commits it in
 * one transaction. So the order of calls is kept, eight tasks that end at once share a commit, and a caller that does
 * not await the result only pays for the enqueue. If a batch is refused, its calls are tried one by one: a change that
 * can't be stored fails its own call only.
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
import { type Driver, StoreError } from "../../../RunStore.ts"
import * as Lost from "../lost.ts"
import * as Changes from "./changes.ts"
import type { Database } from "./database.ts"
import type { Fenced } from "./fence.ts"
import * as RecentBlobs from "./recentBlobs.ts"
import * as SqlRetry from "./retry.ts"
import type { WriteNow } from "./writeNow.ts"

interface Entry extends Changes.Write {
  readonly done: Deferred.Deferred<void, StoreError>
}

/** Writes changes and blobs together. */
export interface Writer {
  (write: Omit<Changes.Write, "now">): Effect.Effect<void, StoreError>
  /** Writes at once what was enqueued and not committed, and this after it, for a process that is about to end. */
  readonly now?: (write: Omit<Changes.Write, "now">) => void
}

/** Whether a later write of the same batch could present a token that this one replaces. */
const changesToken = ({ claim }: Entry): boolean => claim?.over !== undefined || claim?.origin !== undefined

/** Whether a single call was refused because of a token, or because the run that it claims as new is there. */
const isRefusal = (entries: ReadonlyArray<Entry>, error: SqlError | Fenced): entries is readonly [Entry] =>
  entries.length === 1 &&
  (error._tag === "Fenced" ||
    (entries[0]?.claim !== undefined && ["UniqueViolation", "ConstraintError"].includes(error.reason._tag)))

/** How long a writer that ends tries to move what is left of the recent artifacts. */
const lastMoveMs = 500

/**
 * How many calls may share a transaction. With more, SQLite is no faster, and a process with many runs keeps more in memory that
 * waits to be written; a Postgres server may be far away.
 */
const batchSizes = { sqlite: 128, pg: 512 } as const

/** A transaction of so many changes takes no further call: other processes wait for it, and their changes are in memory. */
const changesAtOnce = 16_384

/** Calls in the order in which they came, those of one transaction together. */
const transactionsOf = (entries: ReadonlyArray<Entry>): ReadonlyArray<ReadonlyArray<Entry>> => {
  let count = 0
  for (const { changes } of entries) count += changes.length
  if (count <= changesAtOnce) return [entries]
  const transactions: Array<Array<Entry>> = []
  count = changesAtOnce
  for (const entry of entries) {
    if (count >= changesAtOnce) {
      transactions.push([])
      count = 0
    }
    transactions.at(-1)?.push(entry)
    count += entry.changes.length
  }
  return transactions
}

/** A writer for a database that was opened for reading only. */
export const refusing =
  (database: Database): Writer =>
  () =>
    Effect.fail(
      new StoreError({ message: `${database.name} was opened for reading only: nothing can be written to it.` })
    )

/** Starts the writing fiber. When the scope closes, everything enqueued before is still written. */
export const make = Effect.fnUntraced(function* (
  database: Database,
  writeNow: WriteNow | undefined
): Effect.fn.Return<Writer, never, Scope.Scope> {
  const queue = yield* Queue.unbounded<Entry, Done>()
  const clock = yield* Clock.Clock
  const uncommitted = new Set<Entry>()
  /** By driver, the digests that its run refers to: a join over 10,000 tasks need not name their outputs again. */
  const referred = new WeakMap<Driver, Set<string>>()
  /** How many small artifacts this writer has stored, and how many of them since it last moved the recent ones. */
  let stored = 0
  let unmoved = 0
  const remember = ({ changes, driver }: Entry) => {
    const digests = driver === undefined ? undefined : referred.get(driver)
    if (digests === undefined) return
    for (const change of changes) {
      if (change._tag !== "Task" || change.task.run !== driver?.run) continue
      stored += change.blobs.length
      unmoved += change.blobs.length
      for (const { digest } of change.task.inputs) digests.add(digest)
      for (const { digest } of change.task.outputs) digests.add(digest)
    }
  }

  const commit = (entries: ReadonlyArray<Entry>): Effect.Effect<void, StoreError> =>
    database.orStoreError(
      "write to",
      Effect.catch(
        // Within an effect, so that a record which can't be put into SQL fails its own call and not the writing fiber.
        Effect.suspend(() => {
          const isLong = stored >= RecentBlobs.directCount
          const moves = isLong && unmoved >= RecentBlobs.movedAtOnce
          const statements = Changes.statements(entries, database.dialect, isLong)
          const written = database.write(
            moves ? [...statements, ...RecentBlobs.move(database.dialect)] : statements,
            Changes.fences(entries)
          )
          return Effect.map(written, () => {
            if (moves) unmoved = 0
          })
        }),
        (error): Effect.Effect<void, StoreError | SqlError> =>
          isRefusal(entries, error)
            ? refuse(entries[0])
            : error._tag === "Fenced"
              ? Effect.fail(new StoreError({ reason: "lost", message: error.message })) // its calls are tried one by one
              : Effect.fail(error)
      )
    )

  /** A write by a driver that no longer holds its run, or a claim of a run that another process has claimed. */
  const refuse = Effect.fnUntraced(function* ({ claim, driver }: Entry) {
    const find = (run: string) =>
      Effect.map(
        database.query("SELECT status, host, pid, driver FROM runs WHERE id = ?", [run]),
        ([row]) => row as (Lost.Holder & { readonly driver: string }) | undefined // its columns
      )
    if (claim === undefined) {
      const refused = driver ?? { run: "" }
      return yield* Lost.refusal(refused, yield* find(refused.run))
    }
    const run = yield* find(claim.run.id)
    // The claim went through, and its answer was lost with the connection.
    if (run !== undefined && run.driver === claim.token) return undefined
    const isFree =
      claim.over === undefined
        ? run === undefined
        : run?.driver === (claim.over.driver ?? "") && run.status === claim.over.status
    if (!isFree || claim.origin === undefined) return yield* Lost.error(claim.run.id, run)
    return yield* Lost.error(claim.origin.run, yield* find(claim.origin.run))
  })

  const settle = (entries: ReadonlyArray<Entry>): Effect.Effect<void> =>
    entries.length > 1 && entries.some(changesToken)
      ? settleOneByOne(entries)
      : Effect.flatMap(Effect.exit(commit(entries)), (exit) => {
          if (Exit.isFailure(exit) && entries.length > 1) return settleOneByOne(entries)
          for (const entry of entries) {
            uncommitted.delete(entry)
            if (Exit.isSuccess(exit)) remember(entry)
            Deferred.doneUnsafe(entry.done, exit)
          }
          return Effect.void
        })
  const settleOneByOne = (entries: ReadonlyArray<Entry>) =>
    Effect.forEach(entries, (entry) => settle([entry]), { discard: true })

  const writing = yield* Queue.takeBetween(queue, 1, batchSizes[database.dialect]).pipe(
    Effect.flatMap((entries) =>
      Effect.forEach(transactionsOf(entries), (entries) => Effect.andThen(settle(entries), database.stepAside), {
        discard: true
      })
    ),
    Effect.forever({ disableYield: true }),
    Effect.exit,
    Effect.forkDetach
  )
  // A program that ends does not wait for another one's lock: what is left is moved another time.
  const moveLast = Effect.suspend(() =>
    stored > RecentBlobs.directCount && unmoved > 0 && database.dialect === "sqlite"
      ? Effect.raceFirst(
          Effect.interruptible(Effect.ignoreCause(database.write(RecentBlobs.move(database.dialect), []))),
          SqlRetry.sleep(lastMoveMs)
        )
      : Effect.void
  )
  yield* Effect.addFinalizer(() =>
    Queue.end(queue).pipe(Effect.andThen(Fiber.await(writing)), Effect.andThen(moveLast))
  )

  const enqueue = (write: Omit<Changes.Write, "now">): Effect.Effect<void, StoreError> =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => {
      const { driver } = write
      if (driver !== undefined && !referred.has(driver)) referred.set(driver, new Set())
      const digests = driver === undefined ? undefined : referred.get(driver)
      const done = Deferred.makeUnsafe<void, StoreError>()
      const entry: Entry = { ...write, now, done, ...(digests === undefined ? undefined : { referred: digests }) }
      if (!Queue.offerUnsafe(queue, entry)) {
        return Effect.fail(
          new StoreError({ message: `${database.name} is closed: nothing can be written to it any more.` })
        )
      }
      uncommitted.add(entry)
      return Deferred.await(entry.done)
    })
  if (writeNow === undefined) return enqueue
  return Object.assign(enqueue, {
    now: (write: Omit<Changes.Write, "now">) => {
      const last = { ...write, now: clock.currentTimeMillisUnsafe() }
      const before = [...uncommitted].map(({ done: _done, referred: _referred, ...write }): Changes.Write => write)
      uncommitted.clear()
      try {
        writeNow([...before, last])
      } catch (cause) {
        // One of the earlier writes may be what can't be written.
        if (before.length === 0) throw cause
        writeNow([last])
      }
    }
  })
})
