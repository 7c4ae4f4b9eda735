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

/** Memory is read ahead for this many rows: what they need fits in the processor's caches, and it takes long to arrive. */
const rowsAhead = 32

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

/**
 * Where the loops find what they need, in bytes: weights, gradients and moments in blocks with the same layout, the hidden
 * units of a row, their gradient, its outputs, and its entries.
 */
const addressesOf = (at: ReturnType<typeof layout>) => {
  const stride = 4 * at.length
  const size = 4 * at.units
  const units = 4 * stride
  const scores = units + 2 * size
  const scoresEnd = scores + 8 * at.outputs
  return {
    stride,
    size,
    hiddenBias: 4 * at.hiddenBias,
    outputKernel: 4 * at.outputKernel,
    outputBias: 4 * at.outputBias,
    units,
    unitsEnd: units + size,
    back: units + size,
    scores,
    scoresEnd,
    entries: scoresEnd
  }
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
  /** Adam's moments, which only the loops change. */
  private readonly moments: Float32Array
  /** The entries of a row: alternately the address of a term's weights and the term's count. */
  private readonly terms: Int32Array
  private readonly counts: Float32Array
  /** The scores of a row, then its probabilities: that of label 1, or that of each class. Then the scores' gradient. */
  private readonly outputs: Float64Array
  private readonly addresses: ReturnType<typeof addressesOf>

  constructor(task: Task) {
    const { dropout, hiddenSize, matrix, outputs = 1, random } = task
    const at = layout(matrix.columns, hiddenSize, outputs)
    let entries = 0
    for (let row = 0; row < matrix.rows; row++) {
      entries = Math.max(entries, (matrix.rowPointers[row + 1] as number) - (matrix.rowPointers[row] as number))
    }
    const addresses = addressesOf(at)
    const { loops, memory } = VectorLoops.make(addresses.entries + 8 * entries)
    const { buffer } = memory
    this.task = task
    this.untilDrop = dropout === 0 ? Number.POSITIVE_INFINITY : random.misses(dropout)
    this.at = at
    this.loops = loops
    this.weights = new Float32Array(buffer, 0, at.length)
    this.gradients = new Float32Array(buffer, addresses.stride, at.length)
    this.moments = new Float32Array(buffer, 2 * addresses.stride, 2 * at.length)
    this.outputs = new Float64Array(buffer, addresses.scores, outputs)
    this.terms = new Int32Array(buffer, addresses.entries, 2 * entries)
    this.counts = new Float32Array(buffer, addresses.entries, 2 * entries)
    this.addresses = addresses
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
    const { addresses, loops, task } = this
    const { hiddenBias, stride } = addresses
    const t = ++this.steps
    let loss = 0
    for (let from = start; from < end; from += rowsAhead) {
      const to = Math.min(from + rowsAhead, end)
      this.readAhead(order, from, to)
      for (let i = from; i < to; i++) loss += this.pass(order[i] as number, end - start)
    }
    loss = loss / (end - start) + this.penalty
    const rate = task.learningRate / (1 - beta1 ** t)
    const correction = 1 / Math.sqrt(1 - beta2 ** t)
    this.penalty = 0
    for (let from = 0; from < hiddenBias; from += adamBytes) {
      const to = Math.min(from + adamBytes, hiddenBias)
      this.penalty += loops.adam(from, to, stride, rate, correction, task.l1, task.l2)
    }
    loops.adam(hiddenBias, stride, stride, rate, correction, 0, 0)
    return loss
  }

  /**
   * Writes the probabilities of the rows from `start` to `end` (exclusive), without dropout, to the beginning of
   * `scores`: one number for each output of a row.
   */
  score(start: number, end: number, scores: Float32Array): void {
    const { at, outputs } = this
    for (let row = start; row < end; row++) {
      this.forward(this.take(row, 1))
      const to = (row - start) * at.outputs
      for (let k = 0; k < at.outputs; k++) scores[to + k] = outputs[k] as number
    }
  }

  /**
   * Reads what some rows consist of, so that it is in the processor's caches when they are passed. Shuffled rows are
   * anywhere in memory. Here the processor waits for all of them at once, and in a pass for one after the other.
   */
  private readAhead(order: Int32Array, start: number, end: number): void {
    const { labels, matrix } = this.task
    const { columnIndices, rowPointers, values } = matrix
    let sum = 0
    for (let i = start; i < end; i++) {
      const row = order[i] as number
      const first = rowPointers[row] as number
      const last = (rowPointers[row + 1] as number) - 1
      if (last < first) continue
      sum += (columnIndices[first] as number) + (columnIndices[last] as number)
      sum += (values[first] as number) + (values[last] as number) + (labels[row] as number)
    }
    this.outputs[0] = sum // the compiler leaves out what is read and not used
  }

  /** Loads the entries of a row, and scales their counts. Returns the number of entries. */
  private take(row: number, scale: number): number {
    const { counts, terms } = this
    const { size } = this.addresses
    const { columnIndices, rowPointers, values } = this.task.matrix
    const first = rowPointers[row] as number
    const entries = (rowPointers[row + 1] as number) - first
    for (let i = 0; i < entries; i++) {
      terms[2 * i] = (columnIndices[first + i] as number) * size
      counts[2 * i + 1] = (values[first + i] as number) * scale
    }
    return entries
  }

  /**
   * Drops some of the loaded entries. Their counts become 0, which adds nothing to a sum: leaving them out would need a
   * branch for every entry that the processor can't predict.
   */
  private drop(entries: number): void {
    const { counts } = this
    const { dropout, random } = this.task
    let entry = this.untilDrop
    for (; entry < entries; entry += 1 + random.misses(dropout)) counts[2 * entry + 1] = 0
    this.untilDrop = entry - entries
  }

  /** Computes the hidden units and the probabilities of the row that is loaded. */
  private forward(count: number): void {
    const { loops, outputs } = this
    const { entries, hiddenBias, outputBias, outputKernel, scores, scoresEnd, size, units, unitsEnd } = this.addresses
    loops.forwardTerms(entries, entries + 8 * count, size, hiddenBias, units)
    loops.forwardUnits(units, unitsEnd, outputKernel, outputBias, scores, scoresEnd)
    if (outputs.length === 1) outputs[0] = 1 / (1 + Math.exp(-(outputs[0] as number)))
    else softmax(outputs)
  }

  /** The forward and backward pass of a row: adds its gradient to the batch's and returns its loss. */
  private pass(row: number, batch: number): number {
    const { at, outputs } = this
    const { dropout, labels, rowWeights } = this.task
    const entries = this.take(row, 1 / (1 - dropout))
    this.drop(entries)
    this.forward(entries)
    const label = labels[row] as number
    const weight = rowWeights === undefined ? 1 : (rowWeights[row] as number)
    const isBinary = at.outputs === 1
    const p = outputs[isBinary ? 0 : label] as number
    if (predicted(outputs) === label) this.hits++
    if (p >= epsilon && p <= 1 - epsilon) this.backward(entries, label, weight, batch)
    return weight * crossEntropy(isBinary ? label : 1, p)
  }

  /** Adds the gradient of the row that is loaded. */
  private backward(count: number, label: number, weight: number, batch: number): void {
    const { addresses, at, gradients, loops, outputs } = this
    for (let k = 0; k < at.outputs; k++) {
      const target = at.outputs === 1 ? label : k === label ? 1 : 0
      const delta = (weight * ((outputs[k] as number) - target)) / batch
      outputs[k] = delta
      gradients[at.outputBias + k] = (gradients[at.outputBias + k] as number) + delta
    }
    const { back, entries, hiddenBias, outputKernel, scores, scoresEnd, size, stride, units } = addresses
    loops.backwardUnits(units, size, hiddenBias, outputKernel, scores, scoresEnd, back, stride)
    loops.backwardTerms(entries, entries + 8 * count, size, back, stride)
  }
}
