/**
 * Trains a `tf.LayersModel` on tensors: brings them into the order and the shapes of the model, finds a backend that has
 * the kernels, and feeds the loop with a seeded shuffle.
 */
import type { Tensor } from "@tensorflow/tfjs-core"
import type { LayersModel } from "@tensorflow/tfjs-layers"
import * as Effect from "effect/Effect"
import { checkFinite } from "./finite.ts"
import * as FitCheckpoint from "./fitCheckpoint.ts"
import * as FitLoop from "./fitLoop.ts"
import type { Checked } from "./fitOptions.ts"
import * as FitState from "./fitState.ts"
import * as Kernels from "./kernels.ts"
import * as LoadTf from "./loadTf.ts"
import { invalid, type OptionsError } from "./options.ts"
import { Random } from "./random.ts"
import { TrainingError } from "./TrainingError.ts"
import * as Trainable from "./trainable.ts"

/** The tensors to train on and to validate on, each with inputs first, then targets, then weights of rows. */
interface Data {
  readonly train: ReadonlyArray<Tensor>
  /** Rows that are trained on, from the first. */
  readonly trainRows: number
  readonly validation: ReadonlyArray<Tensor>
  readonly validationStart: number
  readonly validationEnd: number
  /** The tensors that are not the caller's. */
  readonly own: ReadonlyArray<Tensor>
}

const given = (tensors: Trainable.Tensors): ReadonlyArray<unknown> =>
  "dataId" in tensors ? [tensors] : Object.values(tensors)

/** Brings the caller's tensors into the order and the shapes of the model. */
const prepare = Effect.fnUntraced(function* (tf: LoadTf.Tf, model: Trainable.Trainable, options: Checked) {
  const { batchSize, classWeight, sampleWeight, validationData, validationSplit, xs, ys } = options
  const own: Array<Tensor> = []
  const keep = (tensors: ReadonlyArray<Tensor | null>, of: Trainable.Tensors): void => {
    const theirs = new Set(given(of))
    for (const tensor of tensors) if (tensor !== null && !theirs.has(tensor)) own.push(tensor)
  }
  const standardize = (xs: Trainable.Tensors, ys: Trainable.Tensors, classWeight: unknown, checkBatch: boolean) =>
    Effect.tap(
      FitLoop.attemptPromise(() => model.standardizeUserData(xs, ys, null, classWeight, checkBatch, batchSize)),
      ([inputs, targets, weights]) =>
        Effect.suspend(() => {
          keep(inputs, xs)
          keep(targets, ys)
          own.push(...(weights ?? []).filter((weight) => weight !== null))
          const error = checkFinite([...inputs, ...targets], inputs.length, checkBatch ? "validation's" : "training's")
          return error === undefined ? Effect.void : Effect.fail(error)
        })
    )
  return yield* Effect.gen(function* () {
    const [inputs, targets, classWeights] = yield* standardize(xs, ys, classWeight, false)
    const rows = inputs[0]?.shape[0] ?? 0
    const trainRows = validationData === undefined ? Math.floor(rows * (1 - validationSplit)) : rows
    if (rows === 0 || trainRows === 0) {
      const message =
        rows === 0
          ? "There are no rows to train on."
          : `A validationSplit of ${validationSplit} leaves none of the ${rows} rows to train on.`
      return yield* new TrainingError({ reason: "rows", message })
    }
    if (sampleWeight !== undefined && sampleWeight.length !== rows) {
      return yield* invalid(
        "Tensorflow.fit",
        "sampleWeight",
        `there are ${sampleWeight.length} weights for ${rows} rows`
      )
    }
    const weights =
      sampleWeight === undefined && classWeights === null
        ? []
        : yield* FitLoop.attempt(() =>
            model.outputs.map((_, output) => {
              const ofClass = classWeights?.[output] ?? null
              if (sampleWeight === undefined) return ofClass ?? tf.ones([rows])
              return tf.tidy(() => {
                const ofRow = tf.tensor1d(sampleWeight)
                return ofClass === null ? ofRow : tf.mul<Tensor>(ofRow, ofClass)
              })
            })
          )
    own.push(...weights.filter((weight) => !own.includes(weight)))
    const train = [...inputs, ...targets, ...weights]
    if (validationData === undefined) {
      return {
        train,
        trainRows,
        validation: [...inputs, ...targets],
        validationStart: trainRows,
        validationEnd: rows,
        own
      }
    }
    const [valXs, valYs] = yield* standardize(...validationData, null, true)
    const validationEnd = valXs[0]?.shape[0] ?? 0
    if (validationEnd === 0) {
      return yield* new TrainingError({ reason: "rows", message: "validationData has no rows." })
    }
    return { train, trainRows, validation: [...valXs, ...valYs], validationStart: 0, validationEnd, own }
  }).pipe(Effect.onError(() => Effect.sync(() => tf.dispose(own))))
})

