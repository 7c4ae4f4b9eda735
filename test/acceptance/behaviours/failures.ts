/** Behaviours of failures: tasks that fail, are retried, time out or die, and the correctness of their records. */
import { assert } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import { CurrentRun } from "../../../src/CurrentRun.ts"
import { CurrentTask } from "../../../src/CurrentTask.ts"
import type * as Flow from "../../../src/Flow.ts"
import * as Run from "../../../src/Run.ts"
import { layerFailing } from "../../../src/testing.ts"
import type { Case } from "../case.ts"
import {
  assertLast,
  type Behaviour,
  change,
  failureOf,
  inTime,
  type Ran,
  runOf,
  tally,
  tasksOf,
  valuesOf,
  victimOf,
  victims
} from "../harness.ts"

export class Broken extends Schema.TaggedError<Broken>()("Broken", { why: Schema.String, message: Schema.String }) {}

const broken = new Broken({ why: "the test", message: "It broke, as the test wants." })

/** Whether a task is called for the second time. */
const Again = Context.Reference("acceptance/Again", { defaultValue: () => false })

/** The flow, as if its body had `Effect.catchTag` around every task of a step, and called the task again there. */
const catching = (graph: Case, flow: Flow.Any, step: string): Flow.Any => {
  const body = (parameters: never) =>
    Effect.updateService(flow.body(parameters) as Effect.Effect<unknown, unknown, CurrentRun>, CurrentRun, (run) => {
      const catches: typeof run.task = (definition, given, states) => {
        const task = run.task(definition, given, states) as Effect.Effect<never, Broken>
        const again = Effect.provideService(task, Again, true)
        return definition.name === step ? Effect.catchTag(task, "Broken", () => again) : task
      }
      return new Proxy(run, {
        get: (target, name) => {
          const member = name === "task" ? catches : Reflect.get(target, name)
          return typeof member === "function" ? member.bind(target) : member
        }
      })
    })
  const called = graph.calls === undefined ? undefined : flow.replacements?.get(graph.calls)
  return called === undefined
    ? { ...flow, body }
    : { ...flow, body, replacements: new Map([[graph.calls, catching(graph, called as Flow.Any, step)]]) as never } // the one that it calls
}

/** The tasks of the victim, in the latest run. */
const victimTasks = Effect.fnUntraced(function* (graph: Case) {
  const run = yield* Run.latest(graph.flow.flowName)
  return (yield* tasksOf(run.id)).filter((task) => task.step === victimOf(graph))
})

