/**
 * Finds a backend that can train a model. Not every backend of TensorFlow.js has every kernel: WebAssembly has none for
 * the gradients of depthwise convolutions, for instance. One row is sent forward and backward through the model, without an
 * update, before the training begins.
 */
import type { Tensor } from "@tensorflow/tfjs-core"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { messageOf } from "../../internal/cause.ts"
import * as LoadTf from "./loadTf.ts"
import { TrainingError } from "./TrainingError.ts"
import * as Trainable from "./trainable.ts"

/** A backend's way of saying that it can't run an operation, as opposed to a mistake in the model or its data. */
const unsupported = /not registered for backend|not (yet )?(implemented|supported)|cannot find registered kernel/i

/** Sends one row through the model. The weights stay as they are. */
const rehearse = (tf: LoadTf.Tf, backend: string, model: Trainable.Trainable, data: ReadonlyArray<Tensor>): void =>
  Trainable.onBackend(tf, backend, () => {
    const { optimizer_: optimizer } = model
    try {
      Trainable.tidy(tf, () => {
        // Batch normalization updates its moving averages in a forward pass.
        const saved = model.nonTrainableWeights.map((weight) => weight.read().clone())
        const withoutUpdate: Trainable.Minimizer = {
          minimize: (loss, _returnCost, variables) => tf.variableGrads(loss, variables).value
        }
        model.optimizer_ = withoutUpdate
        try {
          const rows = model.inputs[0]?.shape[0] ?? 1
          const batch = data.map((tensor) => tf.slice(tensor, 0, Math.min(rows, tensor.shape[0] as number)))
          tf.dispose(model.makeTrainFunction()(batch))
          model.makeTestFunction()
          model.testFunction(batch.slice(0, model.inputs.length + model.outputs.length))
        } finally {
          model.nonTrainableWeights.forEach((weight, i) => {
            weight.write(saved[i] as Tensor) // one for each weight
          })
        }
        return undefined
      })
    } finally {
      model.optimizer_ = optimizer
      Trainable.disposeMasks(tf, model.layers)
    }
  })

/** The kernels that a function runs and a backend lacks. */
const missingKernels = (tf: LoadTf.Tf, backend: string, run: () => void): ReadonlyArray<string> => {
  const present = new Set(tf.getKernelsForBackend(backend).map(({ kernelName }) => kernelName))
  const used = new Set<string>()
  const engine = tf.engine()
  const { runKernel } = engine
  engine.runKernel = <T extends Tensor | Array<Tensor>>(...args: Parameters<typeof runKernel>): T => {
    used.add(args[0])
    return runKernel.apply(engine, args) as T // what `runKernel` returns
  }
  try {
    run()
  } finally {
    engine.runKernel = runKernel
  }
  return [...used].filter((name) => !present.has(name)).sort()
}

const failure = (cause: unknown): TrainingError =>
  new TrainingError({ reason: "model", message: `TensorFlow.js could not train the model: ${messageOf(cause)}` })

/**
 * The first backend that can train the model on these data: the current one, or else one of the layer's others. Logs
 * which one it takes and why, if it is not the current one. The current backend of the process stays as it is.
 */
export const choose = Effect.fnUntraced(function* (
  { backend: first, tf }: LoadTf.Loaded,
  backends: ReadonlyArray<LoadTf.Backend>,
  model: Trainable.Trainable,
  data: ReadonlyArray<Tensor>
) {
  const attempt = (backend: LoadTf.Backend) =>
    Effect.result(Effect.try({ try: () => rehearse(tf, LoadTf.names[backend], model, data), catch: (cause) => cause }))
  const tried = yield* attempt(first)
  if (Result.isSuccess(tried)) return first
  if (!unsupported.test(messageOf(tried.failure))) return yield* failure(tried.failure)
  for (const backend of backends.slice(backends.indexOf(first) + 1)) {
    if (Result.isFailure(yield* Effect.result(LoadTf.startBeside(tf, backend)))) continue
    if (Result.isFailure(yield* attempt(backend))) continue
    const missing = yield* Effect.sync(() =>
      missingKernels(tf, LoadTf.names[first], () => rehearse(tf, LoadTf.names[backend], model, data))
    )
    const reason =
      missing.length === 0
        ? `the ${first} backend can't: ${messageOf(tried.failure)}`
        : `the ${first} backend lacks the kernel${missing.length === 1 ? "" : "s"} ${missing.join(", ")}`
    yield* Effect.log(`The model trains on the ${backend} backend of TensorFlow.js, because ${reason}.`)
    return backend
  }
  return yield* new TrainingError({
    reason: "model",
    message:
      `The ${first} backend of TensorFlow.js can't train the model: ${messageOf(tried.failure)} ` +
      "Provide Tensorflow.layer, which takes a backend that can, or Tensorflow.layerCpu."
  })
})
