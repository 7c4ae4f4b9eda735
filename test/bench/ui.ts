/**
 * How fast the page is: the first view of a store of 100,000 runs, a run of 10,000 tasks, how long news takes to the screen,
 * what an open page costs a running flow, and how large the page is. It prints figures and never fails; it needs a browser
 * and a built page. Run it with `npx tsx test/bench/ui.ts`, or with `cost`, `json` or
 * `views` behind it for a part alone, and behind that a directory that keeps the runs for the next time.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { gzipSync } from "node:zlib"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Browser, Page } from "playwright-core"
import * as Flow from "../../src/Flow.ts"
import * as RunId from "../../src/internal/run/runId.ts"
import { RunStore } from "../../src/RunStore.ts"
import * as Step from "../../src/Step.ts"
import * as Storage from "../../src/Storage.ts"
import { browserPath, launch } from "../browser/browser.ts"
import { runFlow, serve } from "../browser/processes.ts"
import { putRun, putTask, run, task } from "../conformance/records.ts"
import { temporaryDirectory } from "../support/directory.ts"

const print = (what: string, value: string) => console.log(`${what.padEnd(64)} ${value}`)
const millis = (...times: ReadonlyArray<number>) => {
  const sorted = [...times].sort((a, b) => a - b)
  const median = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
  return times.length === 1
    ? `${Math.round(median)} ms`
    : `median ${Math.round(median)} ms, worst ${Math.round(sorted.at(-1) ?? 0)} ms of ${times.length}`
}

/** Runs of seven flows, five tasks each. */
const manyRuns = Effect.fnUntraced(function* (count: number) {
  const store = yield* RunStore
  const first = Date.now() - count * 60_000
  for (let part = 0; part < count / 500; part++) {
    const changes = Array.from({ length: 500 }, (_, i) => {
      const startedAt = first + (part * 500 + i) * 60_000
      const id = RunId.make(startedAt)
      const record = run(id, {
        flow: `Flow${i % 7}`,
        status: i % 17 === 0 ? "failed" : "succeeded",
        startedAt,
        finishedAt: startedAt + 4000 * (1 + (i % 9)),
        tags: i % 5 === 0 ? ["nightly"] : [],
        parameters: { rows: i, rate: 0.1 }
      })
      const tasks = Array.from({ length: 5 }, (_, t) =>
        putTask(
          task(id, t + 1, {
            step: `step${t}`,
            id: `step${t}/${t + 1}`,
            key: `${id}${t}`,
            startedAt,
            finishedAt: startedAt + 1000
          })
        )
      )
      return [putRun(record), ...tasks]
    })
    yield* store.write(changes.flat())
  }
})

const openPage = (browser: Browser) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const context = await browser.newContext({ viewport: { width: 1440, height: 900 } })
      const page = await context.newPage()
      await page.addInitScript(
        "window.longTasks = []; new PerformanceObserver((list) => { for (const entry of list.getEntries()) window.longTasks.push(entry.duration) }).observe({ type: 'longtask', buffered: true })"
      )
      return page
    }),
    (page) => Effect.promise(() => page.context().close())
  )

const longest = (page: Page) =>
  Effect.promise(async () =>
    Math.max(0, ...((await page.evaluate("window.longTasks.splice(0)")) as ReadonlyArray<number>))
  )

/** When a condition came to hold on the page. An expression that is evaluated by the debugger is under no policy. */
const until = (page: Page, condition: string): Promise<number> =>
  page.evaluate(
    `new Promise((done) => { const look = () => (${condition}) ? done(Date.now()) : requestAnimationFrame(look); look() })`
  )

/** From the request to what is waited for being on the screen. */
const timeTo = (page: Page, url: string, condition: string) =>
  Effect.promise(async () => {
    const start = performance.now()
    await page.goto(url, { waitUntil: "commit" })
    await until(page, condition)
    return performance.now() - start
  })

const runsOfStore = 100_000

