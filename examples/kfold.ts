/**
 * KFoldFlow: cross-validates the tutorial's model. The reviews are divided into folds with the same share of each label; a
 * task for each fold trains on the other folds and measures on its own. A join keeps the model with the best F1, and a gate
 * compares it, on reviews that no fold has seen, with always saying yes. A model that passes makes its run a candidate.
 *
 *     npx tsx examples/kfold.ts
 *     npx tsx examples/kfold.ts --folds 10 --executor threads
 *     npx tsx examples/kfold.ts --train-file train.parquet --valid-file valid.parquet
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { CurrentTask, Flow, FlowCli, Step } from "effect-flow"
import { BinaryMetrics, Nbow, Split, Tensorflow } from "effect-flow/nbow"
import { BranchNLPFlow, Reviews, start } from "./branch.ts"
import { deploymentCandidate } from "./nlp.ts"

const divide = Step.make("divide", {
  description: "Divides the reviews into folds",
  input: { folds: Schema.Int },
  output: { parts: Schema.Array(Split.Fold) },
  error: Split.SplitError,
  run: ({ folds }) => Effect.map(Split.kFold(folds), (parts) => ({ parts }))
})

const trial = Step.make("trial", {
  description: "Trains on all folds but one, and measures on that one",
  input: { df: Reviews, fold: Split.Fold },
  output: { model: Nbow.Model, f1: Schema.Number, auc: Schema.Number },
  error: Schema.Union([Nbow.FitError, Nbow.TextError, Split.SplitError, BinaryMetrics.MetricsError]),
  run: Effect.fnUntraced(function* ({ df: { columns, numRows }, fold }) {
    const rows = yield* Split.rowsOf(fold, numRows, { stratify: columns.labels })
    const part = (of: Int32Array) => ({ texts: Split.take(columns.review, of), labels: Split.take(columns.labels, of) })
    // The fold is what the model is validated on, so none of the other rows are held out.
    const model = yield* Nbow.fit(part(rows.train), { validationSplit: 0, seed: fold.fold + 1 })
    const test = part(rows.test)
    const scores = yield* Nbow.predict(model, test.texts)
    yield* Nbow.evaluationCard(model, test, { title: `Fold ${fold.fold + 1}`, labels: ["negative", "positive"] })
    const f1 = yield* BinaryMetrics.f1(test.labels, scores)
    return { model, f1, auc: yield* BinaryMetrics.rocAuc(test.labels, scores) }
  })
})

const mean = (values: ReadonlyArray<number>): number => values.reduce((sum, value) => sum + value, 0) / values.length

const best = Step.join(
  "best",
  { trials: Step.many(trial) },
  {
    description: "Keeps the model with the best F1",
    output: { model: Nbow.Model, fold: Split.Fold, meanF1: Schema.Number, spreadF1: Schema.Number },
    run: Effect.fnUntraced(function* ({ trials }) {
      for (const { auc, f1, fold } of trials) {
        yield* Effect.log(`Fold ${fold.fold + 1}: F1 ${f1.toFixed(4)}, AUC ${auc.toFixed(4)}`)
      }
      const scores = trials.map(({ f1 }) => f1)
      const meanF1 = mean(scores)
      const spreadF1 = Math.sqrt(mean(scores.map((f1) => (f1 - meanF1) ** 2)))
      yield* Effect.log(`F1 ${meanF1.toFixed(4)} ± ${spreadF1.toFixed(4)}`)
      const [{ fold, model }] = trials.toSorted((one, other) => other.f1 - one.f1) as [(typeof trials)[number]] // there are folds
      return { model, fold, meanF1, spreadF1 }
    })
  }
)

const gate = Step.make("gate", {
  description: "Compares the model with always saying yes, on reviews that no fold has seen",
  input: { model: Nbow.Model, valdf: Reviews },
  output: { f1: Schema.Number, baselineF1: Schema.Number, passed: Schema.Boolean },
  error: Schema.Union([BinaryMetrics.MetricsError, Nbow.TextError]),
  run: Effect.fnUntraced(function* ({ model, valdf }) {
    const { labels, review } = valdf.columns
    const f1 = yield* BinaryMetrics.f1(labels, yield* Nbow.predict(model, review))
    const baselineF1 = yield* BinaryMetrics.f1(labels, new Float32Array(valdf.numRows).fill(1))
    yield* Effect.log(`F1 ${f1.toFixed(4)}, and ${baselineF1.toFixed(4)} for always saying yes`)
    return { f1, baselineF1, passed: f1 > baselineF1 }
  })
})

const end = Step.make("end", {
  description: "Tags the run if its model may be deployed",
  input: { passed: Schema.Boolean },
  run: Effect.fnUntraced(function* ({ passed }) {
    if (!passed) return yield* Effect.logWarning("The model is no candidate")
    const task = yield* CurrentTask
    yield* task.addTags(deploymentCandidate)
    yield* Effect.log(`The run is tagged ${deploymentCandidate}`)
  })
})

export const KFoldFlow = Flow.make("KFoldFlow", {
  description: "Cross-validates a neural bag of words, and keeps the best model by F1.",
  parameters: {
    ...BranchNLPFlow.parameters,
    folds: Flow.parameter(Schema.Int.check(Schema.isGreaterThanOrEqualTo(2)), {
      default: 5,
      description: "Number of folds, at least 2"
    })
  },
  steps: [start, divide, trial, best, gate, end],
  run: Effect.fnUntraced(function* (parameters) {
    const { df, valdf } = yield* start(parameters)
    const { parts } = yield* divide(parameters)
    const { model, meanF1, spreadF1 } = yield* best({ trials: Step.forEach(parts, (fold) => trial({ df, fold })) })
    const { f1, passed } = yield* gate({ model, valdf })
    yield* end({ passed })
    return { model, meanF1, spreadF1, f1, passed }
  })
})

FlowCli.main(KFoldFlow, { layer: Tensorflow.layer })
