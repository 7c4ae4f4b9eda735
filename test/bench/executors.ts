/**
 * What worker threads cost and give: a trivial task on them and on fibers, and tasks that compute, against what cores could
 * ideally do. It prints figures and never fails. Run it with `npx tsx test/bench/executors.ts`.
 */
import { mkdtemp, rm } from "node:fs/promises"
import { availableParallelism, tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Executor from "../../src/Executor.ts"
import * as Flow from "../../src/Flow.ts"
import * as Storage from "../../src/Storage.ts"
import * as Flows from "../executor/flows.ts"

const module = new URL("../executor/flows.ts", import.meta.url)

const print = (what: string, figure: string): void => console.log(`${what.padEnd(64)} ${figure}`)

const timed = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<number, E, R> =>
  Effect.suspend(() => {
    const start = performance.now()
    return Effect.map(effect, () => performance.now() - start)
  })

const storage = Layer.unwrap(
  Effect.map(
    Effect.acquireRelease(
      Effect.promise(() => mkdtemp(join(tmpdir(), "effect-flow-bench-"))),
      (path) => Effect.promise(() => rm(path, { recursive: true, force: true }))
    ),
    (directory) => Storage.layerLocal({ directory })
  )
)

const trivial = Effect.fnUntraced(function* (label: string) {
  const count = 2000
  yield* Flow.run(Flows.BusyFlow, { count: 200, milliseconds: 0 })
  for (const concurrency of [1, 8]) {
    const took = yield* timed(Flow.run(Flows.BusyFlow, { count, milliseconds: 0, concurrency }))
    print(`a trivial task ${label}, ${concurrency} at a time`, `${((took / count) * 1000).toFixed(0)} µs`)
  }
})

const busy = Effect.fnUntraced(function* (size: number) {
  const count = 8
  const milliseconds = 500
  yield* Flow.run(Flows.BusyFlow, { count: size * 2, milliseconds: 20 })
  const took = yield* timed(Flow.run(Flows.BusyFlow, { count, milliseconds }))
  const ideal = (count * milliseconds) / Math.min(size, availableParallelism())
  print(
    `${count} tasks of ${milliseconds} ms on ${size} threads`,
    `${took.toFixed(0)} ms, ${(took / ideal).toFixed(2)} times ideal (${ideal} ms)`
  )
})

const program = Effect.gen(function* () {
  print("cores", String(availableParallelism()))
  yield* Effect.provide(trivial("on fibers, local store"), Executor.layerFibers())
  yield* Effect.provide(trivial("on 2 threads, local store"), Executor.layerThreads({ module, size: 2 }))
  const cold = yield* timed(
    Effect.provide(Flow.run(Flows.BusyFlow, { count: 1, milliseconds: 0 }), Executor.layerThreads({ module, size: 2 }))
  )
  print("a run of one trivial task on threads, from nothing to their end", `${cold.toFixed(0)} ms`)
  yield* Effect.provide(busy(2), Executor.layerThreads({ module, size: 2 }))
}).pipe(Effect.provide([storage, Logger.layer([])]))

await Effect.runPromise(program)
