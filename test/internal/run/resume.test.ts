/** What may be resumed, and with which parameters; the cache's equal tasks; a layer that fails for a while. In memory. */
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { TestClock } from "effect/testing"
import type { ArtifactStore } from "../../../src/ArtifactStore.ts"
import * as Executor from "../../../src/Executor.ts"
import * as Flow from "../../../src/Flow.ts"
import * as Run from "../../../src/Run.ts"
import type { RunRecord } from "../../../src/RunRecord.ts"
import { RunStore } from "../../../src/RunStore.ts"
import * as Step from "../../../src/Step.ts"
import * as Storage from "../../../src/Storage.ts"

const effect = <E>(title: string, body: () => Effect.Effect<void, E, RunStore | ArtifactStore>) =>
  it.effect(title, () => Effect.provide(Effect.suspend(body), Storage.layerMemory))

const messageOf = (error: unknown): string => (error as { readonly message: string }).message

describe("a run that is alive", () => {
  effect("is not resumed, by latest or by id, unless that is insisted on", () =>
    Effect.gen(function* () {
      let executed = 0
      const opened = yield* Deferred.make<void>()
      const started = [yield* Deferred.make<void>(), yield* Deferred.make<void>()] as const
      const pay = Step.make("pay", {
        output: { b: Schema.Int },
        run: () =>
          Effect.gen(function* () {
            yield* Deferred.succeed(started[executed++ === 0 ? 0 : 1], undefined)
            yield* Deferred.await(opened)
            return { b: 1 }
          })
      })
      const flow = Flow.make("Pay", { steps: [pay], run: () => pay() })
      const running = yield* Effect.forkChild(Flow.run(flow, {}))
      yield* Deferred.await(started[0])
      const { id } = yield* Run.latest("Pay")
      for (const options of [{}, { origin: id }]) {
        const error = yield* Effect.flip(Flow.resume(flow, options))
        assert.match(messageOf(error), new RegExp(`Run ${id} of flow "Pay" is still running`))
      }
      assert.strictEqual(executed, 1)
      const insisted = yield* Effect.forkChild(Flow.resume(flow, { evenIfRunning: true }))
      yield* Deferred.await(started[1])
      yield* Deferred.succeed(opened, undefined)
      yield* Fiber.join(running)
      yield* Fiber.join(insisted)
      assert.strictEqual(executed, 2)
    })
  )
})

describe("a run that crashed", () => {
  effect("is found until a run resumes it, and says which one did", () =>
    Effect.gen(function* () {
      const s = Step.make("s", { output: { a: Schema.Int }, run: () => Effect.succeed({ a: 1 }) })
      const flow = Flow.make("F", { steps: [s], run: () => s() })
      const { id } = yield* Flow.run(flow, {})
      const store = yield* RunStore
      const [record] = yield* store.runs({})
      const { finishedAt: _finishedAt, output: _output, ...rest } = record as RunRecord // it has just run
      const crashed = {
        ...rest,
        id: `${id.slice(0, -1)}${id.endsWith("0") ? "1" : "0"}`,
        status: "running",
        host: "elsewhere",
        heartbeatAt: 0
      } as const
      yield* TestClock.adjust("1 hour")
      yield* store.write([{ _tag: "Run", run: crashed }])
      const found = (status: "crashed" | "running" | "succeeded") =>
        Effect.map(Run.list({ flow: "F", status }), (runs) => runs.map((run) => run.id))
      assert.deepStrictEqual(yield* found("crashed"), [crashed.id])
      assert.deepStrictEqual(yield* found("running"), [crashed.id], "its record says so")
      const resumed = yield* Flow.resume(flow, { origin: crashed.id })
      assert.deepStrictEqual(yield* found("crashed"), [])
      assert.deepStrictEqual(yield* found("running"), [])
      assert.sameMembers([...(yield* found("succeeded"))], [id, resumed.id])
      const origin = yield* Run.get(crashed.id)
      assert.strictEqual(origin.resumedBy, resumed.id)
      assert.strictEqual(yield* Run.status(origin), "crashed")
    })
  )
})

