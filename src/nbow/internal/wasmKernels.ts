/**
 * Kernels that the WebAssembly backend of TensorFlow.js lacks, and that the gradients of embeddings and convolutions need:
 * with them such models train on that backend, most of whose kernels are many times as fast as those in JavaScript. These
 * two are JavaScript, over typed arrays. They add in double precision and in the order of the JavaScript backend's, and
 * so give the same numbers.
 *
 * Every index is within its array by construction, which justifies each `as number`.
 */
import type { DataId, KernelFunc, TensorInfo } from "@tensorflow/tfjs-core"
import type { Core } from "./tf.ts"

const backendName = "wasm"

/** Methods that the backend has, but its base class does not declare. */
interface Backend {
  readSync(dataId: DataId): Float32Array | Int32Array
  write(values: Float32Array, shape: Array<number>, dtype: "float32"): DataId
}

const output = (backend: Backend, sums: Float64Array, shape: Array<number>): TensorInfo => ({
  dataId: backend.write(Float32Array.from(sums), shape, "float32"),
  shape,
  dtype: "float32"
})

/** For each segment, the sum of the rows of `x` that have its number. */
const unsortedSegmentSum: KernelFunc = ({ attrs, backend: untyped, inputs }) => {
  const backend = untyped as Backend
  const { segmentIds, x } = inputs as { readonly segmentIds: TensorInfo; readonly x: TensorInfo } // as the operation gives them
  const { numSegments } = attrs as unknown as { readonly numSegments: number } // likewise
  if (segmentIds.shape.length !== 1 || x.dtype !== "float32") {
    throw new Error(`UnsortedSegmentSum of ${x.dtype} by ids of ${segmentIds.shape.length} dimensions is not supported`)
  }
  const [rows = 0, ...rest] = x.shape
  const width = rest.reduce((product, size) => product * size, 1)
  const values = backend.readSync(x.dataId)
  const ids = backend.readSync(segmentIds.dataId)
  const sums = new Float64Array(numSegments * width)
  for (let row = 0; row < rows; row++) {
    const id = ids[row] as number
    if (!(id >= 0 && id < numSegments)) continue
    const from = row * width
    const to = id * width
    for (let i = 0; i < width; i++) sums[to + i] = (sums[to + i] as number) + (values[from + i] as number)
  }
  return output(backend, sums, [numSegments, ...rest])
}

/** The attributes of a convolution. */
interface Convolution {
  readonly strides: [number, number] | number
  readonly pad: "valid" | "same" | number
  readonly dataFormat: "NHWC" | "NCHW"
  readonly dimRoundingMode?: "floor" | "round" | "ceil"
  readonly filterShape: [number, number, number, number]
}

/** The gradient of a convolution's filter: for each of its places, the products of inputs and output gradients there. */
const conv2DBackpropFilter =
  ({ backend_util }: Core): KernelFunc =>
  ({ attrs, backend: untyped, inputs }) => {
    const backend = untyped as Backend
    const { dy, x } = inputs as { readonly dy: TensorInfo; readonly x: TensorInfo } // as the operation gives them
    const { dataFormat, dimRoundingMode, filterShape, pad, strides } = attrs as unknown as Convolution // likewise
    const {
      batchSize,
      filterHeight,
      filterWidth,
      inChannels,
      inHeight,
      inWidth,
      outChannels,
      outHeight,
      outWidth,
      ...of
    } = backend_util.computeConv2DInfo(
      x.shape as [number, number, number, number],
      filterShape,
      strides,
      1,
      pad,
      dimRoundingMode,
      false,
      backend_util.convertConv2DDataFormat(dataFormat)
    )
    const isShort = (size: number, stride: number, filter: number, out: number) => (out - 1) * stride + filter < size
    if (
      pad === "same" &&
      (isShort(inHeight, of.strideHeight, filterHeight, outHeight) ||
        isShort(inWidth, of.strideWidth, filterWidth, outWidth))
    ) {
      // There, the backend's own convolution begins at another place than this gradient assumes.
      throw new Error('Conv2DBackpropFilter with padding "same" and strides longer than the filter is not supported')
    }
    const isLast = of.dataFormat === "channelsLast"
    // Where an input and an output gradient of some place and channel are.
    const [xRow, xColumn, xChannel] = isLast ? [inWidth * inChannels, inChannels, 1] : [inWidth, 1, inHeight * inWidth]
    const [dyRow, dyColumn, dyChannel] = isLast
      ? [outWidth * outChannels, outChannels, 1]
      : [outWidth, 1, outHeight * outWidth]
    const values = backend.readSync(x.dataId)
    const gradients = backend.readSync(dy.dataId)
    const sums = new Float64Array(filterHeight * filterWidth * inChannels * outChannels)
    for (let image = 0; image < batchSize; image++) {
      const xImage = image * inHeight * inWidth * inChannels
      const dyImage = image * outHeight * outWidth * outChannels
      for (let row = 0; row < outHeight; row++) {
        for (let column = 0; column < outWidth; column++) {
          const dyAt = dyImage + row * dyRow + column * dyColumn
          for (let r = 0; r < filterHeight; r++) {
            const inRow = row * of.strideHeight + r - of.padInfo.top
            if (inRow < 0 || inRow >= inHeight) continue
            for (let c = 0; c < filterWidth; c++) {
              const inColumn = column * of.strideWidth + c - of.padInfo.left
              if (inColumn < 0 || inColumn >= inWidth) continue
              const xAt = xImage + inRow * xRow + inColumn * xColumn
              let at = (r * filterWidth + c) * inChannels * outChannels
              for (let from = 0; from < inChannels; from++) {
                const value = values[xAt + from * xChannel] as number
                for (let to = 0; to < outChannels; to++, at++) {
                  sums[at] = (sums[at] as number) + value * (gradients[dyAt + to * dyChannel] as number)
                }
              }
            }
          }
        }
      }
    }
    return output(backend, sums, [...filterShape])
  }

/** Registers the kernels that are missing. */
export const register = (core: Core): void => {
  const kernels = { UnsortedSegmentSum: unsortedSegmentSum, Conv2DBackpropFilter: conv2DBackpropFilter(core) }
  for (const [kernelName, kernelFunc] of Object.entries(kernels)) {
    if (core.getKernel(kernelName, backendName) !== undefined) continue
    core.registerKernel({ kernelName, backendName, kernelFunc })
  }
}
