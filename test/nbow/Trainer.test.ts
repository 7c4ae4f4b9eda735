/**
 * What the reference's trajectories leave out: dropout, several outputs, hidden units of any number, and probabilities so
 * sure that Keras clips them.
 */
import { assert, describe, it } from "@effect/vitest"
import type { SparseMatrix } from "effect-flow/nbow"
import * as fc from "fast-check"
import { Random } from "../../src/nbow/internal/random.ts"
import { type Task, Trainer } from "../../src/nbow/internal/Trainer.ts"
import { PlainTrainer } from "./plainTrainer.ts"

/** One row that has every term once. */
const oneRow = (terms: number): SparseMatrix.SparseMatrix => ({
  rows: 1,
  columns: terms,
  rowPointers: Int32Array.of(0, terms),
  columnIndices: Int32Array.from({ length: terms }, (_, term) => term),
  values: new Float32Array(terms).fill(1)
})

const task = (terms: number, options: Partial<Task>): Task => ({
  matrix: oneRow(terms),
  labels: [1],
  hiddenSize: 1,
  dropout: 0,
  l1: 0,
  l2: 0,
  learningRate: 1e-30,
  random: new Random(1),
  ...options
})

const weights = (terms: number, outputKernel: number, outputBias: number) => ({
  hiddenKernel: new Float32Array(terms).fill(1),
  hiddenBias: Float32Array.of(0),
  outputKernel: Float32Array.of(outputKernel),
  outputBias: Float32Array.of(outputBias)
})

/** Rows of up to five terms out of eight, some of them empty. */
const rowsOf = (random: Random, rows: number): SparseMatrix.SparseMatrix => {
  const columns = 8
  const terms = Array.from({ length: rows }, () =>
    Array.from({ length: columns }, (_, term) => term)
      .filter(() => random.below(columns) < 3)
      .slice(0, 5)
  )
  return {
    rows,
    columns,
    rowPointers: Int32Array.from([0, ...terms.map((_, row) => terms.slice(0, row + 1).flat().length)]),
    columnIndices: Int32Array.from(terms.flat()),
    values: Float32Array.from(terms.flat(), () => (1 + random.below(40)) / 8)
  }
}

const mean = (values: ReadonlyArray<number>): number => values.reduce((sum, value) => sum + value, 0) / values.length

