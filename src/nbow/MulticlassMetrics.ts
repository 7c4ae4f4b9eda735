/**
 * Metrics of classification into several classes, defined as in scikit-learn. Classes are words or numbers. Precision, recall
 * and F1 are computed for each class and averaged: `macro` is their mean, `weighted` their mean weighted by the number of
 * rows of each class, and `micro` is computed from the counts of all classes together. Labels, predictions and
 * probabilities that are missing or not numbers are errors: no metric counts them as 0.
 */
import * as Effect from "effect/Effect"
import * as CodecIssue from "../internal/schema/codecIssue.ts"
import * as Classes from "./internal/classes.ts"
import { isList, MetricsError } from "./internal/metricsInput.ts"

export type { Class } from "./internal/classes.ts"
export { MetricsError } from "./internal/metricsInput.ts"

/** How the values of classes become one number. */
export type Average = "macro" | "micro" | "weighted"

/** Which classes count. */
export interface Options {
  /** The classes, in order. Default: those of the labels and predictions, sorted. */
  readonly classes?: ReadonlyArray<Classes.Class>
}

/** Which classes count, and how they are averaged. */
export interface AverageOptions extends Options {
  /** Default: `"macro"`. */
  readonly average?: Average
}

/** The number of rows by label and prediction. */
export interface ConfusionMatrix {
  readonly classes: ReadonlyArray<Classes.Class>
  /** A row for each label and a column for each prediction. */
  readonly counts: ReadonlyArray<ReadonlyArray<number>>
}

/** The metrics of one class. */
export interface ClassMetrics {
  readonly class: Classes.Class
  readonly precision: number
  readonly recall: number
  readonly f1: number
  /** The number of rows with this label. */
  readonly support: number
}

/** The probabilities of classes: for each row, one for each class, row after row. */
export interface Probabilities {
  readonly classes: ReadonlyArray<Classes.Class>
  readonly values: ArrayLike<number>
}

const refused = (reason: MetricsError["reason"], message: string): Effect.Effect<never, MetricsError> =>
  Effect.fail(new MetricsError({ reason, message }))

const checkList = (name: string, values: unknown): Effect.Effect<void, MetricsError> =>
  isList(values)
    ? Effect.void
    : refused("length", `The ${name} are ${CodecIssue.valueText(values)}. They must be a list, with one for each row.`)

const badClass = (what: string, values: ArrayLike<unknown>): MetricsError | undefined => {
  for (let row = 0; row < values.length; row++) {
    if (Classes.isClass(values[row])) continue
    const text = CodecIssue.valueText(values[row])
    const message = `The ${what} of row ${row} is ${text}. It must be a string or a finite number.`
    return new MetricsError({ reason: "label", message, row })
  }
  return undefined
}

const numbers = (
  values: ArrayLike<Classes.Class>,
  classes: ReadonlyArray<Classes.Class>,
  what: string
): Effect.Effect<Int32Array, MetricsError> => {
  const result = Classes.numbersOf(values, classes, what)
  return "numbers" in result
    ? Effect.succeed(result.numbers)
    : Effect.fail(new MetricsError({ reason: "label", ...result }))
}

/**
 * Counts rows by label and prediction. Fails with `MetricsError` if the lengths differ, there are no rows, or a label or a
 * prediction is not one of the classes.
 *
 * @param labels The class of each row.
 * @param predictions The predicted class of each row.
 * @param options The classes.
 *
 * @example
 * ```ts
 * const { counts } = yield* MulticlassMetrics.confusionMatrix(["cat", "dog", "cat"], ["cat", "cat", "cat"]) // [[2, 0], [1, 0]]
 * ```
 */
export const confusionMatrix: (
  labels: ArrayLike<Classes.Class>,
  predictions: ArrayLike<Classes.Class>,
  options?: Options
) => Effect.Effect<ConfusionMatrix, MetricsError> = Effect.fnUntraced(function* (labels, predictions, options = {}) {
  yield* checkList("labels", labels)
  yield* checkList("predictions", predictions)
  if (labels.length !== predictions.length) {
    return yield* refused("length", `There are ${labels.length} labels and ${predictions.length} predictions.`)
  }
  if (labels.length === 0) return yield* refused("empty", "There are no rows to measure.")
  const bad = badClass("label", labels) ?? badClass("prediction", predictions)
  if (bad !== undefined) return yield* bad
  const problem = options.classes === undefined ? undefined : Classes.problemOf(options.classes)
  if (problem !== undefined) return yield* refused("option", `classes: ${problem}.`)
  const classes = options.classes ?? Classes.distinct(labels, predictions)
  const actual = yield* numbers(labels, classes, "label")
  const predicted = yield* numbers(predictions, classes, "prediction")
  const counts = classes.map(() => classes.map(() => 0))
  for (let row = 0; row < actual.length; row++) {
    const counted = counts[actual[row] as number] as Array<number> // a class
    const column = predicted[row] as number
    counted[column] = (counted[column] as number) + 1
  }
  return { classes, counts }
})

