/**
 * Wide and long graphs: a foreach of 10,000 tasks with a join on the local store, and whether ten times as many cost ten
 * times as much, in time and memory; the same resumed; and the plan of a flow of 1,000 steps.
 */
import { execFileSync } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { Flow, Plan, Step, Storage } from "effect-flow"

const list = Step.make("list", {
  input: { length: Schema.Int },
  output: { items: Schema.Array(Schema.Int) },
  run: ({ length }) => Effect.succeed({ items: Array.from({ length }, (_, index) => index) })
})
const square = Step.make("square", {
  input: { item: Schema.Int },
  output: { y: Schema.Number },
  run: ({ item }) => Effect.succeed({ y: item * item })
})
const sum = Step.join(
  "sum",
  { squares: Step.many(square) },
  {
    output: { total: Schema.Number },
    run: ({ squares }) => Effect.succeed({ total: squares.reduce((total, { y }) => total + y, 0) })
  }
)
const Wide = Flow.make("Wide", {
  parameters: { length: Schema.Int },
  steps: [list, square, sum],
  run: Effect.fnUntraced(function* ({ length }) {
    const { items } = yield* list({ length })
    const { total } = yield* sum({ squares: Step.forEach(items, (item) => square({ item })) })
    return yield* total
  })
})

const timed = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.suspend(() => {
    const start = performance.now()
    return Effect.map(effect, () => performance.now() - start)
  })

/** In this process: how long a run took, its resume on the store opened anew, and how much memory at most. */
const measure = async (length: number, store: string) => {
  const directory = mkdtempSync(join(tmpdir(), "effect-flow-bench-"))
  const before = process.memoryUsage().rss
  const run = Effect.gen(function* () {
    yield* Flow.run(Wide, { length: 200 }) // the first tasks pay for compilation
    const run = yield* timed(Flow.run(Wide, { length }))
    return { run, peak: process.resourceUsage().maxRSS * 1024 - before }
  })
  const resumed = Effect.map(timed(Flow.resume(Wide)), (resumed) => ({ resumed }))
  const local = () => Layer.fresh(Storage.layerLocal({ directory }))
  const [first, second] = await Effect.runPromise(
    store === "memory"
      ? Effect.provide(Effect.all([run, resumed]), Storage.layerMemory)
      : Effect.all([Effect.provide(run, local()), Effect.provide(resumed, local())])
  )
  console.log(JSON.stringify({ ...first, ...second }))
  rmSync(directory, { recursive: true, force: true })
}

/** Each size in a process of its own, so that it has a peak of its own. */
const inProcess = (length: number, store: string): { run: number; resumed: number; peak: number } =>
  JSON.parse(
    execFileSync(process.execPath, [...process.execArgv, fileURLToPath(import.meta.url), String(length), store], {
      encoding: "utf8"
    })
  )

const planning = async () => {
  const steps = Array.from({ length: 1000 }, (_, index) =>
    Step.make(`step${index}`, {
      input: { x: Schema.Number },
      output: { x: Schema.Number },
      run: ({ x }) => Effect.succeed({ x })
    })
  )
  const Long = Flow.make("Long", {
    steps,
    run: Effect.fnUntraced(function* () {
      let state: { readonly x: any } = { x: 0 }
      for (const step of steps) state = yield* step(state)
      return state
    })
  })
  for (const round of ["the first time", "again"]) {
    const milliseconds = await Effect.runPromise(timed(Plan.make(Long, {})))
    console.log(`the plan of a flow of 1,000 steps takes ${milliseconds.toFixed(1)} ms (${round})`)
  }
}

/** Prints the figures. */
export const run = async () => {
  for (const store of ["memory", "local"]) {
    let per = 0
    for (const length of [10_000, 100_000]) {
      const { peak, resumed, run } = inProcess(length, store)
      const growth = per === 0 ? "" : `; ${(run / length / per).toFixed(2)} times as much a task`
      per = run / length
      console.log(
        `${store}: a foreach of ${length} tasks and its join take ${(run / 1000).toFixed(2)} s (${(per * 1000).toFixed(0)} µs a task${growth}), resumed ${(resumed / 1000).toFixed(2)} s, at most ${(peak / 1e6).toFixed(0)} MB more`
      )
    }
  }
  await planning()
}

const [, , length, store] = process.argv
if (import.meta.main) await (length === undefined ? run() : measure(Number(length), store ?? "local"))
