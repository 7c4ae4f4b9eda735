/** Tensors of TensorFlow.js as tensors of an artifact, and back. */
import type { Tensor } from "@tensorflow/tfjs-core"
import type * as Artifact from "../../Artifact.ts"
import type { Tf } from "./tf.ts"

/** The element types that both have, by their TensorFlow.js and safetensors names. */
export const dtypes = {
  float32: { name: "F32", size: 4, of: (buffer: ArrayBuffer) => new Float32Array(buffer) },
  int32: { name: "I32", size: 4, of: (buffer: ArrayBuffer) => new Int32Array(buffer) },
  bool: { name: "BOOL", size: 1, of: (buffer: ArrayBuffer) => new Uint8Array(buffer) }
} as const

export type Dtype = keyof typeof dtypes

export const isDtype = (dtype: string): dtype is Dtype => Object.hasOwn(dtypes, dtype)

/** The TensorFlow.js name of a stored element type. */
export const dtypeOf = (stored: string): Dtype | undefined =>
  (Object.keys(dtypes) as Array<Dtype>).find((key) => dtypes[key].name === stored) // the keys of `dtypes`

/** A copy of a tensor, or nothing if its element type can't be stored. */
export const store = (tensor: Tensor): Artifact.Tensor | undefined => {
  const { dtype, shape } = tensor
  if (!isDtype(dtype)) return undefined
  const data = tensor.dataSync() as Float32Array | Int32Array | Uint8Array // of one of these types
  return { dtype: dtypes[dtype].name, shape, data: data.slice() } as Artifact.Tensor // the type goes with the data
}

/** A tensor with the stored values. */
export const load = (tf: Tf, { data, dtype, shape }: Artifact.Tensor): Tensor =>
  tf.tensor(data.slice() as Float32Array, [...shape], dtypeOf(dtype)) // of a type that `store` wrote
