/** Who owns a model: what a step makes, returns and reads is gone when the step is, and so is what a reader reads elsewhere. */
import { assert, describe, it } from "@effect/vitest"
import * as tfjs from "@tensorflow/tfjs-core"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { CurrentTask, Flow, Step, Storage } from "effect-flow"
import { Nbow, Tensorflow } from "effect-flow/nbow"
import { generate } from "../../examples/data/reviews.ts"
import { runStep } from "../../src/testing.ts"
import { decode, encode } from "../support/codec.ts"
import { architectures } from "./architectures.ts"

const layer = Layer.mergeAll(Tensorflow.layerCpu, Storage.layerMemory, Logger.layer([]))
const numTensors = () => tfjs.memory().numTensors

const Scores = Schema.Array(Schema.Array(Schema.Number))

/** A step that makes a model in a scope and returns it, and one that reads it and does what it is told. */
const flowOf = ({ make, xs }: (typeof architectures)[number], then: Effect.Effect<void, Error> = Effect.void) => {
  const scoresOf = (tf: Tensorflow.Tf, model: Effect.Success<typeof made>) =>
    tf.tidy(() => [model.predict(xs(tf) as never)].flat().map((output) => Array.from(output.dataSync())))
  const made = Tensorflow.model(make)
  const begin = Step.make("begin", {
    output: { model: Tensorflow.Model, scores: Scores },
    run: Effect.fnUntraced(function* () {
      const tf = yield* Tensorflow.tf
      const model = yield* made
      return { model, scores: scoresOf(tf, model) }
    }, Effect.scoped)
  })
  const use = Step.make("use", {
    input: { model: Tensorflow.Model },
    output: { scores: Scores, model: Tensorflow.Model },
    run: Effect.fnUntraced(function* ({ model }) {
      const scores = scoresOf(yield* Tensorflow.tf, model)
      yield* Effect.orDie(then)
      return { scores, model }
    })
  })
  return Flow.make("OwnershipFlow", {
    steps: [begin, use],
    run: Effect.fnUntraced(function* () {
      const first = yield* begin()
      const second = yield* use({ model: first.model })
      const third = yield* use({ model: second.model })
      return [yield* first.scores, yield* second.scores, yield* third.scores]
    })
  })
}

describe("a model in a flow", () => {
  for (const architecture of architectures) {
    it.effect(`is freed with its task, after a failure and an interruption, too: ${architecture.name}`, () =>
      Effect.gen(function* () {
        yield* Tensorflow.load
        const before = numTensors()
        const { output } = yield* Flow.run(flowOf(architecture), {})
        assert.deepStrictEqual(output[1], output[0])
        assert.deepStrictEqual(output[2], output[0])
        assert.strictEqual(numTensors(), before)

        const failed = yield* Effect.exit(Flow.run(flowOf(architecture, Effect.fail(new Error("enough"))), {}))
        assert.isTrue(Exit.isFailure(failed))
        assert.strictEqual(numTensors(), before)

        const reached = yield* Deferred.make<void>()
        const waiting = Effect.andThen(Deferred.succeed(reached, undefined), Effect.never)
        const fiber = yield* Effect.forkChild(Flow.run(flowOf(architecture, waiting), {}))
        yield* Deferred.await(reached)
        yield* Fiber.interrupt(fiber)
        assert.strictEqual(numTensors(), before)
      }).pipe(Effect.provide(layer))
    )
  }

  it.effect("is freed with the run whose body reads it", () =>
    Effect.gen(function* () {
      yield* Tensorflow.load
      const before = numTensors()
      const make = Step.make("make", {
        output: { model: Tensorflow.Model },
        run: Effect.fnUntraced(function* () {
          const model = yield* Tensorflow.model((tf) =>
            tf.sequential({ layers: [tf.layers.dense({ units: 2, inputShape: [3] })] })
          )
          return { model }
        }, Effect.scoped)
      })
      const flow = Flow.make("ReadingFlow", {
        steps: [make],
        run: Effect.fnUntraced(function* () {
          const { model } = yield* make()
          return (yield* model).layers.length
        })
      })
      assert.strictEqual((yield* Flow.run(flow, {})).output, 1)
      assert.strictEqual(numTensors(), before)
    }).pipe(Effect.provide(layer))
  )

  it.effect("may be made in a scope by hand, or of an Nbow model", () =>
    Effect.gen(function* () {
      const { columns } = generate(100, 1)
      const nbow = yield* Nbow.fit({ texts: columns.review, labels: columns.labels }, { epochs: 1, vocabularySize: 20 })
      const before = numTensors()
      const step = Step.make("step", {
        output: { byHand: Tensorflow.Model, ofNbow: Tensorflow.Model },
        run: Effect.fnUntraced(function* () {
          const tf = yield* Tensorflow.tf
          const byHand = yield* Effect.acquireRelease(
            Effect.sync(() => tf.sequential({ layers: [tf.layers.dense({ units: 2, inputShape: [3] })] })),
            (model) => Effect.sync(() => model.dispose())
          )
          return { byHand, ofNbow: yield* Nbow.toLayersModel(nbow) }
        }, Effect.scoped)
      })
      yield* Effect.gen(function* () {
        const { byHand, ofNbow } = yield* runStep(step)
        assert.deepStrictEqual(byHand.outputs[0]?.shape, [null, 2])
        assert.deepStrictEqual(
          ofNbow.getWeights().map((weight) => Array.from(weight.dataSync())),
          Object.values(nbow.weights).map((weights: Float32Array) => Array.from(weights))
        )
      }).pipe(Effect.scoped)
      assert.strictEqual(numTensors(), before)
    }).pipe(Effect.provide(layer))
  )
})

