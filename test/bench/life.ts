/**
 * What runs cost an app that starts them: how long it takes from `Flow.start` to the first step's body, and the memory that
 * 1,000 concurrent runs of 5 tasks take of one process, in memory and on the local store. Each figure comes from a process of
 * its own that loads the built package, as a user's does: `npm run build:library` first.
 */
import { execFileSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { stripTypeScriptTypes } from "node:module"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Schema from "effect/Schema"
import { Flow, Step, Storage } from "effect-flow"

const double = Step.make("double", {
  input: { x: Schema.Number },
  output: { x: Schema.Number },
  run: ({ x }) => Effect.as(Effect.sleep(5), { x: x * 2 })
})
const FiveFlow = Flow.make("FiveFlow", {
  parameters: { x: Schema.Number },
  steps: [double],
  run: Effect.fnUntraced(function* ({ x }) {
    let state = yield* double({ x })
    for (let more = 0; more < 4; more++) state = yield* double(state)
    return state
  })
})

const milliseconds = Effect.map(Clock.monotonicTimeNanos, (nanos) => Number(nanos) / 1e6)
const toMegabytes = (bytes: number): number => Math.round(bytes / 1024 ** 2)

/** The median of the times from the start of a run to its first body, in milliseconds. */
const latency = Effect.gen(function* () {
  let begunMs = 0
  const first = Step.make("first", {
    run: () =>
      Effect.map(milliseconds, (now) => {
        begunMs = now
      })
  })
  const FirstFlow = Flow.make("FirstFlow", { steps: [first], run: () => first() })
  const timesMs: Array<number> = []
  for (let index = 0; index < 50; index++) {
    const startedMs = yield* milliseconds
    yield* (yield* Flow.start(FirstFlow, {})).await
    timesMs.push(begunMs - startedMs)
  }
  const [earliestMs] = timesMs
  timesMs.sort((a, b) => a - b)
  return `from start to the first body: ${timesMs[25]?.toFixed(2)} ms (median of 50; ${earliestMs?.toFixed(2)} ms for a process's first run)`
})

/** The memory of a process with many runs at once. */
const memory = Effect.gen(function* () {
  const loaded = process.memoryUsage.rss()
  const startedMs = yield* milliseconds
  const handles = yield* Effect.forEach(
    Array.from({ length: 1000 }, (_, x) => x),
    (x) => Flow.start(FiveFlow, { x }),
    { concurrency: "unbounded" }
  )
  yield* Effect.forEach(handles, (handle) => handle.await, { concurrency: "unbounded" })
  const seconds = ((yield* milliseconds) - startedMs) / 1000
  const peak = process.resourceUsage().maxRSS * 1024
  return `1,000 runs of 5 tasks at once: ${toMegabytes(peak)} MB at most, of which ${toMegabytes(loaded)} MB before the first run; ${seconds.toFixed(2)} s`
})

/** Executes one of the measurements in this process. */
const measure = (what: string, where: string): Promise<string> => {
  const directory = mkdtempSync(join(tmpdir(), "effect-flow-bench-"))
  const storage = where === "in memory" ? Storage.layerMemory : Storage.layerLocal({ directory })
  return Effect.runPromise(
    Effect.provide(what === "latency" ? latency : memory, Layer.merge(storage, Logger.layer([])))
  ).finally(() => rmSync(directory, { recursive: true, force: true }))
}

/** Executes one of the measurements in a process that has no conditions, no cache and no types to strip: as a user's. */
const apart = (what: string, where: string): string => {
  const { NODE_COMPILE_CACHE: _, NODE_OPTIONS: __, ...env } = process.env
  const code = stripTypeScriptTypes(readFileSync(import.meta.filename, "utf8"))
  const words = ["--input-type=module", "-e", code, what, where]
  const root = join(import.meta.dirname, "..", "..")
  return execFileSync(process.execPath, words, { cwd: root, encoding: "utf8", env }).trim()
}

if (process.argv[1] !== import.meta.filename) {
  // The code of this file, as `apart` executes it.
  const [what = "", where = ""] = process.argv.slice(1)
  console.log(await measure(what, where))
} else {
  for (const where of ["in memory", "on the local store"])
    for (const what of ["latency", "memory", "memory", "memory"]) console.log(`${where}: ${apart(what, where)}`)
}
