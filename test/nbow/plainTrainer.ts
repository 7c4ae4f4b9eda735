/**
 * Training as plain loops over numbers, rounded as `Trainer` rounds: the terms, Adam and what is stored in single
 * precision, and what lies between in double. So both give the same weights, to the last bit.
 *
 * Every index is within its array by construction, which justifies each `as number`.
 */
import type { Weights } from "../../src/nbow/internal/network.ts"
import type { Task } from "../../src/nbow/internal/Trainer.ts"

const { fround } = Math

/** Weights with what Adam knows of each. */
interface Variable {
  readonly weights: Float32Array
  readonly gradients: Float32Array
  readonly first: Float32Array
  readonly second: Float32Array
  readonly l1: number
  readonly l2: number
}

const variable = (weights: Float32Array, l1 = 0, l2 = 0): Variable => ({
  weights: weights.slice(),
  gradients: new Float32Array(weights.length),
  first: new Float32Array(weights.length),
  second: new Float32Array(weights.length),
  l1: fround(l1),
  l2: fround(l2)
})

/** Adds to a number of an array, and rounds. */
const increase = (array: Float32Array, at: number, by: number): void => {
  array[at] = (array[at] as number) + by
}

const adam = ({ first, gradients, l1, l2, second, weights }: Variable, learningRate: number, step: number): void => {
  const rate = fround(learningRate / (1 - 0.9 ** step))
  const correction = fround(1 / Math.sqrt(1 - 0.999 ** step))
  for (let i = 0; i < weights.length; i++) {
    const weight = weights[i] as number
    const penalized = fround(fround((gradients[i] as number) + l1 * Math.sign(weight)) + fround(2 * l2 * weight))
    gradients[i] = 0
    const m = fround(fround(fround(0.9) * (first[i] as number)) + fround(fround(1 - 0.9) * penalized))
    const square = fround(fround(fround(1 - 0.999) * penalized) * penalized)
    const v = fround(fround(fround(0.999) * (second[i] as number)) + square)
    first[i] = m
    second[i] = v
    const root = fround(fround(fround(Math.sqrt(v)) * correction) + fround(1e-7))
    weights[i] = weight - fround(fround(rate * m) / root)
  }
}

/** Trains one network. */
export class PlainTrainer {
  private readonly task: Task
  private readonly variables: readonly [Variable, Variable, Variable, Variable]
  private untilDrop: number
  private steps = 0

  constructor(task: Task, { hiddenBias, hiddenKernel, outputBias, outputKernel }: Weights) {
    this.task = task
    this.variables = [
      variable(hiddenKernel, task.l1, task.l2),
      variable(hiddenBias),
      variable(outputKernel),
      variable(outputBias)
    ]
    this.untilDrop = task.dropout === 0 ? Number.POSITIVE_INFINITY : task.random.misses(task.dropout)
  }

  weights(): Weights {
    const [hiddenKernel, hiddenBias, outputKernel, outputBias] = this.variables
    return {
      hiddenKernel: hiddenKernel.weights,
      hiddenBias: hiddenBias.weights,
      outputKernel: outputKernel.weights,
      outputBias: outputBias.weights
    }
  }

  step(order: Int32Array, start: number, end: number): void {
    for (const row of order.subarray(start, end)) this.pass(row, end - start)
    this.steps++
    for (const each of this.variables) adam(each, this.task.learningRate, this.steps)
  }

  /** The terms of a row that dropout keeps, and their counts. */
  private kept(row: number): ReadonlyArray<{ readonly term: number; readonly count: number }> {
    const { dropout, matrix, random } = this.task
    const kept: Array<{ readonly term: number; readonly count: number }> = []
    for (let i = matrix.rowPointers[row] as number; i < (matrix.rowPointers[row + 1] as number); i++) {
      if (this.untilDrop-- === 0) {
        this.untilDrop = random.misses(dropout)
        continue
      }
      const count = fround((matrix.values[i] as number) * (1 / (1 - dropout)))
      kept.push({ term: matrix.columnIndices[i] as number, count })
    }
    return kept
  }

  private pass(row: number, batch: number): void {
    const { hiddenSize, labels, outputs = 1, rowWeights } = this.task
    const [hiddenKernel, hiddenBias, outputKernel, outputBias] = this.variables
    const terms = this.kept(row)
    const hidden = Array.from(hiddenBias.weights, (bias, unit) =>
      terms.reduce(
        (sum, { count, term }) =>
          fround(sum + fround(count * (hiddenKernel.weights[term * hiddenSize + unit] as number))),
        bias
      )
    )
    const scores = Array.from(outputBias.weights, (bias, output) =>
      hidden.reduce(
        (sum, value, unit) => sum + Math.max(0, value) * (outputKernel.weights[unit * outputs + output] as number),
        bias
      )
    )
    const highest = Math.max(...scores)
    const powers = scores.map((score) => Math.exp(score - highest))
    const total = powers.reduce((sum, power) => sum + power)
    const probabilities =
      outputs === 1 ? scores.map((score) => 1 / (1 + Math.exp(-score))) : powers.map((power) => power / total)
    const label = labels[row] as number
    const ofLabel = probabilities[outputs === 1 ? 0 : label] as number
    if (ofLabel < 1e-7 || ofLabel > 1 - 1e-7) return
    const deltas = probabilities.map((probability, output) => {
      const target = outputs === 1 ? label : Number(output === label)
      return ((rowWeights?.[row] ?? 1) * (probability - target)) / batch
    })
    for (const [output, delta] of deltas.entries()) increase(outputBias.gradients, output, delta)
    for (const [unit, value] of hidden.entries()) {
      if (value <= 0) continue
      let back = 0
      for (const [output, delta] of deltas.entries()) {
        const at = unit * outputs + output
        back += delta * (outputKernel.weights[at] as number)
        increase(outputKernel.gradients, at, delta * value)
      }
      increase(hiddenBias.gradients, unit, back)
      for (const { count, term } of terms) {
        increase(hiddenKernel.gradients, term * hiddenSize + unit, fround(count * fround(back)))
      }
    }
  }
}
