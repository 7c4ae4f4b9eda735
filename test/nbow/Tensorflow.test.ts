import { assert, describe, it } from "@effect/vitest"
import type { LayersModel } from "@tensorflow/tfjs-layers"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as References from "effect/References"
import { Artifact, Step } from "effect-flow"
import { Tensorflow } from "effect-flow/nbow"
import { observe, runStep } from "effect-flow/testing"
import { decode, encode, roundTrip } from "../support/codec.ts"

/** What is logged while an effect runs. */
const logged = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.suspend(() => {
    const lines: Array<string> = []
    const logger = Logger.make(({ message }) => void lines.push(String(message)))
    return effect.pipe(
      Effect.map((value) => ({ value, lines })),
      Effect.provide(Logger.layer([logger])),
      Effect.provideService(References.MinimumLogLevel, "All")
    )
  })

/** Whether the native library is here; nothing says so but loading it. */
const native = Effect.runPromise(Effect.result(Effect.provide(Tensorflow.load, Tensorflow.layerNode)))

describe("Tensorflow's layers", () => {
  for (const [backend, layer] of [
    ["wasm", Tensorflow.layerWasm],
    ["cpu", Tensorflow.layerCpu]
  ] as const) {
    it.effect(`run on ${backend}`, () =>
      Effect.gen(function* () {
        const { backend: actual, passedOver, tf } = yield* Tensorflow.load
        assert.strictEqual(actual, backend)
        assert.strictEqual(tf.getBackend(), backend)
        assert.deepStrictEqual(passedOver, [])
        const product = yield* Tensorflow.tensors((tf) => tf.matMul(tf.tensor2d([[1, 2]]), tf.tensor2d([[3], [4]])))
        assert.deepStrictEqual(Array.from(product.dataSync()), [11])
      }).pipe(Effect.scoped, Effect.provide(layer))
    )
  }

  it.effect("switch to their own backend at each use", () =>
    Effect.gen(function* () {
      const name = Effect.map(Tensorflow.tf, (tf) => tf.getBackend())
      for (const [layer, backend] of [
        [Tensorflow.layerCpu, "cpu"],
        [Tensorflow.layerWasm, "wasm"],
        [Tensorflow.layerCpu, "cpu"]
      ] as const) {
        assert.strictEqual(yield* Effect.provide(name, layer), backend)
      }
    })
  )

  it.effect("take the best backend that loads, and say which and why not a better one", () =>
    Effect.gen(function* () {
      const node = yield* Effect.promise(() => native)
      const { lines, value } = yield* logged(Effect.provide(Tensorflow.load, Tensorflow.layer))
      if (node._tag === "Success") {
        assert.strictEqual(value.backend, "node")
        return
      }
      assert.strictEqual(value.backend, "wasm")
      assert.deepStrictEqual(value.passedOver, [node.failure])
      assert.deepStrictEqual(lines, [node.failure.message, "TensorFlow.js runs on its wasm backend"])
    })
  )

  it.effect("fail with a sentence where the backend can't be used", () =>
    Effect.gen(function* () {
      const node = yield* Effect.promise(() => native)
      if (node._tag === "Success") return
      assert.strictEqual(node.failure._tag, "TensorflowError")
      assert.strictEqual(node.failure.backend, "node")
      assert.match(
        node.failure.message,
        /^The node backend of TensorFlow\.js can't be used: (@tensorflow\/tfjs-node is not installed|the native library of @tensorflow\/tfjs-node is missing)/
      )
    })
  )
})

/** A line through some points, compiled. */
const line = Effect.map(
  Effect.acquireRelease(
    Effect.map(Tensorflow.tf, (tf) => {
      const optimizer = tf.train.sgd(0.1)
      const model = tf.sequential({
        layers: [tf.layers.dense({ units: 1, inputShape: [1], kernelInitializer: "zeros" })]
      })
      model.compile({ optimizer, loss: "meanSquaredError", metrics: ["mae"] })
      return { model, optimizer }
    }),
    ({ model, optimizer }) =>
      Effect.sync(() => {
        model.dispose()
        optimizer.dispose()
      })
  ),
  ({ model }) => model
)

const points = Tensorflow.tensors((tf) => ({
  xs: tf.tensor2d([0, 0.25, 0.5, 0.75, 1, 0.1, 0.9, 0.3], [8, 1]),
  ys: tf.tensor2d([1, 1.5, 2, 2.5, 3, 1.2, 2.8, 1.6], [8, 1])
}))

