/**
 * What a live page takes in memory over time: a run that goes on for minutes, with a task, a metric and log lines many
 * times a second, on an open page. It prints the page's heap after a collection, again and again, and never fails. Run it with
 * `npx tsx test/bench/uiMemory.ts [MINUTES]`.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Effect from "effect/Effect"
import * as RunId from "../../src/internal/run/runId.ts"
import { RunStore } from "../../src/RunStore.ts"
import * as Storage from "../../src/Storage.ts"
import { launch } from "../browser/browser.ts"
import { serve } from "../browser/processes.ts"
import { line, putRun, putTask, run, task } from "../conformance/records.ts"
import { temporaryDirectory } from "../support/directory.ts"

const minutes = Number(process.argv[2] ?? 30)
const samples = 10
/** The run has this many tasks at most: later events are about these again, as those of a long run are. */
const tasks = 200

const bench = Effect.gen(function* () {
  const directory = yield* temporaryDirectory
  const { url } = yield* serve(directory)
  const browser = yield* launch
  yield* Effect.gen(function* () {
    const store = yield* RunStore
    const id = RunId.make(Date.now())
    yield* store.write([
      putRun(run(id, { startedAt: Date.now(), heartbeatAt: Date.now(), pid: process.pid, host: "elsewhere" }))
    ])
    const page = yield* Effect.promise(() => browser.newPage({ viewport: { width: 1440, height: 900 } }))
    const devtools = yield* Effect.promise(() => page.context().newCDPSession(page))
    yield* Effect.promise(() => page.goto(`${url}/runs/${id}`))
    let events = 0
    const write = Effect.gen(function* () {
      for (;;) {
        events++
        const index = (events % tasks) + 1
        const now = Date.now()
        const attempt = { number: 1 + Math.floor(events / tasks), status: "running" as const, startedAt: now }
        yield* store.write([
          { _tag: "Heartbeat", run: id, at: now },
          putTask(
            task(id, index, {
              step: "work",
              id: `work/${index}`,
              status: "running",
              startedAt: now,
              attempts: [attempt]
            })
          ),
          {
            _tag: "Metrics",
            points: [{ run: id, task: "work/1", name: "loss", step: events, value: Math.sin(events / 50), at: now }]
          },
          { _tag: "Logs", lines: [line(id, `work/${index}`, `event ${events}`)] }
        ])
        yield* Effect.sleep(50)
      }
    })
    yield* Effect.forkScoped(write)
    yield* Effect.promise(() => page.locator("[data-step=work]").waitFor({ timeout: 120_000 }))
    const heap = Effect.promise(async () => {
      await devtools.send("HeapProfiler.collectGarbage")
      const { usedSize } = await devtools.send("Runtime.getHeapUsage")
      return usedSize / 1e6
    })
    yield* Effect.sleep(10_000)
    const first = { heap: yield* heap, events }
    console.log(`after 10 s: ${first.heap.toFixed(1)} MB, ${events} events`)
    for (let i = 1; i <= samples; i++) {
      yield* Effect.sleep((minutes * 60_000) / samples)
      const now = yield* heap
      const perEvent = ((now - first.heap) * 1e6) / Math.max(1, events - first.events)
      console.log(
        `after ${((minutes * i) / samples).toFixed(1)} min: ${now.toFixed(1)} MB, ${events} events, ${perEvent.toFixed(0)} bytes an event since`
      )
    }
  }).pipe(Effect.scoped, Effect.provide(Storage.layerLocal({ directory })))
}).pipe(Effect.scoped)

NodeRuntime.runMain(bench)
