/**
 * Trains a `tf.LayersModel`: the loop of `model.fit`, with a seeded shuffle, sample weights, a backend that has the
 * kernels, and checks that the loss and the weights stay finite. A batch is one synchronous step, so that an interruption
 * or a failure between two batches leaves no tensors.
 */
import type { Tensor } from "@tensorflow/tfjs-core"
import type { CustomCallbackArgs, LayersModel, Logs } from "@tensorflow/tfjs-layers"
import * as Effect from "effect/Effect"
import { messageOf } from "../../internal/cause.ts"
import type { Checked, FitCallback } from "./fitOptions.ts"
import * as Kernels from "./kernels.ts"
import * as LoadTf from "./loadTf.ts"
import { invalid, type OptionsError } from "./options.ts"
import { Random } from "./random.ts"
import * as Report from "./report.ts"
import { TrainingError } from "./TrainingError.ts"
import * as Trainable from "./trainable.ts"

type Figures = Record<string, number>

const refused = (cause: unknown): TrainingError =>
  new TrainingError({ reason: "model", message: `TensorFlow.js could not train the model: ${messageOf(cause)}` })

const attempt = <A>(run: () => A): Effect.Effect<A, TrainingError> => Effect.try({ try: run, catch: refused })

const attemptPromise = <A>(run: () => Promise<A>): Effect.Effect<A, TrainingError> =>
  Effect.tryPromise({ try: run, catch: refused })

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