/** Makes what a directory does not hold yet: a directory that is named on the command line is measured again and again. */
const once = <A, E, R>(directory: string, what: string, make: Effect.Effect<A, E, R>) =>
  Effect.suspend((): Effect.Effect<unknown, E, R> => {
    const mark = `${directory}/${what}`
    return existsSync(mark) ? Effect.void : Effect.tap(make, () => Effect.sync(() => writeFileSync(mark, "")))
  })

const firstView = Effect.fnUntraced(function* (browser: Browser, directory: string) {
  yield* once(directory, "many-runs", Effect.provide(manyRuns(runsOfStore), Storage.layerLocal({ directory })))
  const { url } = yield* serve(directory)
  const times: Array<number> = []
  let long = 0
  for (let i = 0; i < 5; i++) {
    yield* Effect.gen(function* () {
      const page = yield* openPage(browser)
      times.push(yield* timeTo(page, url, "document.querySelectorAll('[data-run]').length > 10"))
      long = Math.max(long, yield* longest(page))
    }).pipe(Effect.scoped)
  }
  print("first view of 100,000 runs, nothing cached (at most 1,000 ms)", millis(...times))
  print("  longest task of the browser meanwhile", millis(long))
  yield* Effect.gen(function* () {
    const page = yield* openPage(browser)
    yield* timeTo(page, url, "document.querySelectorAll('[data-run]').length > 10")
    yield* longest(page)
    const filter = (place: number, value: string, condition: string) =>
      Effect.promise(async () => {
        const start = performance.now()
        await page.locator(".filters select").nth(place).selectOption(value)
        await until(page, condition)
        return performance.now() - start
      })
    const every = (test: string) =>
      `document.querySelectorAll('[data-run]').length > 10 && [...document.querySelectorAll('[data-run]')].every((row) => ${test})`
    const filters: Array<number> = []
    for (const name of ["Flow3", "Flow5", "Flow1"]) {
      filters.push(yield* filter(0, name, every(`row.querySelector('.flow-cell').textContent === '${name}'`)))
    }
    filters.push(yield* filter(1, "failed", every("row.querySelector('.status.failed') !== null")))
    print("  filtered by flow and status (at most 300 ms)", millis(...filters))
    yield* timeTo(page, url, "document.querySelectorAll('[data-run]').length > 10")
    const sorts: Array<number> = []
    for (const title of ["Took", "Took", "Status", "Flow", "Started", "Started"]) {
      sorts.push(
        yield* Effect.promise(async () => {
          const first = await page.locator("[data-run][aria-rowindex='2']").getAttribute("data-run")
          const start = performance.now()
          await page.getByRole("columnheader", { name: title }).getByRole("button").click()
          await until(
            page,
            `(document.querySelector("[data-run][aria-rowindex='2']")?.dataset.run ?? ${JSON.stringify(first)}) !== ${JSON.stringify(first)}`
          )
          return performance.now() - start
        })
      )
    }
    print("  sorted by its columns (at most 300 ms)", millis(...sorts))
    print("  longest task of the browser meanwhile (at most 100 ms)", millis(yield* longest(page)))
    yield* Effect.promise(async () => {
      await page.goto(url)
      await until(page, "document.querySelectorAll('[data-run]').length > 10")
      await page.mouse.move(700, 500)
      for (let i = 0; i < 60; i++) {
        await page.mouse.wheel(0, 3000)
        await page.waitForTimeout(16)
      }
    })
    print("  longest task while the list is scrolled (at most 100 ms)", millis(yield* longest(page)))
  }).pipe(Effect.scoped)
})

