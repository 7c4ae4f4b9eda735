/** The type of TensorFlow.js as this library loads it. */

/** TensorFlow.js, core and layers: `tf.tensor2d`, `tf.layers.dense`. */
export type Tf = typeof import("@tensorflow/tfjs-core") & typeof import("@tensorflow/tfjs-layers")
