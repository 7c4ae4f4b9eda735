/**
 * Campaign: several processes start the same runs and resume the same crashed ones at once; one process cancels the runs of
 * others; readers of many kinds follow the events of runs that log a lot. Prints what it counted and measured, and fails
 * where a count is wrong. (`npm run bench life` measures a thousand runs in one process.)
 *
 *     node --expose-gc test/campaign/life.ts [RUNS] [LINES]
 */
import { spawn, spawnSync } from "node:child_process"
import { existsSync, mkdtempSync, rmSync } from "node:fs"
import { hostname, tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Flow from "../../src/Flow.ts"
import * as Run from "../../src/Run.ts"
import { RunStore } from "../../src/RunStore.ts"
import * as Step from "../../src/Step.ts"
import * as Storage from "../../src/Storage.ts"
import { run as runRecord } from "../conformance/records.ts"

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
const talk = Step.make("talk", {
  input: { lines: Schema.Number },
  run: Effect.fnUntraced(function* ({ lines }) {
    for (let index = 0; index < lines; index++) {
      yield* Effect.log(`line ${index}`)
      if (index % 100 === 0) yield* Effect.sleep(5)
    }
  })
})
const TalkFlow = Flow.make("TalkFlow", {
  parameters: { lines: Schema.Number },
  steps: [talk],
  run: ({ lines }) => talk({ lines })
})

const milliseconds = Effect.map(Clock.monotonicTimeNanos, (nanos) => Number(nanos) / 1e6)

const megabytes = (bytes: number): number => Math.round(bytes / 1024 ** 2)

const [first = "20", second = "5000", directory = "", third = "", fourth = ""] = process.argv.slice(2)

const check = (what: string, actual: unknown, expected: unknown): void => {
  console.log(
    `${actual === expected ? "ok  " : "FAIL"} ${what}: ${actual}${actual === expected ? "" : `, not ${expected}`}`
  )
  if (actual !== expected) process.exitCode = 1
}

/** What this file does as a process of its own; its answer is a number on stdout. */
const child = (verb: string, directory: string, ...more: ReadonlyArray<number>): Promise<number> =>
  new Promise((resolve, reject) => {
    const path = fileURLToPath(import.meta.url)
    const process_ = spawn(process.execPath, ["--expose-gc", path, verb, "", directory, ...more.map(String)], {
      stdio: ["ignore", "pipe", "inherit"]
    })
    let text = ""
    process_.stdout.on("data", (chunk) => {
      text += chunk
    })
    process_.on("close", (code) =>
      code === 0 ? resolve(Number(text)) : reject(new Error(`${verb} ended with ${code}`))
    )
  })

const within = (directory: string) => Layer.mergeAll(Storage.layerLocal({ directory }), Logger.layer([]))

const childPrograms = {
  // Drives the runs whose events other processes read, and says how much its memory grew from the first to the last line.
  talk: Effect.gen(function* () {
    const [runs, lines] = [Number(third), Number(fourth)]
    yield* Flow.run(TalkFlow, { lines: 100 }) // so that everything is loaded
    globalThis.gc?.()
    const before = process.memoryUsage.rss()
    const handles = yield* Effect.forEach(
      Array.from({ length: runs }, (_, index) => index),
      (index) => Flow.start(TalkFlow, { lines }, { id: `talk-${index}` })
    )
    yield* Effect.forEach(handles, (handle) => handle.await, { concurrency: "unbounded" })
    globalThis.gc?.()
    return megabytes(process.memoryUsage.rss() - before)
  }),
  resume: Effect.gen(function* () {
    const handles = yield* Flow.resumeCrashed([FiveFlow])
    yield* Effect.forEach(handles, (handle) => handle.await, { concurrency: "unbounded" })
    return handles.length
  }),
  start: Effect.gen(function* () {
    yield* Effect.forEach(
      Array.from({ length: 250 }, (_, index) => index),
      (index) => Flow.run(FiveFlow, { x: index % 100 }, { id: `run-${index % 100}` }),
      { concurrency: 25 }
    )
    return 250
  })
}

const races = Effect.gen(function* () {
  const directory = mkdtempSync(join(tmpdir(), "effect-flow-life-"))
  const deadPid = spawnSync(process.execPath, ["--version"]).pid
  yield* Effect.gen(function* () {
    const store = yield* RunStore
    for (let index = 0; index < 50; index++) {
      const gone = { host: hostname(), pid: deadPid, flow: "FiveFlow", parameters: { x: index }, heartbeatAt: 1 }
      yield* store.claim({ run: runRecord(`crashed-${index}`, gone) })
    }
  }).pipe(Effect.provide(within(directory)))
  const resumed = yield* Effect.promise(() => Promise.all([1, 2, 3].map(() => child("resume", directory))))
  check(
    `resumptions of 50 crashed runs by 3 processes (${resumed.join(" + ")})`,
    resumed.reduce((a, b) => a + b),
    50
  )
  const records = yield* Effect.provide(Run.list({ flow: "FiveFlow" }), within(directory))
  check("runs that resumed one", new Set(records.flatMap(({ origin }) => origin ?? [])).size, 50)
  check("runs, crashed and resuming", records.length, 100)
  yield* Effect.promise(() => Promise.all([1, 2, 3, 4].map(() => child("start", directory))))
  const started = yield* Effect.provide(Run.list({ idPrefix: "run-" }), within(directory))
  check("runs of 1,000 starts with 100 ids by 4 processes", started.length, 100)
  check("of them succeeded", started.filter(({ status }) => status === "succeeded").length, 100)
  const tasks = yield* Effect.provide(
    Effect.forEach(started, (run) => Run.tasks(run)),
    within(directory)
  )
  check("their tasks", tasks.flat().length, 500)
  rmSync(directory, { recursive: true, force: true })
})

/** Times a cancellation by this process of a run in another one, for each way in which a run can wait. */
const cancellations = Effect.gen(function* () {
  const directory = mkdtempSync(join(tmpdir(), "effect-flow-cancel-"))
  const driver = fileURLToPath(new URL("../conformance/lifeProcess.ts", import.meta.url))
  for (const executor of ["fibers", "threads"]) {
    for (const how of ["step", "retry", "forEach", "called", "computing"]) {
      const id = `${executor}-${how}`
      const file = join(directory, id)
      const child = spawn(process.execPath, [driver, directory, id, file, how, executor], { stdio: "ignore" })
      const ended = new Promise((resolve) => child.on("close", resolve))
      while (!existsSync(file)) yield* Effect.sleep(5)
      const at = yield* milliseconds
      const { status } = yield* Effect.provide(Run.cancel(id), within(directory))
      const tookMs = Math.round((yield* milliseconds) - at)
      const rest = how === "computing" ? ", of which the step computes up to 400 ms" : ""
      check(
        `a run on ${executor} cancelled by another process (${how}), recorded after ${tookMs} ms${rest}`,
        status,
        "interrupted"
      )
      yield* Effect.promise(() => ended)
    }
  }
  rmSync(directory, { recursive: true, force: true })
})

const linesOf = (events: ReadonlyArray<Run.Event>): string =>
  events.flatMap((event) => (event._tag === "Logged" && event.task !== "" ? [event.message] : [])).join("\n")

const events = Effect.fnUntraced(function* (runs: number, lines: number) {
  const directory = mkdtempSync(join(tmpdir(), "effect-flow-events-"))
  const expected = Array.from({ length: lines }, (_, index) => `line ${index}`).join("\n")
  const alone = yield* Effect.promise(() => child("talk", directory, runs, lines))
  rmSync(directory, { recursive: true, force: true })
  const driver = child("talk", directory, runs, lines)
  const right = yield* Effect.forEach(
    Array.from({ length: runs }, (_, index) => `talk-${index}`),
    Effect.fnUntraced(function* (id) {
      while ((yield* Run.list({ idPrefix: id })).every((run) => run.id !== id)) yield* Effect.sleep(20)
      const slow = Stream.runCollect(
        Stream.tap(Run.events(id), (event) =>
          "attempt" in event && event.attempt === 1 && event.at % 50 === 0 ? Effect.sleep(1) : Effect.void
        )
      )
      const reconnecting = Effect.gen(function* () {
        const all: Array<Run.Event> = []
        while (all.at(-1)?._tag !== "RunFinished") {
          const part = Run.events(id, { after: all.at(-1)?.cursor }).pipe(Stream.take(997))
          all.push(...(yield* Stream.runCollect(part)))
        }
        return all
      })
      const late = Effect.andThen(
        Effect.promise(() => driver),
        Effect.suspend(() => Stream.runCollect(Run.events(id)))
      )
      const read = yield* Effect.all([slow, reconnecting, late], { concurrency: "unbounded" })
      return read.filter((events) => linesOf(events) === expected && events.length === lines + 6).length
    }),
    { concurrency: "unbounded" }
  ).pipe(Effect.provide(within(directory)))
  check(
    `readers that saw each of ${lines} lines once, in order (${runs} runs × 3)`,
    right.reduce((a, b) => a + b),
    runs * 3
  )
  const withReaders = yield* Effect.promise(() => driver)
  console.log(
    `     the driver's memory grew by ${withReaders} MB with readers in another process, by ${alone} MB without`
  )
  rmSync(directory, { recursive: true, force: true })
})

if (first === "resume" || first === "start" || first === "talk") {
  const count = await Effect.runPromise(Effect.provide(childPrograms[first], within(directory)))
  console.log(count)
} else {
  await Effect.runPromise(races)
  await Effect.runPromise(cancellations)
  await Effect.runPromise(events(Number(first), Number(second)))
}