const largeRun = Effect.fnUntraced(function* (browser: Browser, directory: string) {
  yield* once(directory, "large-run", runFlow(directory, "SweepFlow", { width: 10_000 }))
  const [sweep] = yield* Effect.flatMap(RunStore, (store) => store.runs({ flow: "SweepFlow", limit: 1 })).pipe(
    Effect.provide(Storage.layerLocal({ directory }))
  )
  const { url } = yield* serve(directory)
  const page = yield* openPage(browser)
  const opened = yield* timeTo(
    page,
    `${url}/runs/${sweep?.id}`,
    "document.querySelector('[data-step=score]') !== null && document.querySelector('.wf-row') !== null"
  )
  yield* Effect.promise(() =>
    until(page, "document.querySelector('[data-step=score]')?.textContent.includes('10,000')")
  )
  print("a run of 10,002 tasks, opened (at most 2,000 ms)", millis(opened))
  print("  longest task of the browser while it opens", millis(yield* longest(page)))
  yield* Effect.promise(async () => {
    await page.click(".wf-row.step .wf-toggle")
    await page.waitForTimeout(300)
    const box = await page.locator(".wf-scroll").boundingBox()
    await page.mouse.move((box?.x ?? 0) + 400, (box?.y ?? 0) + 100)
    for (let i = 0; i < 60; i++) {
      await page.mouse.wheel(0, 4000)
      await page.waitForTimeout(16)
    }
  })
  print("  longest task while its waterfall is scrolled (at most 100 ms)", millis(yield* longest(page)))
  const sorted = yield* Effect.promise(async () => {
    const start = performance.now()
    await page.getByLabel("Order of the tasks of a step").selectOption("longest")
    await until(page, "new URL(location.href).searchParams.get('order') === 'longest'")
    await until(page, "true")
    return performance.now() - start
  })
  print("  its tasks sorted by duration (at most 300 ms)", millis(sorted))
  print("  longest task meanwhile", millis(yield* longest(page)))
  yield* Effect.promise(async () => {
    await page.click("[data-step=score] .node-fold")
    await page.waitForTimeout(1500)
  })
  print("  longest task while its fan-out is opened in the graph", millis(yield* longest(page)))
})

const Tree = Step.make("tree", {
  input: { records: Schema.Int },
  output: { tree: Schema.Unknown },
  run: ({ records }) =>
    Effect.succeed({
      tree: {
        users: Array.from({ length: records }, (_, i) => ({ id: i, name: `user ${i}`, tags: ["a", "b"] })),
        needle: { deep: "found here" }
      }
    })
})
const TreeFlow = Flow.make("TreeFlow", {
  parameters: { records: Schema.Int },
  steps: [Tree],
  run: ({ records }) => Tree({ records })
})

const largeJson = Effect.fnUntraced(function* (browser: Browser, directory: string) {
  const local = Storage.layerLocal({ directory })
  yield* once(directory, "large-json", Effect.provide(Flow.run(TreeFlow, { records: 1_050_000 }), local))
  const [tree] = yield* Effect.flatMap(RunStore, (store) => store.runs({ flow: "TreeFlow", limit: 1 })).pipe(
    Effect.provide(local)
  )
  const { url } = yield* serve(directory)
  const page = yield* openPage(browser)
  const opened = yield* timeTo(
    page,
    `${url}/runs/${tree?.id}/tree/1/tree`,
    "document.querySelector('.json-viewer')?.textContent.includes('1,050,000') === true"
  )
  print("a JSON value of 50 MB, opened", millis(opened))
  print("  longest task of the browser meanwhile (at most 100 ms)", millis(yield* longest(page)))
  const search = (text: string, hit: string) =>
    Effect.promise(async () => {
      const start = performance.now()
      await page.getByLabel("Search keys and values").fill(text)
      await until(page, `document.querySelector('.json-tools [role=status]')?.textContent === ${JSON.stringify(hit)}`)
      return performance.now() - start
    })
  print("  searched for one value", millis(yield* search("user 1049987", "1 of 1")))
  print(
    "  searched for what is in every record",
    millis(yield* search("user", "1 of 1,050,001, the first 1,000 can be gone to"))
  )
  yield* Effect.promise(async () => {
    for (let i = 0; i < 20; i++) await page.keyboard.press("Enter")
    await page.waitForTimeout(300)
  })
  print("  longest task of the browser meanwhile (at most 100 ms)", millis(yield* longest(page)))
})

