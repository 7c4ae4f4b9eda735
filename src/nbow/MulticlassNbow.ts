/**
 * The neural bag-of-words classifier for several classes: as `Nbow`, with a probability for each class (softmax). Classes
 * are words or numbers. Metrics are in `MulticlassMetrics`.
 */
import * as Effect from "effect/Effect"
import type * as Artifact from "../Artifact.ts"
import type { ArtifactError, ArtifactStore } from "../ArtifactStore.ts"
import * as Classes from "./internal/classes.ts"
import type { TextsOf, TrainingDataOf } from "./internal/datasetTexts.ts"
import * as Effects from "./internal/effects.ts"
import * as FitNetwork from "./internal/fitNetwork.ts"
import type * as NbowModel from "./internal/nbowModel.ts"
import * as NbowOptions from "./internal/nbowOptions.ts"
import { penaltyOf, predicted } from "./internal/network.ts"
import { checkCheckpointEvery, invalid, limitOf } from "./internal/options.ts"
import { scoreGiven, scoreLabelled } from "./internal/predict.ts"
import { TrainingError } from "./internal/TrainingError.ts"
import type { TextError } from "./internal/texts.ts"
import * as MulticlassMetrics from "./MulticlassMetrics.ts"
import type { Tensorflow } from "./Tensorflow.ts"

export type { Class } from "./internal/classes.ts"
export type { TextsOf, TrainingDataOf } from "./internal/datasetTexts.ts"
export type { CountedEffect, Explanation, TermEffect } from "./internal/effects.ts"
export { FitError } from "./internal/fitNetwork.ts"
export { MulticlassModel as Model } from "./internal/nbowModel.ts"
export { TextError } from "./internal/texts.ts"

type Model = NbowModel.MulticlassModel
type Class = Classes.Class

/** Texts with classes. */
export interface Labelled {
  readonly texts: ReadonlyArray<string>
  /** The class of each text: a word or a number. */
  readonly labels: ArrayLike<Class>
}

/** Texts with classes, and weights of rows. */
export interface TrainingData extends Labelled {
  /** A weight of at least 0 for each row, by which its loss is multiplied, as in Keras. Default: 1. */
  readonly sampleWeight?: ArrayLike<number>
}

/** Options of `fit`: those of `Nbow.fit`, and the classes. */
export interface FitOptions extends NbowOptions.OptionsInput {
  /** The classes, in the order of their probabilities. Default: those of the labels, sorted. */
  readonly classes?: ReadonlyArray<Class>
  /** As in `Nbow.fit`. */
  readonly checkpointEvery?: number
}

/** Learns from texts with classes, or from columns of a dataset. */
export interface Fit {
  (data: TrainingData, options?: FitOptions): Effect.Effect<Model, FitNetwork.FitError, Tensorflow>
  <F extends Artifact.TableFields>(
    data: TrainingDataOf<F>,
    options?: FitOptions
  ): Effect.Effect<Model, FitNetwork.FitError | ArtifactError, Tensorflow | ArtifactStore>
}

const owner = "MulticlassNbow.fit"

interface Numbered {
  readonly classes: ReadonlyArray<Class>
  readonly names: ReadonlyArray<string>
  readonly numbersOf: (labels: ArrayLike<unknown>) => ReturnType<typeof Classes.numbersOf>
}

const numbered = (labels: ArrayLike<unknown>, given: ReadonlyArray<Class> | undefined) =>
  Effect.gen(function* () {
    const problem = given === undefined ? undefined : Classes.problemOf(given)
    if (problem !== undefined) return yield* invalid(owner, "classes", problem)
    for (let row = 0; row < labels.length; row++) {
      if (Classes.isClass(labels[row])) continue
      const message = `The label of row ${row} is ${String(labels[row])}. Labels must be texts or finite numbers.`
      return yield* new TrainingError({ reason: "label", message, row })
    }
    const classes = given ?? Classes.distinct(labels as ArrayLike<Class>) // checked above
    if (classes.length < 2) {
      const message = `All ${labels.length} labels are ${String(classes[0])}: there is nothing to distinguish.`
      return yield* new TrainingError({ reason: "label", message })
    }
    const numbersOf = (all: ArrayLike<unknown>) => Classes.numbersOf(all, classes, "label")
    const result: Numbered = { classes, names: classes.map(String), numbersOf }
    return result
  })

/**
 * Learns a model for several classes from labelled texts. Options, logs, metrics and failures are those of `Nbow.fit`; the
 * network has an output for each class, and `classWeight` has class names as keys.
 *
 * @param data Texts and classes, or a dataset and the columns that have them.
 * @param options The classes, the vocabulary, the network and how it is trained.
 *
 * @example
 * ```ts
 * const languages = ["en", "de"]
 * const model = yield* MulticlassNbow.fit({ texts: ["good", "gut"], labels: languages }, { validationSplit: 0 })
 * ```
 */
export const fit: Fit = Effect.fnUntraced(function* (
  data: TrainingData | TrainingDataOf<Artifact.TableFields>,
  { checkpointEvery, classes: given, ...others }: FitOptions = {}
) {
  const options = yield* NbowOptions.make(others, owner)
  yield* checkCheckpointEvery(owner, checkpointEvery)
  const { classes, model } = yield* FitNetwork.fit(
    owner,
    data,
    options,
    checkpointEvery,
    (labels) => numbered(labels, given),
    (numbered) => numbered.classes.length
  )
  return { ...model, classes: classes.classes }
}) as Fit // services and errors are those of a dataset only where one is given

/** The probabilities of classes for texts: for each text, one for each class, text after text. */
export interface Probabilities {
  readonly classes: ReadonlyArray<Class>
  readonly values: Float32Array
}

