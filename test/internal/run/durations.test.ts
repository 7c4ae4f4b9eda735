import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { TestClock } from "effect/testing"
import { CurrentTask } from "../../../src/CurrentTask.ts"
import * as Flow from "../../../src/Flow.ts"
import { runFlow } from "../../../src/internal/run/runFlow.ts"
import * as Run from "../../../src/Run.ts"
import { RunStore } from "../../../src/RunStore.ts"
import * as Step from "../../../src/Step.ts"
import * as Storage from "../../../src/Storage.ts"
import { putTask, run, task } from "../../conformance/records.ts"

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
      const ended = yield* Run.get(id)
      const [only] = yield* Run.tasks(id)
      const tookMs = ({ finishedAt = Number.NaN, startedAt }: { startedAt: number; finishedAt?: number }) =>
        finishedAt - startedAt
      assert.deepStrictEqual(only?.attempts.map(tookMs), [3_601_000, 3_601_000])
      assert.strictEqual(only?.attempts[1]?.startedAt, only?.attempts[0]?.finishedAt)
      assert.strictEqual(only === undefined ? 0 : tookMs(only), 7_202_000)
      assert.strictEqual(tookMs(ended), 7_202_000)
    }).pipe(Effect.provide(Storage.layerMemory))
  )

  it.effect("nor when another process records the end, whose clock is behind", () =>
    Effect.gen(function* () {
      const store = yield* RunStore
      const startedAt = 5_000_000
      const gone = { flow: "TakenOverFlow", startedAt, heartbeatAt: 0, host: "elsewhere" }
      const attempts = [{ number: 1, status: "running" as const, startedAt: startedAt + 1 }]
      for (const id of ["cancelled", "taken over"]) {
        const driver = yield* store.claim({ run: run(id, gone) })
        const left = task(id, 1, { status: "running", startedAt, attempts })
        yield* store.write([putTask(left)], driver)
      }
      yield* TestClock.adjust("1 hour")
      yield* Run.cancel("cancelled")
      const TakenOverFlow = Flow.make("TakenOverFlow", { steps: [], run: () => Effect.void })
      yield* runFlow(TakenOverFlow, {}, { begun: yield* Run.get("taken over") })
      for (const id of ["cancelled", "taken over"]) {
        assert.isAtLeast((yield* Run.get(id)).finishedAt ?? 0, startedAt, id)
        const [closed] = yield* Run.tasks(id)
        assert.strictEqual(closed?.status, "interrupted")
        assert.isAtLeast(closed?.finishedAt ?? 0, startedAt, id)
        assert.isAtLeast(closed?.attempts[0]?.finishedAt ?? 0, startedAt + 1, id)
      }
    }).pipe(Effect.provide(Storage.layerMemory))
  )
})
