/**
 * BranchNLPFlow, Metaflow's tutorial: predicts whether a product review is positive. One branch computes a baseline
 * that always answers yes, the other trains a neural bag of words, and a join compares them.
 *
 *     npx tsx examples/branch.ts
 *     npx tsx examples/branch.ts --train-file train.parquet --valid-file valid.parquet
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Artifact, Flow, FlowCli, Parquet, Step } from "effect-flow"
import { BinaryMetrics, Nbow, Tensorflow } from "effect-flow/nbow"
import * as Generated from "./data/reviews.ts"

export const Reviews = Artifact.table({ review: Schema.String, labels: Schema.Literals([0, 1]) })

export const start = Step.make("start", {
  description: "Reads the reviews to train on and to compare with",
  input: { trainFile: Schema.String, validFile: Schema.String },
  output: { df: Reviews, valdf: Reviews },
  error: Parquet.ParquetError,
  run: Effect.fnUntraced(function* ({ trainFile, validFile }) {
    if (trainFile === Generated.trainFile || validFile === Generated.validFile) yield* Generated.make
    const df = yield* Parquet.read(trainFile, Reviews)
    const valdf = yield* Parquet.read(validFile, Reviews)
    yield* Effect.log(`num of rows: ${df.numRows}`)
    return { df, valdf }
  })
})

export const baseline = Step.make("baseline", {
  description: "Always says yes",
  input: { valdf: Reviews },
  output: { baseAcc: Schema.Number, baseRocauc: Schema.Number },
  error: BinaryMetrics.MetricsError,
  run: Effect.fnUntraced(function* ({ valdf }) {
    const { labels } = valdf.columns
    const ones = new Float32Array(valdf.numRows).fill(1)
    const baseAcc = yield* BinaryMetrics.accuracy(labels, ones)
    const baseRocauc = yield* BinaryMetrics.rocAuc(labels, ones)
    return { baseAcc, baseRocauc }
  })
})

export const train = Step.make("train", {
  description: "Trains a neural bag of words",
  input: { df: Reviews },
  output: { model: Nbow.Model },
  error: Nbow.FitError,
  run: ({ df }) =>
    Nbow.fit({ texts: df.columns.review, labels: df.columns.labels }, { vocabularySize: 750 }).pipe(
      Effect.map((model) => ({ model }))
    )
})

const join = Step.join(
  "join",
  { baseline, train },
  {
    description: "Compares the model with the baseline",
    output: { modelAcc: Schema.Number, modelRocauc: Schema.Number },
    error: BinaryMetrics.MetricsError,
    run: Effect.fnUntraced(function* ({ baseline, train }) {
      const { labels, review } = baseline.valdf.columns
      const { accuracy, rocAuc } = yield* Nbow.evaluate(train.model, { texts: review, labels })
      yield* Effect.log(`Baseline accuracy: ${(baseline.baseAcc * 100).toFixed(2)}%`)
      yield* Effect.log(`Baseline AUC: ${baseline.baseRocauc.toFixed(2)}`)
      yield* Effect.log(`Model accuracy: ${(accuracy * 100).toFixed(2)}%`)
      yield* Effect.log(`Model AUC: ${rocAuc.toFixed(2)}`)
      yield* Nbow.evaluationCard(train.model, { texts: review, labels }, { labels: ["negative", "positive"] })
      return { modelAcc: accuracy, modelRocauc: rocAuc }
    })
  }
)

const end = Step.make("end", {
  description: "Says that it is over",
  run: () => Effect.log("Flow is complete")
})

export const BranchNLPFlow = Flow.make("BranchNLPFlow", {
  description: "Compares a neural bag of words with always saying yes, on product reviews.",
  parameters: {
    trainFile: Flow.parameter(Schema.String, {
      default: Generated.trainFile,
      description: 'Parquet file or URL to train on, with "review" and "labels"'
    }),
    validFile: Flow.parameter(Schema.String, {
      default: Generated.validFile,
      description: "Another one, to compare on"
    })
  },
  steps: [start, baseline, train, join, end],
  run: Effect.fnUntraced(function* (parameters) {
    const data = yield* start(parameters)
    const report = yield* join({ baseline: baseline(data), train: train(data) })
    yield* end(report)
    return report
  })
})

FlowCli.main(BranchNLPFlow, { layer: Tensorflow.layer })
