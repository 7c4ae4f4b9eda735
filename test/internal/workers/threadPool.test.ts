/** A pool of worker threads ends a thread that has been idle for long, and starts another one for the next task. */
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import type { TaskDescription } from "../../../src/Executor.ts"
import * as ThreadPool from "../../../src/internal/workers/thread/pool.ts"
import type * as Thread from "../../../src/internal/workers/thread/thread.ts"
import { temporaryDirectory } from "../../support/directory.ts"

const task: TaskDescription = {
  flow: "WhereFlow",
  run: "run",
  step: "whoami",
  task: "whoami/1",
  attempt: 1,
  key: "key",
  occurrence: 0,
  version: "",
  tags: [],
  inputs: [],
  counts: {}
}

const work: Thread.Work = {
  task,
  blobs: [],
  level: "Info",
  sink: {
    log: () => {},
    metric: () => {},
    card: () => {},
    tags: () => Effect.void,
    checkpoint: () => Effect.void
  },
  begin: () => {},
  print: () => Effect.void
}

/** A pool, the name of the thread that executes a task in it, and what is done once all threads have ended. */
const make = Effect.gen(function* () {
  const directory = yield* temporaryDirectory
  const emptied = yield* Deferred.make<void>()
  const pool = yield* ThreadPool.make({
    module: new URL("../../executor/flows.ts", import.meta.url).href,
    store: { kind: "local", directory, sync: false },
    heapMegabytes: undefined,
    size: 2,
    idleLimitMs: 60_000,
    whenEmpty: Deferred.done(emptied, Exit.void)
  })
  return { pool, execute: Effect.map(pool.execute(work), ({ worker }) => worker), emptied }
})

describe("a pool of threads", () => {
  it.effect("ends a thread that was idle for its limit", () =>
    Effect.gen(function* () {
      const { emptied, execute } = yield* make
      assert.strictEqual(yield* execute, "thread-1")
      yield* TestClock.adjust("59 seconds")
      assert.strictEqual(yield* execute, "thread-1")
      yield* TestClock.adjust("50 seconds")
      assert.strictEqual(yield* execute, "thread-1")
      assert.isFalse(yield* Deferred.isDone(emptied))
      yield* TestClock.adjust("2 minutes")
      yield* Deferred.await(emptied) // the thread ends in its own time
      assert.strictEqual(yield* execute, "thread-2")
    }).pipe(Effect.scoped)
  )

  it.effect("ends on request a thread that only reported the flows, and none that executed a task", () =>
    Effect.gen(function* () {
      const { emptied, execute, pool } = yield* make
      assert.property(yield* pool.flows, "WhereFlow")
      yield* pool.endUnused
      assert.isTrue(yield* Deferred.isDone(emptied))
      assert.strictEqual(yield* execute, "thread-2")
      yield* pool.endUnused
      assert.strictEqual(yield* execute, "thread-2")
    }).pipe(Effect.scoped)
  )

  it.effect("keeps threads that were started late until what was built after the pool has ended", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const { execute } = yield* Scope.provide(make, scope)
      const atTheEnd = yield* Deferred.make<string, unknown>()
      yield* Scope.addFinalizer(scope, Deferred.into(execute, atTheEnd))
      assert.strictEqual(yield* execute, "thread-1")
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(yield* Deferred.await(atTheEnd), "thread-1")
    })
  )
})
