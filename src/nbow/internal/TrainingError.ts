/** The error of training. */
import * as Schema from "effect/Schema"

/**
 * A model could not be trained.
 *
 * `reason` is `rows` (none to train on, or not as many labels as texts), `label` (one is neither 0 nor 1), `diverged`
 * (the loss is no longer finite), `model` (TensorFlow.js refused the model or its data).
 */
export class TrainingError extends Schema.TaggedError<TrainingError>()("TrainingError", {
  reason: Schema.Literals(["rows", "label", "diverged", "model"]),
  message: Schema.String,
  /** The row that the message is about, from 0. */
  row: Schema.optionalKey(Schema.Int)
}) {}
