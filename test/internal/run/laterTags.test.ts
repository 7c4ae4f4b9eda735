/** System tags for which a run does not wait are recorded while it goes on, and with its end. */
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { Flow, Run, Step, Storage } from "effect-flow"
import { LaterTags } from "../../../src/internal/run/laterTags.ts"

describe("system tags that take a while", () => {
  it.live("are asked for when the first task has begun, and recorded before it ends", () =>
    Effect.gen(function* () {
      const events: Array<string> = []
      const release = yield* Deferred.make<void>()
      const wait = Step.make("wait", {
        run: () =>
          Effect.andThen(
            Effect.sync(() => void events.push("step")),
            Deferred.await(release)
          )
      })
      const flow = Flow.make("WaitingFlow", {
        steps: [wait],
        run: Effect.fnUntraced(function* () {
          yield* wait()
        })
      })
      const tags = Effect.sync(() => {
        events.push("tags")
        return { "git-commit": "abc" }
      })
      const fiber = yield* Effect.forkChild(Effect.provideService(Flow.run(flow, {}), LaterTags, tags))
      const tagged = Effect.gen(function* () {
        while (true) {
          const [run] = yield* Run.list({ flow: "WaitingFlow" })
          if (run?.systemTags["git-commit"] !== undefined) return run
          yield* Effect.yieldNow
        }
      })
      const run = yield* tagged
      assert.strictEqual(run.status, "running")
      assert.isString(run.systemTags.node)
      assert.include(events, "step")
      yield* Deferred.succeed(release, undefined)
      const { id } = yield* Fiber.join(fiber)
      const ended = yield* Run.get(id)
      assert.strictEqual(ended.status, "succeeded")
      assert.strictEqual(ended.systemTags["git-commit"], "abc")
    }).pipe(Effect.provide(Storage.layerMemory))
  )
})
