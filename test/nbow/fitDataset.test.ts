/** Training on batches as they come: rows of tables and datasets, generators, and what `tf.data` has. */
import { assert, describe, it } from "@effect/vitest"
import type { Tensor } from "@tensorflow/tfjs-core"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { Artifact, Flow, Step, Storage } from "effect-flow"
import { Tensorflow } from "effect-flow/nbow"

const layer = Layer.mergeAll(Tensorflow.layerCpu, Storage.layerMemory, Logger.layer([]))

const rows = 50
const Points = Artifact.dataset(
  { id: Schema.Int, x: Artifact.column("float32"), y: Artifact.column("float32"), label: Schema.Literals([0, 1]) },
  { rowsPerPart: 20 }
)
const points = (() => {
  const x = Float32Array.from({ length: rows }, (_, i) => Math.sin(3 * i))
  const y = Float32Array.from({ length: rows }, (_, i) => Math.cos(5 * i))
  return {
    numRows: rows,
    columns: {
      id: Array.from({ length: rows }, (_, i) => i),
      x,
      y,
      label: Array.from(x, (value, i) => (value + (y[i] ?? 0) > 0 ? (1 as const) : (0 as const)))
    }
  }
})()

interface Rows {
  readonly numRows: number
  readonly columns: { readonly x: Float32Array; readonly y: Float32Array; readonly label: ReadonlyArray<0 | 1> }
}

const tensors = ({ columns: { label, x, y }, numRows }: Rows, tf: Tensorflow.Tf) => ({
  xs: tf.stack([tf.tensor1d(x), tf.tensor1d(y)], 1),
  ys: tf.tensor2d([...label], [numRows, 1])
})

const makeModel = Effect.gen(function* () {
  const tf = yield* Tensorflow.tf
  return yield* Effect.acquireRelease(
    Effect.sync(() => {
      const init = (seed: number) => tf.initializers.glorotUniform({ seed })
      const model = tf.sequential({
        layers: [
          tf.layers.dense({ units: 3, inputShape: [2], activation: "tanh", kernelInitializer: init(1) }),
          tf.layers.dense({ units: 1, activation: "sigmoid", kernelInitializer: init(2) })
        ]
      })
      model.compile({ optimizer: "adam", loss: "binaryCrossentropy", metrics: ["accuracy"] })
      return model
    }),
    (model) => Effect.sync(() => model.dispose())
  )
})

const weightsOf = (model: { getWeights: () => Array<Tensor> }) =>
  model.getWeights().map((weight) => Array.from(weight.dataSync()))

/** Trains a new model, and checks that no tensor is left. */
const trained = <E = never, R = never>(
  data: Parameters<typeof Tensorflow.fitDataset<E, R>>[1],
  options: Tensorflow.FitDatasetOptions<E, R> = {}
) =>
  Effect.gen(function* () {
    const tf = yield* Tensorflow.tf
    const before = tf.memory().numTensors
    const result = yield* Effect.gen(function* () {
      const model = yield* makeModel
      const history = yield* Tensorflow.fitDataset(model, data, options)
      return { history, weights: weightsOf(model) }
    }).pipe(Effect.scoped)
    assert.strictEqual(tf.memory().numTensors, before)
    return result
  })

/** The same batches as a generator's, and a dataset in the form of `tf.data`. */
const generatorOf = (tf: Tensorflow.Tf, size: number) =>
  function* () {
    for (let start = 0; start < rows; start += size) {
      const { label, x, y } = points.columns
      const slice = {
        numRows: Math.min(size, rows - start),
        columns: {
          x: x.slice(start, start + size),
          y: y.slice(start, start + size),
          label: label.slice(start, start + size)
        }
      }
      yield tf.tidy(() => tensors(slice, tf)) as ReturnType<typeof tensors>
    }
  }

