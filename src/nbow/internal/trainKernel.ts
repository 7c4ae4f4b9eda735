/**
 * The fused kernel that trains: some steps of gradient descent on sparse rows in one call, registered with TensorFlow.js
 * under a name of its own for whichever backend runs. Weights and Adam's moments come in and go out as tensors; the
 * arithmetic is `Trainer`'s. Stock TensorFlow.js makes 264 kernel calls for one such step, on dense rows.
 */
import type { DataId, KernelFunc, NamedAttrMap, Tensor, TensorInfo } from "@tensorflow/tfjs-core"
import type { Tf } from "./loadTf.ts"
import { type Weights, weightNames } from "./network.ts"
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
  /** How many steps there were before this call. */
  readonly stepsBefore: number
}

const stateNames = [...weightNames, "moments"] as const

/** The weights, and Adam's moments of them. */
export type State = { readonly [K in (typeof stateNames)[number]]: Tensor }

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
  const [hiddenKernel, hiddenBias, outputKernel, outputBias, moments, losses] = tf.tidy(
    () => tf.engine().runKernel(kernelName, { ...state }, attributes) as unknown as Outputs<Tensor> // as kernelFunc returns
  )
  return { state: { hiddenKernel, hiddenBias, outputKernel, outputBias, moments }, losses }
}

/** Weights and moments in the order of `stateNames`, and losses. */
type Outputs<T> = [T, T, T, T, T, T]

/** What every backend can do, and their base class does not declare. */
interface Backend {
  readSync(dataId: DataId): Float32Array
  write(values: Float32Array, shape: Array<number>, dtype: "float32"): DataId
}

const kernelFunc: KernelFunc = ({ attrs, backend: untyped, inputs }) => {
  const backend = untyped as Backend
  const { span } = attrs as unknown as { readonly span: Span } // as `run` gave it
  const { batchSize, end, order, start, stepsBefore, trainer } = span
  const given = inputs as unknown as { readonly [K in keyof State]: TensorInfo } // likewise
  const read = (name: keyof State): Float32Array => backend.readSync(given[name].dataId)
  const weights: Weights = {
    hiddenKernel: read("hiddenKernel"),
    hiddenBias: read("hiddenBias"),
    outputKernel: read("outputKernel"),
    outputBias: read("outputBias")
  }
  trainer.load(weights, read("moments"))
  const losses = new Float32Array(Math.ceil((end - start) / batchSize))
  for (let step = 0; step < losses.length; step++) {
    const first = start + step * batchSize
    losses[step] = trainer.step(order, first, Math.min(first + batchSize, end), stepsBefore + step + 1)
  }
  const saved = trainer.save()
  // Every array is a fresh one: on the cpu backend it becomes the tensor's memory.
  const tensor = (values: Float32Array, { shape }: { readonly shape: Array<number> }): TensorInfo => ({
    dataId: backend.write(values, shape, "float32"),
    shape,
    dtype: "float32"
  })
  const outputs: Outputs<TensorInfo> = [
    tensor(saved.weights.hiddenKernel, given.hiddenKernel),
    tensor(saved.weights.hiddenBias, given.hiddenBias),
    tensor(saved.weights.outputKernel, given.outputKernel),
    tensor(saved.weights.outputBias, given.outputBias),
    tensor(saved.moments, given.moments),
    tensor(losses, { shape: [losses.length] })
  ]
  return outputs
}
