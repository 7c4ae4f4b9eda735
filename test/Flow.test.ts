/** Flows on the memory store: what a run is, what reaches its tasks, how it ends, and what its record says. */
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { Flow, type RunRecord, RunStore, Step, Storage } from "effect-flow"

class TooLarge extends Schema.TaggedError<TooLarge>()("TooLarge", { x: Schema.Number, message: Schema.String }) {}
class Offset extends Context.Service<Offset, { readonly by: number }>()("test/Offset") {}

const double = Step.make("double", {
  input: { x: Schema.Number },
  output: { y: Schema.Number },
  error: TooLarge,
  run: ({ x }) =>
    x > 100 ? Effect.fail(new TooLarge({ x, message: `${x} is too large.` })) : Effect.succeed({ y: x * 2 })
})
const shift = Step.make("shift", {
  input: { y: Schema.Number },
  output: { z: Schema.Number },
  run: ({ y }) => Effect.map(Offset, ({ by }) => ({ z: y + by }))
})

const Simple = Flow.make("Simple", {
  parameters: { x: Flow.parameter(Schema.Number, { default: 3 }) },
  steps: [double],
  run: ({ x }) => double({ x })
})

const onlyRun = Effect.gen(function* () {
  const runs = yield* RunStore.RunStore
  const [run] = yield* runs.runs({})
  return run as RunRecord.RunRecord
})
const tasksOf = (run: string) => Effect.flatMap(RunStore.RunStore, (runs) => runs.tasks({ run }))

