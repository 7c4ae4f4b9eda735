/**
 * TensorFlow.js as a service. Its layers select the backend. TensorFlow.js is only imported when something trains, so
 * providing a layer costs nothing. `fit` trains any `tf.LayersModel` of your own as an Effect, and `Model` stores one.
 *
 * A process runs TensorFlow.js on one backend at a time. If layers for two backends are used, each use switches the
 * backend.
 */
import type { Tensor, TensorContainer } from "@tensorflow/tfjs-core"
import type { CustomCallbackArgs, History, LayersModel, Logs, ModelFitArgs } from "@tensorflow/tfjs-layers"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import { messageOf } from "../internal/cause.ts"
import * as LoadTf from "./internal/loadTf.ts"
import * as Report from "./internal/report.ts"
import { TrainingError } from "./internal/TrainingError.ts"

export { Model } from "./internal/layersModel.ts"
export { type Backend, type Loaded, TensorflowError, type Tf } from "./internal/loadTf.ts"
export { TrainingError } from "./internal/TrainingError.ts"

/** TensorFlow.js on a backend. */
export class Tensorflow extends Context.Service<
  Tensorflow,
  {
    /** Loads TensorFlow.js on first use, and reports its backend and why better ones can't be used. */
    readonly load: Effect.Effect<LoadTf.Loaded, LoadTf.TensorflowError>
  }
>()("effect-flow/nbow/Tensorflow") {}

const layerOf = (backends: ReadonlyArray<LoadTf.Backend>): Layer.Layer<Tensorflow> =>
  Layer.effect(
    Tensorflow,
    Effect.map(Effect.cached(LoadTf.loadFirst(backends)), (loaded) => ({ load: Effect.tap(loaded, LoadTf.use) }))
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
      (made) => Effect.sync(() => tf.dispose(made))
    )
  )

const attempt = <A>(what: string, run: () => A): Effect.Effect<A, TrainingError> =>
  Effect.try({ try: run, catch: (cause) => refused(what, cause) })

const refused = (what: string, cause: unknown): TrainingError =>
  new TrainingError({
    reason: "model",
    message: `TensorFlow.js ${what}: ${messageOf(cause)}`
  })

/** The options of `fit`: the arguments of `model.fit`. The caller still has to dispose the tensors. */
export interface FitOptions extends Omit<ModelFitArgs, "callbacks"> {
  readonly xs: Tensor | Array<Tensor> | { [inputName: string]: Tensor }
  readonly ys: Tensor | Array<Tensor> | { [inputName: string]: Tensor }
  readonly callbacks?: CustomCallbackArgs | Array<CustomCallbackArgs>
}

/** By default, training yields to other work after this time. */
const pauseMillis = 16

/**
 * Trains a compiled model. Every epoch's figures are logged and, in a task, recorded as metrics. An interruption stops
 * the training after the current batch.
 *
 * @returns The values of each metric by epoch: `history.loss`.
 *
 * @example
 * ```ts
 * const history = yield* Tensorflow.fit(layersModel, { xs, ys, epochs: 10, validationSplit: 0.2 })
 * ```
 */
export const fit = Effect.fnUntraced(function* (model: LayersModel, options: FitOptions) {
  const { callbacks, xs, ys, ...args } = options
  const { tf } = yield* load
  const services = yield* Effect.context<never>()
  const yieldEvery = args.yieldEvery ?? pauseMillis
  const custom = callbacks === undefined ? [] : Array.isArray(callbacks) ? callbacks : [callbacks]
  const history = yield* Effect.callback<History, TrainingError>((resume, signal) => {
    const report = (epoch: number, logs: Logs | undefined): Promise<void> =>
      signal.aborted || logs === undefined
        ? Promise.resolve()
        : Effect.runPromiseWith(services)(Report.epoch(epoch + 1, args.epochs ?? 1, logs as { [name: string]: number })) // resolved
    const stop = attempt("could not stop the training", () => {
      model.stopTraining = true
    })
    // Stops a training that was interrupted before it began. TensorFlow.js resets its stop flag at that point.
    const begin = (): void => {
      if (signal.aborted) model.stopTraining = true
    }
    const training = model
      .fit(xs, ys, {
        verbose: 0,
        ...args,
        yieldEvery,
        callbacks: [...custom, { onEpochBegin: begin, onEpochEnd: report }].map(
          (callback) => new tf.CustomCallback(callback, yieldEvery)
        )
      })
      .then(
        (history) => resume(Effect.succeed(history)),
        (cause) => resume(Effect.fail(refused("could not train the model", cause)))
      )
    return Effect.andThen(
      Effect.ignore(stop),
      Effect.promise(() => training)
    )
  })
  return history.history as { readonly [figure: string]: ReadonlyArray<number> } // always numbers after a training
})
