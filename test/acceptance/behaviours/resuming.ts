/** Behaviours of resuming: which tasks are taken over and which are executed, wherever the first run ended. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Run from "../../../src/Run.ts"
import type { TaskRecord } from "../../../src/RunRecord.ts"
import * as Storage from "../../../src/Storage.ts"
import { layerFailing, layerKilling } from "../../../src/testing.ts"
import type { Case, Place } from "../case.ts"
import {
  assertLast,
  type Behaviour,
  change,
  lastOf,
  type Ran,
  resumeOf,
  runOf,
  sizeOf,
  sorted,
  tally,
  tasksOf,
  victimOf
} from "../harness.ts"

const keys = (tasks: ReadonlyArray<TaskRecord>) => tally(tasks.map((task) => `${task.step} ${task.key}`))
/** What two runs have in common, as often as both have it. */
const common = (one: ReadonlyArray<TaskRecord>, other: ReadonlyArray<TaskRecord>) => {
  const counts = keys(other)
  return Object.fromEntries(
    Object.entries(keys(one)).flatMap(([key, count]) =>
      counts[key] === undefined ? [] : [[key, Math.min(count, counts[key])]]
    )
  )
}
const how = (tasks: ReadonlyArray<TaskRecord>, how: TaskRecord["how"]) => tasks.filter((task) => task.how === how)
const finished = (tasks: ReadonlyArray<TaskRecord>) => tasks.filter((task) => task.status === "succeeded")

/** That a run came to its end as if nothing had been: what had finished is taken over, once each, and nothing else. */
const assertResumed = Effect.fnUntraced(function* (graph: Case, origin: ReadonlyArray<TaskRecord>, resumed: Ran) {
  yield* assertLast(resumed, graph)
  const tasks = yield* tasksOf(resumed.id)
  assert.deepStrictEqual(tally(tasks.map((task) => task.step)), sorted(graph.tasks))
  assert.deepStrictEqual(keys(how(tasks, "takenOver")), keys(finished(origin)))
  const sources = new Set(finished(origin).map((task) => task.source ?? `${task.run}/${task.id}`))
  for (const task of how(tasks, "takenOver")) {
    assert.isTrue(sources.delete(task.source ?? ""), `${task.id} stands for ${task.source}, which no other does`)
    assert.lengthOf(task.attempts, 0)
  }
})

/**
 * Kills a run after a number of tasks, and yields the executed ones. Of those that it took over, it may not have
 * written the records yet: they are their origin's.
 */
const executedUntilKilled = Effect.fnUntraced(function* (graph: Case, run: ReturnType<typeof runOf>, after: number) {
  yield* Effect.exit(Effect.provide(run, layerKilling(after)))
  return how(yield* tasksOf((yield* Run.latest(graph.flow.flowName)).id), "executed")
})

/** Fails the middle one of a step's tasks; resumes. */
const failingAt = (place: Place): Behaviour => ({
  name: `resumes from a failure ${place}`,
  applies: (graph) => graph.places[place] !== undefined,
  anywhere: true,
  run: Effect.fnUntraced(function* (graph) {
    const step = graph.places[place] ?? ""
    const nth = Math.ceil((graph.tasks[step] ?? 0) / 2)
    let met = 0
    const failing = layerFailing(
      (task) =>
        task.step === step && (place !== "in a called flow" || task.flow === graph.calls?.flowName) && ++met === nth,
      Effect.fail("broken")
    )
    yield* Effect.exit(runOf(graph).pipe(Effect.provide(failing)))
    const origin = yield* Run.latest(graph.flow.flowName)
    assert.strictEqual(origin.status, "failed")
    const before = yield* tasksOf(origin.id)
    assert.strictEqual(before.find((task) => task.status === "failed")?.step, step)
    const resumed = yield* resumeOf(graph)
    assert.strictEqual((yield* Run.get(resumed.id)).origin, origin.id)
    yield* assertResumed(graph, before, resumed)
    // And again, now from a run that has finished: everything is taken over from where it ran.
    const again = yield* resumeOf(graph)
    yield* assertResumed(graph, yield* tasksOf(resumed.id), again)
  })
})

const places: ReadonlyArray<Place> = [
  "at the start",
  "in a branch",
  "in a join",
  "before a foreach",
  "in a foreach",
  "in a nested foreach",
  "after a foreach",
  "in a choice",
  "in a loop",
  "after a loop",
  "in a called flow",
  "at the end"
]

