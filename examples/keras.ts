/**
 * KerasFlow: the tutorial's reviews, read word by word by an LSTM. Its layers are those of Keras, in TensorFlow.js. The
 * training stops early when the validation loss falls no more, and a gate tags the run if the model may be deployed. If
 * the process is killed, a resumed run continues with the epoch after the last one.
 *
 *     npx tsx examples/keras.ts
 *     npx tsx examples/keras.ts --epochs 3 --train-file train.parquet --valid-file valid.parquet
 *     npx tsx examples/keras.ts resume
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { CurrentTask, Flow, FlowCli, Step } from "effect-flow"
import { BinaryMetrics, CountVectorizer, Tensorflow } from "effect-flow/nbow"
import { BranchNLPFlow, baseline, Reviews, start } from "./branch.ts"
import { deploymentCandidate } from "./nlp.ts"

/** So many words of a review are read, from its beginning. */
const words = 24

/** Each word's number in the vocabulary, from 2. 0 fills up short reviews, and 1 stands for a word that is not in it. */
const numbersOf = (vocabulary: ReadonlyArray<string>) => {
  const numbers = new Map(vocabulary.map((word, index) => [word, index + 2]))
  return (review: string): ReadonlyArray<number> => {
    const tokens = review.toLowerCase().match(/\b\w\w+\b/g) ?? []
    return Array.from({ length: words }, (_, at) => {
      const token = tokens[at]
      return token === undefined ? 0 : (numbers.get(token) ?? 1)
    })
  }
}

const vocabulary = Step.make("vocabulary", {
  description: "Finds the words that are frequent enough to learn from",
  input: { df: Reviews },
  output: { vocabulary: Schema.Array(Schema.String) },
  error: Schema.Union([CountVectorizer.VocabularyError, Tensorflow.OptionsError]),
  run: Effect.fnUntraced(function* ({ df }) {
    const { vocabulary } = yield* CountVectorizer.fit(df.columns.review, { minDf: { count: 2 }, maxFeatures: 2000 })
    yield* Effect.log(`words in the vocabulary: ${vocabulary.length}`)
    return { vocabulary }
  })
})

const train = Step.make("train", {
  description: "Trains an LSTM",
  input: { df: Reviews, vocabulary: Schema.Array(Schema.String), epochs: Schema.Int },
  output: { model: Tensorflow.Model },
  error: Schema.Union([Tensorflow.OptionsError, Tensorflow.TrainingError, Tensorflow.TensorflowError]),
  run: Effect.fnUntraced(function* ({ df, epochs, vocabulary }) {
    const model = yield* Tensorflow.model(({ initializers, layers, sequential }) =>
      sequential({
        name: "reviews",
        layers: [
          layers.embedding({
            name: "embedding",
            inputDim: vocabulary.length + 2,
            outputDim: 8,
            inputLength: words,
            embeddingsInitializer: initializers.randomUniform({ minval: -0.05, maxval: 0.05, seed: 1 })
          }),
          layers.lstm({
            name: "lstm",
            units: 8,
            kernelInitializer: initializers.glorotUniform({ seed: 2 }),
            recurrentInitializer: initializers.glorotUniform({ seed: 3 })
          }),
          layers.dense({
            name: "output",
            units: 1,
            activation: "sigmoid",
            kernelInitializer: initializers.glorotUniform({ seed: 4 })
          })
        ]
      })
    )
    const tf = yield* Tensorflow.tf
    const optimizer = yield* Effect.acquireRelease(
      Effect.sync(() => tf.train.adam(0.01)),
      (optimizer) => Effect.sync(() => optimizer.dispose())
    )
    model.compile({ optimizer, loss: "binaryCrossentropy", metrics: ["accuracy"] })
    const { xs, ys } = yield* Tensorflow.tensors((tf) => ({
      xs: tf.tensor2d(df.columns.review.map(numbersOf(vocabulary)) as Array<Array<number>>, [df.numRows, words]), // read only
      ys: tf.tensor2d([...df.columns.labels], [df.numRows, 1])
    }))
    yield* Tensorflow.fit(model, {
      xs,
      ys,
      epochs,
      batchSize: 100,
      validationSplit: 0.2,
      callbacks: tf.callbacks.earlyStopping({ monitor: "val_loss", patience: 2 })
    })
    return { model }
  }, Effect.scoped)
})

/** Reviews that are scored at a time. */
const batchSize = 256

const gate = Step.join(
  "gate",
  { baseline, train },
  {
    description: "Holds the model against the baseline",
    output: { modelAcc: Schema.Number, modelRocauc: Schema.Number, beatsBaseline: Schema.Boolean },
    error: Schema.Union([BinaryMetrics.MetricsError, Tensorflow.TrainingError, Tensorflow.TensorflowError]),
    run: Effect.fnUntraced(function* ({ baseline, train: { model, vocabulary } }) {
      const { labels, review } = baseline.valdf.columns
      const toNumbers = numbersOf(vocabulary)
      const batches = Stream.rechunk(Stream.fromIterable(review), batchSize).pipe(Stream.chunks)
      const scores = yield* Tensorflow.predict(model, batches, (reviews, tf) =>
        tf.tensor2d(reviews.map((review) => [...toNumbers(review)]))
      ).pipe(
        Stream.flatMap(({ scores }) => Stream.fromIterable(scores)),
        Stream.runCollect
      )
      const modelAcc = yield* BinaryMetrics.accuracy(labels, scores)
      const modelRocauc = yield* BinaryMetrics.rocAuc(labels, scores)
      yield* Effect.log(`Model accuracy: ${(modelAcc * 100).toFixed(2)}%, AUC: ${modelRocauc.toFixed(2)}`)
      const beatsBaseline = modelRocauc > baseline.baseRocauc && modelAcc > baseline.baseAcc
      return { modelAcc, modelRocauc, beatsBaseline }
    })
  }
)

const end = Step.make("end", {
  description: "Tags the run if its model may be deployed",
  input: { beatsBaseline: Schema.Boolean },
  run: Effect.fnUntraced(function* ({ beatsBaseline }) {
    if (!beatsBaseline) return yield* Effect.logWarning("The model does not beat the baseline, so it is no candidate")
    const task = yield* CurrentTask
    yield* task.addTags(deploymentCandidate)
    yield* Effect.log(`The run is tagged ${deploymentCandidate}`)
  })
})

export const KerasFlow = Flow.make("KerasFlow", {
  description: "Trains an LSTM on product reviews, and tags its run if the model beats always saying yes.",
  parameters: {
    ...BranchNLPFlow.parameters,
    epochs: Flow.parameter(Schema.Int, { default: 10, description: "The most epochs; it may stop earlier" })
  },
  steps: [start, baseline, vocabulary, train, gate, end],
  run: Effect.fnUntraced(function* ({ epochs, ...files }) {
    const data = yield* start(files)
    const branches = yield* Effect.all(
      {
        baseline: baseline(data),
        train: Effect.flatMap(vocabulary(data), (state) => train({ ...state, epochs }))
      },
      { concurrency: "unbounded" }
    )
    const report = yield* gate(branches)
    yield* end(report)
    return { ...report, model: branches.train.model }
  })
})

FlowCli.main(KerasFlow, { layer: Tensorflow.layer })
