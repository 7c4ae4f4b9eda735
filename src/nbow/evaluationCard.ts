/**
 * The evaluation of a classifier as a card: figures, training history, curves, confusion matrix, thresholds, influential
 * words, and slices of the data. A step that evaluates a model adds it with one line.
 */
import type { LayersModel } from "@tensorflow/tfjs-layers"
import * as Effect from "effect/Effect"
import * as Card from "../Card.ts"
import * as BinaryMetrics from "./BinaryMetrics.ts"
import * as Charts from "./internal/cardCharts.ts"
import * as Slices from "./internal/cardSlices.ts"
import type { Class } from "./internal/classes.ts"
import * as Effects from "./internal/effects.ts"
import type { Model, MulticlassModel, Network } from "./internal/nbowModel.ts"
import { predicted } from "./internal/network.ts"
import { type Labelled, lossOf, scoreLabelled } from "./internal/predict.ts"
import * as ScoredLayers from "./internal/scoredLayers.ts"
import type { TrainingError } from "./internal/TrainingError.ts"
import { figuresOf } from "./internal/thresholdMetrics.ts"
import type { Tensors } from "./internal/trainable.ts"
import * as MulticlassMetrics from "./MulticlassMetrics.ts"
import type { Tensorflow, TensorflowError } from "./Tensorflow.ts"

/** How an evaluation is shown. */
export interface CardOptions {
  /** The card's heading. Default: "Evaluation". */
  readonly title?: string
  /** The names of label 0 and label 1. Default: "0" and "1". */
  readonly labels?: readonly [zero: string, one: string]
  /** Columns with a value for each row: for each value, the card shows how well the model does on its rows. */
  readonly slices?: Slices.Columns
}

/** Rows of a model of your own. */
export interface LabelledRows {
  /** The inputs of the model. */
  readonly xs: Tensors
  /** Of each row: 0 or 1; or its class, if the model has an output for each of more than two. */
  readonly labels: ArrayLike<Class>
  /** The classes in the order of the outputs. Default: 0, 1, 2 and so on. */
  readonly classes?: ReadonlyArray<Class>
}

/** Adds the evaluation of a model to a card. */
export interface EvaluationCard {
  (model: Model, data: Labelled, options?: CardOptions): Effect.Effect<void, BinaryMetrics.MetricsError>
  (
    model: MulticlassModel,
    data: { readonly texts: ReadonlyArray<string>; readonly labels: ArrayLike<Class> },
    options?: Omit<CardOptions, "labels">
  ): Effect.Effect<void, BinaryMetrics.MetricsError>
  (
    model: LayersModel,
    data: LabelledRows,
    options?: CardOptions
  ): Effect.Effect<void, BinaryMetrics.MetricsError | TensorflowError | TrainingError, Tensorflow>
}

/**
 * Appends an evaluation of a model to the card of the current task: of a model of `Nbow` or `MulticlassNbow`, or of any
 * `tf.LayersModel` that gives probabilities. Fails with `MetricsError` if labels, scores or slices are not as they should
 * be, or the labels of two classes are all the same.
 *
 * @param model A trained model.
 * @param data Labelled texts, or labelled rows, that the model was not trained on.
 * @param options The heading, the names of labels, and columns to divide the rows by.
 *
 * @example
 * ```ts
 * yield* Nbow.evaluationCard(model, { texts, labels }, { labels: ["negative", "positive"] })
 * yield* Nbow.evaluationCard(layersModel, { xs, labels }, { title: "LSTM", slices: { length: texts.map((text) => text.length) } })
 * ```
 */
export const evaluationCard: EvaluationCard = Effect.fnUntraced(function* (
  model: Model | MulticlassModel | LayersModel,
  data: Labelled | LabelledRows,
  options: CardOptions = {}
) {
  const components = yield* componentsOf(model, data, options)
  for (const component of components) yield* Card.append(component)
}) as EvaluationCard // errors and services are those of TensorFlow.js only for its models