describe("Trainer", () => {
  for (const dropout of [0.1, 0.5, 0.9]) {
    it(`drops each term with probability ${dropout}, and scales the others up`, () => {
      const [terms, steps] = [40, 5000]
      const trainer = new Trainer(task(terms, { dropout }))
      trainer.load(weights(terms, 1 / 64, 0))
      // The loss of label 1 is log(1 + exp(−z)), and z is the sum of the terms that are left, over 64.
      const sums = Array.from({ length: steps }, () => -64 * Math.log(Math.expm1(trainer.step(Int32Array.of(0), 0, 1))))
      const left = sums.map((sum) => sum * (1 - dropout))
      for (const count of left) assert.closeTo(count, Math.round(count), 1e-3)
      const variance = terms * dropout * (1 - dropout)
      assert.closeTo(mean(left), terms * (1 - dropout), 4 * Math.sqrt(variance / steps))
      assert.closeTo(mean(left.map((count) => (count - terms * (1 - dropout)) ** 2)), variance, 0.1 * variance)
    })
  }

  it("drops nothing without dropout, and nothing where rows are scored", () => {
    const scores = new Float32Array(1)
    for (const dropout of [0, 0.5]) {
      const trainer = new Trainer(task(40, { dropout }))
      trainer.load(weights(40, 1 / 64, 0))
      trainer.score(0, 1, scores)
      assert.closeTo(scores[0] ?? 0, 1 / (1 + Math.exp(-40 / 64)), 1e-7)
    }
  })

  it("moves no weight for a row of which it is wrongly sure, as Keras does", () => {
    for (const [label, bias] of [
      [0, 30],
      [1, -30]
    ] as const) {
      const trainer = new Trainer(task(3, { labels: [label], learningRate: 0.1 }))
      const before = weights(3, 0.5, bias)
      trainer.load(before)
      assert.closeTo(trainer.step(Int32Array.of(0), 0, 1), -Math.log(1e-7), 1e-6)
      assert.deepStrictEqual(trainer.save(), before)
      assert.strictEqual(trainer.hits, 0)
    }
  })

  it("counts a probability of one half as label 0", () => {
    for (const label of [0, 1]) {
      const trainer = new Trainer(task(3, { labels: [label] }))
      trainer.load(weights(3, 0, 0))
      trainer.step(Int32Array.of(0), 0, 1)
      assert.strictEqual(trainer.hits, 1 - label)
    }
  })

  it("takes rows without terms, and hidden units of any number", () => {
    for (const hiddenSize of [1, 3, 4, 5, 16, 17]) {
      const matrix = { ...oneRow(2), rows: 2, rowPointers: Int32Array.of(0, 0, 2) }
      const trainer = new Trainer(task(2, { matrix, hiddenSize, labels: [1, 1], learningRate: 0.1 }))
      const before = {
        hiddenKernel: new Float32Array(2 * hiddenSize).fill(0.5),
        hiddenBias: new Float32Array(hiddenSize).fill(0.25),
        outputKernel: new Float32Array(hiddenSize).fill(1 / hiddenSize),
        outputBias: Float32Array.of(0)
      }
      trainer.load(before)
      assert.deepStrictEqual(trainer.save(), before)
      const losses = [0.25, 1.25].map((z) => Math.log1p(Math.exp(-z)))
      assert.closeTo(trainer.step(Int32Array.of(0, 1), 0, 2), mean(losses), 1e-6)
      // At its first step, Adam moves every weight by the learning rate.
      const { hiddenKernel, outputBias } = trainer.save()
      for (const weight of hiddenKernel) assert.closeTo(weight, 0.6, 1e-5)
      assert.closeTo(outputBias[0] ?? 0, 0.1, 1e-5)
    }
  })

  it("gives the weights of plain loops to the last bit, for hidden units and outputs of any number", () => {
    fc.assert(
      fc.property(
        fc.record({
          hiddenSize: fc.integer({ min: 1, max: 40 }),
          outputs: fc.integer({ min: 1, max: 5 }),
          dropout: fc.constantFrom(0, 0.1, 0.6),
          penalty: fc.constantFrom(0, 1e-3),
          batch: fc.integer({ min: 1, max: 40 }),
          isWeighted: fc.boolean(),
          seed: fc.integer()
        }),
        ({ batch, dropout, hiddenSize, isWeighted, outputs, penalty, seed }) => {
          const random = new Random(seed)
          const rows = 40
          const uniform = (length: number) => Float32Array.from({ length }, () => random.uint32() / 2 ** 31 - 1)
          const matrix = rowsOf(random, rows)
          const given = {
            hiddenKernel: uniform(matrix.columns * hiddenSize),
            hiddenBias: uniform(hiddenSize),
            outputKernel: uniform(hiddenSize * outputs),
            outputBias: uniform(outputs)
          }
          const each: Task = {
            matrix,
            labels: Array.from({ length: rows }, () => random.below(Math.max(2, outputs))),
            rowWeights: isWeighted ? uniform(rows).map(Math.abs) : undefined,
            outputs,
            hiddenSize,
            dropout,
            l1: penalty,
            l2: penalty,
            learningRate: 0.05,
            random: new Random(seed)
          }
          const trainer = new Trainer(each)
          trainer.load(given)
          const plain = new PlainTrainer({ ...each, random: new Random(seed) }, given)
          const order = Int32Array.from({ length: rows }, (_, row) => rows - 1 - row)
          for (let start = 0; start < 3 * rows; start += batch) {
            const from = start % rows
            trainer.step(order, from, Math.min(from + batch, rows))
            plain.step(order, from, Math.min(from + batch, rows))
            assert.deepStrictEqual(trainer.save(), plain.weights())
          }
        }
      )
    )
  })
})
