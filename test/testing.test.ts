/** What `effect-flow/testing` promises: a step alone behaves as in a run, a replaced body is used, what fails fails. */
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { TestClock } from "effect/testing"
import * as Artifact from "../src/Artifact.ts"
import * as Card from "../src/Card.ts"
import { CurrentTask } from "../src/CurrentTask.ts"
import { Executor } from "../src/Executor.ts"
import * as Flow from "../src/Flow.ts"
import * as Plan from "../src/Plan.ts"
import * as Run from "../src/Run.ts"
import { RunStore } from "../src/RunStore.ts"
import * as Step from "../src/Step.ts"
import * as Storage from "../src/Storage.ts"
import { layerFailing, layerKilling, observe, runStep, withFlow, withStep } from "../src/testing.ts"

class Odd extends Schema.TaggedError<Odd>()("Odd", { x: Schema.Number }) {}
class Offset extends Context.Service<Offset, number>()("test/Offset") {}

const half = Step.make("half", {
  input: { x: Schema.Number },
  output: { y: Schema.Number },
  error: Odd,
  run: Effect.fnUntraced(function* ({ x }) {
    if (x % 2 !== 0) return yield* new Odd({ x })
    return { y: x / 2 }
  })
})
const shifted = Step.make("shifted", {
  input: { y: Schema.Number },
  output: { z: Schema.Number },
  run: ({ y }) => Effect.map(Offset, (offset) => ({ z: y + offset }))
})
const pick = Step.join(
  "pick",
  { halves: Step.many(half), shifted },
  {
    input: { bonus: Schema.Number },
    output: { best: Schema.Number },
    run: ({ halves, shifted }, { bonus }) =>
      Effect.succeed({ best: Math.max(shifted.z, ...halves.map((one) => one.x + one.y)) + bonus })
  }
)
const HalfFlow = Flow.make("HalfFlow", {
  parameters: { x: Schema.Number },
  steps: [half, shifted, pick],
  run: Effect.fnUntraced(function* ({ x }) {
    const first = yield* half({ x })
    const last = yield* pick(
      { halves: Step.forEach([2, 4], (item) => half({ x: item })), shifted: shifted(first) },
      { bonus: 100 }
    )
    return yield* last.best
  })
})
const HalfFlowOf10 = Flow.provide(HalfFlow, Layer.succeed(Offset, 10))

/** Steps, how they ended and how they came about, in the order of their ids. */
const told = Effect.fnUntraced(function* (run: string) {
  const tasks = yield* (yield* RunStore).tasks({ run })
  return tasks.map((task) => `${task.step} ${task.status} ${task.how}`)
})