/** Scores texts, or a column of a dataset. */
export interface Predict {
  (model: Model, texts: ReadonlyArray<string>): Effect.Effect<Probabilities, TextError>
  <F extends Artifact.TableFields>(
    model: Model,
    texts: TextsOf<F>
  ): Effect.Effect<Probabilities, ArtifactError | TextError, ArtifactStore>
}

/**
 * The probability of each class for each text. They sum to 1 for a text. It does not need TensorFlow.js. Fails with
 * `TextError` if a text is not a string.
 *
 * @param model A trained model.
 * @param texts The texts, or the dataset and the column that has them.
 *
 * @example
 * ```ts
 * const { classes, values } = yield* MulticlassNbow.predict(topics, ["the goalkeeper"])
 * ```
 */
export const predict: Predict = ((model: Model, texts: ReadonlyArray<string> | TextsOf<Artifact.TableFields>) =>
  Effect.map(scoreGiven(model, texts), (values) => ({ classes: model.classes, values }))) as Predict // services and errors are those of a dataset only where one is given

const mostProbable = ({ classes, values }: Probabilities): ReadonlyArray<Class> =>
  Array.from(
    { length: values.length / classes.length },
    (_, row) => classes[predicted(values, row * classes.length, classes.length)] as Class // one for each output
  )

/** Predicted classes. */
export interface Classified {
  readonly labels: ReadonlyArray<Class>
  readonly probabilities: Probabilities
}

/**
 * Predicts the most probable class of each text. Fails with `TextError` if a text is not a string.
 *
 * @param model A trained model.
 * @param texts The texts.
 *
 * @example
 * ```ts
 * const { labels } = yield* MulticlassNbow.classify(topics, ["the goalkeeper"])
 * ```
 */
export const classify = (model: Model, texts: ReadonlyArray<string>): Effect.Effect<Classified, TextError> =>
  Effect.map(predict(model, texts), (probabilities) => ({ labels: mostProbable(probabilities), probabilities }))

/** The metrics of a model on labelled texts. */
export interface Evaluation {
  readonly accuracy: number
  /** The F1 of each class, averaged: `macro` over classes, `weighted` over rows. */
  readonly macroF1: number
  readonly weightedF1: number
  readonly logLoss: number
  /** The mean cross-entropy plus the penalty, as in training. */
  readonly loss: number
}

/**
 * Evaluates a model on labelled texts. Fails with `MetricsError` if a label is not one of the model's classes, or a text is
 * not a string.
 *
 * @param model A trained model.
 * @param data Texts and their classes.
 *
 * @example
 * ```ts
 * const { accuracy, macroF1 } = yield* MulticlassNbow.evaluate(topics, { texts: ["the goalkeeper"], labels: ["sport"] })
 * ```
 */
export const evaluate: (model: Model, data: Labelled) => Effect.Effect<Evaluation, MulticlassMetrics.MetricsError> =
  Effect.fnUntraced(function* (model, { labels, texts }) {
    const values = yield* scoreLabelled(model, texts)
    const { classes } = model
    const predictions = mostProbable({ classes, values })
    const logLoss = yield* MulticlassMetrics.logLoss(labels, { classes, values })
    return {
      accuracy: yield* MulticlassMetrics.accuracy(labels, predictions),
      macroF1: yield* MulticlassMetrics.f1(labels, predictions),
      weightedF1: yield* MulticlassMetrics.f1(labels, predictions, { average: "weighted" }),
      logLoss,
      loss: logLoss + penaltyOf(model.weights, model.options)
    }
  })

/**
 * Explains the probability of a class for a text: the effect of each of its terms on the log-odds of the class against all
 * others. Fails with `TextError` if the text is not a string, and with `MetricsError` if the model has no such class.
 *
 * @param model A trained model.
 * @param text The text.
 * @param options The class. Default: the most probable one.
 *
 * @example
 * ```ts
 * const { class: topic, terms } = yield* MulticlassNbow.explain(topics, "the goalkeeper")
 * ```
 */
export const explain = (
  model: Model,
  text: string,
  options: { readonly class?: Class } = {}
): Effect.Effect<Effects.Explanation & { readonly class: Class }, MulticlassMetrics.MetricsError | TextError> =>
  Effect.suspend(
    (): Effect.Effect<Effects.Explanation & { readonly class: Class }, MulticlassMetrics.MetricsError | TextError> => {
      const wanted = options.class === undefined ? undefined : model.classes.indexOf(options.class)
      if (wanted === -1) {
        const message = `class: the model has no class ${JSON.stringify(options.class)}. Its classes are ${model.classes.join(", ")}.`
        return Effect.fail(new MulticlassMetrics.MetricsError({ reason: "option", message }))
      }
      return Effect.map(
        Effects.explained(model, text, (logits) => wanted ?? predicted(logits)),
        ({ output, ...explanation }) => ({ class: model.classes[output] as Class, ...explanation }) // an output
      )
    }
  )

/**
 * The terms that speak most for each class: by the log-odds of a text that has only this term, compared with a text without
 * known terms.
 *
 * @param model A trained model.
 * @param options The number of terms for each class. Default: 10.
 *
 * @example
 * ```ts
 * for (const { class: topic, terms } of MulticlassNbow.topTerms(topics, { limit: 3 })) yield* Effect.log(topic, terms)
 * ```
 */
export const topTerms = (
  model: Model,
  { limit = 10 }: { readonly limit?: number } = {}
): ReadonlyArray<{ readonly class: Class; readonly terms: ReadonlyArray<Effects.TermEffect> }> => {
  const most = limitOf("MulticlassNbow.topTerms", limit)
  return model.classes.map((name, output) => ({ class: name, terms: Effects.ofTerms(model, output).slice(0, most) }))
}