const latency = Effect.fnUntraced(function* (browser: Browser, directory: string) {
  const { url } = yield* serve(directory)
  const page = yield* openPage(browser)
  yield* Effect.gen(function* () {
    const store = yield* RunStore
    const id = RunId.make(Date.now())
    const now = Date.now()
    yield* store.write([
      putRun(run(id, { startedAt: now, heartbeatAt: now, host: "elsewhere" })),
      putTask(task(id, 1, { step: "first", id: "first/1", status: "running", startedAt: now }))
    ])
    yield* Effect.promise(async () => {
      await page.goto(`${url}/runs/${id}`)
      await page.waitForSelector("[data-task='first/1']")
      await page.waitForTimeout(600)
    })
    const times: Array<number> = []
    for (let i = 2; i < 32; i++) {
      yield* Effect.sleep(230 + 37 * (i % 7))
      const written = Date.now()
      yield* store.write([
        putTask(
          task(id, i, { step: `s${i}`, id: `s${i}/${i}`, key: `k${i}`, startedAt: written, finishedAt: written + 1 })
        )
      ])
      const seen = yield* Effect.promise(async () => {
        return until(page, `document.querySelector("[data-row='s${i}/${i}'], [data-task='s${i}/${i}']") !== null`)
      })
      times.push(seen - written)
    }
    print("from the store to the screen (at most 500 ms)", millis(...times))
  }).pipe(Effect.provide(Storage.layerLocal({ directory })))
})

/** Milliseconds that a flow waits before its fan-out, so that the page is open and at rest when it begins. */
const hold = 4000

const cost = Effect.fnUntraced(function* (browser: Browser, directory: string) {
  const flow = Effect.map(
    Effect.scoped(runFlow(directory, "SweepFlow", { width: 10_000, hold })),
    ({ took }) => took - hold
  )
  yield* flow // warms the disk
  const without: Array<number> = []
  const beside: Array<number> = []
  for (let i = 0; i < 4; i++) {
    without.push(yield* flow)
    yield* Effect.gen(function* () {
      const { url } = yield* serve(directory)
      const page = yield* openPage(browser)
      yield* Effect.promise(() => page.goto(url))
      // The run's own page, as soon as there is one.
      yield* Effect.forkScoped(
        Effect.tryPromise(async () => {
          await page.waitForSelector(".row .status.running", { timeout: 60_000 })
          await page.click(".row:has(.status.running) .run-cell a")
        }).pipe(Effect.ignore)
      )
      beside.push(yield* flow)
    }).pipe(Effect.scoped)
  }
  const best = { without: Math.min(...without), beside: Math.min(...beside) }
  print("a flow of 10,002 tasks, without a page", millis(...without))
  print("  beside an open page", millis(...beside))
  print("  best against best (at most 1.2)", (best.beside / best.without).toFixed(2))
})

const size = Effect.sync(() => {
  const directory = fileURLToPath(new URL("../../dist/ui/assets/", import.meta.url))
  let all = 0
  let first = 0
  for (const name of readdirSync(directory)) {
    const bytes = gzipSync(readFileSync(directory + name), { level: 9 }).length
    all += bytes
    if (name.startsWith("index-") || name.startsWith("jsx-runtime")) first += bytes
  }
  print(
    "the page, compressed (at most 400 kB)",
    `${(all / 1000).toFixed(0)} kB, ${(first / 1000).toFixed(0)} kB of it for the first view`
  )
})

const everything = [firstView, largeRun, largeJson, latency, cost]
const chosen: Readonly<Record<string, typeof everything>> = {
  cost: [cost],
  json: [largeJson],
  views: [firstView, largeRun]
}

const all = Effect.gen(function* () {
  yield* size
  if (browserPath === undefined) return console.log("There is no chromium here: the rest is left out.")
  const browser = yield* launch
  const parts = chosen[process.argv[2] ?? ""] ?? everything
  for (const part of parts) {
    yield* Effect.gen(function* () {
      yield* part(browser, process.argv[3] ?? (yield* temporaryDirectory))
    }).pipe(Effect.scoped)
  }
}).pipe(Effect.scoped)

NodeRuntime.runMain(all)