describe("runStep", () => {
  it.effect("runs a step on values, with no store around", () =>
    Effect.gen(function* () {
      const { y } = yield* runStep(half, { x: 4 })
      assert.strictEqual(y, 2)
    })
  )
  it.effect("fails with the body's own error, typed", () =>
    Effect.gen(function* () {
      const x = yield* runStep(half, { x: 3 }).pipe(
        Effect.as(0),
        Effect.catchTag("Odd", (error) => Effect.succeed(error.x))
      )
      assert.strictEqual(x, 3)
    })
  )
  it.effect("asks for the services that the body needs, and gives CurrentTask", () =>
    Effect.gen(function* () {
      const alone = runStep(shifted, { y: 1 })
      // @ts-expect-error Offset is missing
      const unprovided: Effect.Effect<unknown, unknown> = alone
      assert.isTrue(Exit.isFailure(yield* Effect.exit(unprovided)))
      assert.deepStrictEqual(yield* Effect.provideService(alone, Offset, 5), { z: 6 })
    })
  )
  it.effect("gives a join its states, in order, and its own inputs", () =>
    Effect.gen(function* () {
      const states = { halves: [{ x: 2, y: 1 }, { x: 8, y: 4 }], shifted: { y: 1, z: 3 } } // biome-ignore format: one line
      assert.deepStrictEqual(yield* runStep(pick, states, { bonus: 100 }), { best: 112 })
      assert.deepStrictEqual(yield* runStep(pick, { ...states, halves: [] }, { bonus: 0 }), { best: 3 })
    })
  )
  it.effect("refuses an output and an input that break their schemas, naming them", () =>
    Effect.gen(function* () {
      const wrong = Step.make("wrong", {
        input: { x: Schema.Int },
        output: { y: Schema.String },
        run: () => Effect.succeed({ y: 1 as never as string })
      })
      const output = yield* Effect.flip(runStep(wrong, { x: 1 }))
      assert.include(output.message, "wrong/1/y breaks its schema")
      const input = yield* Effect.flip(runStep(wrong, { x: 1.5 }))
      assert.include(input.message, `input "x" of step "wrong" breaks its schema`)
    })
  )
  it.effect("has what a body may ask of its task: attempt, tags, scratch, and a card", () =>
    Effect.gen(function* () {
      const curious = Step.make("curious", {
        output: { attempt: Schema.Number, tags: Schema.Array(Schema.String), scratch: Schema.String },
        run: Effect.fnUntraced(function* () {
          const task = yield* CurrentTask
          yield* task.addTags("candidate")
          yield* task.removeTags("old")
          yield* Effect.logWarning("careful")
          yield* Run.metric("loss", 0.5)
          yield* Run.metric("loss", 0.25)
          yield* Card.append(Card.markdown("# hello"))
          const scratch = yield* task.scratch
          assert.isTrue(existsSync(scratch))
          return { attempt: task.attempt, tags: task.tags, scratch }
        })
      })
      const seen = yield* observe(runStep(curious, {}, { attempt: 3, tags: ["old", "new"] }))
      assert.deepInclude(seen.value, { attempt: 3, tags: ["new", "old"] })
      assert.isFalse(existsSync(seen.value.scratch))
      assert.deepStrictEqual(seen.tags, ["candidate", "new"])
      assert.deepStrictEqual(
        seen.logs.map((line) => `${line.level} ${line.message}`),
        ["Warn careful"]
      )
      assert.deepStrictEqual(
        seen.metrics.map((point) => [point.name, point.step, point.value]),
        [
          ["loss", 0, 0.5],
          ["loss", 1, 0.25]
        ]
      )
      assert.lengthOf(seen.card, 1)
    })
  )
  it.effect("lets one see what a step logged that fails", () =>
    Effect.gen(function* () {
      const doomed = Step.make("doomed", {
        run: () => Effect.andThen(Effect.log("last words"), Effect.die(new Error("gone")))
      })
      const seen = yield* observe(Effect.exit(runStep(doomed)))
      assert.isTrue(Exit.isFailure(seen.value))
      assert.strictEqual(seen.logs[0]?.message, "last words")
    })
  )
  it.effect("keeps the files that a step yields as long as the test", () =>
    Effect.gen(function* () {
      const report = Step.make("report", {
        output: { file: Artifact.file() },
        run: Effect.fnUntraced(function* () {
          const file = join(yield* (yield* CurrentTask).scratch, "report.txt")
          writeFileSync(file, "fine")
          return { file }
        })
      })
      const path = yield* Effect.scoped(
        Effect.gen(function* () {
          const { file } = yield* runStep(report)
          assert.strictEqual(readFileSync(file, "utf8"), "fine")
          return file
        })
      )
      assert.isFalse(existsSync(path))
    })
  )
})

