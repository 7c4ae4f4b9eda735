/** Kinds of models, each with data of its own: what users of Keras write. */
import type { Tensor } from "@tensorflow/tfjs-core"
import type { LayersModel } from "@tensorflow/tfjs-layers"
import type { Tensorflow } from "effect-flow/nbow"

type Tf = Tensorflow.Tf

export interface Architecture {
  readonly name: string
  /** Whether WebAssembly lacks kernels that its training needs. */
  readonly needsOther?: boolean
  readonly make: (tf: Tf) => LayersModel
  readonly xs: (tf: Tf) => Tensor | Array<Tensor>
  readonly ys: (tf: Tf) => Tensor | Array<Tensor>
  readonly loss?: string | Array<string>
}

const rows = 12

const numbers = (tf: Tf, ...shape: ReadonlyArray<number>): Tensor =>
  tf.randomUniform([rows, ...shape], -1, 1, "float32", 7)

const tokens = (tf: Tf, length: number): Tensor =>
  tf.tensor2d(
    Array.from({ length: rows * length }, (_, i) => (i * 7) % 11),
    [rows, length],
    "int32"
  )

const binary = (tf: Tf): Tensor =>
  tf.tensor2d(
    Array.from({ length: rows }, (_, i) => i % 2),
    [rows, 1]
  )

const sequential = (layers: (tf: Tf) => ReadonlyArray<unknown>) => (tf: Tf) =>
  tf.sequential({ layers: [...layers(tf), tf.layers.dense({ units: 1, activation: "sigmoid" })] as Array<never> })

const sequence = (tf: Tf) => numbers(tf, 5, 3)

/** A layer of one's own, which uses the methods of tensors. */
const customLayer = (tf: Tf): (new () => object) => {
  class Doubled extends tf.layers.Layer {
    static readonly className = "Doubled"
    override computeOutputShape(shape: never): never {
      return shape
    }
    override call(inputs: Tensor | Array<Tensor>): Tensor {
      return ([inputs].flat()[0] as Tensor & { mul: (by: number) => Tensor }).mul(2)
    }
  }
  return Doubled
}

