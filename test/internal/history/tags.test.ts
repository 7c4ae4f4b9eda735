/** Tags that a user and a step of the run change at the same time, in whatever spelling. */
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import { CurrentTask } from "../../../src/CurrentTask.ts"
import * as Flow from "../../../src/Flow.ts"
import * as Run from "../../../src/Run.ts"
import * as Step from "../../../src/Step.ts"
import * as Storage from "../../../src/Storage.ts"

describe("changes of tags", () => {
  it.effect("from outside are not undone by a step of the run", () =>
    Effect.gen(function* () {
      const isRunning = yield* Deferred.make<void>()
      const isChanged = yield* Deferred.make<void>()
      const step = Step.make("step", {
        output: { x: Schema.Int },
        run: Effect.fnUntraced(function* () {
          const task = yield* CurrentTask
          yield* Deferred.succeed(isRunning, undefined)
          yield* Deferred.await(isChanged)
          yield* task.addTags("by the step", "b")
          yield* task.removeTags("u\u0308ber")
          return { x: 1 }
        })
      })
      const flow = Flow.make("Tagged", { steps: [step], run: () => step() })
      const running = yield* Effect.forkChild(Flow.run(flow, {}, { tags: ["a", "über"] }))
      yield* Deferred.await(isRunning)
      yield* Run.removeTags("latest", ["a"])
      yield* Run.addTags("latest", ["by the user"])
      yield* Deferred.succeed(isChanged, undefined)
      yield* Fiber.join(running)
      assert.deepStrictEqual((yield* Run.get("latest")).tags, ["b", "by the step", "by the user"])
    }).pipe(Effect.provide(Storage.layerMemory))
  )

  it.effect("and searches take every spelling of a word for one", () =>
    Effect.gen(function* () {
      const step = Step.make("step", { output: { x: Schema.Int }, run: () => Effect.succeed({ x: 1 }) })
      const flow = Flow.make("Tagged", { steps: [step], run: () => step() })
      yield* Flow.run(flow, {}, { tags: [" u\u0308ber "] })
      assert.deepStrictEqual((yield* Run.get("latest")).tags, ["über"])
      for (const tag of ["über", "u\u0308ber", " über"]) {
        assert.strictEqual((yield* Run.list({ tags: [tag] })).length, 1)
        assert.strictEqual((yield* Run.latest("Tagged", { tags: [tag] })).tags.length, 1)
      }
      assert.deepStrictEqual(yield* Run.removeTags("latest", ["u\u0308ber"]), [])
    }).pipe(Effect.provide(Storage.layerMemory))
  )
})