const componentsOf = Effect.fnUntraced(function* (
  model: Model | MulticlassModel | LayersModel,
  data: Labelled | LabelledRows,
  options: CardOptions
) {
  if ("weights" in model && "vectorizer" in model) {
    const { texts, labels } = data as Labelled // by the types
    if (model.classes === undefined) return yield* ofBinaryTexts(model, { texts, labels }, options)
    const values = yield* scoreLabelled(model, texts)
    const components = yield* ofClasses(labels, { classes: model.classes, values }, options, model)
    return [...components, wordsOfClasses(model)]
  }
  const { classes, labels, xs } = data as LabelledRows // by the types
  const { values, width } = yield* ScoredLayers.score(model as LayersModel, xs) // the other models are above
  if (width > 2 || (classes !== undefined && width > 1)) {
    const all = classes ?? Array.from({ length: width }, (_, i) => i)
    return yield* ofClasses(labels, { classes: all, values }, options)
  }
  // Of two outputs, the second is the probability of label 1.
  const scores = width === 1 ? values : values.filter((_, i) => i % 2 === 1)
  return yield* ofScores(labels as ArrayLike<number>, scores, options) // checked by the metrics
})

const percent = (value: number): string => `${(value * 100).toFixed(2)}%`

/** A heading and figures. */
const figures = (title: string, cells: { readonly [name: string]: string }): Card.Component =>
  Card.markdown(
    [
      `# ${title}`,
      "",
      `| ${Object.keys(cells).join(" | ")} |`,
      `|${"--:|".repeat(Object.keys(cells).length)}`,
      `| ${Object.values(cells).join(" | ")} |`
    ].join("\n")
  )

const learned = ({ epoch, history, vectorizer }: Network) => ({
  terms: String(vectorizer.vocabulary.length),
  epoch: `${epoch} of ${history.length}`
})

const ofBinaryTexts = Effect.fnUntraced(function* (model: Model, data: Labelled, options: CardOptions) {
  const scores = yield* scoreLabelled(model, data.texts)
  const more = () => ({
    loss: lossOf(model, data.labels, scores).toFixed(4),
    texts: String(data.texts.length),
    ...learned(model)
  })
  return yield* ofScores(data.labels, scores, options, model, more)
})

const ofScores = Effect.fnUntraced(function* (
  labels: ArrayLike<number>,
  scores: Float32Array,
  { labels: names = ["0", "1"], slices = {}, title = "Evaluation" }: CardOptions,
  model?: Model,
  /** Further figures of rows that were checked. */
  more: () => { readonly [name: string]: string } = () => ({ rows: String(labels.length) })
) {
  const counts = yield* BinaryMetrics.confusionMatrix(labels, scores)
  const { accuracy, f1 } = figuresOf(counts)
  const rocAuc = yield* BinaryMetrics.rocAuc(labels, scores)
  const logLoss = yield* BinaryMetrics.logLoss(labels, scores)
  return [
    figures(title, {
      accuracy: percent(accuracy),
      AUC: rocAuc.toFixed(4),
      F1: f1.toFixed(4),
      "log-loss": logLoss.toFixed(4),
      ...more()
    }),
    ...Charts.training(model?.history ?? []),
    yield* Charts.roc(labels, scores, rocAuc),
    yield* Charts.precisionRecall(labels, scores),
    yield* Charts.calibration(labels, scores),
    Charts.confusion(counts, names),
    yield* Charts.thresholds(labels, scores, names[1]),
    ...(model === undefined ? [] : [Charts.words(Effects.ofTerms(model, 0), names)]),
    ...(yield* sliceScores(labels, scores, slices, names[1]))
  ]
})

const sliceScores = (labels: ArrayLike<number>, scores: Float32Array, slices: Slices.Columns, one: string) =>
  Slices.tables(
    slices,
    labels.length,
    [`share ${one}`, "accuracy", "precision", "recall", "F1", "AUC"],
    Effect.fnUntraced(function* (rows) {
      const [some, ofSome] = [rows.map((row) => labels[row] as number), rows.map((row) => scores[row] as number)] // rows
      const ones = some.filter((label) => label === 1).length
      const { accuracy, f1, precision, recall } = figuresOf(yield* BinaryMetrics.confusionMatrix(some, ofSome))
      const values = [ones / rows.length, accuracy, precision, recall, f1].map((value) => value.toFixed(3))
      // There is no area without rows of both labels.
      const isMixed = ones > 0 && ones < rows.length
      return [...values, isMixed ? (yield* BinaryMetrics.rocAuc(some, ofSome)).toFixed(3) : "–"]
    })
  )

