/**
 * The flow whose runs are in the fixture store (`test/fixtures/store-0.1.0`). Release 0.1.0 wrote that store with this
 * file; every later release must be able to open it and resume its runs, so the steps, their schemas and versions must
 * not change.
 *
 * `FIXTURE_MODE=fail` makes the last step fail; `FIXTURE_MODE=hang` makes it wait, so that the process can be killed.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Artifact, Card, CurrentTask, Flow, FlowCli, Step } from "effect-flow"

const mode = process.env.FIXTURE_MODE ?? ""

const prepare = Step.make("prepare", {
  input: { size: Schema.Int },
  output: { items: Schema.Array(Schema.Int), bulk: Artifact.bytes() },
  run: ({ size }) =>
    // Larger than the inline limit: the artifact is a file.
    Effect.succeed({ items: Array.from({ length: size }, (_, i) => i), bulk: new Uint8Array(66_000).fill(size) })
})

const square = Step.make("square", {
  input: { item: Schema.Int },
  output: { value: Schema.Int },
  cache: { version: "1" },
  run: Effect.fnUntraced(function* ({ item }) {
    yield* Effect.log(`squaring ${item}`)
    return { value: item * item }
  })
})

const total = Step.join(
  "total",
  { parts: Step.many(square) },
  {
    output: { total: Schema.Int },
    run: Effect.fnUntraced(function* ({ parts }) {
      const task = yield* CurrentTask
      yield* task.metric("parts", parts.length)
      yield* Card.append(Card.markdown(`# ${parts.length} parts`))
      return { total: parts.reduce((sum, part) => sum + part.value, 0) }
    })
  }
)

class TooMuch extends Schema.TaggedError<TooMuch>()("TooMuch", { message: Schema.String }) {}

const finish = Step.make("finish", {
  input: { total: Schema.Int, bulk: Artifact.bytes() },
  output: { report: Schema.String },
  error: TooMuch,
  run: ({ bulk, total }) =>
    mode === "fail"
      ? Effect.fail(new TooMuch({ message: `${total} is too much` }))
      : mode === "hang"
        ? Effect.never
        : Effect.succeed({ report: `${total} of ${bulk.length} bytes` })
})

export const FixtureFlow = Flow.make("FixtureFlow", {
  parameters: { size: Flow.parameter(Schema.Int, { default: 3 }) },
  steps: [prepare, square, total, finish],
  run: Effect.fnUntraced(function* ({ size }) {
    const data = yield* prepare({ size })
    const parts = yield* Step.forEach(data.items, (item) => square({ item }))
    const sum = yield* total({ parts })
    return yield* finish({ total: sum.total, bulk: data.bulk })
  })
})

if (process.env.FIXTURE_MODE !== undefined) FlowCli.main(FixtureFlow)