describe("parameters", () => {
  const s = Step.make("s", { output: { a: Schema.Int }, run: () => Effect.succeed({ a: 1 }) })
  const flowOf = <const Name extends string>(name: Name, seen: Array<unknown> = []) =>
    Flow.make("F", {
      parameters: { [name]: Flow.parameter(Schema.Number, { default: 0.1 }) } as {
        readonly [K in Name]: Flow.Defaulted<typeof Schema.Number>
      },
      steps: [s],
      run: (parameters) => {
        seen.push(parameters)
        return s()
      }
    })

  effect("that were renamed refuse a resume, which may drop them", () =>
    Effect.gen(function* () {
      const seen: Array<unknown> = []
      yield* Flow.run(flowOf("rate"), { rate: 0.5 })
      const renamed = flowOf("learningRate", seen)
      const error = yield* Effect.flip(Flow.resume(renamed))
      assert.strictEqual(error._tag, "ParameterError")
      assert.match(
        messageOf(error),
        /the parameter "rate" \(0\.5\), which flow "F" no longer has; it has: learningRate/
      )
      const misspelt = yield* Effect.flip(Flow.resume(renamed, { dropParameters: ["rtae"] }))
      assert.match(
        messageOf(misspelt),
        /^Run \S+ was started without a parameter "rtae", so there is none to drop\. It was started with: rate\.$/
      )
      assert.deepStrictEqual(seen, [])
      yield* Flow.resume(renamed, { dropParameters: ["rate"], parameters: { learningRate: 0.5 } })
      assert.deepStrictEqual(seen, [{ learningRate: 0.5 }])
    })
  )

  effect("that the flow does not have are refused by run, resume and call, at every depth", () =>
    Effect.gen(function* () {
      const flow = Flow.make("Deep", {
        parameters: { options: Schema.Struct({ inner: Schema.Struct({ a: Schema.Int }) }) },
        steps: [s],
        run: () => s()
      })
      const options = { inner: { a: 1 } }
      const top = yield* Effect.flip(Flow.run(flow, { options, optoins: 1 } as never))
      assert.strictEqual(messageOf(top), 'Flow "Deep" has no parameter "optoins"; it has: options.')
      const none = yield* Effect.flip(Flow.run(flow, undefined as never))
      assert.strictEqual(
        messageOf(none),
        'The parameters of flow "Deep" must be an object, but they are undefined; it has: options.'
      )
      const deep = yield* Effect.flip(Flow.run(flow, { options: { inner: { a: 1, b: 2 } } } as never))
      assert.match(messageOf(deep), /"options\.inner\.b": there is no such property/)
      yield* Flow.run(flow, { options })
      const resumed = yield* Effect.flip(Flow.resume(flow, { parameters: { option: 1 } as never }))
      assert.match(messageOf(resumed), /no parameter "option"/)
      const caller = Flow.make("Caller", { steps: [], run: () => Flow.call(flow, { options, x: 1 } as never) })
      assert.match(messageOf(yield* Effect.flip(Flow.run(caller, {}))), /no parameter "x"/)
    })
  )
})

describe("resuming from a step of a called flow", () => {
  effect("executes that step again, and refuses one that there is not", () =>
    Effect.gen(function* () {
      const executed: Array<string> = []
      const step = <const Name extends string>(name: Name) =>
        Step.make(name, {
          output: { x: Schema.Int },
          run: () =>
            Effect.sync(() => {
              executed.push(name)
              return { x: 1 }
            })
        })
      const leaf = step("leaf")
      const other = step("other")
      const root = step("root")
      const Inner = Flow.make("Inner", { steps: [leaf, other], run: () => Effect.andThen(other(), leaf()) })
      const Middle = Flow.make("Middle", { steps: [], run: () => Flow.call(Inner, {}) })
      const Outer = Flow.make("Outer", { steps: [root], run: () => Effect.andThen(root(), Flow.call(Middle, {})) })
      yield* Flow.run(Outer, {})
      assert.deepStrictEqual(executed.splice(0), ["root", "other", "leaf"])
      yield* Flow.resume(Outer, { from: "Middle/Inner/leaf" })
      assert.deepStrictEqual(executed.splice(0), ["leaf"])
      const none = yield* Effect.flip(Flow.resume(Outer, { from: "Nobody/leaf" }))
      assert.match(messageOf(none), /called no flow "Nobody"\. It called: Middle/)
      const before = (yield* Run.list({})).length
      for (const [from, message] of [
        ["Middle/nothing", /flow "Middle", as run \w{26} called it, has no task of a step "nothing"\./],
        [
          "Middle/Inner/nothing",
          /flow "Middle\/Inner", as run \w{26} called it, has no task of a step "nothing"\. .*leaf/
        ],
        ["Middle/Nobody/leaf", /flow "Middle", as run \w{26} called it, called no flow "Nobody"\. It called: Inner\./],
        ["Middle/", /flow "Middle", .* has no task of a step ""\./],
        ["/leaf", /called no flow ""\. It called: Middle\./],
        ["Middle/Inner/Nobody/leaf", /flow "Middle\/Inner", .* called no flow "Nobody"\. It called none\./]
      ] as const) {
        assert.match(messageOf(yield* Effect.flip(Flow.resume(Outer, { from }))), message)
      }
      assert.strictEqual((yield* Run.list({})).length, before, "it is refused before a run begins")
      assert.deepStrictEqual(executed, [])
    })
  )

  effect("knows the runs that an earlier origin called, where the last one ended before it called any", () =>
    Effect.gen(function* () {
      const executed: Array<string> = []
      let isBroken = false
      const leaf = Step.make("leaf", {
        output: { x: Schema.Int },
        run: () => Effect.sync(() => ({ x: executed.push("leaf") }))
      })
      const Inner = Flow.make("Inner", { steps: [leaf], run: () => leaf() })
      const before = Step.make("before", {
        run: () => Effect.suspend(() => (isBroken ? Effect.die(new Error("broken")) : Effect.void))
      })
      const after = Step.make("after", { run: () => Effect.die(new Error("always")) })
      const Outer = Flow.make("Outer", {
        steps: [before, after],
        run: () => Effect.andThen(before(), Effect.andThen(Flow.call(Inner, {}), after()))
      })
      yield* Effect.exit(Flow.run(Outer, {}))
      isBroken = true
      yield* Effect.exit(Flow.resume(Outer, { from: "before" })) // ends before it calls anything
      isBroken = false
      yield* Effect.exit(Flow.resume(Outer, { from: "Inner/leaf" }))
      assert.deepStrictEqual(executed, ["leaf", "leaf"])
    })
  )
})

