import { assert, describe, it } from "@effect/vitest"
import type { Optimizer, Tensor } from "@tensorflow/tfjs-core"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import { Tensorflow } from "effect-flow/nbow"

const layer = Layer.merge(Tensorflow.layerWasm, Logger.layer([]))

const rows = 24

/** A classifier with seeded weights, and data that it can learn. */
const classifier = (
  optimizer: (tf: Tensorflow.Tf) => Optimizer = (tf) => tf.train.adam(0.05),
  loss = "binaryCrossentropy",
  activation: "sigmoid" | "linear" = "sigmoid"
) =>
  Effect.gen(function* () {
    const tf = yield* Tensorflow.tf
    const { model } = yield* Effect.acquireRelease(
      Effect.sync(() => {
        const made = optimizer(tf)
        const init = (seed: number) => tf.initializers.glorotUniform({ seed })
        const model = tf.sequential({
          layers: [
            tf.layers.dense({ units: 4, inputShape: [2], activation, kernelInitializer: init(1) }),
            tf.layers.dense({ units: 1, activation, kernelInitializer: init(2) })
          ]
        })
        model.compile({ optimizer: made, loss, metrics: ["accuracy"] })
        return { model, made }
      }),
      ({ made, model }) =>
        Effect.sync(() => {
          model.dispose()
          made.dispose()
        })
    )
    const { xs, ys } = yield* Tensorflow.tensors((tf) => {
      const xs = tf.randomUniform([rows, 2], -1, 1, "float32", 5)
      const sum: Tensor = tf.sum(xs, 1, true)
      return { xs, ys: tf.cast(tf.greater(sum, 0), "float32") }
    })
    return { model, xs, ys, tf }
  })

const weightsOf = (model: { getWeights: () => Array<Tensor> }) =>
  model.getWeights().map((weight) => Array.from(weight.dataSync()))

