/** Wrong uses of flows: each must produce one sentence that says what is wrong, where, and what to do. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import * as Artifact from "../../src/Artifact.ts"
import * as Flow from "../../src/Flow.ts"
import * as Plan from "../../src/Plan.ts"
import type { Ref } from "../../src/Ref.ts"
import * as Run from "../../src/Run.ts"
import * as Step from "../../src/Step.ts"
import * as Storage from "../../src/Storage.ts"
import { layerFailing } from "../../src/testing.ts"
import { failureOf } from "./harness.ts"

class Sick extends Schema.TaggedError<Sick>()("Sick", { message: Schema.String }) {}

const start = Step.make("start", {
  output: { flag: Schema.Boolean, kind: Schema.Literals(["en", "de"]), n: Schema.Number },
  run: () => Effect.succeed({ flag: true, kind: "de" as const, n: 1 })
})
const add = Step.make("add", {
  input: { n: Schema.Number },
  output: { n: Schema.Number },
  run: ({ n }) => Effect.succeed({ n: n + 1 })
})
const total = Step.join(
  "total",
  { all: Step.many(add) },
  { output: { n: Schema.Number }, run: ({ all }) => Effect.succeed({ n: all.reduce((sum, { n }) => sum + n, 0) }) }
)
const fall = Step.make("fall", { error: Sick, run: () => new Sick({ message: "Not today." }) })

const named = Step.make("named", {
  input: { name: Schema.String },
  output: { name: Schema.String },
  run: Effect.succeed
})

const steps = [named, start, add, total, fall]
const flow = <A, E, R>(body: () => Effect.Effect<A, E, R>) => Flow.make("Bad", { steps, run: body })

/** The failure or defect of a run, and what the run's record says of it. */
const said = Effect.fnUntraced(function* <A, E>(body: () => Effect.Effect<A, E, any>) {
  const failure: any = yield* failureOf(Flow.run(flow(body), {}))
  const run = yield* Run.latest("Bad")
  assert.strictEqual(run.status, "failed")
  assert.strictEqual(run.error?.message, failure.message)
  assert.isUndefined(run.error?.stack, "a sentence, no stack trace")
  return { ...failure, message: failure.message as string, tag: failure._tag as string }
})

