/** The network as a `tf.LayersModel`: used to initialize the weights, and to export a model to other code. */
import type { LayersModel } from "@tensorflow/tfjs-layers"
import type { Tf } from "./loadTf.ts"
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

/** The initial weights. There is one output for two classes, or one for each class. */
export const begin = (tf: Tf, columns: number, options: Options, outputs = 1): Weights => {
  const model = make(tf, columns, options, outputs)
  const [hiddenKernel, hiddenBias, outputKernel, outputBias] = model
    .getWeights()
    .map((tensor) => tensor.dataSync<"float32">().slice()) as [Float32Array, Float32Array, Float32Array, Float32Array] // the weights of two dense layers
  model.dispose()
  return { hiddenKernel, hiddenBias, outputKernel, outputBias }
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