/**
 * The fraction of rows that are predicted correctly, from 0 to 1. Fails as `confusionMatrix` fails.
 *
 * @param labels The class of each row.
 * @param predictions The predicted class of each row.
 *
 * @example
 * ```ts
 * const accuracy = yield* MulticlassMetrics.accuracy(["cat", "dog", "cat"], ["cat", "cat", "cat"]) // 0.667
 * ```
 */
export const accuracy = (
  labels: ArrayLike<Classes.Class>,
  predictions: ArrayLike<Classes.Class>
): Effect.Effect<number, MetricsError> =>
  Effect.map(confusionMatrix(labels, predictions), ({ counts }) => {
    const hits = counts.reduce((sum, row, at) => sum + (row[at] as number), 0) // square
    return hits / labels.length
  })

/** A quotient, or 0 if there is nothing to divide by, as in scikit-learn. */
const ratio = (part: number, of: number): number => (of === 0 ? 0 : part / of)

/** Correct predictions, predictions and rows, of a class or of all. */
interface Counts {
  readonly correct: number
  readonly predicted: number
  readonly support: number
}

const countsOf = ({ counts }: ConfusionMatrix): ReadonlyArray<Counts> =>
  counts.map((row, at) => ({
    correct: row[at] as number, // square
    predicted: counts.reduce((sum, other) => sum + (other[at] as number), 0),
    support: row.reduce((sum, count) => sum + count, 0)
  }))

const measures = {
  precision: ({ correct, predicted }: Counts) => ratio(correct, predicted),
  recall: ({ correct, support }: Counts) => ratio(correct, support),
  f1: ({ correct, predicted, support }: Counts) => ratio(2 * correct, predicted + support)
}

/**
 * Precision, recall, F1 and the number of rows of each class. Fails as `confusionMatrix` fails.
 *
 * @param labels The class of each row.
 * @param predictions The predicted class of each row.
 * @param options The classes.
 *
 * @example
 * ```ts
 * const [cats, dogs] = yield* MulticlassMetrics.perClass(["cat", "dog", "cat"], ["cat", "cat", "cat"])
 * ```
 */
export const perClass = (
  labels: ArrayLike<Classes.Class>,
  predictions: ArrayLike<Classes.Class>,
  options?: Options
): Effect.Effect<ReadonlyArray<ClassMetrics>, MetricsError> =>
  Effect.map(confusionMatrix(labels, predictions, options), (matrix) =>
    countsOf(matrix).map((counts, at) => ({
      class: matrix.classes[at] as Classes.Class, // one for each
      precision: measures.precision(counts),
      recall: measures.recall(counts),
      f1: measures.f1(counts),
      support: counts.support
    }))
  )

const averages: ReadonlyArray<Average> = ["macro", "micro", "weighted"]

const averaged = (measure: (counts: Counts) => number) =>
  Effect.fnUntraced(function* (
    labels: ArrayLike<Classes.Class>,
    predictions: ArrayLike<Classes.Class>,
    { average = "macro", ...options }: AverageOptions = {}
  ): Effect.fn.Return<number, MetricsError> {
    if (!averages.includes(average)) {
      return yield* refused(
        "option",
        `average is ${CodecIssue.valueText(average)}. It must be macro, micro or weighted.`
      )
    }
    const counts = countsOf(yield* confusionMatrix(labels, predictions, options))
    const sum = (of: (counts: Counts) => number) => counts.reduce((total, one) => total + of(one), 0)
    switch (average) {
      case "macro":
        return sum(measure) / counts.length
      case "weighted":
        return sum((one) => measure(one) * one.support) / labels.length
      case "micro":
        return measure({
          correct: sum((one) => one.correct),
          predicted: sum((one) => one.predicted),
          support: sum((one) => one.support)
        })
    }
  })

