/** The scores of a `tf.LayersModel` that classifies. */
import type { LayersModel } from "@tensorflow/tfjs-layers"
import * as Effect from "effect/Effect"
import { messageOf } from "../../internal/cause.ts"
import * as Tensorflow from "../Tensorflow.ts"
import { TrainingError } from "./TrainingError.ts"
import type { Tensors } from "./trainable.ts"

/** Rows at once. */
const batchSize = 256

const refused = (message: string): TrainingError => new TrainingError({ reason: "model", message })

/** The outputs of a model for each row: one number, or one for each class. */
export const score = Effect.fnUntraced(function* (model: LayersModel, xs: Tensors) {
  const { tf } = yield* Tensorflow.load
  return yield* Effect.try({
    try: () =>
      tf.tidy(() => {
        const inputs = "dataId" in xs ? xs : Object.values(xs)
        const output = model.predict(inputs as Parameters<LayersModel["predict"]>[0], { batchSize }) // a tensor or several
        if (Array.isArray(output)) throw refused(`The model has ${output.length} outputs. A card shows one.`)
        const width = output.shape.length === 1 ? 1 : (output.shape[1] as number) // by its rank
        if (output.shape.length > 2) throw refused(`The model's output has the shape [${output.shape.join(", ")}].`)
        return { width, values: output.dataSync<"float32">().slice() }
      }),
    catch: (cause) =>
      cause instanceof TrainingError ? cause : refused(`TensorFlow.js could not score the rows: ${messageOf(cause)}`)
  })
})