describe("a model that is read elsewhere", () => {
  const [architecture] = architectures

  it.effect("is freed with the scope, also if its reader has disposed it", () =>
    Effect.gen(function* () {
      assert(architecture !== undefined)
      const before = yield* Effect.map(Tensorflow.load, numTensors)
      yield* Effect.gen(function* () {
        const bytes = yield* encode(Tensorflow.Model, yield* Tensorflow.model(architecture.make))
        yield* decode(Tensorflow.Model, bytes)
        const second = yield* decode(Tensorflow.Model, bytes)
        second.dispose()
      }).pipe(Effect.scoped)
      assert.strictEqual(numTensors(), before)
    }).pipe(Effect.provide(layer))
  )

  it.effect("leaves nothing behind if its weights don't fit, or its layers can't be made", () =>
    Effect.gen(function* () {
      const tf = yield* Tensorflow.tf
      const before = numTensors()
      class Unregistered extends tf.layers.Layer {
        static get className() {
          return "Unregistered"
        }
        override call(inputs: tfjs.Tensor | Array<tfjs.Tensor>) {
          return inputs
        }
      }
      const bytes = yield* Effect.scoped(
        Effect.gen(function* () {
          const model = yield* Tensorflow.model((tf) =>
            tf.sequential({
              layers: [
                tf.layers.dense({ units: 4, inputShape: [3], name: "first" }),
                new Unregistered({ name: "custom" }),
                tf.layers.dense({ units: 1, name: "second" })
              ]
            })
          )
          return yield* encode(Tensorflow.Model, model)
        })
      )
      assert.strictEqual(numTensors(), before)
      const error = yield* Effect.flip(decode(Tensorflow.Model, bytes))
      assert.strictEqual(
        error.message,
        "the model has a layer or another part of the class Unregistered, which TensorFlow.js does not know: call tf.serialization.registerClass(Unregistered) before the model is read"
      )
      assert.strictEqual(numTensors(), before)
      // The file says which layers it needs.
      assert.include(new TextDecoder("latin1").decode(bytes), '"class_name":"Unregistered"'.replaceAll('"', '\\"'))
      tf.serialization.registerClass(Unregistered)
      yield* Effect.scoped(decode(Tensorflow.Model, bytes))
      assert.strictEqual(numTensors(), before)
      const text = new TextDecoder("latin1").decode(bytes)
      const other = text.replaceAll("second/bias", "second/bios")
      const missing = yield* Effect.flip(
        decode(
          Tensorflow.Model,
          Uint8Array.from(other, (char) => char.charCodeAt(0))
        )
      )
      assert.match(missing.message, /^TensorFlow.js can't make a model of the tensors: /)
      assert.strictEqual(numTensors(), before)
    }).pipe(Effect.provide(layer))
  )

  it.effect("leaves nothing behind if making it fails", () =>
    Effect.gen(function* () {
      const before = yield* Effect.map(Tensorflow.load, numTensors)
      const error = yield* Effect.flip(
        Effect.scoped(
          Tensorflow.model((tf) => {
            tf.sequential({ layers: [tf.layers.dense({ units: 2, inputShape: [3] })] })
            throw new Error("no second layer")
          })
        )
      )
      assert.strictEqual(error.message, "TensorFlow.js could not make the model: no second layer")
      assert.strictEqual(numTensors(), before)
    }).pipe(Effect.provide(layer))
  )
})

describe("Tensorflow.predict", () => {
  it.effect("scores an endless stream in bounded memory, batch by batch", () =>
    Effect.gen(function* () {
      yield* Tensorflow.load
      const before = numTensors()
      const model = yield* Tensorflow.model((tf) =>
        tf.sequential({ layers: [tf.layers.dense({ units: 2, inputShape: [3], activation: "softmax" })] })
      )
      const own = numTensors()
      const batches = Stream.map(Stream.range(0, 1e9), (n) => [
        [n, 1, 2],
        [3, n, 4]
      ])
      const scores = yield* Tensorflow.predict(model, batches, (rows, tf) => {
        assert.strictEqual(numTensors(), own)
        return tf.tensor2d(rows)
      }).pipe(Stream.take(20), Stream.runCollect)
      assert.strictEqual(scores.length, 20)
      for (const { numRows, outputs, scores: first } of scores) {
        assert.strictEqual(numRows, 2)
        assert.deepStrictEqual(outputs[0]?.shape, [2, 2])
        assert.strictEqual(outputs[0]?.data, first)
        assert.approximately((first[0] ?? 0) + (first[1] ?? 0), 1, 1e-6)
      }
      assert.strictEqual(numTensors(), own)
      const error = yield* Effect.flip(
        Stream.runDrain(Tensorflow.predict(model, Stream.make(1, 2), (row, tf) => tf.tensor2d([[row, row]])))
      )
      assert.match(error.message, /^TensorFlow.js could not score a batch: /)
      assert.strictEqual(numTensors(), own)
      assert.isAtLeast(own, before)
    }).pipe(Effect.scoped, Effect.provide(layer))
  )
})

describe("CurrentTask.addFinalizer", () => {
  it.effect("runs when the attempt ends, the last one first, whatever the attempt and the others do", () =>
    Effect.gen(function* () {
      const ran: Array<string> = []
      const step = Step.make("step", {
        output: { n: Schema.Int },
        retry: { times: 1 },
        run: Effect.fnUntraced(function* () {
          const { addFinalizer, attempt } = yield* CurrentTask
          yield* addFinalizer(Effect.sync(() => ran.push(`first of ${attempt}`)))
          yield* addFinalizer(Effect.die(new Error("a finalizer fails")))
          yield* addFinalizer(Effect.sync(() => ran.push(`second of ${attempt}`)))
          if (attempt === 1) return yield* Effect.fail("once")
          ran.push("body")
          return { n: 1 }
        })
      })
      const flow = Flow.make("FinalizerFlow", {
        steps: [step],
        run: Effect.fnUntraced(function* () {
          return yield* (yield* step()).n
        })
      })
      assert.strictEqual((yield* Flow.run(flow, {})).output, 1)
      assert.deepStrictEqual(ran, ["second of 1", "first of 1", "body", "second of 2", "first of 2"])
    }).pipe(Effect.provide(layer))
  )
})