const layer = Tensorflow.layerWasm
const quiet = Logger.layer([])

describe("Tensorflow.fit", () => {
  it.effect("trains a model of one's own, logs its epochs and records their figures", () =>
    Effect.gen(function* () {
      const history: Array<{ readonly [figure: string]: ReadonlyArray<number> }> = []
      const step = Step.make("fit", {
        run: () =>
          Effect.gen(function* () {
            const model = yield* line
            history.push(
              yield* Tensorflow.fit(model, { ...(yield* points), epochs: 40, batchSize: 4, validationSplit: 0.25 })
            )
          }).pipe(Effect.scoped)
      })
      const { logs, metrics } = yield* observe(runStep(step)).pipe(Effect.provide(layer))
      const figures = history[0] ?? {}
      assert.deepStrictEqual(Object.keys(figures).sort(), ["loss", "mae", "val_loss", "val_mae"])
      assert.isBelow(figures.loss?.[39] ?? 1, 0.01)
      const infos = logs.filter(({ level }) => level === "Info")
      assert.strictEqual(infos.length, 40)
      assert.match(infos[39]?.message ?? "", /^epoch 40\/40 .*loss \d\.\d{4}/)
      assert.deepStrictEqual(
        metrics.filter(({ name }) => name === "loss").map(({ step, value }) => [step, value]),
        figures.loss?.map((loss, i) => [i + 1, loss])
      )
    })
  )

  it.effect("calls callbacks", () =>
    Effect.gen(function* () {
      const batches: Array<number> = []
      const model = yield* line
      const callbacks = { onBatchEnd: (batch: number) => void batches.push(batch) }
      yield* Tensorflow.fit(model, { ...(yield* points), epochs: 2, batchSize: 4, callbacks })
      assert.deepStrictEqual(batches, [0, 1, 0, 1])
    }).pipe(Effect.scoped, Effect.provide([layer, quiet]))
  )

  it.effect("stops where it is interrupted, and leaves no tensors", () =>
    Effect.gen(function* () {
      const tf = yield* Tensorflow.tf
      const before = tf.memory().numTensors
      const begun = yield* Deferred.make<void>()
      const logger = Logger.make(() => Deferred.doneUnsafe(begun, Exit.void))
      const program = Effect.gen(function* () {
        const model = yield* line
        yield* Tensorflow.fit(model, { ...(yield* points), epochs: 1_000_000, batchSize: 1 })
      })
      const training = yield* Effect.forkChild(program.pipe(Effect.scoped, Effect.provide(Logger.layer([logger]))))
      yield* Deferred.await(begun)
      yield* Fiber.interrupt(training)
      assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(training)))
      assert.strictEqual(tf.memory().numTensors, before)
      // At once, before TensorFlow.js has begun.
      const model = yield* line
      const { xs, ys } = yield* points
      const early = yield* Effect.forkChild(Tensorflow.fit(model, { xs, ys, epochs: 1_000_000 }), {
        startImmediately: true
      })
      yield* Fiber.interrupt(early)
      assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(early)))
    }).pipe(Effect.scoped, Effect.provide([layer, quiet]))
  )

  it.effect("fails with what TensorFlow.js objects to", () =>
    Effect.gen(function* () {
      const model = yield* line
      const { ys } = yield* points
      const xs = yield* Tensorflow.tensors((tf) => tf.zeros([8, 2]))
      const error = yield* Effect.flip(Tensorflow.fit(model, { xs, ys }))
      assert.strictEqual(error._tag, "TrainingError")
      assert.match(error.message, /^TensorFlow\.js could not train the model: .*shape/)
      const wrong = yield* Effect.flip(Tensorflow.tensors((tf) => tf.tensor2d([1, 2, 3], [2, 2])))
      assert.match(wrong.message, /^TensorFlow\.js could not make the tensors: .*shape/)
    }).pipe(Effect.scoped, Effect.provide([layer, quiet]))
  )
})

describe("Tensorflow.tensors", () => {
  it.effect("disposes what it made when the scope closes, and what was made on the way at once", () =>
    Effect.gen(function* () {
      const tf = yield* Tensorflow.tf
      const before = tf.memory().numTensors
      yield* Effect.scoped(
        Effect.gen(function* () {
          const { sum } = yield* Tensorflow.tensors((tf) => ({ sum: tf.add(tf.scalar(1), tf.scalar(2)) }))
          assert.strictEqual(tf.memory().numTensors, before + 1)
          assert.deepStrictEqual(Array.from(sum.dataSync()), [3])
        })
      )
      assert.strictEqual(tf.memory().numTensors, before)
    }).pipe(Effect.provide(layer))
  )
})