/** Backends may take NaN for a number: WebAssembly clips it to a probability. So data are checked before the training. */
const checkFinite = (data: ReadonlyArray<Tensor>, inputs: number, what: string): TrainingError | undefined => {
  for (const [at, tensor] of data.entries()) {
    if (tensor.dtype !== "float32") continue
    const values = tensor.dataSync<"float32">()
    const bad = values.findIndex((value) => !Number.isFinite(value))
    if (bad < 0) continue
    const row = Math.floor(bad / (values.length / (tensor.shape[0] as number))) // there are rows where there are values
    const name = at < inputs ? "xs" : "ys"
    return new TrainingError({
      reason: "diverged",
      message: `Row ${row} of the ${what} ${name} has the value ${values[bad]}, so the loss can't be finite.`,
      row
    })
  }
  return undefined
}

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
      attemptPromise(() => model.standardizeUserData(xs, ys, null, classWeight, checkBatch, batchSize)),
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
        : yield* attempt(() =>
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

/** Wraps plain objects. Callbacks of TensorFlow.js are used as they are. */
const callbackOf = (tf: LoadTf.Tf, callback: FitCallback) =>
  "setModel" in callback && typeof callback.setModel === "function"
    ? callback
    : new tf.CustomCallback(callback as CustomCallbackArgs, "never") // the other form

/** Adds figures, weighted by rows. */
const accumulate = (sums: Figures, names: ReadonlyArray<string>, values: ReadonlyArray<number>, rows: number): void => {
  names.forEach((name, i) => {
    sums[name] = (sums[name] ?? 0) + (values[i] as number) * rows // one for each name
  })
}

const means = (sums: Figures, rows: number, prefix = ""): Figures =>
  Object.fromEntries(Object.entries(sums).map(([name, sum]) => [prefix + name, sum / rows]))

const diverged = (what: string, epoch: number): TrainingError =>
  new TrainingError({
    reason: "diverged",
    message:
      `${what} in epoch ${epoch}: the data have values that are not finite, or the weights grew without bound. ` +
      "Check xs and ys, or lower the learning rate."
  })

/** A batch as numbers: the loss and the metrics. */
const trainBatch = (
  tf: LoadTf.Tf,
  run: (batch: ReadonlyArray<Tensor>) => ReadonlyArray<Tensor>,
  data: ReadonlyArray<Tensor>,
  rows: Int32Array
): ReadonlyArray<number> =>
  Trainable.tidy(tf, () => {
    const indices = tf.tensor1d(rows, "int32")
    const outputs = run(data.map((tensor) => tf.gather(tensor, indices)))
    const values = outputs.map((output) => output.dataSync()[0] as number) // scalars
    tf.dispose([...outputs])
    return values
  })

/** The validation figures of some rows. */
const testBatch = (
  tf: LoadTf.Tf,
  model: Trainable.Trainable,
  data: ReadonlyArray<Tensor>,
  start: number,
  end: number
): ReadonlyArray<number> =>
  Trainable.tidy(tf, () => {
    const outputs = model.testFunction(data.map((tensor) => tf.slice(tensor, start, end - start)))
    // One running sum of the losses for each output, whose last is the loss, and then the metrics.
    const values = outputs.map((output) => output.dataSync()[0] as number) // scalars
    return values.slice(model.outputs.length - 1)
  })

/** The first weight that is not finite. */
const badWeight = (model: Trainable.Trainable): string | undefined =>
  model.weights.find((weight) => {
    const tensor = weight.read()
    return tensor.dtype === "float32" && !tensor.dataSync<"float32">().every(Number.isFinite)
  })?.originalName

const loop = Effect.fnUntraced(function* (
  tf: LoadTf.Tf,
  backend: string,
  model: Trainable.Trainable,
  data: Data,
  options: Checked
) {
  const { batchSize, epochs, initialEpoch, seed, shuffle } = options
  const names = model.getDedupedMetricsNames()
  const isValidated = data.validationEnd > data.validationStart
  const history = new tf.History()
  const callbacks = new tf.CallbackList([history, ...options.callbacks.map((callback) => callbackOf(tf, callback))])
  callbacks.setParams({
    epochs,
    initialEpoch,
    samples: data.trainRows,
    steps: null as never, // as `model.fit` has it
    batchSize,
    verbose: 0,
    doValidation: isValidated,
    metrics: isValidated ? [...names, ...names.map((name) => `val_${name}`)] : names
  })
  callbacks.setModel(model as never) // the same object, whose hidden parts are declared
  model.history = history
  model.stopTraining_ = false
  const run = model.makeTrainFunction()
  model.makeTestFunction()
  const random = new Random(seed)
  const order = Int32Array.from({ length: data.trainRows }, (_, row) => row)
  yield* attemptPromise(() => callbacks.onTrainBegin())
  for (let epoch = 0; epoch < epochs; epoch++) {
    if (shuffle) random.shuffle(order)
    if (epoch < initialEpoch) continue
    yield* attemptPromise(() => callbacks.onEpochBegin(epoch))
    const sums: Figures = {}
    let rows = 0
    for (let start = 0, batch = 0; start < data.trainRows; start += batchSize, batch++) {
      const size = Math.min(batchSize, data.trainRows - start)
      yield* attemptPromise(() => callbacks.onBatchBegin(batch, {}))
      const values = yield* attempt(() =>
        Trainable.onBackend(tf, backend, () => trainBatch(tf, run, data.train, order.subarray(start, start + size)))
      )
      if (!Number.isFinite(values[0])) return yield* diverged(`The loss is ${values[0]}`, epoch + 1)
      accumulate(sums, names, values, size)
      rows += size
      const logs: Logs = { batch, size, ...Object.fromEntries(names.map((name, i) => [name, values[i] as number])) }
      yield* attemptPromise(() => callbacks.onBatchEnd(batch, logs))
      yield* Effect.yieldNow
      if (model.stopTraining_) break
    }
    const figures = means(sums, rows)
    if (isValidated) Object.assign(figures, yield* validate(tf, backend, model, data, names, batchSize, epoch + 1))
    yield* Report.epoch(epoch + 1, epochs, figures)
    yield* attemptPromise(() => callbacks.onEpochEnd(epoch, { ...figures }))
    if (model.stopTraining_) break
  }
  const bad = yield* attempt(() => badWeight(model))
  if (bad !== undefined) return yield* diverged(`The weight ${bad} is not finite`, history.epoch.length + initialEpoch)
  yield* attemptPromise(() => callbacks.onTrainEnd())
  return history.history as { readonly [figure: string]: ReadonlyArray<number> } // numbers were passed
})

const validate = Effect.fnUntraced(function* (
  tf: LoadTf.Tf,
  backend: string,
  model: Trainable.Trainable,
  { validation, validationEnd, validationStart }: Data,
  names: ReadonlyArray<string>,
  batchSize: number,
  epoch: number
) {
  const sums: Figures = {}
  for (let start = validationStart; start < validationEnd; start += batchSize) {
    const end = Math.min(start + batchSize, validationEnd)
    const values = yield* attempt(() =>
      Trainable.onBackend(tf, backend, () => testBatch(tf, model, validation, start, end))
    )
    accumulate(sums, names, values, end - start)
    yield* Effect.yieldNow
  }
  const figures = means(sums, validationEnd - validationStart, "val_")
  if (!Number.isFinite(figures.val_loss)) return yield* diverged(`The validation loss is ${figures.val_loss}`, epoch)
  return figures
})

/** Trains a compiled model. Returns the figures of its epochs. */
export const fit = (
  loaded: LoadTf.Loaded,
  backends: ReadonlyArray<LoadTf.Backend>,
  layersModel: LayersModel,
  options: Checked
): Effect.Effect<{ readonly [figure: string]: ReadonlyArray<number> }, TrainingError | OptionsError> => {
  const { tf } = loaded
  const model = Trainable.of(layersModel)
  const train = Effect.acquireUseRelease(
    prepare(tf, model, options),
    (data) =>
      Effect.flatMap(Kernels.choose(loaded, backends, model, data.train), (backend) =>
        loop(tf, LoadTf.names[backend], model, data, options)
      ),
    ({ own }) =>
      Effect.sync(() => {
        tf.dispose([...own])
        Trainable.disposeMasks(tf, model.layers)
      })
  )
  return Effect.acquireUseRelease(
    Effect.suspend(() => {
      if (model.isTraining) return Effect.fail(refused(new Error("another training of the same model is running")))
      model.isTraining = true
      return Effect.void
    }),
    () => train,
    () =>
      Effect.sync(() => {
        model.isTraining = false
      })
  )
}
