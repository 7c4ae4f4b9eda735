/**
 * A neural bag-of-words classifier: term counts, one hidden layer, and a probability. `fit` learns the vocabulary and
 * the network from labelled texts, `predict` scores texts, and a model is plain data, which `Model` stores as
 * safetensors.
 *
 * `fit` uses TensorFlow.js with a custom kernel: the network is initialized as a `tf.LayersModel`, and a fused training
 * kernel, registered with TensorFlow.js, updates its weights on sparse rows. Scoring does not need TensorFlow.
 */
import type { LayersModel } from "@tensorflow/tfjs-layers"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Artifact from "../Artifact.ts"
import type { ArtifactError, ArtifactStore } from "../ArtifactStore.ts"
import * as CodecIssue from "../internal/schema/codecIssue.ts"
import * as CountVectorizer from "./CountVectorizer.ts"
import { eachTextChunk, isDataset, type LabelledOf } from "./internal/datasetTexts.ts"
import { badLabel } from "./internal/labels.ts"
import * as Layers from "./internal/layers.ts"
import type { Model } from "./internal/nbowModel.ts"
import * as NbowOptions from "./internal/nbowOptions.ts"
import { checkCheckpointEvery, invalid, OptionsError } from "./internal/options.ts"
import { type Labelled, predict } from "./internal/predict.ts"
import { TrainingError } from "./internal/TrainingError.ts"
import { checkList } from "./internal/texts.ts"
import { train, trainedRows } from "./internal/train.ts"
import * as Tensorflow from "./Tensorflow.ts"

export { evaluationCard } from "./evaluationCard.ts"
export type { LabelledOf, TextsOf } from "./internal/datasetTexts.ts"
export { Model } from "./internal/nbowModel.ts"
export { Options, type OptionsInput } from "./internal/nbowOptions.ts"
export type { Weights } from "./internal/network.ts"
export { OptionsError } from "./internal/options.ts"
export { type Evaluation, evaluate, type Labelled, type Predict, predict } from "./internal/predict.ts"
export { TrainingError } from "./internal/TrainingError.ts"
export type { Epoch } from "./internal/train.ts"

/** The errors of `fit`, as a schema that a step can declare as its `error`. */
export const FitError = Schema.Union([
  OptionsError,
  CountVectorizer.VocabularyError,
  TrainingError,
  Tensorflow.TensorflowError
])

/** The errors of `fit`. */
export type FitError = typeof FitError.Type

/** Options of `fit`: those of the model, and how the training is carried out. */
export interface FitOptions extends NbowOptions.OptionsInput {
  /**
   * In a task, the training's state is saved after every so many epochs, so that a training that is killed continues from
   * there; 0 for never. It is no part of the model. Default: 1.
   */
  readonly checkpointEvery?: number
}

/** Learns from labelled texts, or from columns of a dataset. */
export interface Fit {
  (data: Labelled, options?: FitOptions): Effect.Effect<Model, FitError, Tensorflow.Tensorflow>
  <F extends Artifact.TableFields>(
    data: LabelledOf<F>,
    options?: FitOptions
  ): Effect.Effect<Model, FitError | ArtifactError, Tensorflow.Tensorflow | ArtifactStore>
}

/**
 * Learns a model from labelled texts. Every epoch's loss and accuracy, and those of the validation rows, are logged,
 * kept in the model's `history`, and in a task recorded as metrics. The same seed gives the same model. In a task, a
 * training that is killed continues from its last epoch when the task is attempted again or its run resumed.
 *
 * The texts of a dataset are read a row group at a time; what stays in memory is how often each text has each word.
 *
 * @param data Texts and labels, or a dataset and the columns that have them.
 * @param options The vocabulary, the network and how it is trained.
 *
 * @example
 * ```ts
 * const model = yield* Nbow.fit({ texts: df.columns.review, labels: df.columns.labels }, { vocabularySize: 750 })
 * const same = yield* Nbow.fit({ dataset: reviews, texts: "review", labels: "labels" }, { vocabularySize: 750 })
 * ```
 */
export const fit: Fit = Effect.fnUntraced(function* (
  data: Labelled | LabelledOf<Artifact.TableFields>,
  { checkpointEvery = 1, ...given }: FitOptions = {}
) {
  const options = yield* NbowOptions.make(given)
  yield* checkCheckpointEvery("Nbow.fit", checkpointEvery)
  const { labels, matrix, vectorizer } = yield* isDataset(data)
    ? countDataset(data as LabelledOf<Artifact.TableFields>, options) // a dataset with labels, by the types
    : countTexts(data as Labelled, options)
  if (matrix.columns * options.hiddenSize > weightsLimit) {
    return yield* invalid(
      "Nbow.fit",
      "hiddenSize",
      `${options.hiddenSize} units for ${matrix.columns} terms are more than ${weightsLimit} weights`
    )
  }
  const { tf } = yield* Tensorflow.load
  const weights = yield* Effect.sync(() => Layers.begin(tf, matrix.columns, options))
  const trained = yield* train(tf, { matrix, labels, weights }, options, checkpointEvery)
  return { options, vectorizer, ...trained }
}) as Fit // services and errors are those of a dataset only where one is given

