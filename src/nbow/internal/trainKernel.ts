/**
 * The fused kernel that trains: some steps of gradient descent on sparse rows in one call, registered with TensorFlow.js
 * under a name of its own for whichever backend runs. Weights come in and go out as tensors; the arithmetic is `Trainer`'s,
 * which keeps Adam's moments, as an optimizer does. Stock TensorFlow.js makes 264 kernel calls for one such step, on dense rows.
 */
import type { DataId, KernelFunc, NamedAttrMap, Tensor, TensorInfo } from "@tensorflow/tfjs-core"
import type { Tf } from "./loadTf.ts"
import type { Weights } from "./network.ts"
import type { Trainer } from "./Trainer.ts"

const kernelName = "EffectFlowNbowTrain"

/** Which steps a call of the kernel takes. */
export interface Span {
  readonly trainer: Trainer
  /** Rows in the order of training, and of these the first in this call and the first after it. */
  readonly order: Int32Array
  readonly start: number
  readonly end: number
  readonly batchSize: number
}

/** The weights. */
export type State = { readonly [K in keyof Weights]: Tensor }

/** What a call of the kernel gives back: the state after it, and the loss of each step before its weights moved. */
export interface Trained {
  readonly state: State
  readonly losses: Tensor
}

/** Runs the kernel. The tensors it is given stay as they are, and the ones it makes are the caller's to dispose. */
export const run = (tf: Tf, state: State, span: Span): Trained => {
  const backendName = tf.getBackend()
  if (tf.getKernel(kernelName, backendName) === undefined) tf.registerKernel({ kernelName, backendName, kernelFunc })
  const attributes = { span } as unknown as NamedAttrMap // TensorFlow.js passes it on as it is
  const [hiddenKernel, hiddenBias, outputKernel, outputBias, losses] = tf.tidy(
    () => tf.engine().runKernel(kernelName, { ...state }, attributes) as unknown as Outputs<Tensor> // as kernelFunc returns
  )
  return { state: { hiddenKernel, hiddenBias, outputKernel, outputBias }, losses }
}

/** The weights, and the losses. */
type Outputs<T> = [T, T, T, T, T]

/** What every backend can do, and their base class does not declare. */
interface Backend {
  readSync(dataId: DataId): Float32Array
  write(values: Float32Array, shape: Array<number>, dtype: "float32"): DataId
}

const kernelFunc: KernelFunc = ({ attrs, backend: untyped, inputs }) => {
  const backend = untyped as Backend
  const { span } = attrs as unknown as { readonly span: Span } // as `run` gave it
  const { batchSize, end, order, start, trainer } = span
  const given = inputs as unknown as { readonly [K in keyof State]: TensorInfo } // likewise
  const read = (name: keyof State): Float32Array => backend.readSync(given[name].dataId)
  trainer.load({
    hiddenKernel: read("hiddenKernel"),
    hiddenBias: read("hiddenBias"),
    outputKernel: read("outputKernel"),
    outputBias: read("outputBias")
  })
  const losses = new Float32Array(Math.ceil((end - start) / batchSize))
  for (let step = 0; step < losses.length; step++) {
    const first = start + step * batchSize
    losses[step] = trainer.step(order, first, Math.min(first + batchSize, end))
  }
  const weights = trainer.save()
  // Every array is a fresh one: on the cpu backend it becomes the tensor's memory.
  const tensor = (values: Float32Array, { shape }: { readonly shape: Array<number> }): TensorInfo => ({
    dataId: backend.write(values, shape, "float32"),
    shape,
    dtype: "float32"
  })
  const outputs: Outputs<TensorInfo> = [
    tensor(weights.hiddenKernel, given.hiddenKernel),
    tensor(weights.hiddenBias, given.hiddenBias),
    tensor(weights.outputKernel, given.outputKernel),
    tensor(weights.outputBias, given.outputBias),
    tensor(losses, { shape: [losses.length] })
  ]
  return outputs
}
