/** Trains the network of a model, with one output or one for each class. Shared by `Nbow` and `MulticlassNbow`. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Artifact from "../../Artifact.ts"
import * as CountVectorizer from "../CountVectorizer.ts"
import * as Tensorflow from "../Tensorflow.ts"
import * as Layers from "./layers.ts"
import * as LoadTf from "./loadTf.ts"
import type * as NbowOptions from "./nbowOptions.ts"
import { invalid, OptionsError } from "./options.ts"
import { TrainingError } from "./TrainingError.ts"
import { train } from "./train.ts"
import * as TrainingData from "./trainingData.ts"

/** The errors of `fit`, as a schema that a step can declare as its `error`. */
export const FitError = Schema.Union([
  OptionsError,
  CountVectorizer.VocabularyError,
  TrainingError,
  Tensorflow.TensorflowError
])

/** The errors of `fit`. */
export type FitError = typeof FitError.Type

/** At this size, weights, gradients and moments take a gigabyte. */
const weightsLimit = 2 ** 26

/** Trains on labelled texts. `outputsOf` gives the number of outputs. */
export const fit = Effect.fnUntraced(function* <C extends TrainingData.Classes>(
  owner: string,
  data: TrainingData.Given | TrainingData.GivenOf<Artifact.TableFields>,
  options: NbowOptions.Options,
  checkpointEvery: number | undefined,
  classesOf: (labels: ArrayLike<unknown>) => Effect.Effect<C, TrainingError | OptionsError>,
  outputsOf: (classes: C) => number
) {
  const { classes, matrix, vectorizer, ...rows } = yield* TrainingData.read(owner, data, options, classesOf)
  if (matrix.columns * options.hiddenSize > weightsLimit) {
    return yield* invalid(
      owner,
      "hiddenSize",
      `${options.hiddenSize} units for ${matrix.columns} terms are more than ${weightsLimit} weights`
    )
  }
  const core = LoadTf.coreOf(yield* Tensorflow.load)
  const weights = yield* Effect.sync(() => Layers.begin(core, matrix.columns, options, outputsOf(classes)))
  const trained = yield* train(core, { matrix, weights, ...rows }, options, checkpointEvery)
  return { classes, model: { options, vectorizer, ...trained } }
})
