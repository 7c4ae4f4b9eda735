/**
 * TensorFlow.js as a service. Its layers select the backend. TensorFlow.js is only imported when something trains, so
 * providing a layer costs nothing. `fit` trains any `tf.LayersModel` of your own as an Effect, and `Model` stores one.
 *
 * A process runs TensorFlow.js on one backend at a time. If layers for two backends are used, each use switches the
 * backend.
 */
import type { Tensor, TensorContainer } from "@tensorflow/tfjs-core"
import type { LayersModel } from "@tensorflow/tfjs-layers"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { hasProperty } from "effect/Predicate"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Artifact from "../Artifact.ts"
import type { ArtifactError, ArtifactStore } from "../ArtifactStore.ts"
import { messageOf } from "../internal/cause.ts"
import * as Checked from "../internal/checked.ts"
import * as DatasetFit from "./internal/datasetFit.ts"
import * as DatasetOptions from "./internal/datasetOptions.ts"
import * as Disposal from "./internal/disposal.ts"
import * as CheckedFit from "./internal/fitOptions.ts"
import * as LayersFit from "./internal/layersFit.ts"
import * as LoadTf from "./internal/loadTf.ts"
import { OptionsError } from "./internal/options.ts"
import { TrainingError } from "./internal/TrainingError.ts"
import * as Trainable from "./internal/trainable.ts"

export type {
  Batches,
  BatchOptions,
  DatasetBatchOptions,
  FitDatasetOptions,
  Rows,
  TensorBatch,
  TensorIterator,
  TensorSource
} from "./internal/datasetOptions.ts"
export type { FitCallback, FitOptions } from "./internal/fitOptions.ts"
export { Model } from "./internal/layersModel.ts"
export { type Backend, type Loaded, TensorflowError, type Tf } from "./internal/loadTf.ts"
export { OptionsError } from "./internal/options.ts"
export { TrainingError } from "./internal/TrainingError.ts"

/** TensorFlow.js on a backend. */
export class Tensorflow extends Context.Service<
  Tensorflow,
  {
    /** Loads TensorFlow.js on first use, and reports its backend and why better ones can't be used. */
    readonly load: Effect.Effect<LoadTf.Loaded, LoadTf.TensorflowError>
    /** The backends that `fit` may take for a model that `load`'s backend can't train. */
    readonly backends?: ReadonlyArray<LoadTf.Backend>
  }
>()("effect-flow/nbow/Tensorflow") {}

const layerOf = (backends: ReadonlyArray<LoadTf.Backend>): Layer.Layer<Tensorflow> =>
  Layer.effect(
    Tensorflow,
    Effect.map(Effect.cached(LoadTf.loadFirst(backends)), (loaded) => ({
      load: Effect.tap(loaded, LoadTf.use),
      backends
    }))
  )

/**
 * The best backend that can be used: the native library, else WebAssembly, else JavaScript.
 *
 * @example
 * ```ts
 * const trained = Nbow.fit({ texts: ["good", "bad"], labels: [1, 0] }).pipe(Effect.provide(Tensorflow.layer))
 * ```
 */
export const layer: Layer.Layer<Tensorflow> = layerOf(LoadTf.all)

/**
 * The native library, from the optional package `@tensorflow/tfjs-node`.
 *
 * @example
 * ```ts
 * const trained = Nbow.fit({ texts: ["good", "bad"], labels: [1, 0] }).pipe(Effect.provide(Tensorflow.layerNode))
 * ```
 */
export const layerNode: Layer.Layer<Tensorflow> = layerOf(["node"])

/**
 * The WebAssembly backend.
 *
 * @example
 * ```ts
 * const trained = Nbow.fit({ texts: ["good", "bad"], labels: [1, 0] }).pipe(Effect.provide(Tensorflow.layerWasm))
 * ```
 */
export const layerWasm: Layer.Layer<Tensorflow> = layerOf(["wasm"])

/**
 * The JavaScript backend, which is slow but runs everywhere.
 *
 * @example
 * ```ts
 * const trained = Nbow.fit({ texts: ["good", "bad"], labels: [1, 0] }).pipe(Effect.provide(Tensorflow.layerCpu))
 * ```
 */
export const layerCpu: Layer.Layer<Tensorflow> = layerOf(["cpu"])

/** The error of programs that were not type-checked. */
const notProvided =
  "This step needs TensorFlow.js, and no layer provides it. Give the flow Tensorflow.layer (from effect-flow/nbow): " +
  "FlowCli.main(flow, { layer: Tensorflow.layer }), or Flow.provide(flow, Tensorflow.layer)."

/**
 * TensorFlow.js and the backend it runs on, loaded at the first use. Fails with `TensorflowError` if no backend can be used.
 *
 * @example
 * ```ts
 * const { backend } = yield* Tensorflow.load
 * ```
 */