export const resuming: ReadonlyArray<Behaviour> = [
  ...places.map(failingAt),
  {
    name: "killed after any task and resumed, it comes to the same and executes nothing twice",
    run: Effect.fnUntraced(function* (graph) {
      const size = sizeOf(graph)
      const every = Array.from({ length: size }, (_, after) => after)
      // Of the widest graph only some: each costs two runs of all its tasks.
      const boundaries =
        size < 100 ? every : every.filter((after) => after < 3 || after > size - 3 || after % 331 === 0)
      for (const after of boundaries) {
        const fresh = Layer.fresh(Storage.layerMemory)
        yield* Effect.gen(function* () {
          yield* Effect.exit(runOf(graph).pipe(Effect.provide(layerKilling(after))))
          const origin = yield* Run.latest(graph.flow.flowName)
          assert.strictEqual(origin.status, "running")
          const before = yield* tasksOf(origin.id)
          assert.lengthOf(finished(before), after)
          yield* assertResumed(graph, before, yield* resumeOf(graph))
        }).pipe(Effect.provide(fresh))
      }
    })
  },
  {
    name: "killed again and again, it comes to its end",
    anywhere: true,
    run: Effect.fnUntraced(function* (graph) {
      const size = sizeOf(graph)
      const stride = Math.max(1, Math.ceil(size / 4))
      const executed = [...(yield* executedUntilKilled(graph, runOf(graph), stride))]
      for (let after = 2 * stride; after < size; after += stride) {
        executed.push(...(yield* executedUntilKilled(graph, resumeOf(graph), after)))
      }
      yield* assertResumed(graph, executed, yield* resumeOf(graph))
    })
  },
  {
    name: "a resumed run that is stopped early loses nothing of what its origin had finished",
    run: Effect.fnUntraced(function* (graph) {
      const size = sizeOf(graph)
      const after = Math.ceil(size / 2)
      const executed = [...(yield* executedUntilKilled(graph, runOf(graph), after))]
      for (const early of [0, 1, 1]) executed.push(...(yield* executedUntilKilled(graph, resumeOf(graph), early)))
      yield* assertResumed(graph, executed, yield* resumeOf(graph))
    })
  },
  {
    name: "resumed from a step that succeeded, that step is executed again, and what follows only if it changed",
    run: Effect.fnUntraced(function* (graph) {
      const from = [...graph.flow.definitions.keys()].find((step) => (graph.tasks[step] ?? 0) > 0) ?? ""
      yield* runOf(graph)
      const same = yield* resumeOf(graph, { from })
      yield* assertLast(same, graph)
      const tasks = (yield* tasksOf(same.id)).filter((task) => task.run === same.id)
      for (const task of tasks) assert.strictEqual(task.how, task.step === from ? "executed" : "takenOver", task.id)

      // With another body its output is another one, and what depends on it is executed too.
      const flow = change(graph, from, (definition) => ({
        run: (...given) =>
          Effect.map(definition.run(...given), (outputs) => ({
            ...(outputs as object),
            trail: ["changed", ...(outputs as { readonly trail: ReadonlyArray<string> }).trail]
          }))
      }))
      const changed = yield* resumeOf(graph, { from }, flow)
      const after = (yield* tasksOf(changed.id)).filter((task) => task.run === changed.id)
      const others = (tasks: ReadonlyArray<TaskRecord>) => tasks.filter((task) => task.step !== from)
      assert.deepStrictEqual(keys(how(after, "takenOver")), common(others(tasks), others(after)))
      const reads = (task: TaskRecord) =>
        task.inputs.some((input) => input.name.endsWith("trail") && input.writer?.startsWith(`${changed.id}/${from}/`))
      assert.strictEqual(others(how(after, "executed")).some(reads), others(after).some(reads))
      assert.strictEqual((yield* lastOf(changed)).trail.includes("changed"), others(after).some(reads))
    })
  },
  {
    name: "resumed with other parameters, what depends on them is executed, and the rest is not",
    applies: (graph) => graph.tasks.start !== undefined,
    run: Effect.fnUntraced(function* (graph) {
      const before = yield* tasksOf((yield* runOf(graph)).id)
      const other = graph.others?.[0]
      const resumed = yield* resumeOf(graph, { parameters: { seed: other?.seed ?? 33 } })
      if (other !== undefined) yield* assertLast(resumed, other)
      const tasks = yield* tasksOf(resumed.id)
      assert.strictEqual(tasks.find((task) => task.step === "start")?.how, "executed")
      assert.deepStrictEqual(keys(how(tasks, "takenOver")), common(before, tasks))
    })
  },
  {
    name: "a run interrupted by hand is resumed from where it was",
    anywhere: true,
    run: Effect.fnUntraced(function* (graph) {
      yield* Effect.exit(runOf(graph).pipe(Effect.provide(layerFailing(victimOf(graph), Effect.interrupt))))
      const before = yield* tasksOf((yield* Run.latest(graph.flow.flowName)).id)
      yield* assertResumed(graph, before, yield* resumeOf(graph))
    })
  }
]