describe("bad input", () => {
  it.effect("a foreach over something that is no list", () =>
    Effect.gen(function* () {
      const error = yield* said(() =>
        Effect.flatMap(start(), ({ flag }) =>
          Step.forEach(flag as unknown as Ref<ReadonlyArray<number>>, (n) => add({ n }))
        )
      )
      assert.strictEqual(error.reason, "shape")
      assert.include(error.message, `Step.forEach needs a list, but "flag" of start/1 is a boolean`)
      const given = yield* said(() => Step.forEach(7 as never, (n: any) => add({ n })))
      assert.include(given.message, "Step.forEach needs a list, but its argument is a number")
    }).pipe(Effect.provide(Storage.layerMemory))
  )
  it.effect("a foreach over a table, which is no list of rows", () =>
    Effect.gen(function* () {
      const table = Step.make("table", {
        output: { df: Artifact.table({ n: Schema.Int }) },
        run: () => Effect.succeed({ df: { numRows: 1, columns: { n: [1] } } })
      })
      const bad = Flow.make("Bad", {
        steps: [table, add],
        run: () => Effect.flatMap(table(), ({ df }) => Step.forEach(df as never, (n: any) => add({ n })))
      })
      const error: any = yield* failureOf(Flow.run(bad, {}))
      assert.include(error.message, `"df" of table/1 is an object`)
    }).pipe(Effect.provide(Storage.layerMemory))
  )
  it.effect("a loop that never ends", () =>
    Effect.gen(function* () {
      const error = yield* said(() =>
        Effect.flatMap(add({ n: 0 }), (first) =>
          Flow.iterate(first, { while: () => Effect.succeed(true), body: ({ n }) => add({ n }), limit: 25 })
        )
      )
      assert.strictEqual(error.tag, "FlowError")
      assert.strictEqual(error.reason, "limit")
      assert.include(error.message, `A loop of flow "Bad" did not end after 25 iterations`)
      assert.include(error.message, "`limit`")
      const { length } = yield* Run.tasks("latest")
      assert.strictEqual(length, 26)
      // A loop may run exactly this many times.
      const fine = flow(() =>
        Effect.flatMap(add({ n: 0 }), (first) =>
          Flow.iterate(first, {
            while: ({ n }) => Effect.map(n, (n) => n < 26),
            body: ({ n }) => add({ n }),
            limit: 25
          })
        )
      )
      assert.strictEqual(yield* (yield* Flow.run(fine, {})).output.n, 26)
    }).pipe(Effect.provide(Storage.layerMemory))
  )
  it.effect("a switch value with no arm", () =>
    Effect.gen(function* () {
      const error = yield* said(() =>
        Effect.flatMap(start(), ({ kind, n }) => Flow.match(kind, { en: add({ n }), fr: add({ n }) } as never))
      )
      assert.strictEqual(error.reason, "arm")
      assert.include(error.message, `"kind" of start/1 is "de", but there is no arm for it. The arms are: en, fr.`)
      // Inherited properties such as `toString` are not arms.
      const inherited = yield* said(() =>
        Effect.flatMap(named({ name: "toString" }), ({ name }) => Flow.match(name, { other: start() } as never))
      )
      assert.include(inherited.message, "there is no arm")
    }).pipe(Effect.provide(Storage.layerMemory))
  )
  it.effect("a child flow that fails: its error arrives typed, and its run is named", () =>
    Effect.gen(function* () {
      const child = Flow.make("Child", { steps: [fall], run: () => fall() })
      const parent = Flow.make("Parent", {
        steps: [add],
        run: () =>
          Flow.call(child, {}).pipe(
            Effect.as("well"),
            Effect.catchTag("Sick", (error) => Effect.as(add({ n: 1 }), error.message))
          )
      })
      const { id, output } = yield* Flow.run(parent, {})
      assert.strictEqual(output, "Not today.")
      const [called] = yield* Run.list({ flow: "Child" })
      assert.deepInclude(called, { parent: id, status: "failed" })
      const lines = yield* Run.logs(id)
      assert.include(lines.find((line) => line.level === "Error")?.message, `Run ${called?.id} of flow "Child"`)
      // Uncaught, it fails the parent, as it is.
      const careless = Flow.make("Careless", { steps: [], run: () => Flow.call(child, {}) })
      const error = yield* Effect.flip(Flow.run(careless, {}))
      assert.instanceOf(error, Sick)
      assert.strictEqual((yield* Run.latest("Careless")).error?.tag, "Sick")
    }).pipe(Effect.provide(Storage.layerMemory))
  )
  it.effect("a child flow whose parameters do not fit", () =>
    Effect.gen(function* () {
      const child = Flow.make("Child", { parameters: { n: Schema.Int }, steps: [add], run: ({ n }) => add({ n }) })
      const error = yield* said(() => Flow.call(child, { n: 1.5 }))
      assert.strictEqual(error.tag, "ParameterError")
      assert.include(error.message, `flow "Child"`)
    }).pipe(Effect.provide(Storage.layerMemory))
  )
  it.effect("a plan of a flow that reads a value at its first line", () =>
    Effect.gen(function* () {
      const eager = Flow.make("Eager", {
        steps: [start, add],
        run: Effect.fnUntraced(function* () {
          const { n } = yield* start()
          return yield* add({ n: (yield* n) + 1 })
        })
      })
      const plan = yield* Plan.make(eager, {})
      assert.deepStrictEqual(
        plan.nodes.map((node) => node.id),
        ["start/1"]
      )
      assert.strictEqual(plan.stop?.ref, "start/1.n")
      assert.include(plan.stop?.message, "reads the value of start/1.n, which only a run has")
      assert.include(Plan.toText(plan), plan.stop?.message ?? "?")
    })
  )
  it.effect("a task of a step that the flow does not list, in a run and in a plan", () =>
    Effect.gen(function* () {
      const stranger = Step.make("stranger", { run: () => Effect.void })
      const bad = Flow.make("Bad", { steps: [start], run: () => stranger() })
      const error: any = yield* failureOf(Flow.run(bad, {}))
      assert.include(
        error.message,
        `step "stranger", which it does not list. Add it to the flow's steps: [start, stranger]`
      )
      const plan = yield* Plan.make(bad, {})
      assert.include(
        plan.stop?.message,
        `step "stranger", which it does not list. Add it to the flow's steps: [start, stranger]`
      )
      // Another step of the same name is not that step.
      const other = Step.make("start", { run: () => Effect.void })
      const impostor = Flow.make("Bad", { steps: [start], run: () => other() })
      const told: any = yield* failureOf(Flow.run(impostor, {}))
      assert.include(told.message, "does not list")
    }).pipe(Effect.provide(Storage.layerMemory))
  )
  it.effect("a task called without an input, and a join without a state", () =>
    Effect.gen(function* () {
      const error = yield* said(() => add({} as never))
      assert.include(error.message, `Step "add" was called without its input "n". Its inputs are: n.`)
      const missing = yield* said(() => total({ all: [{ other: 1 }] } as never))
      assert.include(
        missing.message,
        `"all" of step "total" takes states of step "add", but item 0 is none: it has "other"`
      )
      const tasks = yield* said(() => total({ all: [add({ n: 1 })] } as never))
      assert.include(tasks.message, `item 0 is a task that has not run: put Effect.all around the list`)
      const number = yield* said(() => total({ all: [1] } as never))
      assert.include(number.message, `but item 0 is a number`)
      const none = yield* said(() => total({} as never))
      assert.include(none.message, `Step "total" was called without its branch "all"`)
      const single = yield* said(() => Effect.flatMap(add({ n: 1 }), (all) => total({ all } as never)))
      assert.include(single.message, `The branch "all" of step "total" takes a list of states`)
    }).pipe(Effect.provide(Storage.layerMemory))
  )
  it.effect("one failure among many stops the others and is the one that is told", () =>
    Effect.gen(function* () {
      const many = flow(() =>
        total({ all: Step.forEach([1, 2, 3, 4, 5, 6, 7, 8], (n) => add({ n }), { concurrency: 2 }) })
      )
      const exit = yield* Effect.exit(
        Flow.run(many, {}).pipe(Effect.provide(layerFailing("add/3", Effect.fail(new Sick({ message: "third" })))))
      )
      assert.isTrue(Exit.isFailure(exit))
      const run = yield* Run.latest("Bad")
      assert.strictEqual(run.error?.message, "third")
      const tasks = yield* Run.tasks(run)
      assert.isBelow(tasks.length, 6)
      assert.lengthOf(
        tasks.filter((task) => task.status === "failed"),
        1
      )
    }).pipe(Effect.provide(Storage.layerMemory))
  )
})
