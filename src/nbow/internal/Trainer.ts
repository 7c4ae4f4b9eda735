/**
 * Gradient descent on sparse rows. A step processes a batch of rows. Every nonzero count is dropped with probability
 * `dropout`, else scaled by 1/(1−dropout), which is equivalent to dense dropout. The gradient of the mean cross-entropy
 * is propagated back through the remaining counts. The penalty also gives every weight a gradient, so Adam updates all
 * weights at every step. The inner loops are in `vectorLoops.ts`.
 *
 * Every index is within its array by construction, which justifies each `as number`.
 */
import type { SparseMatrix } from "../SparseMatrix.ts"
import { crossEntropy, epsilon, type Penalty, penaltyOf, predicted, softmax, type Weights } from "./network.ts"
import type { Random } from "./random.ts"
import type { TrainerState } from "./trainState.ts"
import * as VectorLoops from "./vectorLoops.ts"

const { beta1, beta2 } = VectorLoops

/** The training data and options. */
export interface Task extends Penalty {
  readonly matrix: SparseMatrix
  /** The class of each row of the matrix, from 0. */
  readonly labels: ArrayLike<number>
  /** The factor of each row's loss. Default: 1. */
  readonly rowWeights?: Float32Array | undefined
  /** The number of outputs: one for two classes, or one for each class. Default: 1. */
  readonly outputs?: number
  readonly hiddenSize: number
  readonly dropout: number
  readonly learningRate: number
  readonly random: Random
}

/** Adam sums the penalty in single precision over blocks of this size. The sums are added in double precision. */
const adamBytes = 16384

/**
 * The offsets of the weights in a block. Hidden units are padded to a multiple of four. The output kernel is transposed:
 * it has a row of hidden units for each output.
 */
const layout = (columns: number, hiddenSize: number, outputs: number) => {
  const units = padded(hiddenSize)
  const hiddenBias = columns * units
  const outputKernel = hiddenBias + units
  const outputBias = outputKernel + outputs * units
  return { units, outputs, hiddenBias, outputKernel, outputBias, length: outputBias + padded(outputs) }
}

const padded = (size: number): number => Math.ceil(size / 4) * 4

/** Copies the columns that both arrays have. */
const copyRows = (from: Float32Array, fromSize: number, to: Float32Array, toSize: number, rows: number): void => {
  const size = Math.min(fromSize, toSize)
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < size; i++) to[row * toSize + i] = from[row * fromSize + i] as number
  }
}

/** Trains one network. */
export class Trainer {
  /** The number of rows predicted correctly so far, with dropout. */
  hits = 0
  private penalty = 0
  private steps = 0
  private readonly task: Task
  /** The number of counts to keep before the next one is dropped. */
  private untilDrop: number
  private readonly at: ReturnType<typeof layout>
  private readonly loops: VectorLoops.Loops
  // Blocks with the same layout, one after the other in memory.
  private readonly weights: Float32Array
  private readonly gradients: Float32Array
  /** Adam's moments, which only the loops change. */
  private readonly moments: Float32Array
  /** The hidden units of a row, and their gradient. */
  private readonly hidden: Float32Array
  private readonly back: Float32Array
  /** The gradient of the hidden units in double precision, summed over the outputs. */
  private readonly sums: Float64Array
  /** The probabilities of a row: that of label 1, or that of each class. */
  private readonly probabilities: Float64Array
  /** The entries of a row that dropout kept: alternately the address of a term's weights and the term's count. */
  private readonly addresses: Int32Array
  private readonly counts: Float32Array

  constructor(task: Task) {
    const { dropout, hiddenSize, matrix, outputs = 1, random } = task
    const at = layout(matrix.columns, hiddenSize, outputs)
    let entries = 0
    for (let row = 0; row < matrix.rows; row++) {
      entries = Math.max(entries, (matrix.rowPointers[row + 1] as number) - (matrix.rowPointers[row] as number))
    }
    const { loops, memory } = VectorLoops.make(4 * (4 * at.length + 2 * at.units + 2 * entries))
    let offset = 0
    const take = (length: number): Float32Array => {
      const array = new Float32Array(memory.buffer, offset, length)
      offset += array.byteLength
      return array
    }
    this.task = task
    this.untilDrop = dropout === 0 ? Number.POSITIVE_INFINITY : random.misses(dropout)
    this.at = at
    this.loops = loops
    this.weights = take(at.length)
    this.gradients = take(at.length)
    this.moments = take(2 * at.length)
    this.hidden = take(at.units)
    this.back = take(at.units)
    this.sums = new Float64Array(at.units)
    this.probabilities = new Float64Array(outputs)
    this.counts = take(2 * entries)
    this.addresses = new Int32Array(memory.buffer, this.counts.byteOffset, 2 * entries)
  }

