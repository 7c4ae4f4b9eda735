/**
 * What executors cost and give: a trivial task on fibers, on threads and on a cluster, and tasks that compute, against what
 * cores could ideally do. It prints figures and never fails. Run it with `npx tsx test/bench/executors.ts`; the cluster's
 * part starts a Postgres of its own, where its binaries are installed.
 */
import { availableParallelism } from "node:os"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Executor from "../../src/Executor.ts"
import * as Flow from "../../src/Flow.ts"
import * as ClusterEngine from "../../src/internal/workers/cluster/engine.ts"
import * as Storage from "../../src/Storage.ts"
import * as Bare from "../cluster/bare.ts"
import * as Postgres from "../cluster/postgres.ts"
import * as Processes from "../cluster/processes.ts"
import * as Flows from "../executor/flows.ts"
import { temporaryDirectory } from "../support/directory.ts"

const module = new URL("../executor/flows.ts", import.meta.url)

const print = (what: string, figure: string): void => console.log(`${what.padEnd(64)} ${figure}`)

const timed = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<number, E, R> =>
  Effect.suspend(() => {
    const start = performance.now()
    return Effect.map(effect, () => performance.now() - start)
  })

const storage = Layer.unwrap(Effect.map(temporaryDirectory, (directory) => Storage.layerLocal({ directory })))

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

// --- a cluster -----------------------------------------------------------------------------------------------------

const median = (values: ReadonlyArray<number>): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0

/** A task that does nothing against bare workflows that do nothing, in turns, since a machine has its moods. */
const against = Effect.fnUntraced(function* (database: string, count: number, concurrency: number) {
  const engine = yield* Layer.build(ClusterEngine.client(yield* Bare.settings(database)))
  const took = { bare: [] as Array<number>, child: [] as Array<number>, task: [] as Array<number> }
  for (let round = 0; round <= 7; round++) {
    const id = `${concurrency}/${round}`
    const bare = yield* timed(
      Effect.forEach(
        Array.from({ length: count }, (_, index) => `${id}/${index}`),
        (id) => Effect.provideContext(Bare.Bare.execute({ id }), engine),
        { concurrency, discard: true }
      )
    )
    const child = yield* Effect.provideContext(
      Bare.Parent.execute({ id: `${id}/parent`, count: count / 2, concurrency }),
      engine
    )
    const task = yield* timed(Flow.run(Flows.BusyFlow, { count, milliseconds: 0, concurrency }))
    if (round === 0) continue // everything is warm now
    took.bare.push(bare / count)
    took.child.push(child / (count / 2))
    took.task.push(task / count)
  }
  const [bare, child, task] = [median(took.bare), median(took.child), median(took.task)]
  print(
    `a trivial task on a cluster of 2 workers, ${concurrency} at a time`,
    `${task.toFixed(1)} ms: ${(task / child).toFixed(2)} times a bare child workflow (${child.toFixed(1)} ms), ${(task / bare).toFixed(2)} times one without a parent (${bare.toFixed(1)} ms)`
  )
})

const cluster = Effect.gen(function* () {
  const { url } = yield* Postgres.make({ durable: true })
  const directory = yield* temporaryDirectory
  const store = Storage.layerPostgres({ url, blobs: directory })
  const options = { database: url, blobs: directory, size: 1, lockExpiration: "15 seconds", patience: "20 seconds" }
  const layers = Layer.merge(store, Executor.layerCluster({ url }))
  const busy = Effect.fnUntraced(function* (workers: number) {
    yield* Flow.run(Flows.BusyFlow, { count: workers * 4, milliseconds: 1 })
    const took = yield* timed(Flow.run(Flows.BusyFlow, { count: 100, milliseconds: 100 }))
    const ideal = 10_000 / workers
    print(
      `100 tasks of 100 ms on a cluster of ${workers} workers`,
      `${took.toFixed(0)} ms, ${(took / ideal).toFixed(2)} times ideal (${ideal} ms)`
    )
    return took
  })
  yield* Processes.worker(options)
  const one = yield* Effect.provide(busy(1), layers)
  yield* Processes.worker(options)
  yield* Effect.sleep("3 seconds")
  const two = yield* Effect.provide(busy(2), layers)
  print("two workers against one", `${(one / two).toFixed(2)} times as fast`)

  for (let i = 0; i < 2; i++) yield* (yield* Processes.start("./bare.ts", { database: url })).prints("Working at")
  yield* Effect.sleep("3 seconds")
  yield* Effect.provide(against(url, 100, 1), layers)
  yield* Effect.provide(against(url, 200, 8), layers)
}).pipe(Effect.scoped)

const program = Effect.gen(function* () {
  print("cores", String(availableParallelism()))
  yield* Effect.provide(trivial("on fibers, local store"), Executor.layerFibers())
  yield* Effect.provide(trivial("on 2 threads, local store"), Executor.layerThreads({ module, size: 2 }))
  const cold = yield* timed(
    Effect.provide(Flow.run(Flows.BusyFlow, { count: 1, milliseconds: 0 }), Executor.layerThreads({ module, size: 2 }))
  )
  print("a run of one trivial task on threads, from nothing to their end", `${cold.toFixed(0)} ms`)
  yield* Effect.provide(busy(2), Executor.layerThreads({ module, size: 2 }))
  if (Postgres.binaries !== undefined) yield* cluster
}).pipe(Effect.provide([storage, Logger.layer([])]))

NodeRuntime.runMain(program)