/** Computes one number from labels and predictions. */
type Averaged = (
  labels: ArrayLike<Classes.Class>,
  predictions: ArrayLike<Classes.Class>,
  options?: AverageOptions
) => Effect.Effect<number, MetricsError>

/**
 * The fraction of the predictions of a class that are correct, averaged over the classes. A class that is never predicted
 * counts as 0. Fails as `confusionMatrix` fails.
 *
 * @param labels The class of each row.
 * @param predictions The predicted class of each row.
 * @param options The average, by default `"macro"`, and the classes.
 *
 * @example
 * ```ts
 * const precision = yield* MulticlassMetrics.precision(["cat", "dog", "cat"], ["cat", "cat", "cat"]) // 0.333
 * ```
 */
export const precision: Averaged = averaged(measures.precision)

/**
 * The fraction of the rows of a class that are predicted correctly, averaged over the classes. A class without rows counts
 * as 0. Fails as `confusionMatrix` fails.
 *
 * @param labels The class of each row.
 * @param predictions The predicted class of each row.
 * @param options The average, by default `"macro"`, and the classes.
 *
 * @example
 * ```ts
 * const recall = yield* MulticlassMetrics.recall(["cat", "dog", "cat"], ["cat", "cat", "cat"]) // 0.5
 * ```
 */
export const recall: Averaged = averaged(measures.recall)

/**
 * The harmonic mean of the precision and recall of a class, averaged over the classes. Fails as `confusionMatrix` fails.
 *
 * @param labels The class of each row.
 * @param predictions The predicted class of each row.
 * @param options The average, by default `"macro"`, and the classes.
 *
 * @example
 * ```ts
 * const f1 = yield* MulticlassMetrics.f1(["cat", "dog", "cat"], ["cat", "cat", "cat"], { average: "weighted" }) // 0.533
 * ```
 */
export const f1: Averaged = averaged(measures.f1)

/**
 * The mean negative log-likelihood of the labels, in nats. Probabilities are kept away from 0 and 1 by the precision of
 * their type, as in scikit-learn 1.2, and those of a row are divided by their sum. Fails with `MetricsError` if a label is
 * not one of the classes, or a value is not a probability.
 *
 * @param labels The class of each row.
 * @param probabilities The classes, and for each row the probability of each class, row after row.
 *
 * @example
 * ```ts
 * const classes = ["cat", "dog"]
 * const loss = yield* MulticlassMetrics.logLoss(["cat", "dog"], { classes, values: [0.9, 0.1, 0.2, 0.8] }) // 0.164
 * ```
 */
export const logLoss: (
  labels: ArrayLike<Classes.Class>,
  probabilities: Probabilities
) => Effect.Effect<number, MetricsError> = Effect.fnUntraced(function* (labels, { classes, values }) {
  yield* checkList("labels", labels)
  yield* checkList("probabilities", values)
  const problem = Classes.problemOf(classes)
  if (problem !== undefined) return yield* refused("option", `classes: ${problem}.`)
  const width = classes.length
  if (values.length !== labels.length * width) {
    const message = `There are ${labels.length} labels and ${values.length} probabilities of ${width} classes.`
    return yield* refused("length", message)
  }
  if (labels.length === 0) return yield* refused("empty", "There are no rows to measure.")
  const actual = yield* numbers(labels, classes, "label")
  for (let i = 0; i < values.length; i++) {
    const value: unknown = values[i]
    if (typeof value === "number" && value >= 0 && value <= 1) continue
    const row = Math.floor(i / width)
    const name = CodecIssue.valueText(classes[i % width])
    const text = CodecIssue.valueText(value)
    const message = `The score of row ${row} for class ${name} is ${text}. It must be a probability, from 0 to 1.`
    return yield* new MetricsError({ reason: "score", message, row })
  }
  const epsilon = values instanceof Float32Array ? 2 ** -23 : Number.EPSILON
  let loss = 0
  for (let row = 0; row < labels.length; row++) {
    const clipped = (k: number) => Math.min(Math.max(values[row * width + k] as number, epsilon), 1 - epsilon) // checked
    let sum = 0
    for (let k = 0; k < width; k++) sum += clipped(k)
    loss -= Math.log(clipped(actual[row] as number) / sum)
  }
  return loss / labels.length
})