  /** Starts from these weights. */
  load(weights: Weights): void {
    const { at, task } = this
    copyRows(weights.hiddenKernel, task.hiddenSize, this.weights, at.units, task.matrix.columns)
    this.weights.set(weights.hiddenBias, at.hiddenBias)
    for (let k = 0; k < at.outputs; k++) {
      const row = at.outputKernel + k * at.units
      for (let u = 0; u < task.hiddenSize; u++) {
        this.weights[row + u] = weights.outputKernel[u * at.outputs + k] as number
      }
    }
    this.weights.set(weights.outputBias, at.outputBias)
    this.penalty = penaltyOf(weights, task)
  }

  /** A copy of the weights. */
  save(): Weights {
    const { at, task } = this
    const { hiddenSize } = task
    const { columns } = task.matrix
    const part = (from: number, length: number): Float32Array => this.weights.slice(from, from + length)
    const hiddenKernel = new Float32Array(columns * hiddenSize)
    copyRows(this.weights, at.units, hiddenKernel, hiddenSize, columns)
    return {
      hiddenKernel,
      hiddenBias: part(at.hiddenBias, hiddenSize),
      outputKernel: Float32Array.from({ length: hiddenSize * at.outputs }, (_, i) => {
        const unit = Math.floor(i / at.outputs)
        return this.weights[at.outputKernel + (i % at.outputs) * at.units + unit] as number
      }),
      outputBias: part(at.outputBias, at.outputs)
    }
  }

  /** What the trainer knows besides the weights. */
  state(): Pick<TrainerState, "moments" | "steps" | "untilDrop"> {
    return { moments: this.moments.slice(), steps: this.steps, untilDrop: this.untilDrop }
  }

  /** Continues from a state. The weights are loaded separately. */
  restore({ moments, steps, untilDrop }: Pick<TrainerState, "moments" | "steps" | "untilDrop">): void {
    this.moments.set(moments)
    this.steps = steps
    this.untilDrop = untilDrop
  }

  /** Takes a step on the rows from `start` to `end` (exclusive) of an order. Returns the loss before the step. */
  step(order: Int32Array, start: number, end: number): number {
    const { at, loops, task } = this
    const t = ++this.steps
    let loss = 0
    for (let i = start; i < end; i++) loss += this.pass(order[i] as number, end - start)
    loss = loss / (end - start) + this.penalty
    const rate = task.learningRate / (1 - beta1 ** t)
    const correction = 1 / Math.sqrt(1 - beta2 ** t)
    const stride = 4 * at.length
    const kernelEnd = 4 * at.hiddenBias
    this.penalty = 0
    for (let from = 0; from < kernelEnd; from += adamBytes) {
      const to = Math.min(from + adamBytes, kernelEnd)
      this.penalty += loops.adam(from, to, stride, rate, correction, task.l1, task.l2)
    }
    loops.adam(kernelEnd, stride, stride, rate, correction, 0, 0)
    return loss
  }

  /**
   * Writes the probabilities of the rows from `start` to `end` (exclusive), without dropout, to the beginning of
   * `scores`: one number for each output of a row.
   */
  score(start: number, end: number, scores: Float32Array): void {
    const { addresses, at, counts, probabilities } = this
    const { columnIndices, rowPointers, values } = this.task.matrix
    for (let row = start; row < end; row++) {
      const first = rowPointers[row] as number
      const entries = (rowPointers[row + 1] as number) - first
      for (let i = 0; i < entries; i++) {
        addresses[2 * i] = (columnIndices[first + i] as number) * 4 * at.units
        counts[2 * i + 1] = values[first + i] as number
      }
      this.forward(2 * entries)
      const to = (row - start) * at.outputs
      for (let k = 0; k < at.outputs; k++) scores[to + k] = probabilities[k] as number
    }
  }