describe("withStep", () => {
  it.effect("executes another body in a step's place", () =>
    Effect.gen(function* () {
      const flow = withStep(HalfFlowOf10, half, ({ x }) => Effect.succeed({ y: x * 1000 }))
      const { output } = yield* Flow.run(flow, { x: 1 })
      assert.strictEqual(output, 4004 + 100)
      assert.strictEqual((yield* Flow.run(HalfFlowOf10, { x: 2 })).output, 11 + 100)
    }).pipe(Effect.provide(Storage.layerMemory))
  )
  it.effect("replaces what is replaced already, and a join", () =>
    Effect.gen(function* () {
      const once = withStep(HalfFlowOf10, half, () => Effect.succeed({ y: 0 }))
      const twice = withStep(once, half, () => Effect.succeed({ y: 7 }))
      const flow = withStep(twice, pick, ({ halves }, { bonus }) =>
        Effect.succeed({ best: (halves[0]?.y ?? 0) + bonus })
      )
      assert.strictEqual((yield* Flow.run(flow, { x: 1 })).output, 107)
    }).pipe(Effect.provide(Storage.layerMemory))
  )
  it.effect("leaves the key alone: what failed with one body is resumed with another", () =>
    Effect.gen(function* () {
      const broken = withStep(HalfFlowOf10, shifted, () => Effect.die(new Error("no")))
      yield* Effect.exit(Flow.run(broken, { x: 2 }))
      const resumed = yield* Flow.resume(HalfFlowOf10)
      assert.strictEqual(resumed.output, 11 + 100)
      assert.include(yield* told(resumed.id), "half succeeded takenOver")
    }).pipe(Effect.provide(Storage.layerMemory))
  )
  it("refuses a step that the flow does not list", () => {
    const other = Step.make("other", { run: () => Effect.void })
    assert.throws(() => withStep(HalfFlow, other, () => Effect.void), /lists no step "other".*half, shifted, pick/)
  })
  it.effect("is executed in this process, whatever runs the other steps", () =>
    Effect.gen(function* () {
      const elsewhere: Array<string> = []
      const remote = Layer.effect(
        Executor,
        Effect.map(Effect.service(Executor), (executor) => ({
          ...executor,
          execute: (attempt) => {
            if (attempt.definition.runsOn !== "fiber") elsewhere.push(attempt.task.step)
            return executor.execute(attempt)
          }
        }))
      )
      const flow = withStep(HalfFlowOf10, half, () => Effect.succeed({ y: 1 }))
      yield* Flow.run(flow, { x: 1 }).pipe(Effect.provide(remote))
      assert.deepStrictEqual(elsewhere.sort(), ["pick", "shifted"])
    }).pipe(Effect.provide(Storage.layerMemory))
  )
  it("has types that hold the body to the step's", () => {
    // @ts-expect-error an output is missing
    withStep(HalfFlow, half, () => Effect.succeed({}))
    // @ts-expect-error a failure that the step does not have
    withStep(HalfFlow, half, () => Effect.fail("no"))
    const needing = withStep(HalfFlow, half, () => Effect.as(CurrentTask, { y: 1 }))
    const same: typeof HalfFlow = needing
    assert.strictEqual(same.flowName, "HalfFlow")
  })
  it.effect("reaches into a called flow, and is planned", () =>
    Effect.gen(function* () {
      const last = Step.make("last", { input: { n: Schema.Number }, output: { m: Schema.Number }, run: ({ n }) => Effect.succeed({ m: n }) }) // biome-ignore format: one line
      const Parent = Flow.make("Parent", {
        steps: [last],
        run: Effect.fnUntraced(function* () {
          return yield* (yield* last({ n: yield* Flow.call(HalfFlowOf10, { x: 4 }) })).m
        })
      })
      assert.strictEqual((yield* Flow.run(Parent, {})).output, 112)
      const flow = withFlow(
        Parent,
        HalfFlowOf10,
        withStep(HalfFlowOf10, half, () => Effect.succeed({ y: 1 }))
      )
      assert.strictEqual((yield* Flow.run(flow, {})).output, 111)
      const plan = yield* Plan.make(flow, {})
      assert.deepStrictEqual(plan.groups[0]?.label, "HalfFlow")
    }).pipe(Effect.provide(Storage.layerMemory))
  )
})

