/** Reading runs of very many tasks: no crash, and a number of queries that does not grow with the tasks. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Diff from "../../../src/Diff.ts"
import * as Run from "../../../src/Run.ts"
import { RunStore } from "../../../src/RunStore.ts"
import * as Storage from "../../../src/Storage.ts"
import * as Why from "../../../src/Why.ts"
import { putRun, putTask, run, task } from "../../conformance/records.ts"

const point = (run: string, task: string, value: number) => ({ run, task, name: "loss", step: 0, value, at: 1000 })

/** Counts the queries of an effect. */
const counting = Effect.fnUntraced(function* <A, E, R>(effect: Effect.Effect<A, E, R>) {
  const store = yield* RunStore
  let queries = 0
  const counted = new Proxy(store, {
    get: (target, name) => {
      queries++
      return target[name as keyof typeof target]
    }
  })
  const value = yield* Effect.provideService(effect, RunStore, counted)
  return { value, queries }
})

describe("runs of very many tasks", () => {
  it.effect("are compared and explained, 130,000 tasks of one step", () =>
    Effect.gen(function* () {
      const store = yield* RunStore
      const tasks = Array.from({ length: 130_000 }, (_, i) =>
        task("01a", i + 1, { step: "s", id: `s/${i + 1}`, finishedAt: 2000 + i })
      )
      const before = run("01a", { status: "succeeded", finishedAt: 200_000 })
      yield* store.write([putRun(before), putRun(run("01b")), ...tasks.map((task) => putTask(task))])
      const diff = yield* Diff.runs("01a", "01b")
      assert.deepInclude(diff.steps[0]?.before, { tasks: 130_000, took: 130_999 })
      assert.isUndefined(diff.steps[0]?.now)
      const reason = { _tag: "FirstRun" } as const
      const lines = Why.toText({
        run: before,
        tasks: tasks.map((task) => ({ task, reason, codeChanged: false }))
      }).split("\n")
      assert.strictEqual(lines[1], "s/1       executed: the first run of this step")
    }).pipe(Effect.provide(Storage.layerMemory))
  )

  it.effect("give what taken over tasks logged and measured with few queries", () =>
    Effect.gen(function* () {
      const store = yield* RunStore
      const count = 3000
      yield* store.write([putRun(run("01a")), putRun(run("01b", { origin: "01a" }))])
      for (let i = 1; i <= count; i++) {
        const id = `s/${i}`
        yield* store.write([
          putTask(task("01a", i, { step: "s", id })),
          putTask(
            task("01b", count + 1 - i, { step: "s", id: `s/${count + 1 - i}`, how: "takenOver", source: `01a/${id}` })
          ),
          { _tag: "Metrics", points: [point("01a", id, i)] },
          {
            _tag: "Logs",
            lines: [{ run: "01a", task: id, attempt: 1, at: i, level: "Info", message: `line ${i}` }]
          }
        ])
      }
      const metrics = yield* counting(Run.metrics("01b"))
      assert.strictEqual(metrics.value.length, count)
      assert.deepInclude(metrics.value, { ...point("01b", `s/${count}`, 1) })
      const logs = yield* counting(Run.logs("01b", { step: "s" }))
      assert.strictEqual(logs.value.length, count)
      assert.strictEqual(logs.value[0]?.task, `s/${count}`)
      assert.strictEqual((yield* Run.logs("01b", { step: "s", limit: 7 })).length, 7)
      assert.deepStrictEqual(
        (yield* Run.logs("01b", { task: "s/1" })).map(({ message }) => message),
        [`line ${count}`]
      )
      assert.isBelow(metrics.queries + logs.queries, 15)
    }).pipe(Effect.provide(Storage.layerMemory))
  )

  it.effect("find the parents of a join and the children of a task", () =>
    Effect.gen(function* () {
      const store = yield* RunStore
      const count = 12_000
      const ids = Array.from({ length: count }, (_, i) => `s/${i + 2}`)
      yield* store.write([
        putRun(run("01a")),
        putTask(task("01a", 1, { step: "start", id: "start/1" })),
        ...ids.map((id, i) => putTask(task("01a", i + 2, { step: "s", id, parents: ["start/1"] }))),
        putTask(task("01a", count + 2, { step: "join", id: `join/${count + 2}`, parents: ids }))
      ])
      const join = yield* Run.task("01a", "join")
      const parents = yield* Run.parents(join)
      assert.deepStrictEqual(
        parents.map(({ id }) => id),
        ids
      )
      assert.strictEqual((yield* Run.children(yield* Run.task("01a", "start"))).length, count)
      const error = yield* Effect.flip(Run.task("01a", "s"))
      assert.include(error.message, `Step "s" has ${count} tasks in run 01a: s/2, s/3`)
    }).pipe(Effect.provide(Storage.layerMemory))
  )
})
