/** The labels and scores that metrics take, and the error that says what is wrong with them. */
import * as Schema from "effect/Schema"
import * as CodecIssue from "../../internal/schema/codecIssue.ts"
import { badLabel } from "./labels.ts"

/** Labels and scores from which a metric can't be computed. */
export class MetricsError extends Schema.TaggedError<MetricsError>()("MetricsError", {
  /**
   * `length`: there are not as many scores as labels. `empty`: there are no rows. `label`: one is neither 0 nor 1.
   * `score`: a score is not a number that the metric can use. `threshold`: the threshold is not a number. `class`: all
   * labels are the same, so there is nothing to distinguish. `text`: a text is not a string. `option`: another option is not valid.
   */
  reason: Schema.Literals(["length", "empty", "label", "score", "threshold", "class", "text", "option"]),
  message: Schema.String,
  /** The row that the message is about, from 0. */
  row: Schema.optionalKey(Schema.Int)
}) {}

/** The scores that a metric can use: any order of numbers, finite ones, or probabilities. */
export type Kind = "number" | "finite" | "probability"

const isOf = (kind: Kind, score: unknown): boolean =>
  typeof score === "number" &&
  !Number.isNaN(score) &&
  (kind === "number" || (kind === "finite" ? Number.isFinite(score) : score >= 0 && score <= 1))

/** Whether a value can be read by index. */
export const isList = (value: unknown): boolean =>
  typeof value === "object" && value !== null && typeof (value as { readonly length?: unknown }).length === "number"

/** Checks that every row has a label and a score. */
export const check = (
  labels: ArrayLike<number>,
  scores: ArrayLike<number>,
  kind: Kind = "number"
): MetricsError | undefined => {
  for (const [name, value] of [
    ["labels", labels],
    ["scores", scores]
  ] as const) {
    if (!isList(value)) {
      return new MetricsError({
        reason: "length",
        message: `The ${name} are ${CodecIssue.valueText(value)}. They must be a list of numbers.`
      })
    }
  }
  if (labels.length !== scores.length) {
    return new MetricsError({
      reason: "length",
      message: `There are ${labels.length} labels and ${scores.length} scores.`
    })
  }
  if (labels.length === 0) return new MetricsError({ reason: "empty", message: "There are no rows to measure." })
  const bad = badLabel(labels)
  if (bad !== undefined) return new MetricsError({ reason: "label", ...bad })
  for (let row = 0; row < labels.length; row++) {
    if (isOf(kind, scores[row])) continue
    const wanted = kind === "probability" ? " It must be a probability, from 0 to 1." : ""
    return new MetricsError({
      reason: "score",
      message: `The score of row ${row} is ${CodecIssue.valueText(scores[row])}.${wanted}`,
      row
    })
  }
  return undefined
}

/** Checks rows as `check` does, and that both classes occur. */
export const checkClasses = (labels: ArrayLike<number>, scores: ArrayLike<number>): MetricsError | undefined => {
  const error = check(labels, scores, "finite")
  if (error !== undefined) return error
  for (let row = 1; row < labels.length; row++) if (labels[row] !== labels[0]) return undefined
  return new MetricsError({
    reason: "class",
    message: `All ${labels.length} labels are ${labels[0]}: without rows of both classes there is no ROC curve and no area under it.`
  })
}

/** Checks a threshold. */
export const checkThreshold = (threshold: unknown): MetricsError | undefined =>
  typeof threshold === "number" && !Number.isNaN(threshold)
    ? undefined
    : new MetricsError({
        reason: "threshold",
        message: `The threshold is ${CodecIssue.valueText(threshold)}. It must be a number.`
      })
