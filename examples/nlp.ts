/**
 * NLPFlow, the tutorial's next lesson: the flow of `branch.ts` followed by a quality gate. A model that beats the
 * baseline and passes a smoke test makes its run a candidate for deployment, which `predict.ts` then finds by its tag.
 *
 *     npx tsx examples/nlp.ts
 *     npx tsx examples/nlp.ts --train-file train.parquet --valid-file valid.parquet
 *     npx tsx examples/nlp.ts runs --tag deployment_candidate
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { CurrentTask, Flow, FlowCli, Step } from "effect-flow"
import { BinaryMetrics, Nbow, Tensorflow } from "effect-flow/nbow"
import { BranchNLPFlow, baseline, start, train } from "./branch.ts"

/** Reviews that any model must classify correctly. */
const badReview = "Disappointed with the quality: it looked cheap in person, and I had to return it."
const goodReview = "Love it! So soft and comfortable, and great quality for the price."

export const deploymentCandidate = "deployment_candidate"

const join = Step.join(
  "join",
  { baseline, train },
  {
    description: "Holds the model against the baseline, and against two reviews that leave no doubt",
    output: {
      modelAcc: Schema.Number,
      modelRocauc: Schema.Number,
      beatsBaseline: Schema.Boolean,
      passedSmokeTest: Schema.Boolean
    },
    error: Schema.Union([BinaryMetrics.MetricsError, Nbow.TextError]),
    run: Effect.fnUntraced(function* ({ baseline, train: { model } }) {
      const { labels, review } = baseline.valdf.columns
      const { accuracy, rocAuc } = yield* Nbow.evaluate(model, { texts: review, labels })
      const [bad = 1, good = 0] = yield* Nbow.predict(model, [badReview, goodReview])
      yield* Effect.log(`Model accuracy: ${(accuracy * 100).toFixed(2)}%, AUC: ${rocAuc.toFixed(2)}`)
      yield* Effect.log(`The bad review scores ${bad.toFixed(2)}, the good one ${good.toFixed(2)}`)
      return {
        modelAcc: accuracy,
        modelRocauc: rocAuc,
        beatsBaseline: rocAuc > baseline.baseRocauc && accuracy > baseline.baseAcc,
        passedSmokeTest: bad < 0.5 && good > 0.5
      }
    })
  }
)

const end = Step.make("end", {
  description: "Tags the run if its model may be deployed",
  input: { beatsBaseline: Schema.Boolean, passedSmokeTest: Schema.Boolean },
  run: Effect.fnUntraced(function* ({ beatsBaseline, passedSmokeTest }) {
    yield* Effect.log(`Beats the baseline: ${beatsBaseline}. Passed the smoke test: ${passedSmokeTest}.`)
    if (!beatsBaseline || !passedSmokeTest) return yield* Effect.logWarning("The model is no candidate")
    const task = yield* CurrentTask
    yield* task.addTags(deploymentCandidate)
    yield* Effect.log(`The run is tagged ${deploymentCandidate}`)
  })
})

export const NLPFlow = Flow.make("NLPFlow", {
  description: "Trains on product reviews, and tags its run if the model is good enough to be deployed.",
  parameters: BranchNLPFlow.parameters,
  steps: [start, baseline, train, join, end],
  run: Effect.fnUntraced(function* (parameters) {
    const data = yield* start(parameters)
    const branches = yield* Effect.all({ baseline: baseline(data), train: train(data) }, { concurrency: "unbounded" })
    const report = yield* join(branches)
    yield* end(report)
    return { ...report, model: branches.train.model }
  })
})

FlowCli.main(NLPFlow, { layer: Tensorflow.layer })
