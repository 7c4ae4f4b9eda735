/**
 * The loop that trains a `tf.LayersModel`, whatever gives it its batches. A batch is one synchronous step, so that an
 * interruption or a failure between two batches leaves no tensors.
 */
import type { Tensor } from "@tensorflow/tfjs-core"
import type { CustomCallbackArgs, Logs } from "@tensorflow/tfjs-layers"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { messageOf } from "../../internal/cause.ts"
import type { FitCheckpoint } from "./fitCheckpoint.ts"
import type { FitCallback } from "./fitOptions.ts"
import * as FitState from "./fitState.ts"
import type * as LoadTf from "./loadTf.ts"
import * as Report from "./report.ts"
import { TrainingError } from "./TrainingError.ts"
import * as Trainable from "./trainable.ts"

type Figures = FitState.Figures

/** TensorFlow.js refused a model or its data. */
export const refused = (cause: unknown): TrainingError =>
  new TrainingError({ reason: "model", message: `TensorFlow.js could not train the model: ${messageOf(cause)}` })

export const attempt = <A>(run: () => A): Effect.Effect<A, TrainingError> => Effect.try({ try: run, catch: refused })

export const attemptPromise = <A>(run: () => Promise<A>): Effect.Effect<A, TrainingError> =>
  Effect.tryPromise({ try: run, catch: refused })

/** Rows to train on or to validate on: inputs first, then targets, then weights of rows. */
export interface Batch {
  readonly size: number
  /** Called once, within a `tf.tidy`: tensors that it makes are disposed after the step. */
  readonly tensors: () => ReadonlyArray<Tensor>
  /** Disposes tensors that were made before. Called once, also after a failure. */
  readonly release: () => void
}

/** The next batch, or nothing at the end. */
export type Pull<E, R> = Effect.Effect<Batch | undefined, E, R>

/** Where batches come from. */
export interface Feed<E, R> {
  /** Rows of an epoch, if known, as callbacks are told. */
  readonly samples: number | undefined
  readonly batchSize: number | undefined
  /** Passes over an epoch that is not trained: one before the first, or one that was trained before. */
  readonly skip: (epoch: number) => Effect.Effect<void, E, R>
  readonly train: (epoch: number) => Effect.Effect<Pull<E, R>, E, R | Scope.Scope>
  /** The rows to validate on, from the first. */
  readonly validate: Effect.Effect<Pull<E, R>, E, R | Scope.Scope> | undefined
}

/** How to train. */
export interface Settings {
  readonly epochs: number
  readonly initialEpoch: number
  readonly callbacks: ReadonlyArray<FitCallback>
  readonly checkpoint: FitCheckpoint
}

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

/** Runs a function of the model on a batch. Its results are numbers: the losses and the metrics. */
const step = (
  tf: LoadTf.Tf,
  backend: string,
  batch: Batch,
  run: (tensors: ReadonlyArray<Tensor>) => ReadonlyArray<Tensor>
): Effect.Effect<ReadonlyArray<number>, TrainingError> =>
  Effect.ensuring(
    attempt(() =>
      Trainable.onBackend(tf, backend, () =>
        Trainable.tidy(tf, () => {
          const outputs = run(batch.tensors())
          const values = outputs.map((output) => output.dataSync()[0] as number) // scalars
          tf.dispose([...outputs])
          return values
        })
      )
    ),
    Effect.sync(batch.release)
  )

/** The first weight that is not finite. */
const badWeight = (model: Trainable.Trainable): string | undefined =>
  model.weights.find((weight) => {
    const tensor = weight.read()
    return tensor.dtype === "float32" && !tensor.dataSync<"float32">().every(Number.isFinite)
  })?.originalName

