/**
 * A number of worker threads that share the work. A thread is started when a task finds none idle, up to the pool's size,
 * and kept; one that died is replaced by the next that is needed. Who comes first is served first.
 */
import * as NodeWorker from "@effect/platform-node/NodeWorker"
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as Thread from "./thread.ts"
import type { Flows } from "./threadProtocol.ts"

/** Threads of one module and one store. */
export interface Pool {
  /** What the module has; the first thread says it. */
  readonly flows: Effect.Effect<Flows, unknown>
  /** Fails with `WorkerDied`, or as no thread could be started. */
  readonly execute: (work: Thread.Work) => Effect.Effect<Thread.Done, unknown>
}

/** A pool that ends with its scope. */
export const make = Effect.fnUntraced(function* (options: Thread.Options & { readonly size: number }) {
  const scope = yield* Effect.scope
  const { size, ...settings } = options
  const permits = yield* Semaphore.make(size)
  const idle: Array<Thread.Thread> = []
  let started = 0

  const start = Effect.suspend(() => Thread.start(`thread-${++started}`, settings)).pipe(
    Effect.provide(NodeWorker.layerPlatform),
    Effect.tap((thread) => Scope.addFinalizer(scope, thread.close))
  )
  /** The one that was used last, since its caches are warm. */
  const take: Effect.Effect<Thread.Thread, unknown> = Effect.suspend(() => {
    for (let thread = idle.pop(); thread !== undefined; thread = idle.pop()) {
      if (thread.isAlive()) return Effect.succeed(thread)
    }
    return start
  })
  const giveBack = (thread: Thread.Thread): Effect.Effect<void> =>
    Effect.sync(() => {
      if (thread.isAlive()) idle.push(thread)
    })
  const withThread = <A, E>(use: (thread: Thread.Thread) => Effect.Effect<A, E>): Effect.Effect<A, unknown> =>
    permits.withPermits(1)(
      Effect.uninterruptibleMask((restore) =>
        Effect.flatMap(restore(take), (thread) => Effect.onExit(restore(use(thread)), () => giveBack(thread)))
      )
    )

  let flows: Flows | undefined
  return {
    flows: Effect.suspend(() =>
      flows === undefined
        ? withThread((thread) =>
            Effect.sync(() => {
              flows = thread.flows
              return thread.flows
            })
          )
        : Effect.succeed(flows)
    ),
    execute: (work) => withThread((thread) => thread.execute(work))
  } satisfies Pool
})