const countTexts = Effect.fnUntraced(function* (data: Labelled, options: NbowOptions.Options) {
  const flaw = checkData(data, options)
  if (flaw !== undefined) return yield* flaw
  const warning = sortedWarning(data.labels, options)
  if (warning !== undefined) yield* Effect.logWarning(warning)
  const fitted = yield* CountVectorizer.fitTransform(data.texts, NbowOptions.vectorizerOptions(options))
  return { ...fitted, labels: data.labels }
})

/** Counts the terms of a dataset's texts, and gathers their labels. */
const countDataset = Effect.fnUntraced(function* (
  data: LabelledOf<Artifact.TableFields>,
  options: NbowOptions.Options
) {
  const labels = new Float64Array(data.dataset.numRows)
  const flaw = checkRows(labels.length, options)
  if (flaw !== undefined) return yield* flaw
  let row = 0
  const fitted = yield* CountVectorizer.fitTransformChunks(
    labels.length,
    (use) =>
      eachTextChunk(data, (texts, some) => {
        // A value that is not a number becomes NaN, which no label may be.
        for (let i = 0; i < some.length; i++) labels[row++] = typeof some[i] === "number" ? Number(some[i]) : Number.NaN
        return use(texts)
      }),
    NbowOptions.vectorizerOptions(options)
  )
  const bad = badLabel(labels)
  if (bad !== undefined) return yield* new TrainingError({ reason: "label", ...bad })
  const warning = sortedWarning(labels, options)
  if (warning !== undefined) yield* Effect.logWarning(warning)
  return { ...fitted, labels }
})

/** The rows held out for validation are the last ones. If the labels are sorted, these rows are all of one class. */
const sortedWarning = (labels: ArrayLike<number>, { validationSplit }: NbowOptions.Options): string | undefined => {
  const first = trainedRows(labels.length, validationSplit)
  if (first === labels.length || labels[0] === labels[labels.length - 1]) return undefined
  let changes = 0
  for (let row = 1; row < labels.length && changes < 2; row++) if (labels[row] !== labels[row - 1]) changes++
  if (changes !== 1) return undefined
  return (
    `The labels are sorted: first all ${labels[0]}, then all ${labels[labels.length - 1]}. validationSplit holds out the ` +
    `last ${labels.length - first} of ${labels.length} rows, so training and validation see different classes. ` +
    "Shuffle the rows first."
  )
}

/** At this size, weights, gradients and moments take a gigabyte. */
const weightsLimit = 2 ** 26

const checkData = ({ labels, texts }: Labelled, options: NbowOptions.Options): TrainingError | undefined => {
  const error = checkList(texts)
  if (error !== undefined) return new TrainingError({ reason: "text", message: error.message })
  if (typeof labels !== "object" || labels === null || typeof labels.length !== "number") {
    const message = `The labels are ${CodecIssue.valueText(labels)}. They must be a list of 0 and 1.`
    return new TrainingError({ reason: "label", message })
  }
  if (texts.length !== labels.length) {
    return new TrainingError({
      reason: "rows",
      message: `There are ${texts.length} texts and ${labels.length} labels.`
    })
  }
  const flaw = checkRows(texts.length, options)
  if (flaw !== undefined) return flaw
  const bad = badLabel(labels)
  return bad === undefined ? undefined : new TrainingError({ reason: "label", ...bad })
}

const checkRows = (rows: number, { validationSplit }: NbowOptions.Options): TrainingError | undefined => {
  if (rows === 0) return new TrainingError({ reason: "rows", message: "There are no texts to train on." })
  if (trainedRows(rows, validationSplit) > 0) return undefined
  return new TrainingError({
    reason: "rows",
    message: `A validationSplit of ${validationSplit} leaves none of the ${rows} rows to train on.`
  })
}

/**
 * The probability of label 1 for each text of a stream, which may be endless. Texts are scored in the chunks that they
 * arrive in.
 *
 * @param model A trained model.
 * @param texts The texts.
 *
 * @example
 * ```ts
 * const scores = Nbow.predictStream(model, Stream.make("good", "bad"))
 * ```
 */
export const predictStream = <E, R>(model: Model, texts: Stream.Stream<string, E, R>): Stream.Stream<number, E, R> =>
  Stream.mapArrayEffect(texts, (chunk) =>
    Effect.map(predict(model, chunk), (scores) => Array.from(scores) as [number, ...Array<number>])
  ) // chunks are never empty

/**
 * The model as a `tf.LayersModel` on dense counts, for code that takes such models. Its weights are copies. It is disposed when
 * the scope closes. Fails with `TensorflowError` if TensorFlow.js can't be loaded.
 *
 * @example
 * ```ts
 * const layersModel = yield* Nbow.toLayersModel(model)
 * ```
 */
export const toLayersModel = (
  model: Model
): Effect.Effect<LayersModel, Tensorflow.TensorflowError, Tensorflow.Tensorflow | Scope.Scope> =>
  Effect.flatMap(Tensorflow.tf, (tf) =>
    Effect.acquireRelease(
      Effect.sync(() => Layers.of(tf, model.vectorizer.vocabulary.length, model.options, model.weights)),
      (layersModel) => Effect.sync(() => layersModel.dispose())
    )
  )