describe("layerFailing", () => {
  const run = Flow.run(HalfFlowOf10, { x: 2 })
  it.effect("fails the tasks that are meant, by number, step, id or predicate", () =>
    Effect.gen(function* () {
      const failing = (which: Parameters<typeof layerFailing>[0]) =>
        Effect.flip(run.pipe(Effect.provide(layerFailing(which, Effect.fail(new Odd({ x: 0 }))))))
      for (const which of [1, "half", "half/1", (task: { readonly attempt: number }) => task.attempt === 1]) {
        const error = yield* failing(which)
        assert.strictEqual(error._tag, "Odd")
      }
      for (const which of [12, "halves", "half/12"]) {
        const exit = yield* Effect.exit(failing(which))
        assert.isTrue(Exit.isFailure(exit), `${which} is no task`)
      }
    }).pipe(Effect.provide(Storage.layerMemory))
  )
  it.effect("fails as many attempts as are meant", () =>
    Effect.gen(function* () {
      const patient = Step.make("patient", { output: { n: Schema.Number }, retry: { times: 2 }, run: () => Effect.map(CurrentTask, ({ attempt }) => ({ n: attempt })) }) // biome-ignore format: one line
      const flow = Flow.make("Patient", { steps: [patient], run: () => Effect.flatMap(patient(), ({ n }) => n) })
      const failing = (attempts: number) =>
        Flow.run(flow, {}).pipe(Effect.provide(layerFailing("patient", Effect.fail("flaky"), { attempts })))
      assert.strictEqual((yield* failing(2)).output, 3)
      assert.strictEqual(yield* Effect.flip(failing(3)), "flaky" as never) // an executor's failure has no type
    }).pipe(Effect.provide(Storage.layerMemory))
  )
  it.effect("interrupts a run, which says so", () =>
    Effect.gen(function* () {
      yield* Effect.exit(run.pipe(Effect.provide(layerFailing("pick", Effect.interrupt))))
      const [record] = yield* (yield* RunStore).runs({})
      assert.strictEqual(record?.status, "interrupted")
    }).pipe(Effect.provide(Storage.layerMemory))
  )
})

describe("layerKilling", () => {
  it.effect("leaves what was finished and nothing else; the run is resumed from there", () =>
    Effect.gen(function* () {
      const store = yield* RunStore
      for (let after = 0; after <= 4; after++) {
        const exit = yield* Effect.exit(Flow.run(HalfFlowOf10, { x: 2 }).pipe(Effect.provide(layerKilling(after))))
        assert.isTrue(Exit.isFailure(exit))
        const [killed] = yield* store.runs({ limit: 1 })
        assert.strictEqual(killed?.status, "running")
        const before = yield* told(killed?.id ?? "")
        assert.lengthOf(
          before.filter((line) => line.includes("succeeded")),
          after
        )
        const resumed = yield* Flow.resume(HalfFlowOf10)
        assert.strictEqual(resumed.output, 111)
        assert.lengthOf(
          (yield* told(resumed.id)).filter((line) => line.includes("takenOver")),
          after
        )
        yield* TestClock.adjust("1 second") // ids sort by start
      }
    }).pipe(Effect.provide(Storage.layerMemory))
  )
  it.effect("lets a run be that ends before", () =>
    Effect.gen(function* () {
      const { output } = yield* Flow.run(HalfFlowOf10, { x: 2 }).pipe(Effect.provide(layerKilling(6)))
      assert.strictEqual(output, 111)
    }).pipe(Effect.provide(Storage.layerMemory))
  )
  it.effect("stops a task that is under way", () =>
    Effect.gen(function* () {
      const flow = withStep(HalfFlowOf10, shifted, () => Effect.never)
      yield* Effect.exit(Flow.run(flow, { x: 2 }).pipe(Effect.provide(layerKilling(3))))
      assert.strictEqual((yield* Flow.resume(HalfFlowOf10)).output, 111)
    }).pipe(Effect.provide(Storage.layerMemory))
  )
})