export const architectures: ReadonlyArray<Architecture> = [
  {
    name: "dense",
    make: sequential((tf) => [tf.layers.dense({ units: 4, inputShape: [3], kernelInitializer: "orthogonal" })]),
    xs: (tf) => numbers(tf, 3),
    ys: binary
  },
  {
    name: "multi-class",
    make: (tf) =>
      tf.sequential({
        layers: [
          tf.layers.dense({ units: 4, inputShape: [3], activation: "relu" }),
          tf.layers.dense({ units: 3, activation: "softmax" })
        ]
      }),
    xs: (tf) => numbers(tf, 3),
    ys: (tf) =>
      tf.oneHot(
        tf.tensor1d(
          Array.from({ length: rows }, (_, i) => i % 3),
          "int32"
        ),
        3
      ),
    loss: "categoricalCrossentropy"
  },
  {
    name: "LSTM",
    make: sequential((tf) => [tf.layers.lstm({ units: 4, inputShape: [5, 3], dropout: 0.2, recurrentDropout: 0.2 })]),
    xs: sequence,
    ys: binary
  },
  {
    name: "GRU",
    make: sequential((tf) => [tf.layers.gru({ units: 4, inputShape: [5, 3] })]),
    xs: sequence,
    ys: binary
  },
  {
    name: "bidirectional",
    make: sequential((tf) => [
      tf.layers.bidirectional({
        layer: tf.layers.simpleRNN({ units: 3, returnSequences: true }) as never,
        inputShape: [5, 3],
        mergeMode: "concat"
      }),
      tf.layers.flatten()
    ]),
    xs: sequence,
    ys: binary
  },
  {
    name: "embedding",
    make: sequential((tf) => [
      tf.layers.embedding({ inputDim: 11, outputDim: 4, inputLength: 6 }),
      tf.layers.globalAveragePooling1d({} as never)
    ]),
    xs: (tf) => tokens(tf, 6),
    ys: binary
  },
  {
    name: "conv1d",
    make: sequential((tf) => [
      tf.layers.conv1d({ filters: 3, kernelSize: 2, inputShape: [5, 3], activation: "relu" }),
      tf.layers.globalMaxPooling1d({} as never)
    ]),
    xs: sequence,
    ys: binary
  },
  {
    name: "conv2d",
    make: sequential((tf) => [
      tf.layers.conv2d({ filters: 2, kernelSize: 3, inputShape: [6, 6, 1] }),
      tf.layers.maxPooling2d({ poolSize: 2 }),
      tf.layers.flatten()
    ]),
    xs: (tf) => numbers(tf, 6, 6, 1),
    ys: binary
  },
  {
    name: "batch and layer normalization",
    make: sequential((tf) => [
      tf.layers.dense({ units: 4, inputShape: [3] }),
      tf.layers.batchNormalization(),
      tf.layers.layerNormalization()
    ]),
    xs: (tf) => numbers(tf, 3),
    ys: binary
  },
  {
    name: "dropout",
    make: sequential((tf) => [tf.layers.dense({ units: 4, inputShape: [3] }), tf.layers.dropout({ rate: 0.5 })]),
    xs: (tf) => numbers(tf, 3),
    ys: binary
  },
  {
    name: "several inputs",
    make: (tf) => {
      const a = tf.input({ shape: [3] })
      const b = tf.input({ shape: [2] })
      const both = tf.layers.concatenate().apply([a, b])
      return tf.model({
        inputs: [a, b],
        outputs: tf.layers.dense({ units: 1, activation: "sigmoid" }).apply(both) as never
      })
    },
    xs: (tf) => [numbers(tf, 3), numbers(tf, 2)],
    ys: binary
  },
  {
    name: "several outputs",
    make: (tf) => {
      const input = tf.input({ shape: [3] })
      const hidden = tf.layers.dense({ units: 4, activation: "tanh" }).apply(input)
      return tf.model({
        inputs: input,
        outputs: [
          tf.layers.dense({ units: 1, activation: "sigmoid", name: "one" }).apply(hidden) as never,
          tf.layers.dense({ units: 1, name: "two" }).apply(hidden) as never
        ]
      })
    },
    xs: (tf) => numbers(tf, 3),
    ys: (tf) => [binary(tf), numbers(tf, 1)],
    loss: ["binaryCrossentropy", "meanSquaredError"]
  },
  {
    name: "shared layer",
    make: (tf) => {
      const [a, b] = [tf.input({ shape: [3] }), tf.input({ shape: [3] })]
      const shared = tf.layers.dense({ units: 4, activation: "tanh" })
      const both = tf.layers.add().apply([shared.apply(a) as never, shared.apply(b) as never])
      return tf.model({
        inputs: [a, b],
        outputs: tf.layers.dense({ units: 1, activation: "sigmoid" }).apply(both) as never
      })
    },
    xs: (tf) => [numbers(tf, 3), numbers(tf, 3)],
    ys: binary
  },
  {
    name: "custom layer",
    make: (tf) => {
      const Doubled = customLayer(tf)
      tf.serialization.registerClass(Doubled as never)
      return sequential((tf) => [tf.layers.dense({ units: 4, inputShape: [3] }), new Doubled()])(tf)
    },
    xs: (tf) => numbers(tf, 3),
    ys: binary
  },
  {
    name: "conv2d, strides longer than the filter",
    needsOther: true,
    make: sequential((tf) => [
      tf.layers.conv2d({ filters: 2, kernelSize: 2, strides: 3, padding: "same", inputShape: [6, 6, 1] }),
      tf.layers.flatten()
    ]),
    xs: (tf) => numbers(tf, 6, 6, 1),
    ys: binary
  },
  {
    name: "depthwise conv2d",
    needsOther: true,
    make: sequential((tf) => [
      tf.layers.depthwiseConv2d({ kernelSize: 3, inputShape: [6, 6, 2] }),
      tf.layers.flatten()
    ]),
    xs: (tf) => numbers(tf, 6, 6, 2),
    ys: binary
  }
]