describe("the cache", () => {
  effect("keeps equal tasks of one run apart", () =>
    Effect.gen(function* () {
      let drawn = 0
      const draw = Step.make("draw", {
        input: { i: Schema.Int },
        output: { x: Schema.Int },
        cache: { version: "1" },
        run: () => Effect.sync(() => ({ x: ++drawn }))
      })
      const flow = (count: number) =>
        Flow.make("F", {
          steps: [draw],
          run: () =>
            Effect.flatMap(
              Step.forEach(
                Array.from({ length: count }, () => 1),
                (i) => draw({ i }),
                { concurrency: 1 }
              ),
              (states) => Effect.forEach(states, ({ x }) => x)
            )
        })
      const run = (count: number) => Effect.map(Flow.run(flow(count), {}), ({ output }) => output)
      assert.deepStrictEqual(yield* run(3), [1, 2, 3])
      assert.deepStrictEqual(yield* run(3), [1, 2, 3])
      assert.deepStrictEqual(yield* run(1), [1])
      assert.deepStrictEqual(yield* run(5), [1, 2, 3, 4, 5], "what the last run lacks, an earlier one has")
      assert.deepStrictEqual(yield* run(5), [1, 2, 3, 4, 5])
      assert.strictEqual(drawn, 5)
    })
  )
})

describe("a flow's layer", () => {
  class Database extends Context.Service<Database, { readonly answer: number }>()("test/Database") {}

  effect("that failed to build is built again for the next attempt, and let go of what it had", () =>
    Effect.gen(function* () {
      let builds = 0
      const released: Array<number> = []
      const flaky = Layer.effect(
        Database,
        Effect.gen(function* () {
          const build = ++builds
          yield* Effect.addFinalizer(() => Effect.sync(() => void released.push(build)))
          if (build < 3) return yield* Effect.fail("connection refused")
          return { answer: 7 }
        })
      )
      const s = Step.make("s", {
        output: { y: Schema.Number },
        retry: { times: 3 },
        run: () => Effect.map(Database, ({ answer }) => ({ y: answer }))
      })
      const flow = Flow.provide(Flow.make("F", { steps: [s], run: () => Effect.flatMap(s(), ({ y }) => y) }), flaky)
      const { id, output } = yield* Flow.run(flow, {})
      assert.strictEqual(output, 7)
      assert.strictEqual(builds, 3)
      assert.deepStrictEqual(released, [1, 2, 3])
      const [task] = yield* Run.tasks(id)
      assert.deepStrictEqual(
        task?.attempts.map(({ error, status }) => [status, error?.message]),
        [
          ["failed", "connection refused"],
          ["failed", "connection refused"],
          ["succeeded", undefined]
        ]
      )
    })
  )
})

describe("a flow inside a step", () => {
  effect("is refused with a sentence, whatever places there are", () =>
    Effect.gen(function* () {
      const leaf = Step.make("leaf", { output: { y: Schema.Int }, run: () => Effect.succeed({ y: 1 }) })
      const Inner = Flow.make("Inner", { steps: [leaf], run: () => leaf() })
      const outer = Step.make("outer", {
        output: { y: Schema.Int },
        // As in code that no compiler has seen.
        run: (() =>
          Effect.flatMap(Flow.run(Inner, {}), () => Effect.succeed({ y: 1 }))) as unknown as () => Effect.Effect<{
          readonly y: number
        }>
      })
      const Outer = Flow.make("Outer", { steps: [outer], run: () => outer() })
      const exit = yield* Effect.exit(Flow.run(Outer, {})).pipe(
        Effect.provide(Executor.layerFibers({ concurrency: 1 }))
      )
      assert.match(String(exit), /Flow "Inner" was started inside step "outer" \(outer\/1 of run .*Flow\.call/)
    })
  )
})
