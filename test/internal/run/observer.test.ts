/** An observer is called in the midst of a body, but it is no part of it. */
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Flow from "../../../src/Flow.ts"
import { RunObserver } from "../../../src/RunObserver.ts"
import { RunStore } from "../../../src/RunStore.ts"
import * as Step from "../../../src/Step.ts"
import * as Storage from "../../../src/Storage.ts"

it.effect("does not add what an observer prints to the log that it observes", () =>
  Effect.gen(function* () {
    const hello = Step.make("hello", { run: () => Effect.as(Effect.log("hello"), {}) })
    const PrintedFlow = Flow.make("PrintedFlow", {
      steps: [hello],
      run: () => Effect.tap(hello(), () => Effect.log("bye"))
    })
    let printed = 0
    const { id } = yield* Effect.provideService(Flow.run(PrintedFlow, {}), RunObserver, () => {
      // Enough to be seen, and an end to it where each line makes another.
      if (printed++ < 50) process.stderr.write("\n")
    })
    const { logs } = yield* RunStore
    const lines = yield* logs({ run: id })
    assert.deepStrictEqual(
      lines.map(({ message }) => message),
      ["hello", "bye"]
    )
  }).pipe(Effect.provide(Storage.layerMemory))
)
