/**
 * The parts of a `tf.LayersModel` that training needs and its types hide. TensorFlow.js's own `model.fit` can't be used:
 * its shuffle has no seed, it has no sample weights, and it leaves tensors behind when it fails.
 */
import type { Optimizer, Scalar, Tensor, Variable } from "@tensorflow/tfjs-core"
import type { History, LayersModel, LayerVariable } from "@tensorflow/tfjs-layers"
import type { Tf } from "./tf.ts"

/** Tensors, as one, as a list, or by the names of inputs or outputs. */
export type Tensors = Tensor | Array<Tensor> | { [name: string]: Tensor }

/** The part of an optimizer that a training step calls. */
export interface Minimizer {
  readonly minimize: (loss: () => Scalar, returnCost: true, variables: Array<Variable>) => Scalar
}

/** The hidden parts of a model, named as in `tfjs-layers` 4.22. */
export interface Trainable {
  readonly inputs: ReadonlyArray<{ readonly shape: ReadonlyArray<number | null> }>
  readonly outputs: ReadonlyArray<unknown>
  /** Whether a layer keeps a state between batches, which is no weight. */
  readonly stateful: boolean
  readonly layers: ReadonlyArray<unknown>
  readonly nonTrainableWeights: ReadonlyArray<LayerVariable>
  readonly weights: ReadonlyArray<LayerVariable>
  optimizer_: Optimizer | Minimizer
  history: History
  isTraining: boolean
  stopTraining_: boolean
  testFunction: (batch: ReadonlyArray<Tensor>) => Array<Scalar>
  standardizeUserData(
    xs: Tensors,
    ys: Tensors,
    sampleWeight: null,
    classWeight: unknown,
    checkBatchAxis: boolean,
    batchSize: number
  ): Promise<[xs: Array<Tensor>, ys: Array<Tensor>, weights: Array<Tensor | null> | null]>
  makeTrainFunction(): (batch: ReadonlyArray<Tensor>) => Array<Scalar>
  makeTestFunction(): void
  getDedupedMetricsNames(): Array<string>
  getConfig(): unknown
}

/** The hidden parts of a model. A sequential model holds another model, which does its training. */
export const of = (model: LayersModel): Trainable =>
  ((model as { readonly model?: unknown }).model ?? model) as Trainable // `model` is a field of tf.Sequential

/** Runs a function. If it throws, `onThrow` gets the tensors and variables that it made. */
const tracking = <A>(tf: Tf, run: () => A, onThrow: (made: ReadonlyArray<Tensor>) => void): A => {
  const engine = tf.engine() as unknown as { trackTensor: (tensor: Tensor, ...rest: ReadonlyArray<unknown>) => void } // private
  const { trackTensor } = engine
  const tensors: Array<Tensor> = []
  engine.trackTensor = (tensor, ...rest) => {
    tensors.push(tensor)
    trackTensor.call(engine, tensor, ...rest)
  }
  try {
    return run()
  } catch (cause) {
    onThrow(tensors.filter((tensor) => !tensor.isDisposed))
    throw cause
  } finally {
    engine.trackTensor = trackTensor
  }
}

/**
 * Runs a function in a `tf.tidy`. If it throws, the tensors that it kept with `tf.keep` are disposed, too: the layers
 * keep metrics and dropout masks before they compute gradients.
 */
export const tidy = <A extends ReadonlyArray<number> | undefined>(tf: Tf, run: () => A): A =>
  tracking(
    tf,
    () => {
      let result: A | undefined
      tf.tidy(() => {
        result = run()
      })
      return result as A // set, unless `run` threw
    },
    (tensors) => {
      for (const tensor of tensors) if (!(tensor instanceof tf.Variable)) tensor.dispose()
    }
  )

/** Runs a function that makes something. If it throws, all tensors and variables that it made are disposed. */
export const makeOrDispose = <A>(tf: Tf, make: () => A): A => tracking(tf, make, (tensors) => tf.dispose([...tensors]))

/** Runs a function on another backend. There is no other work in between, because the function is synchronous. */
export const onBackend = <A>(tf: Tf, backend: string, run: () => A): A => {
  const current = tf.getBackend()
  if (current === backend) return run()
  // Switching to a backend that has started is synchronous, though it returns a promise.
  void tf.setBackend(backend)
  try {
    return run()
  } finally {
    void tf.setBackend(current)
  }
}

interface MaskedLayer {
  readonly cell?: MaskedLayer
  readonly cells?: ReadonlyArray<MaskedLayer>
  readonly forwardLayer?: MaskedLayer
  readonly backwardLayer?: MaskedLayer
  readonly layer?: MaskedLayer
  readonly layers?: ReadonlyArray<MaskedLayer>
  dropoutMask?: Tensor | Array<Tensor> | null
  recurrentDropoutMask?: Tensor | Array<Tensor> | null
}

/** Disposes the dropout masks that recurrent cells keep until the next batch. */
export const disposeMasks = (tf: Tf, layers: ReadonlyArray<unknown>): void => {
  for (const layer of layers as ReadonlyArray<MaskedLayer>) {
    const { backwardLayer, cell, cells = [], forwardLayer, layer: wrapped, layers: nested = [] } = layer
    const inner = [cell, forwardLayer, backwardLayer, wrapped].filter((layer) => layer !== undefined && layer !== null)
    disposeMasks(tf, [...inner, ...cells, ...nested])
    for (const key of ["dropoutMask", "recurrentDropoutMask"] as const) {
      const mask = layer[key]
      if (mask === undefined || mask === null) continue
      tf.dispose(mask)
      layer[key] = null
    }
  }
}
