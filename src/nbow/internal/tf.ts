/** The types of TensorFlow.js as this library loads it. */

/** The core of TensorFlow.js: tensors, operations and backends. */
export type Core = typeof import("@tensorflow/tfjs-core")

/** TensorFlow.js, core and layers: `tf.tensor2d`, `tf.layers.dense`. */
export type Tf = Core & typeof import("@tensorflow/tfjs-layers")