/** Trains a compiled model. Returns the figures of its epochs by name. */
export const run = <E, R>(
  tf: LoadTf.Tf,
  backend: string,
  model: Trainable.Trainable,
  feed: Feed<E, R>,
  { callbacks: given, checkpoint, epochs, initialEpoch }: Settings
): Effect.Effect<{ readonly [figure: string]: ReadonlyArray<number> }, E | TrainingError, R> =>
  Effect.gen(function* () {
    const names = model.getDedupedMetricsNames()
    const isValidated = feed.validate !== undefined
    const history = new tf.History()
    const callbacks = new tf.CallbackList([history, ...given.map((callback) => callbackOf(tf, callback))])
    callbacks.setParams({
      epochs,
      initialEpoch,
      samples: feed.samples as never, // as `model.fit` and `model.fitDataset` have them
      steps: null as never,
      batchSize: feed.batchSize as never,
      verbose: 0,
      doValidation: isValidated,
      metrics: isValidated ? [...names, ...names.map((name) => `val_${name}`)] : names
    })
    callbacks.setModel(model as never) // the same object, whose hidden parts are declared
    model.history = history
    model.stopTraining_ = false
    const trainStep = model.makeTrainFunction()
    model.makeTestFunction()
    yield* attemptPromise(() => callbacks.onTrainBegin())
    const figuresOf: Array<Figures> = []
    for (let epoch = 0; epoch < initialEpoch; epoch++) yield* feed.skip(epoch)
    if (checkpoint.latest !== undefined) {
      const { latest } = checkpoint
      const progress = yield* attempt(() => Trainable.onBackend(tf, backend, () => FitState.restore(tf, model, latest)))
      yield* Report.continued(initialEpoch + progress.epochs.length, epochs)
      if (checkpoint.isOfAnotherRun) yield* Report.again(progress.epochs, initialEpoch + 1)
      // Callbacks see the figures again, so that early stopping waits no longer than it would have.
      for (const [index, figures] of progress.epochs.entries()) {
        yield* feed.skip(initialEpoch + index)
        yield* attemptPromise(() => callbacks.onEpochBegin(initialEpoch + index))
        yield* attemptPromise(() => callbacks.onEpochEnd(initialEpoch + index, { ...figures }))
        figuresOf.push(figures)
      }
      if (progress.isStopped) model.stopTraining_ = true
    }
    const trainOnce = Effect.fnUntraced(function* (epoch: number) {
      const pull = yield* feed.train(epoch)
      const sums: Figures = {}
      let rows = 0
      for (let number = 0; !model.stopTraining_; number++) {
        const batch = yield* pull
        if (batch === undefined) break
        const { size } = batch
        yield* Effect.onError(
          attemptPromise(() => callbacks.onBatchBegin(number, {})),
          () => Effect.sync(batch.release)
        )
        const values = yield* step(tf, backend, batch, trainStep)
        if (!Number.isFinite(values[0])) return yield* diverged(`The loss is ${values[0]}`, epoch + 1)
        accumulate(sums, names, values, size)
        rows += size
        const figures = Object.fromEntries(names.map((name, i) => [name, values[i] as number])) // one for each name
        const logs: Logs = { batch: number, size, ...figures }
        yield* attemptPromise(() => callbacks.onBatchEnd(number, logs))
        yield* Effect.yieldNow
      }
      return { rows, sums }
    })
    for (let epoch = initialEpoch + figuresOf.length; epoch < epochs && !model.stopTraining_; epoch++) {
      yield* attemptPromise(() => callbacks.onEpochBegin(epoch))
      const { rows, sums } = yield* Effect.scoped(trainOnce(epoch))
      if (rows === 0) {
        return yield* new TrainingError({ reason: "rows", message: `Epoch ${epoch + 1} has no rows to train on.` })
      }
      const figures = means(sums, rows)
      if (feed.validate !== undefined)
        Object.assign(figures, yield* Effect.scoped(validate(tf, backend, model, feed.validate, names, epoch + 1)))
      yield* Report.epoch(epoch + 1, epochs, figures)
      figuresOf.push({ ...figures })
      yield* attemptPromise(() => callbacks.onEpochEnd(epoch, { ...figures }))
      if (!(yield* checkpoint.isDue(epoch + 1, model.stopTraining_ || epoch + 1 === epochs))) continue
      const state = yield* attempt(() => FitState.encode(model, { epochs: figuresOf, isStopped: model.stopTraining_ }))
      if (state !== undefined) yield* checkpoint.save(state)
    }
    const bad = yield* attempt(() => badWeight(model))
    if (bad !== undefined) return yield* diverged(`The weight ${bad} is not finite`, initialEpoch + figuresOf.length)
    yield* attemptPromise(() => callbacks.onTrainEnd())
    return history.history as { readonly [figure: string]: ReadonlyArray<number> } // numbers were passed
  })

const validate = Effect.fnUntraced(function* <E, R>(
  tf: LoadTf.Tf,
  backend: string,
  model: Trainable.Trainable,
  open: Effect.Effect<Pull<E, R>, E, R | Scope.Scope>,
  names: ReadonlyArray<string>,
  epoch: number
) {
  const pull = yield* open
  const sums: Figures = {}
  let rows = 0
  while (true) {
    const batch = yield* pull
    if (batch === undefined) break
    const values = yield* step(tf, backend, batch, (tensors) => model.testFunction(tensors))
    // One running sum of the losses for each output, whose last is the loss, and then the metrics.
    accumulate(sums, names, values.slice(model.outputs.length - 1), batch.size)
    rows += batch.size
    yield* Effect.yieldNow
  }
  if (rows === 0) return yield* new TrainingError({ reason: "rows", message: "There are no rows to validate on." })
  const figures = means(sums, rows, "val_")
  if (!Number.isFinite(figures.val_loss)) return yield* diverged(`The validation loss is ${figures.val_loss}`, epoch)
  return figures
})

/** Keeps two trainings of one model from mixing. */
export const exclusively = <A, E, R>(
  model: Trainable.Trainable,
  train: Effect.Effect<A, E, R>
): Effect.Effect<A, E | TrainingError, R> =>
  Effect.acquireUseRelease(
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
