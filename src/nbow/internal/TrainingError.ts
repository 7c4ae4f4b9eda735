/** The error of training. */
import * as Schema from "effect/Schema"

/**
 * A model could not be trained.
 *
 * `reason` is `rows` (none to train on, or not as many labels as texts), `text` (the texts are not a list), `label` (one is
 * neither 0 nor 1), `diverged` (a loss or a weight is not finite), `model` (TensorFlow.js refused the model or its data).
 */
export class TrainingError extends Schema.TaggedError<TrainingError>()("TrainingError", {
  reason: Schema.Literals(["rows", "text", "label", "diverged", "model"]),
  message: Schema.String,
  /** The row that the message is about, from 0. */
  row: Schema.optionalKey(Schema.Int)
}) {}