describe("Tensorflow.Model", () => {
  const predict = (model: LayersModel) =>
    Effect.gen(function* () {
      const output = yield* Tensorflow.tensors((tf) => {
        const predicted = model.predict(
          tf.tensor2d([
            [1, 0, 2],
            [0.5, -1, 3]
          ])
        )
        return Array.isArray(predicted) ? predicted : [predicted]
      })
      return Array.from(output[0]?.dataSync() ?? [])
    })

  const network = Effect.acquireRelease(
    Effect.map(Tensorflow.tf, (tf) =>
      tf.sequential({
        layers: [
          tf.layers.dense({ units: 4, inputShape: [3], activation: "tanh" }),
          tf.layers.batchNormalization(),
          tf.layers.dense({ units: 1 })
        ]
      })
    ),
    (model) => Effect.sync(() => model.dispose())
  )

  it.effect("is any model, which predicts the same when it is read back", () =>
    Effect.gen(function* () {
      const tf = yield* Tensorflow.tf
      const model = yield* network
      const tensors = tf.memory().numTensors
      const bytes = yield* encode(Tensorflow.Model, model)
      assert.strictEqual(tf.memory().numTensors, tensors)
      const back = yield* Effect.acquireRelease(decode(Tensorflow.Model, bytes), (model) =>
        Effect.sync(() => model.dispose())
      )
      assert.deepStrictEqual(yield* predict(back), yield* predict(model))
      assert.deepStrictEqual(
        back.layers.map(({ name }) => name),
        model.layers.map(({ name }) => name)
      )
      assert.deepStrictEqual(yield* encode(Tensorflow.Model, back), bytes)
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("is safetensors with its topology", () =>
    Effect.gen(function* () {
      const model = yield* network
      const { metadata, tensors } = yield* decode(Artifact.tensors(), yield* encode(Tensorflow.Model, model))
      assert.strictEqual(Object.keys(tensors).length, 8)
      assert.isTrue(Object.values(tensors).every(({ dtype }) => dtype === "F32"))
      assert.deepStrictEqual(Object.keys(metadata), ["topology"])
      assert.strictEqual((JSON.parse(metadata.topology ?? "") as { class_name: string }).class_name, "Sequential")
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("names a layer of one's own that is not registered", () =>
    Effect.gen(function* () {
      const model = yield* network
      const { metadata, tensors } = yield* decode(Artifact.tensors(), yield* encode(Tensorflow.Model, model))
      const topology = (metadata.topology ?? "").replace('"BatchNormalization"', '"Whitening"')
      const bytes = yield* encode(Artifact.tensors(), { tensors, metadata: { topology } })
      const error = yield* Effect.flip(decode(Tensorflow.Model, bytes))
      assert.strictEqual(
        error.message,
        "the model has a layer or another part of the class Whitening, which TensorFlow.js does not know: call " +
          "tf.serialization.registerClass(Whitening) before the model is read"
      )
    }).pipe(Effect.scoped, Effect.provide(layer))
  )

  it.effect("refuses tensors that are no model", () =>
    Effect.gen(function* () {
      const bytes = yield* encode(Artifact.tensors(), { tensors: {}, metadata: {} })
      assert.match((yield* Effect.flip(decode(Tensorflow.Model, bytes))).message, /no model topology/)
      const model = yield* network
      const contents = yield* decode(Artifact.tensors(), yield* encode(Tensorflow.Model, model))
      const damaged = yield* encode(Artifact.tensors(), { ...contents, tensors: {} })
      assert.match(
        (yield* Effect.flip(decode(Tensorflow.Model, damaged))).message,
        /^TensorFlow\.js can't make a model of the tensors: /
      )
      const twice = yield* Effect.flip(
        roundTrip(Artifact.tensors(), { tensors: {}, metadata: { topology: "{" } }).pipe(
          Effect.flatMap((value) => encode(Artifact.tensors(), value)),
          Effect.flatMap((bytes) => decode(Tensorflow.Model, bytes))
        )
      )
      assert.match(twice.message, /JSON/)
    }).pipe(Effect.scoped, Effect.provide(layer))
  )
})
