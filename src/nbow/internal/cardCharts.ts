/** The parts of an evaluation card that show how well scores tell two labels apart. */
import * as Effect from "effect/Effect"
import * as Card from "../../Card.ts"
import * as BinaryMetrics from "../BinaryMetrics.ts"
import type { TermEffect } from "./effects.ts"
import type { Epoch } from "./epoch.ts"
import { averageOf } from "./rankMetrics.ts"
import { figuresOf, matrixOf } from "./thresholdMetrics.ts"

/** The number of points of a curve. */
const pointsLimit = 200

const share = (value: number): string => value.toFixed(3)

/** Some of a curve's points, the first and the last among them. */
const thinned = (x: ReadonlyArray<number>, y: ReadonlyArray<number>) => {
  const every = Math.max(1, Math.ceil((x.length - 1) / pointsLimit))
  const kept = (_: number, i: number) => i % every === 0 || i === x.length - 1
  return { x: x.filter(kept), y: y.filter(kept) }
}

const unit = (label: string) => ({ label, min: 0, max: 1 })

/** The loss and accuracy of each epoch, if there are several. */
export const training = (history: ReadonlyArray<Epoch>): ReadonlyArray<Card.Component> => {
  const epochs = history.map((_, i) => i + 1)
  const validated = history.some(({ valLoss }) => valLoss !== undefined)
  const chart = (title: string, trained: ReadonlyArray<number>, validation: ReadonlyArray<number | undefined>) =>
    Card.line({
      title,
      x: { label: "epoch" },
      series: [
        { name: "training", x: epochs, y: trained },
        ...(validated
          ? [{ name: "validation", x: epochs, y: validation.map((value) => value ?? null), dashed: true }]
          : [])
      ]
    })
  return history.length < 2
    ? []
    : [
        chart(
          "Loss",
          history.map(({ loss }) => loss),
          history.map(({ valLoss }) => valLoss)
        ),
        chart(
          "Accuracy",
          history.map(({ accuracy }) => accuracy),
          history.map(({ valAccuracy }) => valAccuracy)
        )
      ]
}

/** A curve of a chart. */
export interface Curve {
  readonly name: string
  readonly x: ReadonlyArray<number>
  readonly y: ReadonlyArray<number>
}

/** A ROC curve. */
export const rocCurve = (labels: ArrayLike<number>, scores: ArrayLike<number>, name: string) =>
  Effect.map(
    BinaryMetrics.rocCurve(labels, scores),
    ({ falsePositiveRates, truePositiveRates }): Curve => ({ name, ...thinned(falsePositiveRates, truePositiveRates) })
  )

/** ROC curves, beside that of chance. */
export const rocChart = (title: string, curves: ReadonlyArray<Curve>): Card.Component =>
  Card.line({
    title,
    x: unit("false positive rate"),
    y: unit("true positive rate"),
    series: [...curves, { name: "chance", x: [0, 1], y: [0, 1], dashed: true }]
  })

/** The ROC curve, and the area under it, which is known. */
export const roc = (labels: ArrayLike<number>, scores: ArrayLike<number>, area: number) =>
  Effect.map(rocCurve(labels, scores, "model"), (curve) => rocChart(`ROC curve, AUC ${area.toFixed(4)}`, [curve]))

/** The precision-recall curve. */
export const precisionRecall = Effect.fnUntraced(function* (labels: ArrayLike<number>, scores: ArrayLike<number>) {
  const curve = yield* BinaryMetrics.precisionRecallCurve(labels, scores)
  const { precisions, recalls } = curve
  const ones = Array.from(labels).filter((label) => label === 1).length / labels.length
  return Card.line({
    title: `Precision-recall curve, average precision ${averageOf(curve).toFixed(4)}`,
    x: unit("recall"),
    y: unit("precision"),
    series: [
      { name: "model", ...thinned(recalls.toReversed(), precisions.toReversed()) },
      { name: "always yes", x: [0, 1], y: [ones, ones], dashed: true }
    ]
  })
})

/** How often probabilities came true, in ten bins. */
export const calibration = Effect.fnUntraced(function* (labels: ArrayLike<number>, scores: ArrayLike<number>) {
  const { observed, predicted } = yield* BinaryMetrics.calibrationCurve(labels, scores, { bins: 10 })
  const brier = yield* BinaryMetrics.brierScore(labels, scores)
  return Card.line({
    title: `Calibration, Brier score ${brier.toFixed(4)}`,
    x: unit("predicted probability"),
    y: unit("share with the label"),
    series: [
      { name: "model", x: predicted, y: observed },
      { name: "perfect", x: [0, 1], y: [0, 1], dashed: true }
    ]
  })
})

/** The rows by label and prediction. */
export const confusion = (
  counts: BinaryMetrics.ConfusionMatrix,
  [zero, one]: readonly [string, string]
): Card.Component =>
  Card.heatmap({
    title: "Predicted (columns) by actual label (rows)",
    rowLabel: "is",
    columnLabel: "says",
    rows: [one, zero],
    columns: [one, zero],
    values: [
      [counts.truePositives, counts.falseNegatives],
      [counts.falsePositives, counts.trueNegatives]
    ]
  })

const tenths = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]

/** What thresholds do, the best by F1 among them. */
export const thresholds = Effect.fnUntraced(function* (
  labels: ArrayLike<number>,
  scores: ArrayLike<number>,
  one: string
) {
  const best = yield* BinaryMetrics.bestThreshold(labels, scores, "f1")
  const rows: Array<ReadonlyArray<string>> = []
  for (const threshold of [...new Set([...tenths, best.threshold])].sort((a, b) => a - b)) {
    const counts = matrixOf(labels, scores, threshold) // the rows were just checked
    const { accuracy, f1, precision, recall } = figuresOf(counts)
    rows.push([
      threshold === best.threshold ? `${threshold.toFixed(3)} (best F1)` : threshold.toFixed(1),
      share((counts.truePositives + counts.falsePositives) / labels.length),
      ...[precision, recall, f1, accuracy].map(share)
    ])
  }
  return Card.table({
    title: "Thresholds",
    columns: ["threshold", `share predicted ${one}`, "precision", "recall", "F1", "accuracy"],
    rows
  })
})

/** The number of words shown for each label. */
const wordsLimit = 12

/** The words with the largest effects, given with the highest first. */
export const words = (sorted: ReadonlyArray<TermEffect>, [zero, one]: readonly [string, string]): Card.Component => {
  const count = Math.min(wordsLimit, Math.floor(sorted.length / 2))
  const shown = ({ effect }: TermEffect) => Number(effect.toFixed(3))
  return Card.table({
    title: "Most influential words, and how much each changes the log-odds",
    columns: [`for ${one}`, "by", `for ${zero}`, "by"],
    rows: Array.from({ length: count }, (_, i) => {
      const most = sorted[i] as TermEffect // within bounds
      const least = sorted[sorted.length - 1 - i] as TermEffect
      return [most.term, shown(most), least.term, shown(least)]
    })
  })
}
