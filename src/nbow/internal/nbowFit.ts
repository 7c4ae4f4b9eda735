/** `Nbow.fit`: learns from texts with labels 0 and 1. */
import * as Effect from "effect/Effect"
import type * as Artifact from "../../Artifact.ts"
import type { ArtifactError, ArtifactStore } from "../../ArtifactStore.ts"
import type { Tensorflow } from "../Tensorflow.ts"
import type { TrainingDataOf } from "./datasetTexts.ts"
import * as FitNetwork from "./fitNetwork.ts"
import { badLabel } from "./labels.ts"
import type { Model } from "./nbowModel.ts"
import * as NbowOptions from "./nbowOptions.ts"
import { checkCheckpointEvery } from "./options.ts"
import type { Labelled } from "./predict.ts"
import type { Classes } from "./trainingData.ts"

/** Options of `fit`: those of the model, and how the training is carried out. */
export interface FitOptions extends NbowOptions.OptionsInput {
  /**
   * In a task, the training's state is saved after every so many epochs and after the last one, so that a training that is
   * killed continues from there; 0 for never. It does not change the model. Default: after an epoch that ends a second or
   * more after the last save, so a training that is over within a second saves nothing.
   */
  readonly checkpointEvery?: number
}

/** Texts with labels 0 or 1, and weights of rows. */
export interface TrainingData extends Labelled {
  /** A weight of at least 0 for each row, by which its loss is multiplied, as in Keras. Default: 1. */
  readonly sampleWeight?: ArrayLike<number>
}

/** Learns from labelled texts, or from columns of a dataset. */
export interface Fit {
  (data: TrainingData, options?: FitOptions): Effect.Effect<Model, FitNetwork.FitError, Tensorflow>
  <F extends Artifact.TableFields>(
    data: TrainingDataOf<F>,
    options?: FitOptions
  ): Effect.Effect<Model, FitNetwork.FitError | ArtifactError, Tensorflow | ArtifactStore>
}

/**
 * Learns a model from labelled texts. Every epoch's loss and accuracy, and those of the validation rows, are logged,
 * kept in the model's `history`, and in a task recorded as metrics. The same seed gives the same model. In a task, a
 * training that is killed continues from the last epoch that was saved when the task is attempted again or its run resumed.
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
  data: TrainingData | TrainingDataOf<Artifact.TableFields>,
  { checkpointEvery, ...given }: FitOptions = {}
) {
  const options = yield* NbowOptions.make(given)
  yield* checkCheckpointEvery("Nbow.fit", checkpointEvery)
  const { model } = yield* FitNetwork.fit(
    "Nbow.fit",
    data,
    options,
    checkpointEvery,
    () => Effect.succeed(binary),
    () => 1
  )
  return model
}) as Fit // services and errors are those of a dataset only where one is given

/** Labels 0 and 1, which are their own numbers. */
const binary: Classes = {
  names: ["0", "1"],
  numbersOf: (labels) => {
    const numbers = labels as ArrayLike<number> // unless one is bad
    return badLabel(numbers) ?? { numbers }
  }
}
