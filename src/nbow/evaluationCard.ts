/**
 * The evaluation of a model as a card: metrics, training history, ROC curve, confusion matrix, and the most influential
 * words. A step that evaluates a model adds it with one line.
 */
import * as Effect from "effect/Effect"
import * as Card from "../Card.ts"
import * as BinaryMetrics from "./BinaryMetrics.ts"
import type { Model } from "./internal/nbowModel.ts"
import { evaluate, type Labelled, predict } from "./internal/predict.ts"

/** The number of words shown for each label. */
const wordsLimit = 12
/** The number of points of the ROC curve. */
const pointsLimit = 200

/**
 * Appends an evaluation of a model to the card of the current task.
 *
 * @param data Labelled texts that the model was not trained on. Both labels must occur.
 * @param options.title The card's heading. Default: "Evaluation".
 * @param options.labels The names of label 0 and label 1. Default: "0" and "1".
 *
 * @example
 * ```ts
 * yield* Nbow.evaluationCard(model, { texts, labels }, { labels: ["negative", "positive"] })
 * ```
 */
export const evaluationCard = Effect.fnUntraced(function* (
  model: Model,
  data: Labelled,
  options: { readonly title?: string; readonly labels?: readonly [zero: string, one: string] } = {}
): Effect.fn.Return<void, BinaryMetrics.MetricsError> {
  const { title = "Evaluation", labels: [zero, one] = ["0", "1"] } = options
  const { accuracy, loss, rocAuc } = yield* evaluate(model, data)
  const scores = yield* predict(model, data.texts)
  const roc = yield* BinaryMetrics.rocCurve(data.labels, scores)
  const confusion = yield* BinaryMetrics.confusionMatrix(data.labels, scores)
  const components = [
    Card.markdown(
      [
        `# ${title}`,
        "",
        "| accuracy | AUC | loss | texts | terms | epoch |",
        "|--:|--:|--:|--:|--:|--:|",
        `| ${(accuracy * 100).toFixed(2)}% | ${rocAuc.toFixed(4)} | ${loss.toFixed(4)} | ${data.texts.length} | ${model.vectorizer.vocabulary.length} | ${model.epoch} of ${model.history.length} |`
      ].join("\n")
    ),
    ...curves(model),
    Card.line({
      title: `ROC curve, AUC ${rocAuc.toFixed(4)}`,
      x: { label: "false positive rate", min: 0, max: 1 },
      y: { label: "true positive rate", min: 0, max: 1 },
      series: [
        { name: "model", ...thinned(roc) },
        { name: "chance", x: [0, 1], y: [0, 1], dashed: true }
      ]
    }),
    Card.heatmap({
      title: "Predicted (columns) by actual label (rows)",
      rowLabel: "is",
      columnLabel: "says",
      rows: [one, zero],
      columns: [one, zero],
      values: [
        [confusion.truePositives, confusion.falseNegatives],
        [confusion.falsePositives, confusion.trueNegatives]
      ]
    }),
    words(model, zero, one)
  ]
  for (const component of components) yield* Card.append(component)
})

const curves = ({ history }: Model): ReadonlyArray<Card.Component> => {
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

/** The first and the last point of the curve, and as many between them as a chart can show. */
const thinned = ({ falsePositiveRates: x, truePositiveRates: y }: BinaryMetrics.RocCurve) => {
  const every = Math.max(1, Math.ceil((x.length - 1) / pointsLimit))
  const kept = (_: number, i: number) => i % every === 0 || i === x.length - 1
  return { x: x.filter(kept), y: y.filter(kept) }
}

/**
 * The change in the log-odds of label 1 if a text consists of this word only, compared with a text without known words.
 */
const effects = ({
  vectorizer: { vocabulary },
  weights
}: Model): ReadonlyArray<readonly [word: string, by: number]> => {
  const { hiddenBias, hiddenKernel, outputKernel } = weights
  const units = hiddenBias.length
  return vocabulary.map((word, j) => {
    let by = 0
    for (let u = 0; u < units; u++) {
      const bias = hiddenBias[u] as number // within bounds, as the others are
      const weight = hiddenKernel[j * units + u] as number
      by += (Math.max(0, bias + weight) - Math.max(0, bias)) * (outputKernel[u] as number)
    }
    return [word, by]
  })
}

const words = (model: Model, zero: string, one: string): Card.Component => {
  const sorted = [...effects(model)].sort(([, a], [, b]) => b - a)
  const count = Math.min(wordsLimit, Math.floor(sorted.length / 2))
  const shown = (by: number) => Number(by.toFixed(3))
  return Card.table({
    title: "Most influential words, and how much each changes the log-odds",
    columns: [`for ${one}`, "by", `for ${zero}`, "by"],
    rows: Array.from({ length: count }, (_, i) => {
      const [most, up] = sorted[i] as readonly [string, number] // within bounds
      const [least, down] = sorted[sorted.length - 1 - i] as readonly [string, number]
      return [most, shown(up), least, shown(down)]
    })
  })
}