/** The number of classes with a curve of their own. */
const curvesLimit = 8

const ofClasses = Effect.fnUntraced(function* (
  labels: ArrayLike<Class>,
  probabilities: { readonly classes: ReadonlyArray<Class>; readonly values: Float32Array },
  { slices = {}, title = "Evaluation" }: CardOptions,
  model?: MulticlassModel
) {
  const { classes, values } = probabilities
  const width = classes.length
  const logLoss = yield* MulticlassMetrics.logLoss(labels, probabilities)
  const said = Array.from(labels, (_, row) => classes[predicted(values, row * width, width)] as Class) // one for each output
  const { counts } = yield* MulticlassMetrics.confusionMatrix(labels, said, { classes })
  const each = yield* MulticlassMetrics.perClass(labels, said, { classes })
  const names = classes.map(String)
  return [
    figures(title, {
      accuracy: percent(yield* MulticlassMetrics.accuracy(labels, said)),
      "macro F1": (yield* MulticlassMetrics.f1(labels, said, { classes })).toFixed(4),
      "weighted F1": (yield* MulticlassMetrics.f1(labels, said, { classes, average: "weighted" })).toFixed(4),
      "log-loss": logLoss.toFixed(4),
      classes: String(width),
      rows: String(labels.length),
      ...(model === undefined ? {} : learned(model))
    }),
    ...Charts.training(model?.history ?? []),
    Card.heatmap({
      title: "Predicted (columns) by actual class (rows)",
      rowLabel: "is",
      columnLabel: "says",
      rows: names,
      columns: names,
      values: counts
    }),
    Card.table({
      title: "Classes",
      columns: ["class", "rows", "precision", "recall", "F1"],
      rows: each.map(({ class: name, f1, precision, recall, support }) => [
        String(name),
        support,
        ...[precision, recall, f1].map((value) => value.toFixed(3))
      ])
    }),
    ...(yield* curvesOfClasses(labels, probabilities)),
    ...(yield* Slices.tables(
      slices,
      labels.length,
      ["accuracy", "macro F1"],
      Effect.fnUntraced(function* (rows) {
        const [some, ofSome] = [rows.map((row) => labels[row] as Class), rows.map((row) => said[row] as Class)] // rows
        const accuracy = yield* MulticlassMetrics.accuracy(some, ofSome)
        return [accuracy.toFixed(3), (yield* MulticlassMetrics.f1(some, ofSome)).toFixed(3)]
      })
    ))
  ]
})

/** The ROC curve of each class against the others, where there are rows of both. */
const curvesOfClasses = Effect.fnUntraced(function* (
  labels: ArrayLike<Class>,
  { classes, values }: { readonly classes: ReadonlyArray<Class>; readonly values: Float32Array }
) {
  const curves: Array<Charts.Curve> = []
  for (const [k, name] of classes.slice(0, curvesLimit).entries()) {
    const isOne = Array.from(labels, (label) => (label === name ? 1 : 0))
    if (new Set(isOne).size < 2) continue
    const scores = values.filter((_, i) => i % classes.length === k)
    const area = yield* BinaryMetrics.rocAuc(isOne, scores)
    curves.push(yield* Charts.rocCurve(isOne, scores, `${name}, AUC ${area.toFixed(4)}`))
  }
  return curves.length === 0 ? [] : [Charts.rocChart("ROC curves, each class against the others", curves)]
})

const wordsOfClasses = (model: MulticlassModel): Card.Component => {
  const tops = model.classes.map((_, output) => Effects.ofTerms(model, output).slice(0, 12))
  return Card.table({
    title: "Most influential words of each class",
    columns: model.classes.map(String),
    rows: Array.from({ length: Math.min(12, model.vectorizer.vocabulary.length) }, (_, i) =>
      tops.map((top) => top[i]?.term ?? "")
    )
  })
}
