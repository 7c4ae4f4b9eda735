/** A flow's layer that fails, is interrupted from inside, or is no Effect: the task fails by it, and the next attempt builds again. */
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { Flow, Run, Step, Storage } from "effect-flow"

class Answer extends Context.Service<Answer, number>()("test/Answer") {}

const joinsInterrupted: Effect.Effect<never> = Effect.flatMap(Effect.forkChild(Effect.never), (fiber) =>
  Effect.andThen(Fiber.interrupt(fiber), Fiber.join(fiber))
)

describe("the layer of a flow", () => {
  const cases: ReadonlyArray<readonly [name: string, build: Effect.Effect<number>, says: RegExp]> = [
    ["interrupts itself", Effect.interrupt, /^The layer of flow "F" was interrupted from inside while it was built/],
    ["joins a fiber that was interrupted", joinsInterrupted, /^The layer of flow "F" was interrupted from inside/],
    [
      "runs a promise",
      Effect.flatMap(Effect.void, (async () => 1) as never),
      /^The layer of flow "F" ran something that is not an Effect .+Effect\.promise/
    ]
  ]
  for (const [name, build, says] of cases) {
    it.effect(`that ${name} fails the run with a sentence, and nothing is interrupted`, () =>
      Effect.gen(function* () {
        const step = Step.make("step", { run: () => Effect.asVoid(Answer) })
        const flow = Flow.make("F", { steps: [step], run: () => step() })
        yield* Effect.exit(Flow.run(Flow.provide(flow, Layer.effect(Answer, build)), {}))
        const run = yield* Run.get("latest")
        assert.strictEqual(run.status, "failed")
        assert.match(run.error?.message ?? "", says)
      }).pipe(Effect.provide(Storage.layerMemory))
    )
  }

  it.effect("that was interrupted is built again for the next attempt", () =>
    Effect.gen(function* () {
      let builds = 0
      const step = Step.make("step", {
        output: { n: Schema.Number },
        retry: { times: 1 },
        run: () => Effect.map(Answer, (n) => ({ n }))
      })
      const build = Effect.suspend(() => (++builds === 1 ? Effect.interrupt : Effect.succeed(7)))
      const flow = Flow.make("F", { steps: [step], run: () => step() })
      const { output } = yield* Flow.run(Flow.provide(flow, Layer.effect(Answer, build)), {})
      assert.strictEqual(yield* output.n, 7)
      const [task] = yield* Run.tasks("latest")
      assert.deepStrictEqual(
        task?.attempts.map(({ status }) => status),
        ["failed", "succeeded"]
      )
    }).pipe(Effect.provide(Storage.layerMemory))
  )

  it.effect("is released with its own log level and services, after the run was recorded", () =>
    Effect.gen(function* () {
      const seen: Array<string> = []
      const step = Step.make("step", { run: () => Effect.asVoid(Answer) })
      const flow = Flow.make("F", { steps: [step], run: () => step() })
      const Mine = Context.Reference<string>("test/Mine", { defaultValue: () => "default" })
      const build = Effect.acquireRelease(Effect.succeed(1), () =>
        Effect.gen(function* () {
          seen.push(yield* Mine)
        })
      )
      yield* Flow.run(Flow.provide(flow, Layer.effect(Answer, build)), {}).pipe(Effect.provideService(Mine, "given"))
      assert.deepStrictEqual(seen, ["given"])
    }).pipe(Effect.provide(Storage.layerMemory))
  )
})
