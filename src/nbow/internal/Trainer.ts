/**
 * Gradient descent on sparse rows. A step processes a batch of rows. Every nonzero count is dropped with probability
 * `dropout`, else scaled by 1/(1−dropout), which is equivalent to dense dropout. The gradient of the mean cross-entropy
 * is propagated back through the remaining counts. The penalty also gives every weight a gradient, so Adam updates all
 * weights at every step. The inner loops are in `vectorLoops.ts`.
 *
 * Every index is within its array by construction, which justifies each `as number`.
 */
import type { SparseMatrix } from "../SparseMatrix.ts"
import { crossEntropy, epsilon, type Penalty, penaltyOf, type Weights } from "./network.ts"
import type { Random } from "./random.ts"
import * as VectorLoops from "./vectorLoops.ts"

const { beta1, beta2 } = VectorLoops

/** The training data and options. */
export interface Task extends Penalty {
  readonly matrix: SparseMatrix
  /** The label of each row of the matrix, 0 or 1. */
  readonly labels: ArrayLike<number>
  readonly hiddenSize: number
  readonly dropout: number
  readonly learningRate: number
  readonly random: Random
}

/** Adam sums the penalty in single precision over blocks of this size. The sums are added in double precision. */
const adamBytes = 16384

/** The offsets of the weights in a block. Hidden units are padded to a multiple of four. */
const layout = (columns: number, hiddenSize: number) => {
  const units = Math.ceil(hiddenSize / 4) * 4
  const hiddenBias = columns * units
  const outputKernel = hiddenBias + units
  const outputBias = outputKernel + units
  return { units, hiddenBias, outputKernel, outputBias, length: outputBias + 4 }
}

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
  /** The hidden units of a row, and their gradient. */
  private readonly hidden: Float32Array
  private readonly back: Float32Array
  /** The entries of a row that dropout kept: alternately the address of a term's weights and the term's count. */
  private readonly addresses: Int32Array
  private readonly counts: Float32Array

  constructor(task: Task) {
    const { dropout, hiddenSize, matrix, random } = task
    const at = layout(matrix.columns, hiddenSize)
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
    take(2 * at.length) // Adam's moments, which only the loops use
    this.hidden = take(at.units)
    this.back = take(at.units)
    this.counts = take(2 * entries)
    this.addresses = new Int32Array(memory.buffer, this.counts.byteOffset, 2 * entries)
  }

  /** Starts from these weights. */
  load(weights: Weights): void {
    const { at, task } = this
    copyRows(weights.hiddenKernel, task.hiddenSize, this.weights, at.units, task.matrix.columns)
    this.weights.set(weights.hiddenBias, at.hiddenBias)
    this.weights.set(weights.outputKernel, at.outputKernel)
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
      outputKernel: part(at.outputKernel, hiddenSize),
      outputBias: part(at.outputBias, 1)
    }
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
   * `scores`.
   */
  score(start: number, end: number, scores: Float32Array): void {
    const { addresses, at, counts } = this
    const { columnIndices, rowPointers, values } = this.task.matrix
    for (let row = start; row < end; row++) {
      const first = rowPointers[row] as number
      const entries = (rowPointers[row + 1] as number) - first
      for (let i = 0; i < entries; i++) {
        addresses[2 * i] = (columnIndices[first + i] as number) * 4 * at.units
        counts[2 * i + 1] = values[first + i] as number
      }
      scores[row - start] = this.forward(2 * entries)
    }
  }

  /** The probability of the row whose entries are loaded. */
  private forward(end: number): number {
    const { at, counts, hidden, loops, weights } = this
    const from = counts.byteOffset
    loops.forward(from, from + 4 * end, 4 * at.units, 4 * at.hiddenBias, hidden.byteOffset)
    let sum = weights[at.outputBias] as number
    for (let u = 0; u < at.units; u++) {
      sum += Math.max(0, hidden[u] as number) * (weights[at.outputKernel + u] as number)
    }
    return 1 / (1 + Math.exp(-sum))
  }

  /** The forward and backward pass of a row: adds its gradient to the batch's and returns its loss. */
  private pass(row: number, batch: number): number {
    const { addresses, at, back, counts, gradients, hidden, loops, weights } = this
    const { dropout, labels, matrix, random } = this.task
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
    const p = this.forward(end)
    const label = labels[row] as number
    if (p > 0.5 === (label === 1)) this.hits++
    if (p >= epsilon && p <= 1 - epsilon) {
      const delta = (p - label) / batch
      gradients[at.outputBias] = (gradients[at.outputBias] as number) + delta
      for (let u = 0; u < at.units; u++) {
        const h = hidden[u] as number
        const q = h > 0 ? delta * (weights[at.outputKernel + u] as number) : 0
        back[u] = q
        gradients[at.hiddenBias + u] = (gradients[at.hiddenBias + u] as number) + q
        if (h > 0) gradients[at.outputKernel + u] = (gradients[at.outputKernel + u] as number) + delta * h
      }
      const from = counts.byteOffset
      loops.backward(from, from + 4 * end, size, back.byteOffset, 4 * at.length)
    }
    return crossEntropy(label, p)
  }
}
