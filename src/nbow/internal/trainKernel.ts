/**
 * The fused training kernel: several steps of gradient descent on sparse rows in one call, registered with
 * TensorFlow.js for the current backend. Weights are passed in and out as tensors. `Trainer` does the arithmetic and,
 * like an optimizer, keeps Adam's moments. Stock TensorFlow.js makes 264 kernel calls for one such step, on dense rows.
 */
import type { DataId, KernelFunc, NamedAttrMap, Tensor, TensorInfo } from "@tensorflow/tfjs-core"
import type { Core } from "./loadTf.ts"
import type { Weights } from "./network.ts"
import type { Trainer } from "./Trainer.ts"

const kernelName = "EffectFlowNbowTrain"

/** The steps of one kernel call. */
export interface Span {
  readonly trainer: Trainer
  /** The order of the rows, and the range of this call: from `start` to `end`, exclusive. */
  readonly order: Int32Array
  readonly start: number
  readonly end: number
  readonly batchSize: number
}

/** The weights. */
export type State = { readonly [K in keyof Weights]: Tensor }

/** The result of a kernel call: the state after it, and the loss of each step before its update. */
export interface Trained {
  readonly state: State
  readonly losses: Tensor
}

/** Runs the kernel. It does not change its input tensors, and the caller must dispose its output tensors. */
export const run = (core: Core, state: State, span: Span): Trained => {
  const backendName = core.getBackend()
  if (core.getKernel(kernelName, backendName) === undefined)
    core.registerKernel({ kernelName, backendName, kernelFunc })
  const attributes = { span } as unknown as NamedAttrMap // TensorFlow.js passes it through
  const [hiddenKernel, hiddenBias, outputKernel, outputBias, losses] = core.tidy(
    () => core.engine().runKernel(kernelName, { ...state }, attributes) as unknown as Outputs<Tensor> // returned by kernelFunc
  )
  return { state: { hiddenKernel, hiddenBias, outputKernel, outputBias }, losses }
}

/** The weights and the losses. */
type Outputs<T> = [T, T, T, T, T]

/** Methods that every backend has, but their base class does not declare. */
interface Backend {
  readSync(dataId: DataId): Float32Array
  write(values: Float32Array, shape: Array<number>, dtype: "float32"): DataId
}

const kernelFunc: KernelFunc = ({ attrs, backend: untyped, inputs }) => {
  const backend = untyped as Backend
  const { span } = attrs as unknown as { readonly span: Span } // passed by `run`
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
  // Arrays must be fresh, because the cpu backend uses them as the tensors' memory.
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
