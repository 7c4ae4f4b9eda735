/**
 * The operations of TensorFlow.js as methods of tensors: `x.mul(2).sum()`. The layers package calls some of them
 * (orthogonal initializers call `flatten`), and so do custom layers. Only the full `@tensorflow/tfjs` bundle registers
 * them, from modules that can't be loaded beside the core that Node loads, so they are registered here.
 */
import type { Tensor } from "@tensorflow/tfjs-core"
import type { Core } from "./tf.ts"

type Method = (this: Tensor, ...args: ReadonlyArray<never>) => unknown
type Operation = (tensor: Tensor, ...args: ReadonlyArray<never>) => unknown

/** Operations that take the tensor as their first argument, under the same name. */
const sameName = `
  abs acos acosh add all any argMax argMin asin asinh atan atan2 atanh avgPool batchNorm batchToSpaceND broadcastTo cast
  ceil clipByValue conv1d conv2d conv2dTranspose cos cosh cumprod cumsum depthToSpace depthwiseConv2d dilation2d div
  divNoNan dot elu equal erf euclideanNorm exp expandDims expm1 fft floor floorDiv gather greater greaterEqual ifft
  irfft isFinite isInf isNaN leakyRelu less lessEqual localResponseNormalization log log1p logSigmoid logSoftmax
  logSumExp logicalAnd logicalNot logicalOr logicalXor matMul max maxPool maximum mean min minimum mirrorPad mod mul neg
  norm notEqual oneHot onesLike pad pool pow prelu prod reciprocal relu relu6 reshape reverse rfft round rsqrt selu
  separableConv2d sigmoid sign sin sinh slice softmax softplus spaceToBatchND split sqrt square squaredDifference
  squeeze step stridedSlice sub sum tan tanh tile topk transpose unique unsortedSegmentSum unstack zerosLike
`
  .trim()
  .split(/\s+/)

/** Operations whose method differs from their function. */
const others = (
  core: Core
): { readonly [name: string]: (tensor: Tensor, ...args: ReadonlyArray<never>) => unknown } => {
  const reshape = (tensor: Tensor, ...shape: ReadonlyArray<number>) => core.reshape(tensor, [...shape])
  const list = (first: Tensor, rest: Tensor | ReadonlyArray<Tensor>): Array<Tensor> => [first].concat(rest)
  return {
    as1D: (tensor) => reshape(tensor, tensor.size),
    as2D: reshape,
    as3D: reshape,
    as4D: reshape,
    as5D: reshape,
    asScalar: (tensor) => core.reshape(tensor, []),
    asType: (tensor, dtype) => core.cast(tensor, dtype),
    concat: (tensor, tensors, axis) => core.concat(list(tensor, tensors), axis),
    flatten: (tensor) => reshape(tensor, tensor.size),
    reshapeAs: (tensor, like: Tensor) => core.reshape(tensor, like.shape),
    resizeBilinear: (tensor, ...args) => core.image.resizeBilinear(tensor as never, ...(args as [never])),
    resizeNearestNeighbor: (tensor, ...args) => core.image.resizeNearestNeighbor(tensor as never, ...(args as [never])),
    stack: (tensor, tensors, axis) => core.stack(list(tensor, tensors), axis),
    toBool: (tensor) => core.cast(tensor, "bool"),
    toFloat: (tensor) => core.cast(tensor, "float32"),
    toInt: (tensor) => core.cast(tensor, "int32"),
    where: (tensor, condition, other) => core.where(condition, tensor, other)
  }
}

/** Adds the methods that tensors don't have yet. */
export const register = (core: Core): void => {
  const prototype = core.Tensor.prototype as unknown as Record<string, Method> // methods are added by name
  const functions = core as unknown as { readonly [name: string]: Operation } // the names above are functions
  const add = (name: string, operation: Operation): void => {
    if (name in prototype) return
    prototype[name] = function (...args) {
      ;(this as unknown as { readonly throwIfDisposed: () => void }).throwIfDisposed() // protected in the types
      return operation(this, ...args)
    }
  }
  for (const name of sameName) add(name, functions[name] as Operation)
  for (const [name, operation] of Object.entries(others(core))) add(name, operation as Operation)
}
