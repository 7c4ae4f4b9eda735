import { assert, describe, it } from "@effect/vitest"
import type { Tensor, Tensor4D } from "@tensorflow/tfjs-core"
import type { LayersModel } from "@tensorflow/tfjs-layers"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import { Executor, Flow, Storage } from "effect-flow"
import { Tensorflow } from "effect-flow/nbow"
import { decode, encode } from "../support/codec.ts"
import { temporaryDirectory } from "../support/directory.ts"
import { type Architecture, architectures } from "./architectures.ts"
import { ArchitecturesFlow } from "./architecturesFlow.ts"

const compiled = ({ loss = "binaryCrossentropy", make }: Architecture) =>
  Effect.acquireRelease(
    Effect.map(Tensorflow.tf, (tf) => {
      const model = make(tf)
      model.compile({ optimizer: "adam", loss })
      return model
    }),
    (model) => Effect.sync(() => model.dispose())
  )

const data = ({ xs, ys }: Architecture) => Tensorflow.tensors((tf) => ({ xs: xs(tf), ys: ys(tf) }))

const predictions = (model: LayersModel, xs: Tensorflow.FitOptions["xs"]) =>
  Effect.map(Tensorflow.tf, (tf) =>
    tf.tidy(() => [model.predict(xs as never)].flat().map((output) => Array.from(output.dataSync())))
  )

const weightsOf = (model: LayersModel) => model.getWeights().map((weight) => Array.from(weight.dataSync()))

const module = new URL("./architecturesFlow.ts", import.meta.url)

const executors = [
  ["fibers", Executor.layerFibers()],
  ["threads", Executor.layerThreads({ module, size: 1 })]
] as const

