import { assert, describe, it } from "@effect/vitest"
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
        assert.strictEqual(output.results.length, 4)
        assert.strictEqual(output.tensors[1], output.tensors[0], "no task leaves tensors")
        for (const [architecture, expected, scores] of output.results)
          assert.deepStrictEqual(scores, expected, architecture)
      }).pipe(Effect.scoped, Effect.provide(Logger.layer([])))
    )
  }

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
            lines.some((line) => /^The model trains on the cpu backend .* lacks the kernel/.test(line)),
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