export const failures: ReadonlyArray<Behaviour> = [
  {
    name: "a retried task leaves an attempt each time, its waits are honoured, and the last one's artifacts are its own",
    run: Effect.fnUntraced(function* (graph) {
      const flow = change(graph, victimOf(graph), (definition) => ({
        retry: { schedule: Schedule.spaced("10 seconds"), times: 2 },
        run: (...given) =>
          Effect.gen(function* () {
            const { attempt } = yield* CurrentTask
            yield* Effect.log(`attempt ${attempt}`)
            const outputs = (yield* definition.run(...given)) as { readonly trail: ReadonlyArray<string> }
            if (attempt < 3) return yield* broken
            return { ...outputs, trail: [...outputs.trail, `attempt ${attempt}`] }
          })
      }))
      const exit = yield* inTime(runOf(graph, flow))
      assert.isTrue(Exit.isSuccess(exit))
      const tasks = yield* victimTasks(graph)
      assert.lengthOf(tasks, victims(graph))
      for (const task of tasks) {
        assert.strictEqual(task.status, "succeeded")
        assert.deepStrictEqual(
          task.attempts.map(({ error, number, status }) => [number, status, error?.tag]),
          [
            [1, "failed", "Broken"],
            [2, "failed", "Broken"],
            [3, "succeeded", undefined]
          ]
        )
        const [first = 0, second = 0, third = 0] = task.attempts.map((attempt) => attempt.startedAt)
        // Time goes on in steps of five seconds, so a wait may end a little later than due.
        for (const wait of [second - first, third - second]) assert.isTrue(wait >= 10_000 && wait <= 15_000, `${wait}`)
        assert.strictEqual((yield* valuesOf(task.outputs)).trail.at(-1), "attempt 3")
        for (const attempt of [1, 2, 3]) {
          const lines = yield* Run.logs(task.run, { task: task.id, attempt })
          assert.strictEqual(lines[0]?.message, `attempt ${attempt}`)
        }
      }
    })
  },
  {
    name: "a task that fails at every attempt fails the run, which says which and why",
    run: Effect.fnUntraced(function* (graph) {
      const flow = change(graph, victimOf(graph), () => ({ retry: { times: 1 }, error: Broken, run: () => broken }))
      assert.deepStrictEqual(yield* failureOf(runOf(graph, flow)), broken)
      const run = yield* Run.latest(graph.flow.flowName)
      assert.strictEqual(run.status, "failed")
      assert.deepInclude(run.error, { tag: "Broken", message: broken.message })
      const tasks = yield* tasksOf(run.id)
      assert.lengthOf(
        tasks.filter((task) => task.status === "running"),
        0
      )
      const failed = tasks.filter((task) => task.status === "failed")
      assert.isAtLeast(failed.length, 1)
      for (const task of failed) {
        assert.strictEqual(task.step, victimOf(graph))
        assert.lengthOf(task.attempts, 2)
        assert.deepInclude(task.error, {
          tag: "Broken",
          data: { _tag: "Broken", why: "the test", message: broken.message }
        })
        assert.lengthOf(task.outputs, 0)
      }
      for (const task of tasks) if (task.status !== "failed") assert.include(["succeeded", "interrupted"], task.status)
    })
  },
  {
    name: "a caught error leaves the task failed and lets the run go on",
    run: Effect.fnUntraced(function* (graph) {
      const victim = victimOf(graph)
      const failing = change(graph, victim, (definition) => ({
        run: (...given) =>
          Effect.flatMap(Effect.service(Again), (again) => (again ? definition.run(...given) : Effect.fail(broken)))
      }))
      const ran = yield* runOf(graph, catching(graph, failing, victim))
      yield* assertLast(ran, graph)
      const statuses = (yield* victimTasks(graph)).map((task) => task.status)
      assert.deepStrictEqual(tally(statuses), { failed: victims(graph), succeeded: victims(graph) })
      assert.strictEqual((yield* Run.get(ran.id)).status, "succeeded")
    })
  },
  {
    name: "a task that takes longer than its timeout fails with TaskTimeout",
    run: Effect.fnUntraced(function* (graph) {
      const flow = change(graph, victimOf(graph), () => ({ timeoutMs: 10_000, run: () => Effect.never }))
      const exit = yield* inTime(runOf(graph, flow))
      const error: any = yield* failureOf(exit)
      assert.strictEqual(error._tag, "TaskTimeout")
      assert.include(error.message, `${error.task} of run ${error.run} took longer than its step's timeout of 10000 ms`)
      const run = yield* Run.latest(graph.flow.flowName)
      assert.strictEqual(run.status, "failed")
      if (graph.calls === undefined) assert.strictEqual(error.run, run.id)
      const task = (yield* victimTasks(graph)).find((task) => task.status === "failed")
      assert.strictEqual(task?.error?.tag, "TaskTimeout")
      assert.strictEqual((task?.finishedAt ?? 0) - (task?.startedAt ?? 0), 10_000)
    })
  },
  {
    name: "a timeout counts for each attempt by itself",
    run: Effect.fnUntraced(function* (graph) {
      const flow = change(graph, victimOf(graph), (definition) => ({
        timeoutMs: 10_000,
        retry: { times: 1 },
        run: (...given) =>
          Effect.flatMap(CurrentTask, ({ attempt }) => (attempt === 1 ? Effect.never : definition.run(...given)))
      }))
      const exit = yield* inTime(runOf(graph, flow))
      assert.isTrue(Exit.isSuccess(exit))
      if (Exit.isSuccess(exit)) yield* assertLast(exit.value as Ran, graph)
      for (const task of yield* victimTasks(graph)) {
        assert.deepStrictEqual(
          task.attempts.map(({ error, status }) => error?.tag ?? status),
          ["TaskTimeout", "succeeded"]
        )
      }
    })
  },
  {
    name: "a defect is recorded with its stack, is not retried, and fails the run",
    run: Effect.fnUntraced(function* (graph) {
      const flow = change(graph, victimOf(graph), () => ({
        retry: { times: 3 },
        run: () => {
          throw new TypeError("undefined is not a review")
        }
      }))
      const defect: any = yield* failureOf(runOf(graph, flow))
      assert.instanceOf(defect, TypeError)
      const run = yield* Run.latest(graph.flow.flowName)
      assert.strictEqual(run.status, "failed")
      assert.deepInclude(run.error, { tag: "TypeError", message: "undefined is not a review" })
      const failed = (yield* victimTasks(graph)).filter((task) => task.status === "failed")
      assert.isAtLeast(failed.length, 1)
      for (const task of failed) {
        assert.lengthOf(task.attempts, 1)
        assert.include(task.error?.stack, "behaviours/failures.ts")
      }
    })
  },
  {
    name: "an interrupted run says so, and nothing in it goes on",
    run: Effect.fnUntraced(function* (graph) {
      const exit = yield* Effect.exit(
        runOf(graph).pipe(Effect.provide(layerFailing(victimOf(graph), Effect.interrupt)))
      )
      assert.isTrue(Exit.isFailure(exit))
      const run = yield* Run.latest(graph.flow.flowName)
      assert.strictEqual(run.status, "interrupted")
      const tasks = yield* tasksOf(run.id)
      assert.isAtLeast(tasks.filter((task) => task.status === "interrupted").length, 1)
      for (const task of tasks) assert.include(["succeeded", "interrupted"], task.status)
    })
  }
]