describe("Tensorflow.fit on the default layer", () => {
  for (const [name, executor] of executors) {
    it.live(`hands models from step to step on ${name}`, () =>
      Effect.gen(function* () {
        const directory = yield* temporaryDirectory
        const { output } = yield* Flow.run(ArchitecturesFlow, {}).pipe(
          Effect.provide([Storage.layerLocal({ directory }), executor])
        )
        assert.strictEqual(output.results.length, architectures.length)
        assert.deepStrictEqual(output.messages, ["TensorFlow.js could not train the model: enough"])
        assert.strictEqual(output.tensors[1], output.tensors[0], "no task leaves tensors")
        for (const [architecture, expected, scores] of output.results)
          assert.deepStrictEqual(scores, expected, architecture)
      }).pipe(Effect.scoped, Effect.provide(Logger.layer([])))
    )
  }

  it.effect("gives the gradients of embeddings and convolutions that the JavaScript backend gives", () =>
    Effect.gen(function* () {
      const tf = yield* Effect.provide(Tensorflow.tf, Tensorflow.layerWasm)
      const operations: Record<string, () => ReadonlyArray<Tensor>> = {
        gather: () => {
          const ids = tf.tensor1d([4, 0, 4, 2, 4, 0], "int32")
          const x = tf.randomUniform([5, 2, 3], -1, 1, "float32", 1)
          return [tf.grad((x: Tensor) => tf.square(tf.gather(x, ids)))(x)]
        },
        "gather, along the second axis": () => {
          const ids = tf.tensor2d(
            [
              [1, 1],
              [0, 3]
            ],
            [2, 2],
            "int32"
          )
          const x = tf.randomUniform([3, 4, 2], -1, 1, "float32", 2)
          return [tf.grad((x: Tensor) => tf.square(tf.gather(x, ids, 1)))(x)]
        },
        ...Object.fromEntries(
          ([1, 2] as const).flatMap((strides) =>
            (["same", "valid"] as const).map((pad) => [
              `conv2d, strides ${strides}, pad ${pad}`,
              () => {
                const x = tf.randomUniform([3, 7, 6, 2], -1, 1, "float32", 3) as Tensor4D
                const filter = tf.randomUniform([3, 2, 2, 4], -1, 1, "float32", 4) as Tensor4D
                return tf.grads((x: Tensor, filter: Tensor) =>
                  tf.square(tf.conv2d(x as Tensor4D, filter as Tensor4D, strides, pad))
                )([x, filter])
              }
            ])
          )
        )
      }
      for (const [name, run] of Object.entries(operations)) {
        const gradientsOn = (layer: typeof Tensorflow.layer) =>
          Effect.provide(
            Effect.map(Tensorflow.tf, () => {
              let values: ReadonlyArray<ReadonlyArray<number>> = []
              tf.tidy(() => {
                values = run().map((gradient) => Array.from(gradient.dataSync()))
              })
              return values
            }),
            layer
          )
        const own = yield* gradientsOn(Tensorflow.layerWasm)
        const expected = yield* gradientsOn(Tensorflow.layerCpu)
        assert.strictEqual(own.length, expected.length)
        for (const [i, values] of own.entries()) {
          assert.isTrue(
            values.every((value, at) => Math.abs(value - (expected[i]?.[at] ?? Number.NaN)) < 1e-5),
            name
          )
        }
      }
    })
  )

  for (const architecture of architectures) {
    it.effect(`trains, stores, loads and predicts: ${architecture.name}`, () => {
      const lines: Array<string> = []
      const logger = Logger.make(({ message }) => void lines.push(String(message)))
      return Effect.gen(function* () {
        const { backend, tf } = yield* Tensorflow.load
        const before = tf.memory().numTensors
        yield* Effect.gen(function* () {
          const model = yield* compiled(architecture)
          const { xs, ys } = yield* data(architecture)
          const untrained = weightsOf(model)
          const history = yield* Tensorflow.fit(model, { xs, ys, epochs: 2, batchSize: 5, validationSplit: 0.25 })
          assert.strictEqual(history.loss?.length, 2)
          assert.strictEqual(history.val_loss?.length, 2)
          assert.notDeepEqual(weightsOf(model), untrained)
          const expected = yield* predictions(model, xs)
          assert.isTrue(expected.flat().every(Number.isFinite))
          const loaded = yield* Effect.acquireRelease(
            Effect.flatMap(encode(Tensorflow.Model, model), (bytes) => decode(Tensorflow.Model, bytes)),
            (loaded) => Effect.sync(() => loaded.dispose())
          )
          assert.deepStrictEqual(yield* predictions(loaded, xs), expected)
          assert.strictEqual(
            lines.some((line) =>
              /^The model trains on the cpu backend .* because the wasm backend (lacks the kernel|can.t: .* is not supported)/.test(
                line
              )
            ),
            architecture.needsOther === true && backend === "wasm"
          )
          // What the process runs on stays as it is.
          assert.strictEqual(tf.getBackend(), backend === "node" ? "tensorflow" : backend)
        }).pipe(Effect.scoped)
        assert.strictEqual(tf.memory().numTensors, before)
        // A failure and an interruption leave nothing, either.
        yield* Effect.gen(function* () {
          const model = yield* compiled(architecture)
          const { xs, ys } = yield* data(architecture)
          const callbacks = {
            onBatchEnd: (batch: number) => {
              if (batch === 1) throw new Error("enough")
            }
          }
          const error = yield* Effect.flip(Tensorflow.fit(model, { xs, ys, batchSize: 5, callbacks }))
          assert.strictEqual(error.message, "TensorFlow.js could not train the model: enough")
          const training = yield* Effect.forkChild(Tensorflow.fit(model, { xs, ys, epochs: 1e6, batchSize: 5 }))
          for (let i = 0; i < 20; i++) yield* Effect.yieldNow
          yield* Fiber.interrupt(training)
        }).pipe(Effect.scoped)
        assert.strictEqual(tf.memory().numTensors, before)
      }).pipe(Effect.provide([Tensorflow.layer, Logger.layer([logger])]))
    })
  }
})