/** Batches of the prepared tensors, in an order that every epoch shuffles with the seed. */
const feedOf = (tf: LoadTf.Tf, data: Data, { batchSize, seed, shuffle }: Checked): FitLoop.Feed<never, never> => {
  const random = new Random(seed)
  const order = Int32Array.from({ length: data.trainRows }, (_, row) => row)
  const begin = () => {
    if (shuffle) random.shuffle(order)
  }
  const batches = (from: number, to: number, tensors: (start: number, end: number) => ReadonlyArray<Tensor>) => {
    let next = from
    return Effect.sync((): FitLoop.Batch | undefined => {
      const start = next
      if (start >= to) return undefined
      next = Math.min(start + batchSize, to)
      const end = next
      return { size: end - start, tensors: () => tensors(start, end), release: () => {} }
    })
  }
  return {
    samples: data.trainRows,
    batchSize,
    skip: () => Effect.sync(begin),
    train: () =>
      Effect.sync(() => {
        begin()
        return batches(0, data.trainRows, (start, end) => {
          const indices = tf.tensor1d(order.subarray(start, end), "int32")
          return data.train.map((tensor) => tf.gather(tensor, indices))
        })
      }),
    validate:
      data.validationEnd > data.validationStart
        ? Effect.sync(() =>
            batches(data.validationStart, data.validationEnd, (start, end) =>
              data.validation.map((tensor) => tf.slice(tensor, start, end - start))
            )
          )
        : undefined
  }
}

/** What decides the result of a training: the model, the options and the data. */
const partsOf = (model: Trainable.Trainable, data: Data, options: Checked) => {
  const { batchSize, classWeight, epochs, initialEpoch, seed, shuffle, validationSplit } = options
  const numbers = { batchSize, classWeight, epochs, initialEpoch, seed, shuffle, validationSplit }
  const tensors = [...data.train, ...data.validation].map((tensor) =>
    FitCheckpoint.bytesOf(tensor.dataSync<"float32">())
  )
  return [...FitState.partsOf(model, numbers), ...tensors]
}

/** Trains a compiled model. Returns the figures of its epochs. */
export const fit = (
  loaded: LoadTf.Loaded,
  backends: ReadonlyArray<LoadTf.Backend>,
  layersModel: LayersModel,
  options: Checked
): Effect.Effect<{ readonly [figure: string]: ReadonlyArray<number> }, TrainingError | OptionsError> => {
  const { tf } = loaded
  const model = Trainable.of(layersModel)
  const { checkpointEvery } = options
  const train = Effect.acquireUseRelease(
    prepare(tf, model, options),
    Effect.fnUntraced(function* (data) {
      const backend = yield* Kernels.choose(loaded, backends, model, data.train)
      const checkpoint = yield* FitCheckpoint.open("Tensorflow.fit", model.stateful ? 0 : checkpointEvery, () =>
        partsOf(model, data, options)
      )
      return yield* FitLoop.run(tf, LoadTf.names[backend], model, feedOf(tf, data, options), { ...options, checkpoint })
    }),
    ({ own }) =>
      Effect.sync(() => {
        tf.dispose([...own])
        Trainable.disposeMasks(tf, model.layers)
      })
  )
  return FitLoop.exclusively(model, train)
}
