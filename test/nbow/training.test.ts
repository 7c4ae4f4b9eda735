/** Step by step: the fused kernel against the reference's trajectories, and against TensorFlow.js's own `fit`. */
import { assert, describe, it } from "@effect/vitest"
import type { Tensor } from "@tensorflow/tfjs-core"
import * as Effect from "effect/Effect"
import { type SparseMatrix, Tensorflow } from "effect-flow/nbow"
import type { Tf } from "../../src/nbow/internal/loadTf.ts"
import * as NbowOptions from "../../src/nbow/internal/nbowOptions.ts"
import type { Weights } from "../../src/nbow/internal/network.ts"
import { Random } from "../../src/nbow/internal/random.ts"
import { Trainer } from "../../src/nbow/internal/Trainer.ts"
import { train } from "../../src/nbow/internal/train.ts"
import * as TrainKernel from "../../src/nbow/internal/trainKernel.ts"
import { fixture } from "./fixtures.ts"

interface Case {
  readonly name: string
  readonly rows: ReadonlyArray<ReadonlyArray<number>>
  readonly labels: ReadonlyArray<number>
  readonly vocabulary: number
  readonly hidden: number
  readonly batchSize: number
  readonly epochs: number
  readonly learningRate: number
  readonly l1: number
  readonly l2: number
  readonly validationSplit: number
  readonly initial: Layers
  readonly stepLosses: ReadonlyArray<number>
  readonly epochsExpected: ReadonlyArray<{
    readonly loss: number
    readonly accuracy: number
    readonly valLossKeras: number
    readonly valAccuracy: number
  }>
  readonly final: Layers
  readonly predictions: ReadonlyArray<number>
}

interface Layers {
  readonly kernel1: ReadonlyArray<ReadonlyArray<number>>
  readonly bias1: ReadonlyArray<number>
  readonly kernel2: ReadonlyArray<number>
  readonly bias2: number
}

const { cases } = fixture<{ readonly cases: ReadonlyArray<Case> }>("training-cases")

const toSparse = (rows: ReadonlyArray<ReadonlyArray<number>>, columns: number): SparseMatrix.SparseMatrix => {
  const entries = rows.map((row) => row.flatMap((count, column) => (count === 0 ? [] : [[column, count] as const])))
  return {
    rows: rows.length,
    columns,
    rowPointers: Int32Array.from([0, ...entries.map((_, i) => entries.slice(0, i + 1).flat().length)]),
    columnIndices: Int32Array.from(entries.flat(), ([column]) => column),
    values: Float32Array.from(entries.flat(), ([, count]) => count)
  }
}

const toWeights = ({ bias1, bias2, kernel1, kernel2 }: Layers): Weights => ({
  hiddenKernel: Float32Array.from(kernel1.flat()),
  hiddenBias: Float32Array.from(bias1),
  outputKernel: Float32Array.from(kernel2),
  outputBias: Float32Array.of(bias2)
})

const assertClose = (actual: ArrayLike<number>, expected: ArrayLike<number>, what: string) => {
  assert.strictEqual(actual.length, expected.length, what)
  for (let i = 0; i < expected.length; i++) {
    const wanted = expected[i] ?? Number.NaN
    const isClose = Math.abs(Number(actual[i]) - wanted) <= 1e-5 * Math.max(Math.abs(wanted), 1e-2)
    if (!isClose) assert.fail(`${what} ${i} is ${actual[i]} instead of ${wanted}`)
  }
}

/** The loss of every step, by the kernel, one call for `stepsPerCall` steps. */
const stepLosses = (
  tf: Tf,
  matrix: SparseMatrix.SparseMatrix,
  labels: ReadonlyArray<number>,
  weights: Weights,
  how: {
    readonly batchSize: number
    readonly epochs: number
    readonly rows: number
    readonly stepsPerCall: number
    readonly l1: number
    readonly l2: number
    readonly learningRate: number
  }
) => {
  const hiddenSize = weights.hiddenBias.length
  const trainer = new Trainer({ ...how, matrix, labels, hiddenSize, dropout: 0, random: new Random(1) })
  let state: TrainKernel.State = {
    hiddenKernel: tf.tensor2d(weights.hiddenKernel, [matrix.columns, hiddenSize]),
    hiddenBias: tf.tensor1d(weights.hiddenBias),
    outputKernel: tf.tensor2d(weights.outputKernel, [hiddenSize, 1]),
    outputBias: tf.tensor1d(weights.outputBias)
  }
  const order = Int32Array.from({ length: how.rows }, (_, row) => row)
  const losses: Array<number> = []
  for (let epoch = 0; epoch < how.epochs; epoch++) {
    for (let start = 0; start < how.rows; start += how.batchSize * how.stepsPerCall) {
      const end = Math.min(how.rows, start + how.batchSize * how.stepsPerCall)
      const trained = TrainKernel.run(tf, state, {
        trainer,
        order,
        start,
        end,
        batchSize: how.batchSize
      })
      tf.dispose(Object.values(state))
      state = trained.state
      losses.push(...trained.losses.dataSync())
      trained.losses.dispose()
    }
  }
  const read = (tensor: Tensor) => Float32Array.from(tensor.dataSync())
  const { hiddenBias, hiddenKernel, outputBias, outputKernel } = state
  const result = {
    hiddenKernel: read(hiddenKernel),
    hiddenBias: read(hiddenBias),
    outputKernel: read(outputKernel),
    outputBias: read(outputBias)
  }
  tf.dispose(Object.values(state))
  const predictions = new Float32Array(matrix.rows)
  trainer.score(0, matrix.rows, predictions)
  return { losses, predictions, weights: result }
}

