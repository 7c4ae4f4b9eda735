/** What open pages are told, and what it costs: one poller for a run, whoever looks; nothing for nobody. */
import { assert, describe, it, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { TestClock } from "effect/testing"
import * as UiLive from "../src/internal/server/live.ts"
import type { LiveEvent } from "../src/internal/server/shapes.ts"
import { RunStore, StoreError } from "../src/RunStore.ts"
import * as Storage from "../src/Storage.ts"
import * as Ui from "../src/Ui.ts"
import { line, putRun, putTask, run, task } from "./conformance/records.ts"
import { listen } from "./support/ask.ts"

const here = { host: "elsewhere", heartbeatAt: 4_000_000_000_000 } // alive, for as long as these tests are

/** A store that counts what it is asked, and fails while it is told to. */
const counting = Effect.gen(function* () {
  const store = yield* RunStore
  const counts = { pulse: 0, runs: 0, failing: false }
  const fail = Effect.fail(new StoreError({ message: "The run database is away." }))
  const wrapped: RunStore["Service"] = {
    ...store,
    pulse: (run) => {
      counts.pulse++
      return store.pulse(run)
    },
    runs: (query) => {
      counts.runs++
      return counts.failing ? fail : store.runs(query)
    }
  }
  return { store: wrapped, counts }
})

const pull = Effect.fnUntraced(function* <A>(stream: Stream.Stream<A>) {
  const next = yield* Stream.toPull(stream)
  const take: Effect.Effect<ReadonlyArray<A>> = Effect.catchCause(next, () => Effect.succeed([])) as never
  return take
})

const news = (events: ReadonlyArray<LiveEvent>) => events.filter((event) => event._tag !== "Beat")

describe("UiLive", () => {
  it.effect("polls a run once, however many pages look at it, and not at all when nobody does", () =>
    Effect.gen(function* () {
      const { counts, store } = yield* counting
      yield* store.write([putRun(run("r", here))])
      const live = yield* Effect.provideService(UiLive.make, RunStore, store)
      const pages = yield* Effect.forEach(Array.from({ length: 5 }), () =>
        Effect.forkChild(Stream.runDrain(live.run("r")))
      )
      yield* TestClock.adjust("12 seconds")
      assert.isAbove(counts.pulse, 50)
      assert.isAtMost(counts.pulse, 101)
      yield* Effect.forEach(pages, Fiber.interrupt)
      yield* TestClock.adjust("5 seconds")
      const before = counts.pulse
      yield* TestClock.adjust("60 seconds")
      assert.strictEqual(counts.pulse, before)
    }).pipe(Effect.scoped, Effect.provide(Storage.layerMemory))
  )

  it.effect("tells a page that is slow each task once, as it is in the end", () =>
    Effect.gen(function* () {
      const store = yield* RunStore
      yield* store.write([putRun(run("r", here))])
      const live = yield* UiLive.make
      const take = yield* pull(live.run("r"))
      assert.deepStrictEqual(
        (yield* take).map((event) => event._tag),
        ["Beat"]
      )
      const tasks = Array.from({ length: 300 }, (_, i) => task("r", i + 1, { status: "running" }))
      yield* store.write(tasks.map((record) => putTask(record)))
      yield* TestClock.adjust("3 seconds")
      yield* store.write(
        tasks.slice(0, 200).map((record) => putTask({ ...record, status: "succeeded", finishedAt: 5 }))
      )
      yield* TestClock.adjust("3 seconds")
      const told = (yield* take).flatMap((event) => (event._tag === "Tasks" ? event.tasks : []))
      assert.strictEqual(told.length, 300)
      assert.strictEqual(told.filter(({ status }) => status === "succeeded").length, 200)
    }).pipe(Effect.scoped, Effect.provide(Storage.layerMemory))
  )

  it.effect("tells of retries, lines, points and cards, and of nothing twice", () =>
    Effect.gen(function* () {
      const store = yield* RunStore
      const going = task("r", 1, { status: "running", attempts: [{ number: 1, status: "running", startedAt: 1 }] })
      yield* store.write([
        putRun(run("r", here)),
        putTask(going),
        { _tag: "Logs", lines: [line("r", "step/1", "old")] }
      ])
      const live = yield* UiLive.make
      const take = yield* pull(live.run("r"))
      yield* take
      yield* TestClock.adjust("1 second")
      yield* take
      const written = Effect.fnUntraced(function* (change: Parameters<typeof store.write>[0]) {
        yield* store.write(change)
        yield* TestClock.adjust("2 seconds")
        const [event] = news(yield* take)
        return event
      })
      const retried = putTask({
        ...going,
        attempts: [
          { number: 1, status: "failed", startedAt: 1, finishedAt: 2 },
          { number: 2, status: "running", startedAt: 3 }
        ]
      })
      const event = yield* written([retried])
      assert(event?._tag === "Tasks")
      assert.strictEqual(event.tasks[0]?.attempts.length, 2)
      assert.deepInclude(
        yield* written([{ _tag: "Logs", lines: [line("r", "step/1", "new"), line("r", "", "flow")] }]),
        {
          _tag: "Logs",
          tasks: ["step/1", ""]
        }
      )
      assert.strictEqual(
        (yield* written([
          { _tag: "Metrics", points: [{ run: "r", task: "step/1", name: "m", step: 0, value: 1, at: 1 }] }
        ]))?._tag,
        "Metrics"
      )
      const card = { run: "r", task: "step/1", attempt: 1, at: 1, digest: "d", size: 1 }
      assert.deepStrictEqual(yield* written([{ _tag: "Card", card }]), { _tag: "Cards", tasks: ["step/1"] })
      const quiet = yield* Effect.forkChild(take)
      yield* TestClock.adjust("6 seconds")
      assert.deepStrictEqual(news(yield* Fiber.join(quiet)), [])
    }).pipe(Effect.scoped, Effect.provide(Storage.layerMemory))
  )

  it.effect("follows a run with thousands of tasks at once without reading what has ended", () =>
    Effect.gen(function* () {
      const store = yield* RunStore
      const all = Array.from({ length: 5000 }, (_, i) =>
        task("r", i + 1, { status: i < 4900 ? "succeeded" : "running", finishedAt: 5 })
      )
      yield* store.write([putRun(run("r", here)), ...all.map((record) => putTask(record))])
      const live = yield* UiLive.make
      const take = yield* pull(live.run("r"))
      yield* take
      yield* TestClock.adjust("1 second")
      const first = (yield* take).flatMap((event) => (event._tag === "Tasks" ? event.tasks : []))
      assert.isAtMost(first.length, 200)
      yield* store.write(all.slice(4950).map((record) => putTask({ ...record, status: "failed" })))
      yield* TestClock.adjust("2 seconds")
      const next = (yield* take).flatMap((event) => (event._tag === "Tasks" ? event.tasks : []))
      assert.deepStrictEqual([...new Set(next.map(({ status }) => status))], ["failed"])
      assert.strictEqual(next.length, 50)
    }).pipe(Effect.scoped, Effect.provide(Storage.layerMemory))
  )

  it.effect("tells of a task that is written after others that were called later", () =>
    Effect.gen(function* () {
      const store = yield* RunStore
      yield* store.write([putRun(run("r", here)), putTask(task("r", 1)), putTask(task("r", 4))])
      const live = yield* UiLive.make
      const take = yield* pull(live.run("r"))
      yield* take
      yield* TestClock.adjust("1 second")
      yield* take
      const told = Effect.fnUntraced(function* (...indexes: ReadonlyArray<number>) {
        yield* store.write(indexes.map((index) => putTask(task("r", index))))
        yield* TestClock.adjust("1 second")
        return (yield* take).flatMap((event) => (event._tag === "Tasks" ? event.tasks.map(({ index }) => index) : []))
      })
      assert.deepStrictEqual(yield* told(3), [3])
      assert.deepStrictEqual(yield* told(7), [7])
      assert.sameMembers(yield* told(2, 5, 6), [2, 5, 6])
      assert.deepStrictEqual(yield* told(8), [8])
    }).pipe(Effect.scoped, Effect.provide(Storage.layerMemory))
  )

  it.effect("says that the store does not answer, and goes on when it does", () =>
    Effect.gen(function* () {
      const { counts, store } = yield* counting
      yield* store.write([putRun(run("r", here))])
      const live = yield* Effect.provideService(UiLive.make, RunStore, store)
      const take = yield* pull(live.runs)
      yield* take
      yield* TestClock.adjust("1 second")
      yield* take
      counts.failing = true
      yield* TestClock.adjust("2 seconds")
      assert.deepStrictEqual(yield* take, [{ _tag: "Broken", message: "The run database is away." }])
      counts.failing = false
      yield* store.write([putRun(run("s", here))])
      yield* TestClock.adjust("5 seconds")
      const [event] = yield* take
      assert(event?._tag === "Broken" || event?._tag === "Runs")
      const seen = event._tag === "Runs" ? event : (yield* take)[0]
      assert(seen?._tag === "Runs")
      assert.deepStrictEqual(
        seen.runs.map(({ id }) => id),
        ["s"]
      )
    }).pipe(Effect.scoped, Effect.provide(Storage.layerMemory))
  )

  it.effect("tells of runs that were removed, on the list and to the pages of the runs", () =>
    Effect.gen(function* () {
      const store = yield* RunStore
      yield* store.write([putRun(run("a", here)), putRun(run("b", here)), putRun(run("c", here))])
      const live = yield* UiLive.make
      const list = yield* pull(live.runs)
      const both = yield* pull(live.channels(["*", "b"]))
      const until = (take: Effect.Effect<ReadonlyArray<LiveEvent>>) =>
        Effect.gen(function* () {
          for (;;) {
            const found = (yield* take).find((event) => event._tag === "Removed")
            if (found !== undefined) return found
          }
        })
      const removed = yield* Effect.forkChild(until(list))
      const heard = new Set<string>()
      yield* Effect.forkChild(
        Effect.forever(
          Effect.map(both, (events) => {
            for (const { event, of } of events) if (event._tag === "Removed") heard.add(`${of} ${event.runs.join()}`)
          })
        )
      )
      yield* TestClock.adjust("3 seconds")
      yield* store.write([putRun(run("d", here))])
      yield* store.remove(["b"])
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(yield* Fiber.join(removed), { _tag: "Removed", runs: [] })
      assert.sameMembers([...heard], ["* ", "b b"])
    }).pipe(Effect.scoped, Effect.provide(Storage.layerMemory))
  )

  it.effect("beats where nothing happens, so that a page knows it still hears", () =>
    Effect.gen(function* () {
      const live = yield* UiLive.make
      const take = yield* pull(live.runs)
      yield* take
      const fiber = yield* Effect.forkChild(take)
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(
        (yield* Fiber.join(fiber)).map((event) => event._tag),
        ["Beat"]
      )
    }).pipe(Effect.scoped, Effect.provide(Storage.layerMemory))
  )
})

const served = Ui.layer({ port: 0 }).pipe(Layer.provideMerge(Storage.layerMemory))

layer(served, { excludeTestServices: true })("Over HTTP", (it) => {
  it.effect("events arrive as they happen", () =>
    Effect.gen(function* () {
      const { url } = yield* Ui.Server
      const store = yield* RunStore
      yield* store.write([putRun(run("r", here))])
      const heard = yield* Effect.forkChild(
        listen<LiveEvent>(url, "/api/live/r", (events) =>
          events.some((event) => event._tag === "Tasks" && event.tasks.some(({ id }) => id === "late/7"))
        )
      )
      const list = yield* Effect.forkChild(
        listen<LiveEvent>(url, "/api/live", (events) =>
          events.some((event) => event._tag === "Runs" && event.runs.some(({ status }) => status === "succeeded"))
        )
      )
      yield* Effect.sleep(300)
      yield* store.write([
        putTask(task("r", 7, { step: "late", id: "late/7" })),
        putRun(run("r", { ...here, status: "succeeded", finishedAt: 5 }))
      ])
      assert.strictEqual((yield* Fiber.join(heard))[0]?._tag, "Beat")
      assert.strictEqual((yield* Fiber.join(list))[0]?._tag, "Beat")
    })
  )
})
