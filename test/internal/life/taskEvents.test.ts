/** The events of many concurrent tasks are read in order, each once, and few of them are held at a time. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { TaskEvents } from "../../../src/internal/life/taskEvents.ts"
import { placesPerDriver } from "../../../src/internal/run/takeover.ts"
import type { TaskRecord } from "../../../src/RunRecord.ts"
import { RunStore } from "../../../src/RunStore.ts"
import * as Storage from "../../../src/Storage.ts"
import { putRun, putTask, run, task } from "../../conformance/records.ts"
import { temporaryDirectory } from "../../support/directory.ts"

/** Tasks that all start before the first one ends, and end in another order. Some are tried twice. */
const concurrent = (count: number): ReadonlyArray<TaskRecord> => {
  let place = 0
  const places = Array.from({ length: count }, () => [++place, ++place])
  const order = Array.from({ length: count }, (_, index) => index).sort(
    (a, b) => ((a * 7919) % count) - ((b * 7919) % count)
  )
  const isRetried = (index: number) => index % 50 === 0
  for (const index of order) if (isRetried(index)) places[index]?.push(++place, ++place)
  for (const index of order) places[index]?.push(++place, ++place)
  const attempt = (number: number, status: "failed" | "succeeded") => ({
    number,
    status,
    startedAt: 1000,
    finishedAt: 1001
  })
  return places.map((own, index) =>
    task("wide", index + 1, {
      finishedAt: 1001,
      places: own,
      attempts: isRetried(index) ? [attempt(1, "failed"), attempt(2, "succeeded")] : [attempt(1, "succeeded")]
    })
  )
}

/** Reads on, and yields the places of what was read and how many events were held at most. */
const readAll = Effect.fnUntraced(function* (events: TaskEvents, atOnce = Number.POSITIVE_INFINITY) {
  const places: Array<number> = []
  let most = 0
  for (let isDone = false; !isDone; ) {
    yield* events.read(true)
    most = Math.max(most, events.buffered)
    for (let count = 0; count < atOnce && events.head() !== undefined; count++) {
      events.shift()
      places.push(events.place)
    }
    isDone = events.isExhausted && events.head() === undefined
  }
  return { places, most }
})

const write = (tasks: ReadonlyArray<TaskRecord>) =>
  Effect.flatMap(RunStore, (store) => store.write([putRun(run("wide")), ...tasks.map((record) => putTask(record))]))

const local = Layer.unwrap(Effect.map(temporaryDirectory, (directory) => Storage.layerLocal({ directory })))

describe.each([
  ["in memory", Storage.layerMemory],
  ["on the local store", local]
] as const)("a late reader %s", (_, layer) => {
  it.effect("of many concurrent tasks reads each event once, in order, and holds a part of them", () =>
    Effect.gen(function* () {
      const tasks = concurrent(10_000)
      yield* write(tasks)
      const total = Math.max(...tasks.map(({ places }) => places?.at(-1) ?? 0))
      const { most, places } = yield* readAll(new TaskEvents("wide", -1), 500)
      assert.deepStrictEqual(
        places,
        Array.from({ length: total }, (_, index) => index + 1)
      )
      assert.isBelow(most, 6000)
      // The same from within.
      const rest = yield* readAll(new TaskEvents("wide", total / 2), 500)
      assert.strictEqual(rest.places.length, total / 2)
      assert.strictEqual(rest.places[0], total / 2 + 1)
    }).pipe(Effect.provide(layer), Effect.scoped)
  )

  it.effect("goes on after events that were never written", () =>
    Effect.gen(function* () {
      const tasks = concurrent(3000).map((record) => ({
        ...record,
        places: record.places?.map((place) => (place > 5000 ? place + placesPerDriver : place)) ?? []
      }))
      yield* write(tasks.slice(10))
      const expected = tasks
        .slice(10)
        .flatMap(({ places }) => places)
        .sort((a, b) => a - b)
      assert.deepStrictEqual((yield* readAll(new TaskEvents("wide", -1))).places, expected)
    }).pipe(Effect.provide(layer), Effect.scoped)
  )
})