describe("Tensorflow.fitDataset", () => {
  it.effect("does with a table, a dataset, a stream, a generator and tf.data what fit does with tensors", () =>
    Effect.gen(function* () {
      const tf = yield* Tensorflow.tf
      const options = { epochs: 3, classWeight: { 0: 1, 1: 2 } }
      const expected = yield* Effect.gen(function* () {
        const model = yield* makeModel
        const { xs, ys } = yield* Tensorflow.tensors((tf) => tensors(points, tf))
        const history = yield* Tensorflow.fit(model, { xs, ys, batchSize: 8, shuffle: false, ...options })
        return { history, weights: weightsOf(model) }
      }).pipe(Effect.scoped)
      const dataset = yield* Points.write(Stream.make(points))
      assert.strictEqual(dataset.parts.length, 3)
      const batching = { batchSize: 8, shuffle: false, tensors }
      const generator = generatorOf(tf, 8)
      const sources = {
        table: yield* Tensorflow.batches(points, batching),
        dataset: yield* Tensorflow.batches(dataset, { ...batching, columns: ["x", "y", "label"] }),
        stream: yield* Tensorflow.batches(() => dataset.stream(), batching),
        generator,
        "async generator": async function* () {
          yield* generator()
        },
        "tf.data": { iterator: async () => generator() }
      }
      for (const [name, source] of Object.entries(sources)) {
        assert.deepStrictEqual(yield* trained(source, options), expected, name)
      }
    }).pipe(Effect.provide(layer))
  )

  it.effect("does what model.fitDataset does, validation included", () =>
    Effect.gen(function* () {
      const tf = yield* Tensorflow.tf
      const generator = generatorOf(tf, 8)
      const dataset = { iterator: async () => generator() }
      const options = { epochs: 2, validationData: dataset }
      const ours = yield* trained(dataset, options)
      const model = yield* makeModel
      const { history } = yield* Effect.promise(() =>
        model.fitDataset(dataset as never, { ...options, verbose: 0 } as never)
      )
      assert.deepStrictEqual(Object.keys(ours.history).sort(), Object.keys(history).sort())
      for (const [name, values] of Object.entries(history)) {
        values.forEach((value, i) => {
          assert.approximately(ours.history[name]?.[i] ?? Number.NaN, value as number, 1e-5, name)
        })
      }
      assert.deepStrictEqual(ours.weights, weightsOf(model))
      // A pair of tensors is validated on in slices, which gives the same figures.
      const { xs, ys } = yield* Tensorflow.tensors((tf) => tensors(points, tf))
      const pair = yield* trained(dataset, { epochs: 2, validationData: [xs, ys] })
      ours.history.val_loss?.forEach((value, i) => {
        assert.approximately(pair.history.val_loss?.[i] ?? Number.NaN, value, 1e-6)
      })
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("shuffles with a seed, in another order in every epoch, each row once, in bounded memory", () =>
    Effect.gen(function* () {
      const dataset = yield* Points.write(Stream.make(points))
      const orders = (seed: number, source: "table" | "dataset") =>
        Effect.gen(function* () {
          const seen: Array<ReadonlyArray<number>> = []
          const options = {
            batchSize: 8,
            bufferRows: 12,
            seed,
            tensors: (rows: Rows & { readonly columns: { readonly id: ReadonlyArray<number> } }, tf: Tensorflow.Tf) => {
              seen.push([...rows.columns.id])
              return tensors(rows, tf)
            }
          }
          const batches =
            source === "table"
              ? yield* Tensorflow.batches(points, options)
              : yield* Tensorflow.batches(dataset, options)
          yield* trained(batches, { epochs: 2 })
          seen.shift() // looked at before the training, to choose a backend
          return [seen.slice(0, 7).flat(), seen.slice(7).flat()] as const
        })
      for (const source of ["table", "dataset"] as const) {
        const [first, second] = yield* orders(3, source)
        for (const order of [first, second])
          assert.deepStrictEqual(
            [...order].sort((a, b) => a - b),
            points.columns.id
          )
        assert.notDeepEqual(first, points.columns.id)
        assert.notDeepEqual(first, second)
        assert.deepStrictEqual(yield* orders(3, source), [first, second])
        assert.notDeepEqual(yield* orders(4, source), [first, second])
        // A row comes out at most a buffer before its place.
        if (source === "dataset") for (const [at, id] of first.entries()) assert.isAtMost(id, at + 12)
      }
    }).pipe(Effect.provide(layer))
  )

  it.effect("reads a stream as far as its batches need", () =>
    Effect.gen(function* () {
      let read = 0
      const stream = () =>
        Stream.map(Stream.rechunk(Stream.range(0, 1e6), 1), () => {
          read++
          return points
        })
      const batches = yield* Tensorflow.batches(stream, { batchSize: 50, bufferRows: 100, tensors })
      yield* trained(batches, { epochs: 2, batchesPerEpoch: 3 })
      assert.isAtMost(read, 12)
    }).pipe(Effect.provide(layer))
  )

  it.effect("goes on with an iterator where epochs have a number of batches, and starts again at its end", () =>
    Effect.gen(function* () {
      const tf = yield* Tensorflow.tf
      const begun: Array<number> = []
      const sizes: Array<number> = []
      const generator = generatorOf(tf, 20) // 20, 20 and 10 rows
      const callbacks = { onBatchEnd: (_: number, logs?: { size?: number }) => void sizes.push(logs?.size ?? 0) }
      const source = () => {
        begun.push(sizes.length)
        return generator()
      }
      yield* trained(source, { epochs: 2, batchesPerEpoch: 2, callbacks: callbacks as never })
      assert.deepStrictEqual(sizes, [20, 20, 10, 20])
      assert.deepStrictEqual(begun, [0, 3])
    }).pipe(Effect.provide(layer))
  )

  it.effect("takes weights of rows, as fit does", () =>
    Effect.gen(function* () {
      const weights = Float32Array.from({ length: rows }, (_, i) => i % 3)
      const batches = yield* Tensorflow.batches(points, {
        batchSize: rows,
        shuffle: false,
        tensors: (rows, tf) => ({ ...tensors(rows, tf), sampleWeight: weights })
      })
      const { history } = yield* trained(batches)
      const model = yield* makeModel
      const { xs, ys } = yield* Tensorflow.tensors((tf) => tensors(points, tf))
      const options = { xs, ys, sampleWeight: weights, shuffle: false, batchSize: rows }
      assert.deepStrictEqual(history, yield* Tensorflow.fit(model, options))
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("leaves no tensors when it fails or is interrupted, and closes the generator", () =>
    Effect.gen(function* () {
      const tf = yield* Tensorflow.tf
      const before = tf.memory().numTensors
      const generator = generatorOf(tf, 8)
      const failing = function* () {
        yield* generator()
        throw new Error("the disk is gone")
      }
      const error = yield* Effect.flip(trained(failing))
      assert.strictEqual(error.message, "TensorFlow.js could not train the model: the disk is gone")
      assert.strictEqual(tf.memory().numTensors, before)

      const columns = { ...points.columns, x: points.columns.x.map((value, i) => (i === 42 ? Number.NaN : value)) }
      const nan = yield* Tensorflow.batches({ ...points, columns }, { batchSize: 20, shuffle: false, tensors })
      const diverged = yield* Effect.flip(trained(nan))
      assert.deepInclude(diverged, { reason: "diverged", row: 2 })
      assert.strictEqual(tf.memory().numTensors, before)

      const waiting = yield* Deferred.make<void>()
      let isClosed = false
      const slow = async function* () {
        try {
          yield* generator()
          Deferred.doneUnsafe(waiting, Effect.void)
          await new Promise(() => {})
        } finally {
          isClosed = true
        }
      }
      const fiber = yield* Effect.forkChild(trained(slow))
      yield* Deferred.await(waiting)
      yield* Fiber.interrupt(fiber)
      assert.strictEqual(tf.memory().numTensors, before)
      assert.isFalse(isClosed, "a generator that waits forever can't be closed, and nobody waits for it")

      const endless = function* () {
        try {
          while (true) yield* generator()
        } finally {
          isClosed = true
        }
      }
      const stopped = yield* Effect.forkChild(trained(endless))
      for (let i = 0; i < 30; i++) yield* Effect.yieldNow
      yield* Fiber.interrupt(stopped)
      assert.isTrue(isClosed)
      assert.strictEqual(tf.memory().numTensors, before)
    }).pipe(Effect.provide(layer))
  )

  it.effect("continues from its last epoch in a task that is attempted again", () =>
    Effect.gen(function* () {
      const dataset = yield* Points.write(Stream.make(points))
      const batches = yield* Tensorflow.batches(dataset, { batchSize: 8, bufferRows: 12, tensors })
      const expected = yield* trained(batches, { epochs: 4 })
      let attempts = 0
      const train = Step.make("train", {
        output: { result: Schema.String },
        retry: { times: 5 },
        run: Effect.fnUntraced(function* () {
          const attempt = ++attempts
          let current = 0
          const callbacks = {
            onEpochBegin: (epoch: number) => {
              current = epoch
            },
            onBatchBegin: (batch: number) => {
              if (current === attempt && batch === 2) throw new Error("stopped")
            }
          }
          return { result: JSON.stringify(yield* trained(batches, { epochs: 4, callbacks })) }
        })
      })
      const flow = Flow.make("TrainingFlow", {
        steps: [train],
        run: Effect.fnUntraced(function* () {
          return yield* (yield* train()).result
        })
      })
      const { output } = yield* Flow.run(flow, {})
      assert.deepStrictEqual(JSON.parse(output), expected)
      assert.strictEqual(attempts, 4)
    }).pipe(Effect.provide(layer))
  )

  it.effect("refuses data and options in a sentence", () =>
    Effect.gen(function* () {
      const message = (effect: Effect.Effect<unknown, { readonly message: string }, Tensorflow.Tensorflow>) =>
        Effect.map(Effect.flip(effect), (error) => error.message)
      const untyped = (value: unknown) => value as never
      assert.strictEqual(
        yield* message(trained(untyped(3))),
        "Tensorflow.fitDataset: options: expected Tensorflow.batches(…), a tf.data dataset, or a generator function"
      )
      assert.strictEqual(yield* message(trained(function* () {})), "There are no rows to train on.")
      assert.strictEqual(
        yield* message(
          trained(function* () {
            yield untyped({ features: 1 })
          })
        ),
        "A batch must be { xs, ys }, each a tensor or tensors."
      )
      assert.match(
        yield* message(trained(function* () {}, { epochs: 0 })),
        /^Tensorflow.fitDataset: option epochs: expected a value greater than or equal to 1, got 0/
      )
      assert.match(
        yield* message(Tensorflow.batches(points, { tensors, batchSize: 1.5 })),
        /^Tensorflow.batches: option batchSize: expected an integer, got 1.5/
      )
      assert.strictEqual(
        yield* message(Tensorflow.batches(untyped([1]), { tensors })),
        "Tensorflow.batches: options: expected a table, a dataset, or a function that gives a stream"
      )
    }).pipe(Effect.provide(layer))
  )
})
