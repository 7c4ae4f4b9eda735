/**
 * The flow of the campaigns: branches, a list, a loop of tasks that each depend on the last, small values and large ones,
 * lines in the log. What it yields depends on nothing but its parameters, so that two runs can be compared.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Artifact, Flow, FlowCli, Step } from "effect-flow"

/** Milliseconds that every task waits, so that a moment to kill at falls anywhere. */
const pause = Number(process.env.CAMPAIGN_PAUSE ?? 8)

const source = Step.make("source", {
  input: { seed: Schema.Int, size: Schema.Int },
  output: { items: Schema.Array(Schema.Int), bulk: Artifact.bytes() },
  run: Effect.fnUntraced(function* ({ seed, size }) {
    yield* Effect.sleep(pause)
    // Larger than what the run database holds: a file of its own.
    const bulk = new Uint8Array(200_000)
    for (let i = 0; i < bulk.length; i++) bulk[i] = (i * 31 + seed) % 251
    return { items: Array.from({ length: size }, (_, i) => i), bulk }
  })
})

const square = Step.make("square", {
  input: { seed: Schema.Int, item: Schema.Int },
  output: { value: Schema.Int, part: Artifact.bytes() },
  run: Effect.fnUntraced(function* ({ item, seed }) {
    yield* Effect.log(`squaring ${item}`)
    yield* Effect.sleep(pause)
    return { value: item * item + seed, part: new Uint8Array(70_000).fill((item + seed) % 256) }
  })
})

const add = Step.make("add", {
  input: { sum: Schema.Int, value: Schema.Int },
  output: { sum: Schema.Int },
  run: Effect.fnUntraced(function* ({ sum, value }) {
    yield* Effect.sleep(pause)
    return { sum: sum + value }
  })
})

const total = Step.join(
  "total",
  { parts: Step.many(square) },
  {
    output: { total: Schema.Int },
    run: ({ parts }) =>
      Effect.as(Effect.log(`${parts.length} parts`), { total: parts.reduce((sum, part) => sum + part.value, 0) })
  }
)

export const CampaignFlow = Flow.make("CampaignFlow", {
  parameters: {
    seed: Flow.parameter(Schema.Int, { default: 1 }),
    size: Flow.parameter(Schema.Int, { default: 8 })
  },
  steps: [source, square, add, total],
  run: Effect.fnUntraced(function* ({ seed, size }) {
    const data = yield* source({ seed, size })
    const chain = Effect.gen(function* () {
      let sum = yield* add({ sum: seed, value: 0 })
      for (let i = 1; i < 6; i++) sum = yield* add({ sum: sum.sum, value: i })
      return sum.sum
    })
    const [parts, sum] = yield* Effect.all(
      [Step.forEach(data.items, (item) => square({ seed, item }), { concurrency: 4 }), chain],
      { concurrency: "unbounded" }
    )
    const last = yield* total({ parts })
    return { total: last.total, sum, bulk: data.bulk }
  })
})

FlowCli.main(CampaignFlow)