describe("Tensorflow.fit", () => {
  it.effect("gives the same model for the same seed, and another for another", () =>
    Effect.gen(function* () {
      const train = (options: { readonly seed?: number; readonly shuffle?: boolean }) =>
        Effect.gen(function* () {
          const { model, xs, ys } = yield* classifier()
          const history = yield* Tensorflow.fit(model, { xs, ys, epochs: 3, batchSize: 5, ...options })
          return { history, weights: weightsOf(model) }
        }).pipe(Effect.scoped)
      const first = yield* train({ seed: 3 })
      assert.deepStrictEqual(yield* train({ seed: 3 }), first)
      assert.notDeepEqual(yield* train({ seed: 4 }), first)
      assert.deepStrictEqual(yield* train({ shuffle: false, seed: 3 }), yield* train({ shuffle: false, seed: 4 }))
    }).pipe(Effect.provide(layer))
  )

  it.effect("does what model.fit does", () =>
    Effect.gen(function* () {
      const ours = yield* classifier()
      const { model, xs, ys } = yield* classifier()
      const options = { epochs: 3, batchSize: 5, shuffle: false, validationSplit: 0.25 }
      const expected = yield* Effect.promise(() => model.fit(xs, ys, { ...options, verbose: 0 }))
      const history = yield* Tensorflow.fit(ours.model, { xs, ys, ...options })
      const [actualWeights, weights] = [weightsOf(ours.model).flat(), weightsOf(model).flat()]
      actualWeights.forEach((weight, i) => {
        assert.approximately(weight, weights[i] ?? Number.NaN, 1e-6)
      })
      assert.deepStrictEqual(Object.keys(history).sort(), Object.keys(expected.history).sort())
      for (const [name, values] of Object.entries(expected.history)) {
        values.forEach((value, i) => {
          assert.approximately(history[name]?.[i] ?? Number.NaN, value as number, 1e-5)
        })
      }
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("counts a row with weight 2 as two rows, and one with weight 0 as none", () =>
    Effect.gen(function* () {
      const sgd = (tf: Tensorflow.Tf) => tf.train.sgd(0.5)
      const weighted = yield* classifier(sgd)
      const repeated = yield* classifier(sgd)
      const sampleWeight = Array.from({ length: rows }, (_, row) => row % 3)
      const picked = sampleWeight.flatMap((weight, row) => Array.from({ length: weight }, () => row))
      const { xs, ys } = yield* Tensorflow.tensors((tf) => ({
        xs: tf.gather(weighted.xs, tf.tensor1d(picked, "int32")),
        ys: tf.gather(weighted.ys, tf.tensor1d(picked, "int32"))
      }))
      assert.strictEqual(picked.length, rows) // so both have the same mean
      yield* Tensorflow.fit(weighted.model, { xs: weighted.xs, ys: weighted.ys, batchSize: rows, sampleWeight })
      yield* Tensorflow.fit(repeated.model, { xs, ys, batchSize: rows })
      const [actual, expected] = [weightsOf(weighted.model).flat(), weightsOf(repeated.model).flat()]
      actual.forEach((weight, i) => {
        assert.approximately(weight, expected[i] ?? Number.NaN, 1e-6)
      })
      const byClass = yield* classifier(sgd)
      const byRow = yield* classifier(sgd)
      const labels = Array.from(byRow.ys.dataSync())
      yield* Tensorflow.fit(byClass.model, {
        xs: byRow.xs,
        ys: byRow.ys,
        batchSize: rows,
        classWeight: { 0: 3, 1: 0.5 }
      })
      yield* Tensorflow.fit(byRow.model, {
        xs: byRow.xs,
        ys: byRow.ys,
        batchSize: rows,
        sampleWeight: labels.map((label) => (label === 1 ? 0.5 : 3))
      })
      assert.deepStrictEqual(weightsOf(byClass.model), weightsOf(byRow.model))
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("takes callbacks of TensorFlow.js as they are", () =>
    Effect.gen(function* () {
      const { model, tf, xs, ys } = yield* classifier((tf) => tf.train.sgd(0))
      class Recorder extends tf.Callback {
        readonly epochs: Array<number> = []
        override async onEpochEnd(epoch: number): Promise<void> {
          this.epochs.push(epoch)
          assert.isDefined(this.model)
        }
      }
      const recorder = new Recorder()
      const plain: Array<number> = []
      const callbacks = [
        recorder,
        tf.callbacks.earlyStopping({ monitor: "val_loss", patience: 2 }),
        { onEpochEnd: (epoch: number) => void plain.push(epoch) }
      ]
      const history = yield* Tensorflow.fit(model, { xs, ys, epochs: 50, validationSplit: 0.25, callbacks })
      assert.strictEqual(history.loss?.length, 3)
      assert.deepStrictEqual(recorder.epochs, [0, 1, 2])
      assert.deepStrictEqual(plain, [0, 1, 2])
      yield* Tensorflow.fit(model, { xs, ys, callbacks: recorder })
      assert.deepStrictEqual(recorder.epochs, [0, 1, 2, 0])
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("fails if the loss or a weight is no longer finite, and leaves no tensors", () =>
    Effect.gen(function* () {
      const linear = yield* classifier((tf) => tf.train.sgd(1e20), "meanSquaredError", "linear")
      const { tf, xs, ys } = linear
      const nan = yield* Tensorflow.tensors((tf) => tf.fill([rows, 2], Number.NaN))
      const infinite = yield* Tensorflow.tensors((tf) => tf.fill([rows, 1], Number.POSITIVE_INFINITY))
      const before = tf.memory().numTensors
      for (const [given, message] of [
        [{ xs: nan, ys }, /^Row 0 of the training's xs has the value NaN, so the loss can't be finite\.$/],
        [{ xs, ys: infinite }, /^Row 0 of the training's ys has the value Infinity/],
        [{ xs, ys, validationData: [nan, ys] }, /^Row 0 of the validation's xs has the value NaN/],
        [{ xs, ys }, /^The (loss|weight .*) is .*Check xs and ys, or lower the learning rate\.$/]
      ] as const) {
        const error = yield* Effect.flip(Tensorflow.fit(linear.model, { epochs: 5, ...given }))
        assert.strictEqual(error._tag === "TrainingError" && error.reason, "diverged")
        assert.match(error.message, message)
      }
      assert.strictEqual(tf.memory().numTensors, before)
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  for (const [name, options, message] of [
    ["no epochs", { epochs: 0 }, /option epochs: expected .*, got 0$/],
    ["NaN epochs", { epochs: Number.NaN }, /option epochs: expected .*, got NaN$/],
    ["an infinite batch", { batchSize: Number.POSITIVE_INFINITY }, /option batchSize: expected .*, got Infinity$/],
    ["half a batch", { batchSize: 0.5 }, /option batchSize: expected .*, got 0\.5$/],
    ["a split of all rows", { validationSplit: 1 }, /option validationSplit: expected .*, got 1$/],
    ["a split that leaves no rows", { validationSplit: 0.99 }, /leaves none of the 24 rows to train on\.$/],
    ["an unknown option", { epoch: 3 }, /option epoch: there is no such option$/],
    ["too few weights", { sampleWeight: [1, 2] }, /option sampleWeight: there are 2 weights for 24 rows$/],
    ["a NaN weight", { sampleWeight: [1, Number.NaN] }, /option sampleWeight: the weight of row 1 is NaN/],
    ["a class without weight", { classWeight: { 0: 1 } }, /classWeight must contain all classes/],
    ["no epoch left", { epochs: 2, initialEpoch: 2 }, /option initialEpoch: 2 leaves none of 2 epochs to train$/]
  ] as const) {
    it.effect(`refuses ${name}`, () =>
      Effect.gen(function* () {
        const { model, tf, xs, ys } = yield* classifier()
        const before = tf.memory().numTensors
        const error = yield* Effect.flip(Tensorflow.fit(model, { xs, ys, ...options } as Tensorflow.FitOptions))
        assert.match(error.message, message)
        assert.strictEqual(tf.memory().numTensors, before)
      }).pipe(Effect.scoped, Effect.provide(layer))
    )
  }

  it.effect("refuses tensors in the place of options", () =>
    Effect.gen(function* () {
      const { model, xs } = yield* classifier()
      const refused = (given: unknown) => Effect.flip(Tensorflow.fit(model, given as Tensorflow.FitOptions)) // as a caller without types
      assert.match((yield* refused(xs)).message, /^Tensorflow\.fit takes a model, and options .* is a tensor\.$/)
      assert.match((yield* refused([[1]])).message, /is a list\.$/)
      assert.match((yield* refused(undefined)).message, /is undefined\.$/)
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("says which layer to take where the only backend can't train the model", () =>
    Effect.gen(function* () {
      const tf = yield* Tensorflow.tf
      const model = yield* Effect.acquireRelease(
        Effect.sync(() =>
          tf.sequential({
            layers: [
              tf.layers.depthwiseConv2d({ inputShape: [4, 4, 1], kernelSize: 2 }),
              tf.layers.flatten(),
              tf.layers.dense({ units: 1 })
            ]
          })
        ),
        (model) => Effect.sync(() => model.dispose())
      )
      model.compile({ optimizer: "sgd", loss: "meanSquaredError" })
      const { xs, ys } = yield* Tensorflow.tensors((tf) => ({ xs: tf.zeros([4, 4, 4, 1]), ys: tf.zeros([4, 1]) }))
      const before = tf.memory().numTensors
      const error = yield* Effect.flip(Tensorflow.fit(model, { xs, ys }))
      assert.match(
        error.message,
        /^The wasm backend of TensorFlow\.js can't train the model: .*DepthwiseConv2dNativeBackpropFilter.*Tensorflow\.layer/
      )
      assert.strictEqual(tf.memory().numTensors, before)
    }).pipe(Effect.scoped, Effect.provide(layer))
  )
})
