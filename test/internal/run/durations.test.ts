import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { TestClock } from "effect/testing"
import { CurrentTask } from "../../../src/CurrentTask.ts"
import * as Flow from "../../../src/Flow.ts"
import * as Run from "../../../src/Run.ts"
import * as Step from "../../../src/Step.ts"
import * as Storage from "../../../src/Storage.ts"

class Refused extends Schema.TaggedError<Refused>()("Refused", { message: Schema.String }) {}

/** Sets the time of day back by an hour, and takes a second by any clock that nobody sets. */
const setBack = Effect.gen(function* () {
  yield* TestClock.adjust("1 hour")
  yield* TestClock.adjust("1 second")
  yield* TestClock.setTime(0)
})

describe("what a run took", () => {
  it.effect("is not less than nothing when the time of day is set back meanwhile", () =>
    Effect.gen(function* () {
      const step = Step.make("step", {
        error: Refused,
        retry: { times: 1 },
        run: Effect.fnUntraced(function* () {
          const { attempt } = yield* CurrentTask
          yield* setBack
          if (attempt === 1) return yield* new Refused({ message: "once more" })
        })
      })
      const SetBackFlow = Flow.make("SetBackFlow", { steps: [step], run: () => step({}) })
      yield* TestClock.adjust("10 seconds")
      const { id } = yield* Flow.run(SetBackFlow, {})
      const run = yield* Run.get(id)
      const [task] = yield* Run.tasks(id)
      const tookMs = ({ finishedAt = Number.NaN, startedAt }: { startedAt: number; finishedAt?: number }) =>
        finishedAt - startedAt
      assert.deepStrictEqual(task?.attempts.map(tookMs), [3_601_000, 3_601_000])
      assert.strictEqual(task?.attempts[1]?.startedAt, task?.attempts[0]?.finishedAt)
      assert.strictEqual(task === undefined ? 0 : tookMs(task), 7_202_000)
      assert.strictEqual(tookMs(run), 7_202_000)
    }).pipe(Effect.provide(Storage.layerMemory))
  )
})
