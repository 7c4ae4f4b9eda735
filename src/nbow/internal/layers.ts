/** The network as a `tf.LayersModel`, to export a model to other code, and its initial weights. */
import type { LayersModel } from "@tensorflow/tfjs-layers"
import type { Core, Tf } from "./loadTf.ts"
import type { Options } from "./nbowOptions.ts"
import type { Weights } from "./network.ts"

const make = (tf: Tf, columns: number, options: Options, outputs: number): LayersModel =>
  tf.sequential({
    name: "nbow",
    layers: [
      tf.layers.dropout({ name: "dropout", rate: options.dropout, inputShape: [columns] }),
      tf.layers.dense({
        name: "hidden",
        units: options.hiddenSize,
        activation: "relu",
        kernelInitializer: tf.initializers.glorotUniform({ seed: options.seed }),
        kernelRegularizer: tf.regularizers.l1l2({ l1: options.l1, l2: options.l2 })
      }),
      tf.layers.dense({
        name: "output",
        units: outputs,
        activation: outputs === 1 ? "sigmoid" : "softmax",
        kernelInitializer: tf.initializers.glorotUniform({ seed: options.seed + 1 })
      })
    ]
  })

/**
 * The initial weights: what the kernels' initializers above make of their seeds, and biases of zero. Made without the
 * model, for which all layers of TensorFlow.js would have to be loaded first. There is one output for two classes, or one
 * for each class.
 */
export const begin = (core: Core, columns: number, { hiddenSize, seed }: Options, outputs = 1): Weights => ({
  hiddenKernel: glorotUniform(core, columns, hiddenSize, seed),
  hiddenBias: new Float32Array(hiddenSize),
  outputKernel: glorotUniform(core, hiddenSize, outputs, seed + 1),
  outputBias: new Float32Array(outputs)
})

/** Numbers between ±√(6 / (rows + columns)), from the formula and the generator of `tf.initializers.glorotUniform`. */
const glorotUniform = (core: Core, rows: number, columns: number, seed: number): Float32Array => {
  const limit = Math.sqrt(3 * (1 / Math.max(1, (rows + columns) / 2)))
  const tensor = core.randomUniform([rows, columns], -limit, limit, "float32", seed)
  const values = tensor.dataSync<"float32">().slice()
  tensor.dispose()
  return values
}

/** The model with trained weights. */
export const of = (tf: Tf, columns: number, options: Options, weights: Weights): LayersModel => {
  const outputs = weights.outputBias.length
  const model = make(tf, columns, options, outputs)
  tf.tidy(() =>
    model.setWeights([
      tf.tensor2d(weights.hiddenKernel, [columns, options.hiddenSize]),
      tf.tensor1d(weights.hiddenBias),
      tf.tensor2d(weights.outputKernel, [options.hiddenSize, outputs]),
      tf.tensor1d(weights.outputBias)
    ])
  )
  return model
}
