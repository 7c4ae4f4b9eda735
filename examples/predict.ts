/**
 * PredictFlow: takes the model of the latest NLPFlow run that is a candidate for deployment, scores the reviews of a
 * file, and writes the predictions to another file as one FLOAT column, `data`. If there is no candidate yet, it calls
 * NLPFlow: a flow calls another flow as it calls a step.
 *
 *     npx tsx examples/predict.ts
 *     npx tsx examples/predict.ts --file valid.parquet --out sentiment_predictions.parquet
 */
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Artifact, ArtifactStore, Flow, FlowCli, Parquet, Run, RunStore, Step } from "effect-flow"
import { Nbow, Tensorflow } from "effect-flow/nbow"
import * as Generated from "./data/reviews.ts"
import { deploymentCandidate, NLPFlow } from "./nlp.ts"

const Reviews = Artifact.table({ review: Schema.String })
const Predictions = Artifact.table({ data: Artifact.column("float32") })

const candidates = { tags: [deploymentCandidate], status: "succeeded", flow: NLPFlow.flowName } as const

const look = Step.make("look", {
  description: "Looks whether there is a candidate",
  output: { found: Schema.Boolean },
  error: RunStore.StoreError,
  run: () => Effect.map(Run.list({ ...candidates, limit: 1 }), (runs) => ({ found: runs.length > 0 }))
})

const load = Step.make("load", {
  description: "Loads the latest candidate's model",
  output: { model: Nbow.Model, run: Schema.String },
  error: Schema.Union([Run.RunNotFound, RunStore.StoreError, ArtifactStore.ArtifactError]),
  run: Effect.fnUntraced(function* () {
    const run = yield* Run.latestSuccessful(NLPFlow.flowName, { tags: [deploymentCandidate] })
    const output = yield* Run.output(run, NLPFlow)
    if (output === undefined) return yield* Effect.die(`Run ${run.id} succeeded without an output`)
    yield* Effect.log(`Using the model of run ${run.id}`)
    return { model: yield* output.model, run: run.id }
  })
})

const score = Step.make("score", {
  description: "Scores the reviews",
  input: { file: Schema.String, model: Nbow.Model },
  output: { predictions: Predictions },
  error: Schema.Union([Parquet.ParquetError, Nbow.TextError]),
  run: Effect.fnUntraced(function* ({ file, model }) {
    if (file === Generated.validFile) yield* Generated.make
    const { columns, numRows } = yield* Parquet.read(file, Reviews)
    const data = yield* Nbow.predict(model, columns.review)
    yield* Effect.log(`${numRows} reviews, ${data.filter((score) => score >= 0.5).length} of them positive`)
    return { predictions: { numRows, columns: { data } } }
  })
})

const write = Step.make("write", {
  description: "Writes the predictions",
  input: { predictions: Predictions, out: Schema.String },
  error: Parquet.ParquetError,
  run: Effect.fnUntraced(function* ({ out, predictions }) {
    yield* Parquet.write(out, Predictions, predictions)
    yield* Effect.log(`${predictions.numRows} predictions in ${out}`)
  })
})

export const PredictFlow = Flow.make("PredictFlow", {
  description: "Scores reviews with the latest model that may be deployed.",
  parameters: {
    file: Flow.parameter(Schema.String, {
      default: Generated.validFile,
      description: 'Parquet file or URL with "review"'
    }),
    out: Flow.parameter(Schema.String, {
      default: join(import.meta.dirname, "data", "sentiment_predictions.parquet"),
      description: "Where to write the predictions"
    })
  },
  steps: [look, load, score, write],
  run: Effect.fnUntraced(function* ({ file, out }) {
    const { found } = yield* look()
    yield* Flow.when(found, { onTrue: Effect.void, onFalse: Flow.call(NLPFlow, {}) })
    const { model, run } = yield* load({ after: found })
    const { predictions } = yield* score({ file, model })
    yield* write({ predictions, out })
    return { predictions, run }
  })
})

FlowCli.main(PredictFlow, { layer: Tensorflow.layer })
