/** Why tasks were executed or not: flows that are run, resumed, changed and cached, in memory. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import { TestClock } from "effect/testing"
import { ArtifactStore } from "../src/ArtifactStore.ts"
import * as Flow from "../src/Flow.ts"
import { RunStore } from "../src/RunStore.ts"
import * as Step from "../src/Step.ts"
import * as Storage from "../src/Storage.ts"
import * as Testing from "../src/testing.ts"
import * as Why from "../src/Why.ts"

interface Versions {
  readonly train?: string
  readonly cache?: string
  readonly fails?: boolean
}

/** A flow of two branches whose steps can be given other versions. */
const makeFlow = ({ cache, fails, train: version }: Versions = {}) => {
  const start = Step.make("start", {
    input: { size: Schema.Int, name: Schema.String },
    output: { data: Schema.Struct({ size: Schema.Int, unit: Schema.String }), title: Schema.String },
    run: ({ name, size }) => Effect.succeed({ data: { size, unit: "cm" }, title: name })
  })
  const train = Step.make("train", {
    ...(version === undefined ? {} : { version }),
    input: { data: Schema.Struct({ size: Schema.Int, unit: Schema.String }) },
    output: { model: Schema.Number },
    run: ({ data }) => (fails === true ? Effect.die("broken") : Effect.succeed({ model: data.size / 2 }))
  })
  const report = Step.make("report", {
    ...(cache === undefined ? {} : { cache: { version: cache } }),
    input: { title: Schema.String },
    output: { text: Schema.String },
    run: ({ title }) => Effect.succeed({ text: `# ${title}` })
  })
  return Flow.make("Sample", {
    parameters: { size: Schema.Int, name: Schema.String },
    steps: [start, train, report],
    run: Effect.fnUntraced(function* (parameters) {
      const data = yield* start(parameters)
      yield* report(data)
      return yield* train(data)
    })
  })
}

const parameters = { size: 10, name: "first" }

/** The ids of runs differ from test to test; their order is what counts. */
const explained = Effect.fnUntraced(function* (run: string, only?: string) {
  const ids = (yield* (yield* RunStore).runs({})).map(({ id }) => id).reverse()
  const text = Why.toText(yield* Why.explain(run, only))
  return ids.reduce((text, id, index) => text.replaceAll(id, `RUN${index + 1}`), text)
})