for (const [backend, layer] of [
  ["wasm", Tensorflow.layerWasm],
  ["cpu", Tensorflow.layerCpu]
] as const) {
  describe(`the fused kernel on the ${backend} backend`, () => {
    for (const c of cases) {
      const matrix = toSparse(c.rows, c.vocabulary)
      const rows = Math.floor(c.rows.length * (1 - c.validationSplit))
      for (const stepsPerCall of [1, 64]) {
        it.effect(`follows the reference: ${c.name}, ${stepsPerCall} steps a call`, () =>
          Effect.gen(function* () {
            const { backend: actual, tf } = yield* Tensorflow.load
            assert.strictEqual(actual, backend)
            const before = tf.memory().numTensors
            const { losses, predictions, weights } = stepLosses(tf, matrix, c.labels, toWeights(c.initial), {
              ...c,
              rows,
              stepsPerCall
            })
            assert.strictEqual(tf.memory().numTensors, before)
            assertClose(losses, c.stepLosses, "loss of step")
            const final = toWeights(c.final)
            for (const name of ["hiddenKernel", "hiddenBias", "outputKernel", "outputBias"] as const) {
              assertClose(weights[name], final[name], name)
            }
            assertClose(predictions, c.predictions, "prediction")
          }).pipe(Effect.provide(layer))
        )
      }

      it.effect(`measures epochs as Keras does: ${c.name}`, () =>
        Effect.gen(function* () {
          const tf = yield* Tensorflow.tf
          const options = yield* NbowOptions.make({
            hiddenSize: c.hidden,
            dropout: 0,
            shuffle: false,
            l1: c.l1,
            l2: c.l2,
            learningRate: c.learningRate,
            batchSize: c.batchSize,
            epochs: c.epochs,
            validationSplit: c.validationSplit
          })
          const { history, weights } = yield* train(
            tf,
            { matrix, labels: c.labels, weights: toWeights(c.initial) },
            options
          )
          assertClose(
            history.map(({ loss }) => loss),
            c.epochsExpected.map(({ loss }) => loss),
            "loss of epoch"
          )
          assertClose(
            history.map(({ valLoss }) => valLoss ?? -1),
            c.epochsExpected.map(({ valLossKeras }) => valLossKeras),
            "validation loss of epoch"
          )
          assert.deepStrictEqual(
            history.map(({ accuracy }) => accuracy),
            c.epochsExpected.map(({ accuracy }) => accuracy)
          )
          assert.deepStrictEqual(
            history.map(({ valAccuracy }) => valAccuracy),
            c.epochsExpected.map(({ valAccuracy }) => valAccuracy)
          )
          assertClose(weights.hiddenKernel, toWeights(c.final).hiddenKernel, "hidden weight")
        }).pipe(Effect.provide(layer))
      )
    }

    it.effect("goes with TensorFlow.js's own fit for 150 steps", () =>
      Effect.gen(function* () {
        const tf = yield* Tensorflow.tf
        const [rows, columns, units, batchSize, steps] = [480, 60, 15, 32, 150]
        const random = new Random(7)
        const dense = Array.from({ length: rows }, () =>
          Array.from({ length: columns }, () => (random.below(6) === 0 ? 1 + random.below(3) : 0))
        )
        const labels = dense.map((row) => ((row[0] ?? 0) + (row[1] ?? 0) + random.below(2) > 1 ? 1 : 0))
        const l1l2 = { l1: 1e-5, l2: 1e-4 }
        const model = tf.sequential({
          layers: [
            tf.layers.dense({
              units,
              activation: "relu",
              inputShape: [columns],
              kernelInitializer: tf.initializers.glorotUniform({ seed: 3 }),
              kernelRegularizer: tf.regularizers.l1l2(l1l2)
            }),
            tf.layers.dense({
              units: 1,
              activation: "sigmoid",
              kernelInitializer: tf.initializers.glorotUniform({ seed: 4 })
            })
          ]
        })
        model.compile({ optimizer: tf.train.adam(0.002, 0.9, 0.999, 1e-7), loss: "binaryCrossentropy" })
        const [hiddenKernel, hiddenBias, outputKernel, outputBias] = model
          .getWeights()
          .map((tensor) => Float32Array.from(tensor.dataSync()))
        const weights = { hiddenKernel, hiddenBias, outputKernel, outputBias } as Weights // a model of two dense layers
        const stock: Array<number> = []
        const xs = tf.tensor2d(dense)
        const ys = tf.tensor2d(labels, [rows, 1])
        yield* Effect.promise(() =>
          model.fit(xs, ys, {
            batchSize,
            epochs: (steps * batchSize) / rows,
            shuffle: false,
            verbose: 0,
            callbacks: { onBatchEnd: (_, logs) => void stock.push(logs?.loss as number) } // a number, once it is logged
          })
        )
        tf.dispose([xs, ys])
        model.dispose()
        const { losses } = stepLosses(tf, toSparse(dense, columns), labels, weights, {
          ...l1l2,
          batchSize,
          epochs: (steps * batchSize) / rows,
          rows,
          stepsPerCall: 64,
          learningRate: 0.002
        })
        assert.strictEqual(stock.length, steps)
        assertClose(losses, stock, "loss of step")
      }).pipe(Effect.provide(layer))
    )
  })
}