export const load: Effect.Effect<LoadTf.Loaded, LoadTf.TensorflowError, Tensorflow> = Effect.flatMap(
  Effect.serviceOption(Tensorflow),
  Option.match({ onNone: () => Effect.die(new Error(notProvided)), onSome: (service) => service.load })
)

/**
 * TensorFlow.js, loaded at the first use. Fails with `TensorflowError` if no backend can be used.
 *
 * @example
 * ```ts
 * const tf = yield* Tensorflow.tf
 * ```
 */
export const tf: Effect.Effect<LoadTf.Tf, LoadTf.TensorflowError, Tensorflow> = Effect.map(load, (loaded) => loaded.tf)

/**
 * Makes tensors that are disposed when the scope closes. Other tensors that the function makes are disposed
 * immediately.
 *
 * @example
 * ```ts
 * const { xs, ys } = yield* Tensorflow.tensors((tf) => ({ xs: tf.tensor2d(rows), ys: tf.tensor1d(labels) }))
 * ```
 */
export const tensors = <A extends TensorContainer>(
  make: (tf: LoadTf.Tf) => A
): Effect.Effect<A, LoadTf.TensorflowError | TrainingError, Tensorflow | Scope.Scope> =>
  Effect.flatMap(tf, (tf) =>
    Effect.acquireRelease(
      attempt("could not make the tensors", () => tf.tidy(() => make(tf))),
      (tensors) => Effect.sync(() => tf.dispose(tensors))
    )
  )

/**
 * Makes a model that is disposed when the scope closes. A step whose body is scoped may return it all the same.
 *
 * @param make Makes the model. If it throws, nothing stays behind.
 *
 * @example
 * ```ts
 * const layersModel = yield* Tensorflow.model((tf) =>
 *   tf.sequential({ layers: [tf.layers.dense({ units: 1, inputShape: [2], activation: "sigmoid" })] })
 * )
 * ```
 */
export const model = <M extends LayersModel>(
  make: (tf: LoadTf.Tf) => M
): Effect.Effect<M, LoadTf.TensorflowError | TrainingError, Tensorflow | Scope.Scope> =>
  Effect.flatMap(tf, (tf) =>
    Effect.acquireRelease(
      attempt("could not make the model", () => Trainable.makeOrDispose(tf, () => make(tf))),
      (model) => Effect.sync(() => Disposal.disposeOnce(model))
    )
  )

/** The scores of a batch: what the model's outputs are for its rows. */
export interface Scores {
  readonly numRows: number
  /** Each output in the model's order, row by row. */
  readonly outputs: ReadonlyArray<{ readonly shape: ReadonlyArray<number>; readonly data: Float32Array }>
  /** The data of the first output: for a binary classifier, the probability of each row. */
  readonly scores: Float32Array
}

/**
 * Scores rows as they come, in the batches that they arrive in, so that there may be more of them than fit in memory. No
 * tensor outlives its batch.
 *
 * @param layersModel The model; it need not be compiled.
 * @param batches Tables of rows, as of `dataset.stream()`.
 * @param tensors The model's inputs, from a batch. Tensors that it makes are disposed.
 * @returns A batch of scores for each batch. Fails with `TrainingError` if the model can't score the inputs.
 *
 * @example
 * ```ts
 * const scores = Tensorflow.predict(layersModel, reviews.stream(), ({ columns, numRows }, tf) =>
 *   tf.tensor2d(columns.review.map((text) => [text.length]), [numRows, 1])
 * )
 * ```
 */
export const predict = <Batch, E, R>(
  layersModel: LayersModel,
  batches: Stream.Stream<Batch, E, R>,
  tensors: (batch: Batch, tf: LoadTf.Tf) => Tensor | Array<Tensor>
): Stream.Stream<Scores, E | LoadTf.TensorflowError | TrainingError, R | Tensorflow> =>
  Stream.mapEffect(batches, (batch) =>
    Effect.flatMap(tf, (tf) =>
      attempt("could not score a batch", (): Scores => {
        let numRows = 0
        let outputs: Scores["outputs"] = []
        tf.tidy(() => {
          const inputs = tensors(batch, tf)
          numRows = [inputs].flat()[0]?.shape[0] ?? 0
          if (numRows === 0) return
          outputs = [layersModel.predictOnBatch(inputs)].flat().map((output) => ({
            shape: output.shape,
            data: output.dataSync<"float32">().slice()
          }))
        })
        return { numRows, outputs, scores: outputs[0]?.data ?? new Float32Array(0) }
      })
    )
  )

const attempt = <A>(what: string, run: () => A): Effect.Effect<A, TrainingError> =>
  Effect.try({ try: run, catch: (cause) => refused(what, cause) })

const refused = (what: string, cause: unknown): TrainingError =>
  new TrainingError({
    reason: "model",
    message: `TensorFlow.js ${what}: ${messageOf(cause)}`
  })

