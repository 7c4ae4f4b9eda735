/**
 * A number of worker threads that share the work. A thread is started when a task finds none idle, up to the pool's
 * size, and kept, or ended once it has been idle for long; one that died is replaced by the next that is needed. Tasks are
 * served in order of arrival.
 */
import * as NodeWorker from "@effect/platform-node/NodeWorker"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import { greatestDefaultBytes } from "../../artifact/valueCache.ts"
import { monotonicMs } from "../../monotonic.ts"
import type { Flows } from "./protocol.ts"
import * as Thread from "./thread.ts"

/** Threads of one module and one store. */
export interface Pool {
  /** The flows of the module, reported by the first thread. */
  readonly flows: Effect.Effect<Flows, unknown>
  /** Ends idle threads that have executed nothing yet: such as the one that reported the flows. */
  readonly endUnused: Effect.Effect<void>
  /** The number of busy threads and of waiting tasks. */
  readonly load: () => { readonly busy: number; readonly queued: number }
  /** Fails with `WorkerDied`, or as no thread could be started. */
  readonly execute: (work: Thread.Work) => Effect.Effect<Thread.Done, unknown>
  /** The same, but yields `undefined` if `letGo` ends before a thread is free, or if it then may not begin. */
  readonly executeUnless: (
    work: Thread.Work,
    letGo: Effect.Effect<void>,
    mayBegin: Effect.Effect<boolean>
  ) => Effect.Effect<Thread.Done | undefined, unknown>
}

interface IdleThread {
  readonly thread: Thread.Thread
  /** Milliseconds of a monotonic clock. */
  readonly since: number
}

/**
 * A pool that ends with its scope.
 *
 * @param options.idleLimitMs A thread that has been idle for longer is ended, and its memory is free. Default: it is kept.
 * @param options.whenEmpty Executed when the last thread was ended because all were idle.
 */
export const make = Effect.fnUntraced(function* (
  options: Omit<Thread.Options, "valueBytes"> & {
    readonly size: number
    readonly idleLimitMs?: number
    readonly whenEmpty?: Effect.Effect<void>
  }
) {
  // Of its own: it closes when the pool's turn has come. What was built after the pool, and still has tasks on threads then,
  // ends first, whenever those threads were started.
  const scope = yield* Scope.fork(yield* Effect.scope)
  const { idleLimitMs, size, whenEmpty = Effect.void, ...rest } = options
  const settings: Thread.Options = { ...rest, valueBytes: Math.floor(greatestDefaultBytes / size) }
  /** The longest idle first. */
  const idle: Array<IdleThread> = []
  const waiting = new Set<Deferred.Deferred<boolean>>() // in order of arrival
  const used = new WeakSet<Thread.Thread>()
  const executeOn = (thread: Thread.Thread, work: Thread.Work) => {
    used.add(thread)
    work.begin(thread.name)
    return thread.execute(work)
  }
  let free = size
  let started = 0

  const release = (): void => {
    const [next] = waiting
    if (next === undefined) free++
    else {
      waiting.delete(next)
      Deferred.doneUnsafe(next, Effect.succeed(true))
    }
  }
  /** Waits for its turn. The code that removes a waiter from the queue completes it. */
  const turn = (letGo: Effect.Effect<void> | undefined): Effect.Effect<boolean> =>
    Effect.gen(function* () {
      if (free > 0) {
        free--
        return true
      }
      const mine = Deferred.makeUnsafe<boolean>()
      waiting.add(mine)
      const leave = () => waiting.delete(mine) && Deferred.doneUnsafe(mine, Effect.succeed(false))
      const watcher =
        letGo === undefined ? undefined : yield* Effect.forkChild(Effect.andThen(letGo, Effect.sync(leave)))
      return yield* Deferred.await(mine).pipe(
        Effect.onInterrupt(() =>
          Effect.sync(() => {
            if (!waiting.delete(mine)) release()
          })
        ),
        watcher === undefined ? (self) => self : Effect.ensuring(Fiber.interrupt(watcher))
      )
    })

  const start = Effect.suspend(() => Thread.start(`thread-${++started}`, settings)).pipe(
    Effect.provide(NodeWorker.layerPlatform),
    Effect.tap((thread) => Scope.addFinalizer(scope, thread.close))
  )
  /** The most recently used thread, because its caches are warm. */
  const take: Effect.Effect<Thread.Thread, unknown> = Effect.suspend(() => {
    for (let last = idle.pop(); last !== undefined; last = idle.pop()) {
      if (last.thread.isAlive()) return Effect.succeed(last.thread)
    }
    return start
  })
  const giveBack = (thread: Thread.Thread) =>
    Effect.map(monotonicMs, (since) => {
      if (thread.isAlive()) idle.push({ thread, since })
    })
  const endWhere = Effect.fnUntraced(function* (isToEnd: (idle: IdleThread) => boolean) {
    for (let at = idle.findIndex(isToEnd); at >= 0; at = idle.findIndex(isToEnd)) {
      const [ended] = idle.splice(at, 1)
      if (ended !== undefined) yield* Effect.ignoreCause(ended.thread.close)
      if (idle.length === 0 && free === size) yield* whenEmpty
    }
  })
  if (idleLimitMs !== undefined) {
    const endIdle = Effect.flatMap(monotonicMs, (now) => endWhere(({ since }) => now - since >= idleLimitMs))
    yield* Effect.forkIn(Effect.forever(Effect.delay(endIdle, idleLimitMs / 2)), scope)
  }
  const withThread = <A, E>(
    use: (thread: Thread.Thread) => Effect.Effect<A, E>,
    letGo?: Effect.Effect<void>
  ): Effect.Effect<A | undefined, unknown> =>
    Effect.uninterruptibleMask((restore) =>
      Effect.flatMap(restore(turn(letGo)), (mine) =>
        mine
          ? Effect.flatMap(restore(take), (thread) => Effect.ensuring(restore(use(thread)), giveBack(thread))).pipe(
              Effect.ensuring(Effect.sync(release))
            )
          : Effect.succeed(undefined)
      )
    )

  let flows: Flows | undefined
  return {
    flows: Effect.suspend(() =>
      flows === undefined
        ? Effect.map(
            withThread((thread) => Effect.succeed(thread.flows)) as Effect.Effect<Flows, unknown>, // it is not let go
            (exported) => {
              flows = exported
              return exported
            }
          )
        : Effect.succeed(flows)
    ),
    endUnused: endWhere(({ thread }) => !used.has(thread)),
    load: () => ({ busy: size - free, queued: waiting.size }),
    execute: (work) => withThread((thread) => executeOn(thread, work)) as Effect.Effect<Thread.Done, unknown>, // it is not let go
    executeUnless: (work, letGo, mayBegin) =>
      withThread(
        (thread) => Effect.flatMap(mayBegin, (may) => (may ? executeOn(thread, work) : Effect.succeed(undefined))),
        letGo
      )
  } satisfies Pool
})
