/**
 * Fifty readers of the page's server beside one writer, in a store of 10,000 runs: how long each endpoint takes. A reader asks
 * for one thing after the other, and looks at each for a while. The first answers of a server that has just started are
 * printed beside the others: all readers begin at the same moment. It prints figures and never fails. Run it with
 * `npx tsx test/bench/uiReaders.ts [SECONDS] [PAUSE_MS]`.
 */
import * as Http from "node:http"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as RunId from "../../src/internal/run/runId.ts"
import { RunStore } from "../../src/RunStore.ts"
import * as Storage from "../../src/Storage.ts"
import { runFlow, serve } from "../browser/processes.ts"
import { line, putRun, putTask, run, task } from "../conformance/records.ts"
import { temporaryDirectory } from "../support/directory.ts"

const readers = 50
const runs = 10_000
const seconds = Number(process.argv[2] ?? 20)
/** A reader looks at what it got before it asks again. */
const pauseMs = Number(process.argv[3] ?? 500)

const fill = Effect.gen(function* () {
  const store = yield* RunStore
  const first = Date.now() - runs * 60_000
  for (let part = 0; part < runs / 500; part++) {
    yield* store.write(
      Array.from({ length: 500 }, (_, i) => {
        const startedAt = first + (part * 500 + i) * 60_000
        const id = RunId.make(startedAt)
        const status = i % 17 === 0 ? ("failed" as const) : ("succeeded" as const)
        const tags = i % 5 === 0 ? ["nightly"] : []
        return [
          putRun(run(id, { flow: `Flow${i % 7}`, status, startedAt, finishedAt: startedAt + 4000, tags })),
          ...Array.from({ length: 5 }, (_, t) =>
            putTask(task(id, t + 1, { step: `step${t}`, id: `step${t}/${t + 1}`, key: `${id}${t}`, startedAt }))
          )
        ]
      }).flat()
    )
  }
})

/** A run that goes on: a task and some lines every 50 ms. */
const write = Effect.gen(function* () {
  const store = yield* RunStore
  const id = RunId.make(Date.now())
  yield* store.write([putRun(run(id, { startedAt: Date.now(), heartbeatAt: Date.now(), host: "elsewhere" }))])
  for (let i = 1; ; i++) {
    yield* store.write([
      putTask(
        task(id, i, { step: "work", id: `work/${i}`, key: `w${i}`, startedAt: Date.now(), finishedAt: Date.now() })
      ),
      { _tag: "Logs", lines: Array.from({ length: 5 }, (_, n) => line(id, `work/${i}`, `line ${n}`)) }
    ])
    yield* Effect.sleep(50)
  }
})

/** Answers of the first second are counted apart. */
const startMs = 1000

const agent = new Http.Agent({ keepAlive: true, maxSockets: readers })

const get = (url: string): Promise<string> =>
  new Promise((resolve, reject) => {
    Http.get(url, { agent }, (response) => {
      let text = ""
      response.setEncoding("utf8")
      response.on("data", (part: string) => {
        text += part
      })
      response.on("end", () =>
        response.statusCode === 200 ? resolve(text) : reject(new Error(`${response.statusCode} ${url} ${text}`))
      )
    }).on("error", reject)
  })

const quantile = (times: ReadonlyArray<number>, part: number): number =>
  [...times].sort((a, b) => a - b)[Math.min(times.length - 1, Math.floor(part * times.length))] ?? Number.NaN

const bench = Effect.gen(function* () {
  const directory = yield* temporaryDirectory
  const storage = Storage.layerLocal({ directory })
  yield* Effect.provide(fill, storage)
  yield* Effect.scoped(runFlow(directory, "ReviewFlow", {}))
  const { url } = yield* serve(directory)
  const { runs: listed } = JSON.parse(yield* Effect.promise(() => get(`${url}/api/runs?limit=200`)))
  const review = listed.find((run: { readonly flow: string }) => run.flow === "ReviewFlow").id
  const { task: detail } = JSON.parse(yield* Effect.promise(() => get(`${url}/api/runs/${review}/tasks/start/1`)))
  const { digest } = detail.outputs[0]
  const paths: Readonly<Record<string, () => string>> = {
    list: () => "/api/runs?limit=100",
    "list of a flow": () => `/api/runs?limit=100&flow=Flow${Math.floor(Math.random() * 7)}`,
    "list by status": () => "/api/runs?limit=100&status=failed",
    "list by tag": () => "/api/runs?limit=100&tags=nightly",
    "list by duration": () => "/api/runs?limit=100&sort=duration",
    names: () => "/api/names",
    search: () => "/api/search?text=Flow3",
    run: () => `/api/runs/${listed[Math.floor(Math.random() * listed.length)].id}`,
    tasks: () => `/api/runs/${review}/tasks?limit=2500`,
    task: () => `/api/runs/${review}/tasks/train/3`,
    why: () => `/api/runs/${review}/tasks/train/3/why`,
    logs: () => `/api/runs/${review}/logs`,
    metrics: () => `/api/runs/${review}/metrics`,
    labels: () => `/api/runs/${review}/labels`,
    cards: () => `/api/runs/${review}/cards`,
    artifact: () => `/api/artifacts/${digest}`,
    uses: () => `/api/artifacts/${digest}/uses`,
    table: () => `/api/artifacts/${digest}/table?limit=200`,
    "table sorted": () => `/api/artifacts/${digest}/table?limit=200&sort=stars`,
    columns: () => `/api/artifacts/${digest}/columns`,
    statistics: () => `/api/artifacts/${digest}/statistics`,
    compare: () => `/api/compare/${listed[1].id}/${listed[2].id}`
  }
  const times = new Map<string, Array<number>>(Object.keys(paths).map((name) => [name, []]))
  const firstTimes = new Map<string, number>()
  const writer = yield* Effect.forkChild(Effect.provide(write, storage))
  const begin = performance.now()
  const end = begin + seconds * 1000
  const read = Effect.promise(async () => {
    const names = Object.keys(paths)
    for (let i = Math.floor(Math.random() * names.length); performance.now() < end; i++) {
      const name = names[i % names.length] ?? ""
      const start = performance.now()
      await get(url + paths[name]?.())
      const took = performance.now() - start
      if (start - begin < startMs) firstTimes.set(name, Math.max(took, firstTimes.get(name) ?? 0))
      else times.get(name)?.push(took)
      await new Promise((resolve) => setTimeout(resolve, pauseMs * (0.5 + Math.random())))
    }
  })
  yield* Effect.forEach(Array.from({ length: readers }), () => read, { concurrency: "unbounded" })
  yield* Fiber.interrupt(writer)
  const all = [...times.values()].flat()
  const perSecond = all.length / (seconds - startMs / 1000)
  console.log(
    `${readers} readers who look for ${pauseMs} ms, one writer, ${runs} runs: ${perSecond.toFixed(0)} requests/s; all: median ${quantile(all, 0.5).toFixed(1)} ms, p99 ${quantile(all, 0.99).toFixed(1)} ms`
  )
  for (const [name, took] of times) {
    const [median, p99, longest] = [0.5, 0.99, 1].map((part) => quantile(took, part).toFixed(1).padStart(6))
    const first = (firstTimes.get(name) ?? Number.NaN).toFixed(1).padStart(6)
    console.log(
      `${name.padEnd(16)} median ${median} ms, p99 ${p99} ms (at most 200 ms), longest ${longest} ms, ${String(took.length).padStart(4)} requests; in the first second at most ${first} ms`
    )
  }
}).pipe(Effect.scoped)

NodeRuntime.runMain(bench)