  /** Computes the hidden units and the probabilities of the row whose entries are loaded. */
  private forward(end: number): void {
    const { at, counts, hidden, loops, probabilities, weights } = this
    const from = counts.byteOffset
    loops.forward(from, from + 4 * end, 4 * at.units, 4 * at.hiddenBias, hidden.byteOffset)
    for (let k = 0; k < at.outputs; k++) {
      const row = at.outputKernel + k * at.units
      let sum = weights[at.outputBias + k] as number
      for (let u = 0; u < at.units; u++) sum += Math.max(0, hidden[u] as number) * (weights[row + u] as number)
      probabilities[k] = sum
    }
    if (at.outputs === 1) probabilities[0] = 1 / (1 + Math.exp(-(probabilities[0] as number)))
    else softmax(probabilities)
  }

  /** Loads the entries of a row that dropout keeps. Returns where they end. */
  private take(row: number): number {
    const { addresses, at, counts } = this
    const { dropout, matrix, random } = this.task
    const { columnIndices, rowPointers, values } = matrix
    const size = 4 * at.units
    const scale = 1 / (1 - dropout)
    const last = rowPointers[row + 1] as number
    let untilDrop = this.untilDrop
    let end = 0
    for (let entry = rowPointers[row] as number; entry < last; entry++) {
      if (untilDrop-- === 0) {
        untilDrop = random.misses(dropout)
        continue
      }
      addresses[end] = (columnIndices[entry] as number) * size
      counts[end + 1] = (values[entry] as number) * scale
      end += 2
    }
    this.untilDrop = untilDrop
    return end
  }

  /** The forward and backward pass of a row: adds its gradient to the batch's and returns its loss. */
  private pass(row: number, batch: number): number {
    const { at, back, counts, probabilities } = this
    const { labels, rowWeights } = this.task
    const end = this.take(row)
    this.forward(end)
    const label = labels[row] as number
    const weight = rowWeights === undefined ? 1 : (rowWeights[row] as number)
    const isBinary = at.outputs === 1
    const p = probabilities[isBinary ? 0 : label] as number
    if ((isBinary ? (p > 0.5 ? 1 : 0) : predicted(probabilities)) === label) this.hits++
    if (p >= epsilon && p <= 1 - epsilon) {
      if (isBinary) this.backOne((weight * (p - label)) / batch)
      else this.backClasses(label, weight, batch)
      const from = counts.byteOffset
      this.loops.backward(from, from + 4 * end, 4 * at.units, back.byteOffset, 4 * at.length)
    }
    return weight * crossEntropy(isBinary ? label : 1, p)
  }

  /** Adds the gradient of the only output, and that of the hidden units, which it leaves for the terms. */
  private backOne(delta: number): void {
    const { at, back, gradients, hidden, weights } = this
    const { hiddenBias, outputBias, outputKernel, units } = at
    gradients[outputBias] = (gradients[outputBias] as number) + delta
    for (let u = 0; u < units; u++) {
      const h = hidden[u] as number
      if (h > 0) {
        const q = delta * (weights[outputKernel + u] as number)
        back[u] = q
        gradients[hiddenBias + u] = (gradients[hiddenBias + u] as number) + q
        gradients[outputKernel + u] = (gradients[outputKernel + u] as number) + delta * h
      } else {
        back[u] = 0
      }
    }
  }

  /** Adds the gradients of the outputs, and that of the hidden units, which it leaves for the terms. */
  private backClasses(label: number, weight: number, batch: number): void {
    const { at, back, gradients, hidden, probabilities, sums, weights } = this
    sums.fill(0)
    for (let k = 0; k < at.outputs; k++) {
      const delta = (weight * ((probabilities[k] as number) - (k === label ? 1 : 0))) / batch
      const kernel = at.outputKernel + k * at.units
      gradients[at.outputBias + k] = (gradients[at.outputBias + k] as number) + delta
      for (let u = 0; u < at.units; u++) {
        const h = hidden[u] as number
        if (h <= 0) continue
        sums[u] = (sums[u] as number) + delta * (weights[kernel + u] as number)
        gradients[kernel + u] = (gradients[kernel + u] as number) + delta * h
      }
    }
    for (let u = 0; u < at.units; u++) {
      const sum = sums[u] as number
      back[u] = sum
      gradients[at.hiddenBias + u] = (gradients[at.hiddenBias + u] as number) + sum
    }
  }
}
