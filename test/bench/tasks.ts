/**
 * What a task costs by itself: 10,000 trivial tasks, 8 at a time, in memory and on the local store; and one artifact of
 * 500 MB written and handed on, beside hashing and writing the same bytes by hand.
 */
import { execFileSync } from "node:child_process"
import { createHash } from "node:crypto"
import { fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs"
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

const Weights = Artifact.tensors({ weights: { dtype: "F32" } })
const use = Step.make("use", {
  input: { model: Weights },
  output: { length: Schema.Number },
  run: ({ model }) => Effect.succeed({ length: model.tensors.weights.data.length })
})
const largeFlow = (data: Float32Array<ArrayBuffer>) => {
  const make = Step.make("make", {
    output: { model: Weights },
    run: () =>
      Effect.succeed({
        model: { tensors: { weights: { dtype: "F32" as const, shape: [data.length], data } }, metadata: {} }
      })
  })
  return Flow.make("Large", { steps: [make, use], run: () => Effect.flatMap(make(), use) })
}

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
  for (const round of [1, 2]) {
    const byHand = apart("by-hand")
    const handed = apart("handed")
    console.log(
      `round ${round}: 500 MB written and handed on: ${handed.time.toFixed(0)} ms; hashed and written by hand: ${byHand.time.toFixed(0)} ms (ratio ${(handed.time / byHand.time).toFixed(2)}), and synced, as the store does: ${byHand.synced.toFixed(0)} ms (ratio ${(handed.time / byHand.synced).toFixed(2)}); memory at its peak ${(handed.peak / 5e8).toFixed(2)} times the size, by hand ${(byHand.peak / 5e8).toFixed(2)}`
    )
  }
  rmSync(directory, { recursive: true, force: true })
}

/** Runs one of the large ones in a process of its own, whose peak of memory is its alone. */
const apart = (
  which: "by-hand" | "handed"
): { readonly time: number; readonly synced: number; readonly peak: number } =>
  JSON.parse(execFileSync(process.execPath, [...process.execArgv, import.meta.filename, which], { encoding: "utf8" }))

const large = async (which: string | undefined) => {
  const data = new Float32Array(125_000_000)
  for (let i = 0; i < data.length; i += 1000) data[i] = i // every page is there
  const before = process.memoryUsage().rss - data.byteLength
  let sync = () => {}
  const spent = await time(async () => {
    if (which === "handed") {
      const layer = Storage.layerLocal({ directory: join(directory, "large") })
      await Effect.runPromise(Effect.provide(Flow.run(largeFlow(data), {}), layer))
      return
    }
    const bytes = new Uint8Array(data.buffer)
    const file = openSync(join(directory, "by-hand"), "w")
    sync = () => fdatasyncSync(file)
    createHash("sha256").update(bytes).digest()
    for (let i = 0; i < bytes.length; i += 1 << 24) writeSync(file, bytes, i, Math.min(1 << 24, bytes.length - i))
  })
  const synced = spent + (await time(async () => sync()))
  console.log(JSON.stringify({ time: spent, synced, peak: process.resourceUsage().maxRSS * 1024 - before }))
  rmSync(directory, { recursive: true, force: true })
}

if (import.meta.main) {
  const which = process.argv[2]
  await (which === "by-hand" || which === "handed" ? large(which) : run())
}
