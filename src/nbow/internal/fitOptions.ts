/** The options of `Tensorflow.fit`, checked before anything is trained. */
import type { Tensor } from "@tensorflow/tfjs-core"
import type { Callback, CustomCallbackArgs, ModelFitArgs } from "@tensorflow/tfjs-layers"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { decode, invalid, type OptionsError, orElse } from "./options.ts"
import type { Tensors } from "./trainable.ts"

/** Plain callbacks, or one of TensorFlow.js: `tf.callbacks.earlyStopping()`, or a subclass of `tf.Callback`. */
export type FitCallback = CustomCallbackArgs | Callback

/**
 * The options of `fit`, named as in `model.fit`. The caller still has to dispose the tensors. `verbose` and `yieldEvery`
 * have no effect: every epoch is logged, and training yields after every batch.
 */
export interface FitOptions
  extends Omit<ModelFitArgs, "callbacks" | "sampleWeight" | "stepsPerEpoch" | "validationData" | "validationSteps"> {
  /** The inputs: a tensor, or several of them. */
  readonly xs: Tensors
  /** The targets, a row for each row of `xs`. */
  readonly ys: Tensors
  /** Told of epochs and batches, such as `tf.callbacks.earlyStopping()`. */
  readonly callbacks?: FitCallback | ReadonlyArray<FitCallback>
  /** A weight for each row, at least 0, that multiplies its loss: numbers, or a tensor of one dimension. */
  readonly sampleWeight?: ArrayLike<number> | Tensor
  /** Inputs and targets to measure the loss and the metrics on after each epoch. */
  readonly validationData?: readonly [xs: Tensors, ys: Tensors]
  /** Of the shuffle. The same seed gives the same order of rows. Default: 1. */
  readonly seed?: number
  /**
   * In a task, the training's state is saved after every so many epochs and after the last one, so that a training that is
   * killed continues from there; 0 for never. Callbacks then see the figures of the epochs before once more. A model with stateful layers starts
   * over, because what they keep between batches is not saved. Each state takes as much room in the store as the model and
   * its optimizer, until gc removes those that were replaced. Default: after an epoch that ends a second or more after the
   * last save, so a training that is over within a second saves nothing.
   */
  readonly checkpointEvery?: number
}

const count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(1))
const natural = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))

const Numbers = Schema.Struct({
  epochs: orElse(count, 1),
  initialEpoch: orElse(natural, 0),
  batchSize: orElse(count, 32),
  validationSplit: orElse(Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0), Schema.isLessThan(1)), 0),
  shuffle: orElse(Schema.Boolean, true),
  seed: orElse(natural, 1),
  checkpointEvery: Schema.optionalKey(natural)
})

/** The checked options. */
export interface Checked extends Readonly<typeof Numbers.Type> {
  readonly xs: Tensors
  readonly ys: Tensors
  readonly callbacks: ReadonlyArray<FitCallback>
  readonly sampleWeight: Float32Array | undefined
  readonly classWeight: ModelFitArgs["classWeight"]
  readonly validationData: readonly [xs: Tensors, ys: Tensors] | undefined
}

const owner = "Tensorflow.fit"

const check = decode(Numbers, owner)

const isTensor = (value: ArrayLike<number> | Tensor): value is Tensor => "dataSync" in value

/** Checks options, also in combination. */
export const make = (options: FitOptions): Effect.Effect<Checked, OptionsError> =>
  Effect.gen(function* () {
    const {
      callbacks = [],
      classWeight,
      sampleWeight,
      validationData,
      verbose: _,
      xs,
      yieldEvery: __,
      ys,
      ...rest
    } = options
    const numbers = yield* check(Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined)))
    if (numbers.initialEpoch >= numbers.epochs) {
      return yield* invalid(
        owner,
        "initialEpoch",
        `${numbers.initialEpoch} leaves none of ${numbers.epochs} epochs to train`
      )
    }
    for (const [name, value] of [
      ["xs", xs],
      ["ys", ys]
    ] as const) {
      if (typeof value !== "object" || value === null) return yield* invalid(owner, name, "expected a tensor")
    }
    if (validationData !== undefined && (!Array.isArray(validationData) || validationData.length !== 2)) {
      return yield* invalid(owner, "validationData", "expected a pair of xs and ys")
    }
    const weights = sampleWeight === undefined ? undefined : yield* checkWeights(sampleWeight)
    return {
      ...numbers,
      callbacks: [callbacks].flat() as ReadonlyArray<FitCallback>, // `flat` keeps the array type in its elements
      classWeight,
      sampleWeight: weights,
      validationData,
      xs,
      ys
    }
  })

const checkWeights = (given: ArrayLike<number> | Tensor): Effect.Effect<Float32Array, OptionsError> => {
  const weights = Float32Array.from(isTensor(given) ? given.dataSync() : given)
  const bad = weights.findIndex((weight) => !(weight >= 0 && weight < Infinity))
  return bad < 0
    ? Effect.succeed(weights)
    : Effect.fail(
        invalid(owner, "sampleWeight", `the weight of row ${bad} is ${weights[bad]}, expected a number of at least 0`)
      )
}
