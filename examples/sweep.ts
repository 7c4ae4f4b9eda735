/**
 * SweepFlow: trains one model for each point of a parameter grid concurrently. A join keeps the one with the best AUC
 * on held-out reviews.
 *
 *     npx tsx examples/sweep.ts
 *     npx tsx examples/sweep.ts --executor threads
 *     npx tsx examples/sweep.ts --learning-rates '[0.001, 0.01]' --hidden-sizes '[15, 50]'
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Flow, FlowCli, Step } from "effect-flow"
import { BinaryMetrics, Nbow, Tensorflow } from "effect-flow/nbow"
import { BranchNLPFlow, Reviews, start } from "./branch.ts"

const Setting = Schema.Struct({ learningRate: Schema.Number, hiddenSize: Schema.Int })

const grid = Step.make("grid", {
  description: "Every learning rate with every hidden size",
  input: { learningRates: Schema.Array(Schema.Number), hiddenSizes: Schema.Array(Schema.Int) },
  output: { settings: Schema.Array(Setting) },
  run: ({ hiddenSizes, learningRates }) =>
    Effect.succeed({
      settings: learningRates.flatMap((learningRate) => hiddenSizes.map((hiddenSize) => ({ learningRate, hiddenSize })))
    })
})

const trial = Step.make("trial", {
  description: "Trains with one setting, and measures",
  input: { df: Reviews, valdf: Reviews, setting: Setting },
  output: { model: Nbow.Model, auc: Schema.Number },
  error: Schema.Union([Nbow.FitError, Nbow.TextError, BinaryMetrics.MetricsError]),
  run: Effect.fnUntraced(function* ({ df, setting, valdf }) {
    const model = yield* Nbow.fit({ texts: df.columns.review, labels: df.columns.labels }, setting)
    const scores = yield* Nbow.predict(model, valdf.columns.review)
    return { model, auc: yield* BinaryMetrics.rocAuc(valdf.columns.labels, scores) }
  })
})

const best = Step.join(
  "best",
  { trials: Step.many(trial) },
  {
    description: "Keeps the model with the best AUC",
    output: { model: Nbow.Model, setting: Setting, auc: Schema.Number },
    run: Effect.fnUntraced(function* ({ trials }) {
      const ranked = trials.toSorted((one, other) => other.auc - one.auc)
      for (const { auc, setting } of ranked) {
        yield* Effect.log(`AUC ${auc.toFixed(4)} with ${JSON.stringify(setting)}`)
      }
      const [{ auc, model, setting }] = ranked as [(typeof ranked)[number]] // no parameter may be empty, so there is one
      return { model, setting, auc }
    })
  }
)

export const SweepFlow = Flow.make("SweepFlow", {
  description: "Trains with every setting of a grid, and keeps the best model.",
  parameters: {
    ...BranchNLPFlow.parameters,
    learningRates: Flow.parameter(Schema.Array(Schema.Number).check(Schema.isMinLength(1)), {
      default: [0.0005, 0.002, 0.008],
      description: "Learning rates to try"
    }),
    hiddenSizes: Flow.parameter(Schema.Array(Schema.Int).check(Schema.isMinLength(1)), {
      default: [5, 15],
      description: "Numbers of hidden units to try"
    })
  },
  steps: [start, grid, trial, best],
  run: Effect.fnUntraced(function* (parameters) {
    const { df, valdf } = yield* start(parameters)
    const { settings } = yield* grid(parameters)
    return yield* best({ trials: Step.forEach(settings, (setting) => trial({ df, valdf, setting })) })
  })
})

FlowCli.main(SweepFlow, { layer: Tensorflow.layer })
