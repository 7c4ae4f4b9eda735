/**
 * What a task costs by itself: 10,000 trivial tasks, 8 at a time, in memory and on the local store; and one artifact of
 * 500 MB written and handed on, beside hashing and writing the same bytes by hand.
 */
import { createHash } from "node:crypto"
import { mkdtempSync, openSync, rmSync, writeSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Artifact, Flow, Step, Storage } from "effect-flow"

const tasks = 10_000

const increment = Step.make("increment", {
  input: { x: Schema.Number },
  output: { y: Schema.Number },
  run: ({ x }) => Effect.succeed({ y: x + 1 })
})

const Trivial = Flow.make("Trivial", {
  parameters: { tasks: Schema.Int },
  steps: [increment],
  run: ({ tasks }) =>
    Effect.asVoid(
      Step.forEach(
        Array.from({ length: tasks }, (_, i) => i),
        (x) => increment({ x }),
        { concurrency: 8 }
      )
    )
})

const large = Artifact.tensors({ weights: { dtype: "F32" } })
const make = Step.make("make", {
  output: { model: large },
  run: () => {
    const data = new Float32Array(125_000_000)
    for (let i = 0; i < data.length; i += 1000) data[i] = i
    return Effect.succeed({
      model: { tensors: { weights: { dtype: "F32" as const, shape: [data.length], data } }, metadata: {} }
    })
  }
})
const use = Step.make("use", {
  input: { model: large },
  output: { length: Schema.Number },
  run: ({ model }) => Effect.succeed({ length: model.tensors.weights.data.length })
})
const Large = Flow.make("Large", {
  steps: [make, use],
  run: () => Effect.flatMap(make(), use)
})

const time = async (body: () => Promise<unknown>) => {
  const start = performance.now()
  await body()
  return performance.now() - start
}

const directory = mkdtempSync(join(tmpdir(), "effect-flow-bench-"))
const inMemory = (count: number) =>
  Effect.runPromise(Effect.provide(Flow.run(Trivial, { tasks: count }), Storage.layerMemory))
const local = (count: number) =>
  Effect.runPromise(
    Effect.provide(Flow.run(Trivial, { tasks: count }), Storage.layerLocal({ directory: join(directory, "tasks") }))
  )

/** Prints the figures. */
export const run = async () => {
  await inMemory(1000) // the first tasks pay for compilation
  await local(1000)
  for (const round of [1, 2, 3]) {
    const memory = await time(() => inMemory(tasks))
    const disk = await time(() => local(tasks))
    console.log(
      `round ${round}: a trivial task costs ${((memory / tasks) * 1000).toFixed(1)} µs in memory, ${((disk / tasks) * 1000).toFixed(1)} µs on the local store`
    )
  }
  const bytes = new Uint8Array(500_000_000)
  const baseline = await time(async () => {
    const file = openSync(join(directory, "by-hand"), "w")
    createHash("sha256").update(bytes).digest()
    for (let i = 0; i < bytes.length; i += 1 << 24) writeSync(file, bytes, i, Math.min(1 << 24, bytes.length - i))
  })
  const before = process.memoryUsage().rss
  const handed = await time(() =>
    Effect.runPromise(Effect.provide(Flow.run(Large, {}), Storage.layerLocal({ directory: join(directory, "large") })))
  )
  const grown = process.resourceUsage().maxRSS * 1024 - before
  console.log(
    `500 MB written and handed on: ${handed.toFixed(0)} ms; hashed and written by hand: ${baseline.toFixed(0)} ms (ratio ${(handed / baseline).toFixed(2)}); memory ${(grown / 5e8).toFixed(2)} times its size`
  )
  rmSync(directory, { recursive: true, force: true })
}

if (import.meta.main) await run()