describe("a run", () => {
  it.effect("yields what its body yields, under an id that sorts by start", () =>
    Effect.gen(function* () {
      const first = yield* Flow.run(Simple, { x: 4 })
      const second = yield* Flow.run(Simple, {})
      assert.strictEqual(yield* first.output.y, 8)
      assert.strictEqual(yield* second.output.y, 6)
      assert.match(first.id, /^[0-9a-z]{26}$/)
      assert.isTrue(first.id < second.id)
    }).pipe(Effect.provide(Storage.layerMemory))
  )

  it.effect("is recorded with its parameters, its tags and its tasks", () =>
    Effect.gen(function* () {
      const { id } = yield* Flow.run(Simple, { x: 4 }, { tags: ["b", "a", "b"] })
      const run = yield* onlyRun
      assert.strictEqual(run.id, id)
      assert.strictEqual(run.status, "succeeded")
      assert.deepStrictEqual(run.parameters, { x: 4 })
      assert.deepStrictEqual(run.tags, ["a", "b"])
      assert.isString(run.systemTags["effect-flow"])
      const [task] = yield* tasksOf(id)
      assert.strictEqual(task?.id, "double/1")
      assert.strictEqual(task?.status, "succeeded")
      assert.strictEqual(task?.how, "executed")
      assert.deepStrictEqual(
        task?.outputs.map((output) => [output.name, output.writer]),
        [["y", `${id}/double/1`]]
      )
      assert.strictEqual(task?.attempts.length, 1)
    }).pipe(Effect.provide(Storage.layerMemory))
  )

  it.effect("fails as its step fails, and says so in its record", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Flow.run(Simple, { x: 101 }))
      assert.strictEqual(error._tag, "TooLarge")
      const run = yield* onlyRun
      assert.strictEqual(run.status, "failed")
      assert.deepStrictEqual(run.error, { tag: "TooLarge", message: "101 is too large." })
      const [task] = yield* tasksOf(run.id)
      assert.strictEqual(task?.status, "failed")
      assert.deepStrictEqual(task?.error, {
        tag: "TooLarge",
        message: "101 is too large.",
        data: { _tag: "TooLarge", x: 101, message: "101 is too large." }
      })
    }).pipe(Effect.provide(Storage.layerMemory))
  )

  it.effect("goes on where the body catches what a task failed with", () =>
    Effect.gen(function* () {
      const Caught = Flow.make("Caught", {
        steps: [double],
        run: () => double({ x: 200 }).pipe(Effect.catchTag("TooLarge", ({ x }) => double({ x: x / 10 })))
      })
      const { id, output } = yield* Flow.run(Caught, {})
      assert.strictEqual(yield* output.y, 40)
      assert.strictEqual((yield* onlyRun).status, "succeeded")
      assert.deepStrictEqual(
        (yield* tasksOf(id)).map((task) => task.status),
        ["failed", "succeeded"]
      )
    }).pipe(Effect.provide(Storage.layerMemory))
  )

  it.effect("records what a step throws with its stack, and is a defect", () =>
    Effect.gen(function* () {
      const broken = Step.make("broken", {
        run: () =>
          Effect.sync(() => {
            throw new TypeError("no such thing")
          })
      })
      const exit = yield* Effect.exit(Flow.run(Flow.make("Broken", { steps: [broken], run: () => broken() }), {}))
      assert.isTrue(Exit.isFailure(exit) && Cause.hasDies(exit.cause))
      const run = yield* onlyRun
      assert.strictEqual(run.status, "failed")
      assert.strictEqual(run.error?.tag, "TypeError")
      assert.include(run.error?.stack, "no such thing")
    }).pipe(Effect.provide(Storage.layerMemory))
  )

  it.effect("is recorded as interrupted, as are its tasks", () =>
    Effect.gen(function* () {
      const reached = yield* Deferred.make<void>()
      const wait = Step.make("wait", { run: () => Effect.andThen(Deferred.succeed(reached, undefined), Effect.never) })
      const fiber = yield* Effect.forkChild(Flow.run(Flow.make("Wait", { steps: [wait], run: () => wait() }), {}))
      yield* Deferred.await(reached)
      yield* Fiber.interrupt(fiber)
      const run = yield* onlyRun
      assert.strictEqual(run.status, "interrupted")
      assert.deepStrictEqual(
        (yield* tasksOf(run.id)).map((task) => task.status),
        ["interrupted"]
      )
    }).pipe(Effect.provide(Storage.layerMemory))
  )

  it.effect("refuses parameters that do not fit, naming them", () =>
    Effect.gen(function* () {
      const Checked = Flow.make("Checked", {
        parameters: { share: Schema.Number.check(Schema.isBetween({ minimum: 0, maximum: 1 })) },
        steps: [],
        run: () => Effect.void
      })
      const error = yield* Effect.flip(Flow.run(Checked, { share: 2 }))
      assert.strictEqual(error._tag, "ParameterError")
      assert.include(error.message, `The parameters of flow "Checked" do not fit`)
      assert.include(error.message, "share")
    }).pipe(Effect.provide(Storage.layerMemory))
  )

  it.effect("two at once in one process do not meet", () =>
    Effect.gen(function* () {
      const outputs = yield* Effect.all(
        Array.from({ length: 20 }, (_, x) =>
          Effect.flatMap(Flow.run(Simple, { x }), ({ id, output }) => Effect.map(output.y, (y) => ({ id, y })))
        ),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(
        outputs.map(({ y }) => y),
        Array.from({ length: 20 }, (_, x) => x * 2)
      )
      assert.strictEqual(new Set(outputs.map(({ id }) => id)).size, 20)
    }).pipe(Effect.provide(Storage.layerMemory))
  )
})

