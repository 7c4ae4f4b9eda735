/** Code that a later step needs is loaded while the outputs of an earlier one are stored, once, and only if one is executed. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Artifact, Flow, Step, Storage } from "effect-flow"

describe("what an artifact takes to be made", () => {
  const flowOf = (prepare: Effect.Effect<void>, events: Array<string>) => {
    const Made: Artifact.Artifact<number> = { ...Artifact.json(Schema.Number), prepare }
    const read = Step.make("read", {
      output: { table: Artifact.table({ n: Schema.Int }) },
      run: () =>
        Effect.sync(() => {
          events.push("read")
          return { table: { numRows: 3, columns: { n: [1, 2, 3] } } }
        })
    })
    const make = Step.make("make", {
      input: { table: Artifact.table({ n: Schema.Int }), fails: Schema.Boolean },
      output: { made: Made },
      error: Schema.String,
      run: ({ fails, table }) =>
        Effect.suspend(() => {
          events.push("make")
          return fails ? Effect.fail("as asked") : Effect.succeed({ made: table.numRows })
        })
    })
    return Flow.make("PreparedFlow", {
      parameters: { fails: Flow.parameter(Schema.Boolean, { default: false }) },
      steps: [read, make],
      run: Effect.fnUntraced(function* ({ fails }) {
        const { table } = yield* read()
        return (yield* make({ table, fails })).made
      })
    })
  }

  it.live("is loaded once an earlier body has ended, and not where its task is taken over", () =>
    Effect.gen(function* () {
      const events: Array<string> = []
      const flow = flowOf(
        Effect.sync(() => void events.push("prepared")),
        events
      )
      const { id, output } = yield* Flow.run(flow, {})
      assert.strictEqual(yield* output, 3)
      assert.deepStrictEqual(events.toSorted(), ["make", "prepared", "read"])
      assert.strictEqual(events[0], "read")
      events.length = 0
      yield* Flow.resume(flow, { origin: id })
      assert.deepStrictEqual(events, [])
    }).pipe(Effect.provide(Storage.layerMemory))
  )

  it.live("is no reason for a run to fail", () =>
    Effect.gen(function* () {
      const { output } = yield* Flow.run(flowOf(Effect.die(new Error("not installed")), []), {})
      assert.strictEqual(yield* output, 3)
    }).pipe(Effect.provide(Storage.layerMemory))
  )
})