/**
 * Trains a compiled model. Every epoch's figures are logged and, in a task, recorded as metrics. An interruption stops
 * the training after the current batch. The rows are shuffled with a seed, so with seeded initializers the same seed gives
 * the same model.
 *
 * If the backend lacks kernels that the training needs, it runs on the layer's next backend that has them, and a log
 * line says which and why. Fails with `OptionsError` if an option is not valid, and with `TrainingError` if a loss or a
 * weight is no longer finite, or TensorFlow.js refuses the model or its data. A failure leaves no tensors behind.
 *
 * @returns The values of each metric by epoch: `history.loss`.
 *
 * @example
 * ```ts
 * const history = yield* Tensorflow.fit(layersModel, { xs, ys, epochs: 10, validationSplit: 0.2 })
 * ```
 */
export const fit: (
  model: LayersModel,
  options: CheckedFit.FitOptions
) => Effect.Effect<
  { readonly [figure: string]: ReadonlyArray<number> },
  OptionsError | TrainingError | LoadTf.TensorflowError,
  Tensorflow
> = Effect.fnUntraced(function* (model, options) {
  if (!Checked.isPlainObject(options) || "dataId" in options) {
    const message = `Tensorflow.fit takes a model, and options with the tensors in them: { xs, ys, epochs: 10 }. Its second argument is ${hasProperty(options, "dataId") ? "a tensor" : Checked.shown(options)}.`
    return yield* new OptionsError({ message, option: "" })
  }
  const checked = yield* CheckedFit.make(options)
  const loaded = yield* load
  const { backends = [] } = yield* Tensorflow
  return yield* LayersFit.fit(loaded, backends, model, checked)
})

/** Makes batches of rows. */
export interface MakeBatches {
  <F extends Artifact.TableFields, const C extends keyof F & string = keyof F & string>(
    dataset: Artifact.Dataset<F>,
    options: DatasetOptions.DatasetBatchOptions<F, C>
  ): Effect.Effect<DatasetOptions.Batches<ArtifactError, ArtifactStore>, OptionsError>
  <Rows extends DatasetOptions.Rows>(
    table: Rows,
    options: DatasetOptions.BatchOptions<Rows>
  ): Effect.Effect<DatasetOptions.Batches<never, never>, OptionsError>
  <Rows extends DatasetOptions.Rows, E, R>(
    stream: () => Stream.Stream<Rows, E, R>,
    options: DatasetOptions.BatchOptions<Rows>
  ): Effect.Effect<DatasetOptions.Batches<E, R>, OptionsError>
}

/**
 * Batches for `fitDataset` from the rows of a table, a dataset, or a stream of tables, shuffled with a seed. A dataset is
 * read a row group at a time, once for each epoch, and its rows are drawn from a buffer, so memory stays bounded.
 *
 * @param source A table, a dataset, or a function that gives a stream of tables for each epoch.
 * @param options.tensors The tensors of a batch, from its rows.
 * @returns The batches. Fails with `OptionsError` if an option is not valid.
 *
 * @example
 * ```ts
 * const batches = yield* Tensorflow.batches(df, {
 *   tensors: ({ columns, numRows }, tf) => ({
 *     xs: tf.tensor2d(columns.review.map((text) => [text.length]), [numRows, 1]),
 *     ys: tf.tensor1d([...columns.labels])
 *   })
 * })
 * const history = yield* Tensorflow.fitDataset(layersModel, batches, { epochs: 10 })
 * ```
 */
export const batches = DatasetOptions.makeBatches as unknown as MakeBatches // a source's types decide what reading it needs

/**
 * Trains a compiled model on batches as they come, so that the data may be larger than memory: on `Tensorflow.batches`,
 * on what a generator function yields (`{ xs, ys }`), or on a `tf.data` dataset. Each epoch asks for the batches anew.
 * Their tensors are disposed after the step. Everything else is as in `fit`.
 *
 * @param options Named as in `model.fitDataset`.
 * @returns The values of each metric by epoch: `history.loss`.
 *
 * @example
 * ```ts
 * const tf = yield* Tensorflow.tf
 * const history = yield* Tensorflow.fitDataset(
 *   layersModel,
 *   function* () {
 *     for (let batch = 0; batch < 100; batch++) yield { xs: tf.randomNormal([32, 2]), ys: tf.ones([32, 1]) }
 *   },
 *   { epochs: 2 }
 * )
 * ```
 */
export const fitDataset = Effect.fnUntraced(function* <E = never, R = never>(
  model: LayersModel,
  data: DatasetOptions.Batches<E, R> | DatasetOptions.TensorSource,
  options: DatasetOptions.FitDatasetOptions<E, R> = {}
): Effect.fn.Return<
  { readonly [figure: string]: ReadonlyArray<number> },
  E | OptionsError | TrainingError | LoadTf.TensorflowError,
  R | Tensorflow
> {
  const checked = yield* DatasetOptions.make<E, R>(data, options)
  const loaded = yield* load
  const { backends = [] } = yield* Tensorflow
  return yield* DatasetFit.fit(loaded, backends, model, data, checked)
})