describe("a flow", () => {
  it("refuses two steps of one name when it is made", () => {
    const steps: ReadonlyArray<Step.Any> = [double, double]
    assert.throws(() => Flow.make("Twice", { steps, run: () => Effect.void }), /lists two steps named "double"/)
  })

  it("refuses names that can't stand in a path", () => {
    assert.throws(() => Step.make("a/b", { run: () => Effect.void }), /"a\/b" can't name a step/)
    assert.throws(
      () => Step.make("a", { input: { "x.y": Schema.Number }, run: () => Effect.void }),
      /a field of step "a"/
    )
  })

  it.effect("refuses a task of a step that it does not list, and records that it failed", () =>
    Effect.gen(function* () {
      const Forgot = Flow.make("Forgot", { steps: [], run: () => double({ x: 1 }) })
      const exit = yield* Effect.exit(Flow.run(Forgot, {}))
      assert.isTrue(Exit.isFailure(exit))
      const run = yield* onlyRun
      assert.strictEqual(run.status, "failed")
      assert.include(run.error?.message, `runs a task of step "double", which it does not list`)
      assert.isUndefined(run.error?.stack)
    }).pipe(Effect.provide(Storage.layerMemory))
  )

  it.effect("carries the layer of its steps, built once a run and only when a step needs it", () =>
    Effect.gen(function* () {
      let built = 0
      const layer = Layer.sync(Offset, () => {
        built++
        return { by: 10 }
      })
      const Shifted = Flow.provide(
        Flow.make("Shifted", {
          parameters: { times: Schema.Int },
          steps: [shift],
          run: ({ times }) =>
            Step.forEach(
              Array.from({ length: times }, (_, y) => y),
              (y) => shift({ y })
            )
        }),
        layer
      )
      yield* Flow.run(Shifted, { times: 0 })
      assert.strictEqual(built, 0)
      const { output } = yield* Flow.run(Shifted, { times: 3 })
      assert.deepStrictEqual(yield* Effect.all(output.map((state) => state.z)), [10, 11, 12])
      assert.strictEqual(built, 1)
    }).pipe(Effect.provide(Storage.layerMemory))
  )

  it.effect("lets a step without the layer start while the layer is built, wherever the body uses it", () =>
    Effect.gen(function* () {
      // The layer is built when the tasks that do without it have ended: that would never be if they waited for it.
      const free = yield* Deferred.make<void>()
      const layer = Layer.effect(Offset, Effect.as(Deferred.await(free), { by: 10 }))
      const prepare = Step.make("prepare", {
        layer: false,
        input: { x: Schema.Number },
        output: { y: Schema.Number },
        run: ({ x }) => Effect.succeed({ y: x + 1 })
      })
      const total = Step.join(
        "total",
        { prepared: Step.many(prepare) },
        {
          layer: false,
          output: { sum: Schema.Number },
          run: ({ prepared }) =>
            Effect.as(Deferred.succeed(free, undefined), { sum: prepared.reduce((sum, { y }) => sum + y, 0) })
        }
      )
      const Called = Flow.provide(
        Flow.make("Called", {
          steps: [prepare, total, shift],
          run: () =>
            Effect.all(
              { shifted: shift({ y: 1 }), sum: total({ prepared: Step.forEach([1, 2, 3], (x) => prepare({ x })) }) },
              { concurrency: "unbounded" }
            )
        }),
        layer
      )
      const Calling = Flow.provide(
        Flow.make("Calling", {
          steps: [shift, prepare],
          run: () =>
            Effect.all(
              { shifted: shift({ y: 2 }), called: Flow.call(Called, {}), prepared: prepare({ x: 1 }) },
              { concurrency: "unbounded" }
            )
        }),
        layer
      )
      const { output } = yield* Flow.run(Calling, {})
      assert.strictEqual(yield* output.shifted.z, 12)
      assert.strictEqual(yield* output.called.shifted.z, 11)
      assert.strictEqual(yield* output.called.sum.sum, 9)
    }).pipe(Effect.provide(Storage.layerMemory))
  )

  it.effect("fails the steps that use its layer, and no other, where the layer can't be built", () =>
    Effect.gen(function* () {
      const prepare = Step.make("prepare", {
        layer: false,
        output: { y: Schema.Number },
        run: () => Effect.succeed({ y: 1 })
      })
      const Broken = Flow.provide(
        Flow.make("Broken", {
          steps: [prepare, shift],
          run: Effect.fnUntraced(function* () {
            const { y } = yield* prepare()
            const shifted = yield* Effect.exit(shift({ y }))
            return { y: yield* (yield* prepare()).y, failed: Exit.isFailure(shifted) }
          })
        }),
        Layer.effect(Offset, Effect.fail("no connection"))
      )
      const { output } = yield* Flow.run(Broken, {})
      assert.deepStrictEqual(output, { y: 1, failed: true })
    }).pipe(Effect.provide(Storage.layerMemory))
  )

  it.effect("builds no layer for tasks that are served from the cache or taken over", () =>
    Effect.gen(function* () {
      let built = 0
      const layer = Layer.sync(Offset, () => {
        built++
        return { by: 10 }
      })
      const steps = {
        cached: Step.make("cached", {
          cache: { version: "1" },
          output: { z: Schema.Number },
          run: () => Effect.map(Offset, ({ by }) => ({ z: by }))
        }),
        resumed: Step.make("resumed", {
          output: { z: Schema.Number },
          run: () => Effect.map(Offset, ({ by }) => ({ z: by }))
        })
      }
      const Cached = Flow.provide(Flow.make("Cached", { steps: [steps.cached], run: () => steps.cached() }), layer)
      const Resumed = Flow.provide(Flow.make("Resumed", { steps: [steps.resumed], run: () => steps.resumed() }), layer)
      yield* Flow.run(Cached, {})
      yield* Flow.run(Cached, {})
      assert.strictEqual(built, 1)
      const { id } = yield* Flow.run(Resumed, {})
      yield* Flow.resume(Resumed, { origin: id })
      assert.strictEqual(built, 2)
    }).pipe(Effect.provide(Storage.layerMemory))
  )

  it.effect("takes the services of its steps from the context, too", () =>
    Effect.gen(function* () {
      const Shifted = Flow.make("Shifted", { steps: [shift], run: () => shift({ y: 1 }) })
      const { output } = yield* Flow.run(Shifted, {})
      assert.strictEqual(yield* output.z, 3)
    }).pipe(Effect.provide(Storage.layerMemory), Effect.provideService(Offset, { by: 2 }))
  )

  it.effect("calls another one as a run of its own", () =>
    Effect.gen(function* () {
      const Parent = Flow.make("Parent", {
        steps: [shift],
        run: Effect.fnUntraced(function* () {
          const child = yield* Flow.call(Simple, { x: 5 })
          return yield* shift({ y: child.y })
        })
      })
      const { id, output } = yield* Flow.run(Parent, {})
      assert.strictEqual(yield* output.z, 10)
      const runs = yield* RunStore.RunStore
      const [child] = yield* runs.runs({ parent: id })
      assert.strictEqual(child?.flow, "Simple")
      const [task] = yield* tasksOf(id)
      assert.deepStrictEqual(task?.parents, [`${child?.id}/double/1`])
    }).pipe(Effect.provide(Storage.layerMemory), Effect.provideService(Offset, { by: 0 }))
  )

  it.effect("that calls one which fails gets its error typed, and its log names the run", () =>
    Effect.gen(function* () {
      const Parent = Flow.make("Parent", { steps: [], run: () => Flow.call(Simple, { x: 200 }) })
      const error = yield* Effect.flip(Flow.run(Parent, {}))
      assert.strictEqual(error._tag, "TooLarge")
      const runs = yield* RunStore.RunStore
      const [parent] = yield* runs.runs({ flow: "Parent" })
      const [child] = yield* runs.runs({ flow: "Simple" })
      const [line] = yield* runs.logs({ run: parent?.id ?? "" })
      assert.strictEqual(
        line?.message,
        `Run ${child?.id} of flow "Simple", called from here, failed: 200 is too large.`
      )
    }).pipe(Effect.provide(Storage.layerMemory))
  )
})