describe("Why", () => {
  const effect = <E>(title: string, body: () => Effect.Effect<void, E, RunStore | ArtifactStore>) =>
    it.effect(title, () => Effect.provide(Effect.suspend(body), Storage.layerMemory))
  const next = TestClock.adjust("1 second")

  effect("says that a step ran for the first time, and that nothing was asked of a second run", () =>
    Effect.gen(function* () {
      const flow = makeFlow()
      yield* Flow.run(flow, parameters)
      yield* next
      assert.strictEqual(
        yield* explained("latest"),
        [
          "Sample · run RUN1",
          "start/1   executed: the first run of this step",
          "report/2  executed: the first run of this step",
          "train/3   executed: the first run of this step"
        ].join("\n")
      )
      yield* Flow.run(flow, parameters)
      assert.strictEqual(
        yield* explained("latest", "train"),
        [
          "Sample · run RUN2",
          "train/3  executed: nothing differs from RUN1/train/3, but the run is not resumed and the step has no cache"
        ].join("\n")
      )
    })
  )

  effect("says what was taken over, what failed before, and what differs", () =>
    Effect.gen(function* () {
      yield* Effect.exit(Flow.run(makeFlow({ fails: true }), parameters))
      yield* next
      yield* Flow.resume(makeFlow(), {})
      yield* next
      assert.strictEqual(
        yield* explained("latest"),
        [
          "Sample · run RUN2 · resumed from RUN1",
          "start/1   taken over from RUN1/start/1",
          "report/2  taken over from RUN1/report/2",
          "train/3   executed: RUN1/train/3 is the same task and failed"
        ].join("\n")
      )
      yield* Flow.resume(makeFlow({ train: "2" }), { parameters: { size: 12 } })
      yield* next
      assert.strictEqual(
        yield* explained("latest"),
        [
          "Sample · run RUN3 · resumed from RUN2",
          "start/1   executed: input size differs from RUN2/start/1",
          "          json 4a44dc153642… (2 B) → 6b51d431df5d… (2 B)",
          "            - 10",
          "            + 12",
          "report/2  taken over from RUN1/report/2",
          'train/3   executed: the version of step train is "2", and was "" in RUN2/train/3'
        ].join("\n")
      )
      yield* Flow.resume(makeFlow({ train: "2" }), { parameters: { size: 14 }, from: "report" })
      const last = yield* Why.explain("latest")
      assert.deepStrictEqual(
        last.tasks.map(({ reason }) => reason._tag),
        ["Changed", "From", "Changed"]
      )
      const reason = last.tasks[2]?.reason
      assert.deepStrictEqual(
        reason?._tag === "Changed" && reason.difference._tag === "Input" && reason.difference.diff,
        ['-   "size": 12,', '+   "size": 14,']
      )
      assert.match(yield* explained("latest"), /resumed from RUN3, with report again\n/)
      assert.match(yield* explained("latest"), /report\/2 {2}executed: the run was resumed from this step/)
    })
  )

  effect("says that the resumed run had not come to a step that an older run had executed", () =>
    Effect.gen(function* () {
      yield* Flow.run(makeFlow(), parameters)
      yield* next
      const killed = Effect.provide(Flow.run(makeFlow(), parameters), Testing.layerKilling(1))
      assert.isTrue(Exit.isFailure(yield* Effect.exit(killed)))
      yield* next
      yield* Flow.resume(makeFlow(), {})
      assert.strictEqual(
        yield* explained("latest", "train"),
        [
          "Sample · run RUN3 · resumed from RUN2",
          "train/3  executed: the resumed run had not come to it; nothing differs from RUN1/train/3, but the step has no cache"
        ].join("\n")
      )
    })
  )

  effect("says what was cached, and which cache version differs", () =>
    Effect.gen(function* () {
      yield* Flow.run(makeFlow({ cache: "1" }), parameters)
      yield* next
      yield* Flow.run(makeFlow({ cache: "1" }), parameters)
      assert.include(yield* explained("latest"), "report/2  cached from RUN1/report/2")
      yield* next
      yield* Flow.run(makeFlow({ cache: "2" }), parameters)
      assert.include(
        yield* explained("latest", "report/2"),
        'report/2  executed: the cache version of step report is "2", and was "1" in RUN2/report/2'
      )
    })
  )

  effect("finds the nearest of several tasks, and says that an artifact is gone", () =>
    Effect.gen(function* () {
      const square = Step.make("square", {
        input: { n: Schema.Int, of: Schema.String },
        output: { squared: Schema.Int },
        run: ({ n }) => Effect.succeed({ squared: n * n })
      })
      const flow = Flow.make("Many", {
        parameters: { numbers: Schema.Array(Schema.Int) },
        steps: [square],
        run: ({ numbers }) => Effect.forEach(numbers, (n) => square({ n, of: `number ${n % 10}` }), { discard: true })
      })
      yield* Flow.run(flow, { numbers: [1, 2, 3] })
      yield* next
      yield* Flow.resume(flow, { parameters: { numbers: [12, 3, 3] } })
      assert.deepStrictEqual(
        (yield* explained("latest")).split("\n").filter((line) => line.startsWith("square")),
        [
          "square/1  executed: input n differs from RUN1/square/2",
          "square/2  taken over from RUN1/square/3",
          "square/3  executed: nothing differs from RUN1/square/3, which is already reused for another task of this run"
        ]
      )
      yield* next
      const artifacts = yield* ArtifactStore
      yield* artifacts.sweep({ keep: new Set(), before: Number.MAX_SAFE_INTEGER })
      yield* Flow.resume(flow, {})
      assert.include(
        yield* explained("latest"),
        "square/1  executed: RUN2/square/1/squared was missing or damaged in the store"
      )
    })
  )

  effect("says which tasks there are where one is asked for that is not", () =>
    Effect.gen(function* () {
      yield* Flow.run(makeFlow(), parameters)
      const error = yield* Effect.flip(Why.explain("latest", "trian"))
      assert.match(error.message, /has no task "trian"\. Its steps: /)
    })
  )
})
