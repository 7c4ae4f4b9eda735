import { execFile } from "node:child_process"
import { join } from "node:path"
import { promisify } from "node:util"
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Stream from "effect/Stream"
import { Artifact, Step } from "effect-flow"
import { BinaryMetrics, CountVectorizer, Nbow, SparseMatrix, Tensorflow } from "effect-flow/nbow"
import { observe, runStep } from "effect-flow/testing"
import { decode, encode, roundTrip } from "../support/codec.ts"
import { hasData } from "../support/data.ts"
import { fixture, reviews, toy } from "./fixtures.ts"

const quick: Nbow.OptionsInput = { epochs: 3, hiddenSize: 5, vectorizer: { minDf: { count: 1 } } }

const data = toy(400)

/** TensorFlow.js on WebAssembly, and nothing in the log. */
const layer = Tensorflow.layerWasm
const quiet = Logger.layer([])

const fitted = (options: Nbow.OptionsInput = quick, labelled: Nbow.Labelled = data) =>
  Nbow.fit(labelled, options).pipe(Effect.provide([layer, quiet]))

describe("Nbow.fit", () => {
  it.effect("learns to tell texts apart, better than by chance", () =>
    Effect.gen(function* () {
      const model = yield* fitted({ ...quick, epochs: 30 })
      assert.strictEqual(model.history.length, 30)
      assert.isBelow(model.history[29]?.loss ?? 1, model.history[0]?.loss ?? 0)
      const { accuracy, loss, rocAuc } = yield* Nbow.evaluate(model, data)
      const baseline = yield* BinaryMetrics.accuracy(data.labels, new Float32Array(400).fill(1))
      assert.isAbove(accuracy, baseline)
      assert.isAbove(rocAuc, 0.8)
      assert.isBelow(loss, 0.6)
    })
  )

  it.effect("gives one model for one seed on every backend, and another for another seed", () =>
    Effect.gen(function* () {
      const model = yield* fitted()
      const again = yield* fitted()
      const onCpu = yield* Nbow.fit(data, quick).pipe(Effect.provide([Tensorflow.layerCpu, quiet]))
      const other = yield* fitted({ ...quick, seed: 2 })
      assert.deepStrictEqual(again, model)
      assert.deepStrictEqual(onCpu, model)
      assert.notDeepEqual(other.weights, model.weights)
      assert.deepStrictEqual(other.vectorizer, model.vectorizer)
    })
  )

  it.effect("trains on two backends at once", () =>
    Effect.gen(function* () {
      const model = yield* fitted()
      const [onWasm, onCpu] = yield* Effect.all(
        [
          Nbow.fit(data, quick).pipe(Effect.provide(layer)),
          Nbow.fit(data, quick).pipe(Effect.provide(Tensorflow.layerCpu))
        ],
        { concurrency: "unbounded" }
      ).pipe(Effect.provide(quiet))
      assert.deepStrictEqual(onWasm, model)
      assert.deepStrictEqual(onCpu, model)
    })
  )

  it.effect("takes typed arrays of labels", () =>
    Effect.gen(function* () {
      const model = yield* fitted(quick, { texts: data.texts, labels: Int8Array.from(data.labels as Array<number>) })
      assert.deepStrictEqual(model, yield* fitted())
    })
  )

  it.effect("logs a line and records metrics for every epoch", () =>
    Effect.gen(function* () {
      const step = Step.make("train", {
        output: { model: Nbow.Model },
        run: () => Effect.map(Nbow.fit(data, quick), (model) => ({ model }))
      })
      const { logs, metrics, value } = yield* observe(runStep(step)).pipe(Effect.provide(layer))
      const { history } = value.model
      assert.deepStrictEqual(
        logs.filter(({ level }) => level === "Info").map(({ message }) => message),
        history.map(({ accuracy, loss, valAccuracy = 0, valLoss = 0 }, i) => {
          const figures = [loss, accuracy, valLoss, valAccuracy].map((figure) => figure.toFixed(4))
          return `epoch ${i + 1}/3 loss ${figures[0]} accuracy ${figures[1]} val_loss ${figures[2]} val_accuracy ${figures[3]}`
        })
      )
      assert.deepStrictEqual(
        metrics.map(({ name, step, value }) => [name, step, value]),
        history.flatMap(({ accuracy, loss, valAccuracy, valLoss }, i) => [
          ["loss", i + 1, loss],
          ["accuracy", i + 1, accuracy],
          ["val_loss", i + 1, valLoss],
          ["val_accuracy", i + 1, valAccuracy]
        ])
      )
    })
  )

  it.effect("trains on all rows where none are held out", () =>
    Effect.gen(function* () {
      const { history } = yield* fitted({ ...quick, validationSplit: 0 })
      assert.deepStrictEqual(Object.keys(history[0] ?? {}), ["loss", "accuracy"])
    })
  )

  // A large step makes the validation loss rise soon.
  const eager: Nbow.OptionsInput = { ...quick, learningRate: 0.3, epochs: 40 }
  const valLosses = ({ history }: Nbow.Model) => history.map(({ valLoss = Number.NaN }) => valLoss)

  it.effect("keeps the last epoch's weights, or those of the epoch with the lowest validation loss", () =>
    Effect.gen(function* () {
      const last = yield* fitted(eager)
      const best = yield* fitted({ ...eager, restoreBest: true })
      assert.strictEqual(last.epoch, 40)
      assert.deepStrictEqual(best.history, last.history)
      assert.strictEqual(best.epoch, valLosses(last).indexOf(Math.min(...valLosses(last))) + 1)
      assert.isBelow(best.epoch, 40)
      assert.deepStrictEqual(best.weights, (yield* fitted({ ...eager, epochs: best.epoch })).weights)
    })
  )

  it.effect("stops when the validation loss has not fallen for some epochs", () =>
    Effect.gen(function* () {
      const losses = valLosses(yield* fitted(eager))
      for (const [patience, minDelta] of [
        [1, 0],
        [3, 0],
        [3, 0.05]
      ] as const) {
        // Where Keras stops.
        let best = Number.POSITIVE_INFINITY
        let wait = 0
        const stops = losses.findIndex((loss) => {
          wait = loss < best - minDelta ? 0 : wait + 1
          best = wait === 0 ? loss : best
          return wait >= patience
        })
        assert.isAtLeast(stops, 1)
        const stopped = yield* fitted({ ...eager, earlyStopping: { patience, minDelta } })
        assert.deepStrictEqual(valLosses(stopped), losses.slice(0, stops + 1))
        assert.strictEqual(stopped.epoch, stops + 1)
      }
    })
  )

  it.effect("lets other fibers run all along", () =>
    Effect.gen(function* () {
      let turns = 0
      const other = yield* Effect.forkChild(
        Effect.forever(Effect.tap(Effect.yieldNow, () => Effect.sync(() => turns++)))
      )
      // Of 320 rows, 320 steps an epoch: 64 of them at a time.
      yield* fitted({ ...quick, batchSize: 1, epochs: 4 })
      yield* Fiber.interrupt(other)
      assert.isAtLeast(turns, 10)
    })
  )

  it.effect("can be interrupted, and leaves no tensors", () =>
    Effect.gen(function* () {
      const tf = yield* Tensorflow.tf
      const before = tf.memory().numTensors
      const begun = yield* Deferred.make<void>()
      const told: Array<unknown> = []
      const logger = Logger.make(({ message }) => {
        told.push(message)
        Deferred.doneUnsafe(begun, Exit.void)
      })
      const training = yield* Effect.forkChild(
        Nbow.fit(data, { ...quick, epochs: 1_000_000 }).pipe(Effect.provide(Logger.layer([logger])))
      )
      yield* Deferred.await(begun)
      yield* Fiber.interrupt(training)
      const exit = yield* Fiber.await(training)
      assert.isTrue(Exit.hasInterrupts(exit))
      assert.isBelow(told.length, 1000)
      assert.strictEqual(tf.memory().numTensors, before)
    }).pipe(Effect.provide(layer))
  )

  it.effect("leaves no tensors, however often it fits", () =>
    Effect.gen(function* () {
      const tf = yield* Tensorflow.tf
      const before = tf.memory().numTensors
      for (let i = 0; i < 10; i++) yield* Nbow.fit(data, { ...quick, seed: i })
      assert.strictEqual(tf.memory().numTensors, before)
      yield* Effect.scoped(Effect.flatMap(fitted(), Nbow.toLayersModel))
      assert.strictEqual(tf.memory().numTensors, before)
    }).pipe(Effect.provide([layer, quiet]))
  )

  for (const [options, message] of [
    [{ learningRate: Number.NaN }, "option learningRate: expected a finite number, got NaN"],
    [{ learningRate: 0 }, "option learningRate: expected a value greater than 0, got 0"],
    [{ l1: Number.POSITIVE_INFINITY }, "option l1: expected a finite number, got Infinity"],
    [{ l2: -1 }, "option l2: expected a value greater than or equal to 0, got -1"],
    [{ dropout: 1 }, "option dropout: expected a value less than 1, got 1"],
    [{ batchSize: 0 }, "option batchSize: expected a value greater than or equal to 1, got 0"],
    [{ batchSize: Number.NaN }, "option batchSize: expected an integer, got NaN"],
    [{ epochs: 2.5 }, "option epochs: expected an integer, got 2.5"],
    [{ hiddenSize: 0 }, "option hiddenSize: expected a value greater than or equal to 1, got 0"],
    [{ vocabularySize: -1 }, "option vocabularySize: expected a value greater than or equal to 1, got -1"],
    [{ validationSplit: 1 }, "option validationSplit: expected a value less than 1, got 1"],
    [{ seed: 0.5 }, "option seed: expected an integer, got 0.5"],
    [
      { earlyStopping: { patience: 0 } },
      "option earlyStopping.patience: expected a value greater than or equal to 1, got 0"
    ],
    [{ vectorizer: { minDf: 0.005 } }, "option vectorizer.minDf: expected { count } or { proportion }, got 0.005"],
    [{ vectorizer: { maxFeatures: 3 } }, "option vectorizer.maxFeatures: there is no such option"],
    [{ rate: 1 }, "option rate: there is no such option"],
    [
      { validationSplit: 0, restoreBest: true },
      "option restoreBest: there is no validation loss with validationSplit 0"
    ],
    [
      { validationSplit: 0, earlyStopping: { patience: 2 } },
      "option earlyStopping: there is no validation loss with validationSplit 0"
    ]
  ] as const) {
    it.effect(`refuses the ${message}`, () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(fitted({ ...quick, ...(options as Nbow.OptionsInput) }))
        assert.strictEqual(error._tag, "OptionsError")
        assert.strictEqual(error.message, `Nbow.fit: ${message}`)
      })
    )
  }

  for (const [what, labelled, options, tag, message] of [
    ["no texts", { texts: [], labels: [] }, {}, "TrainingError", "There are no texts to train on."],
    ["a label too few", { texts: ["a", "b"], labels: [1] }, {}, "TrainingError", "There are 2 texts and 1 labels."],
    [
      "a label of another class",
      { texts: ["soft dress", "poor dress"], labels: [1, 2] },
      {},
      "TrainingError",
      "The label of row 1 is 2. Labels must be 0 or 1."
    ],
    [
      "a split that leaves nothing",
      { texts: ["soft dress", "poor dress"], labels: [1, 0] },
      { validationSplit: 0.9 },
      "TrainingError",
      "A validationSplit of 0.9 leaves none of the 2 rows to train on."
    ],
    [
      "texts of stop words",
      { texts: ["it is", "of the"], labels: [1, 0] },
      {},
      "VocabularyError",
      "None of the 2 texts has a word of at least two letters that is not a stop word."
    ],
    [
      "a rate that makes the loss grow without bound",
      data,
      { learningRate: 1e38, l2: 1e10 },
      "TrainingError",
      "The loss is NaN in epoch 1: the weights grew without bound. Lower learningRate."
    ],
    [
      "a rate that makes the weights grow without bound in the last step",
      data,
      { learningRate: 1e38, l2: 1e10, epochs: 1, batchSize: 1000 },
      "TrainingError",
      "A weight of hiddenKernel is -Infinity in epoch 1: the weights grew without bound. Lower learningRate."
    ]
  ] as const) {
    it.effect(`refuses ${what}`, () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(fitted({ ...quick, ...options }, labelled))
        assert.strictEqual(error._tag, tag)
        assert.strictEqual(error.message, message)
      })
    )
  }

  it.effect("leaves no tensors where it fails", () =>
    Effect.gen(function* () {
      const tf = yield* Tensorflow.tf
      const before = tf.memory().numTensors
      yield* Effect.flip(fitted({ ...quick, learningRate: 1e38, l2: 1e10 }))
      assert.strictEqual(tf.memory().numTensors, before)
    }).pipe(Effect.provide(layer))
  )

  it.effect.skipIf(!hasData)("makes of the tutorial's reviews a model as good as the reference's", () =>
    Effect.gen(function* () {
      const bands =
        fixture<{ readonly [figure in "testAccuracy" | "testRocAuc" | "trainLoss"]: { mean: number; sd: number } }>(
          "target-distribution"
        )
      const model = yield* fitted({}, yield* reviews("train"))
      const { accuracy, rocAuc } = yield* Nbow.evaluate(model, yield* reviews("valid"))
      for (const [figure, { mean, sd }] of [
        [accuracy, bands.testAccuracy],
        [rocAuc, bands.testRocAuc],
        [model.history[9]?.loss ?? 0, bands.trainLoss]
      ] as const) {
        assert.isBelow(Math.abs(figure - mean), 4 * sd)
      }
    })
  )
})

describe("Nbow.predict", () => {
  it.effect("scores as the tf.LayersModel does on dense counts", () =>
    Effect.gen(function* () {
      const model = yield* fitted()
      const tf = yield* Tensorflow.tf
      const layersModel = yield* Nbow.toLayersModel(model)
      assert.deepStrictEqual(
        layersModel.layers.map((layer) => layer.name),
        ["dropout", "hidden", "output"]
      )
      const dense = SparseMatrix.toDense(yield* CountVectorizer.transform(model.vectorizer, data.texts))
      const { output } = yield* Tensorflow.tensors(() => {
        const output = layersModel.predict(tf.tensor2d(dense.map((row) => [...row])))
        return { output: Array.isArray(output) ? output : [output] }
      })
      const expected = output[0]?.dataSync() ?? []
      const scores = yield* Nbow.predict(model, data.texts)
      for (const [i, score] of scores.entries()) assert.closeTo(score, expected[i] ?? -1, 1e-6)
    }).pipe(Effect.provide([layer, quiet]), Effect.scoped)
  )

  it.effect("gives a text without known terms what the biases say, and nothing for no texts", () =>
    Effect.gen(function* () {
      const model = yield* fitted()
      const [empty, unknown] = yield* Nbow.predict(model, ["", "zzz yyy"])
      assert.strictEqual(empty, unknown)
      assert.isTrue(Number.isFinite(empty))
      assert.deepStrictEqual(yield* Nbow.predict(model, []), new Float32Array(0))
    })
  )

  it.effect("scores a stream as it comes, even one without an end", () =>
    Effect.gen(function* () {
      const model = yield* fitted()
      const expected = yield* Nbow.predict(model, data.texts)
      const streamed = yield* Stream.runCollect(Nbow.predictStream(model, Stream.fromIterable(data.texts)))
      assert.deepStrictEqual(Float32Array.from(streamed), expected)
      const endless = Stream.fromIterable({
        *[Symbol.iterator]() {
          for (let i = 0; ; i++) yield data.texts[i % data.texts.length] ?? ""
        }
      })
      const some = yield* Stream.runCollect(Stream.take(Nbow.predictStream(model, endless), 1000))
      assert.strictEqual(some.length, 1000)
      assert.strictEqual(some[999], expected[999 % 400])
    })
  )

  it.effect("tells that there is one class only, where both are needed", () =>
    Effect.gen(function* () {
      const model = yield* fitted()
      const error = yield* Effect.flip(Nbow.evaluate(model, { texts: ["soft dress"], labels: [1] }))
      assert.strictEqual(error.reason, "class")
    })
  )
})

describe("Nbow.Model", () => {
  const Tensors = Artifact.tensors()

  it.effect("is stored and read back bit by bit", () =>
    Effect.gen(function* () {
      for (const options of [quick, { ...quick, validationSplit: 0 }, { ...quick, earlyStopping: { patience: 2 } }]) {
        const model = yield* fitted(options)
        const back = yield* roundTrip(Nbow.Model, model)
        assert.deepStrictEqual(back, model)
        assert.deepStrictEqual(yield* Nbow.predict(back, data.texts), yield* Nbow.predict(model, data.texts))
      }
    })
  )

  it.effect("is safetensors with the names of Keras", () =>
    Effect.gen(function* () {
      const { metadata, tensors } = yield* decode(Tensors, yield* encode(Nbow.Model, yield* fitted()))
      const shapes = Object.entries(tensors).map(([name, { dtype, shape }]) => [name, dtype, shape])
      assert.deepStrictEqual(shapes.sort(), [
        ["hidden/bias", "F32", [5]],
        ["hidden/kernel", "F32", [12, 5]],
        ["output/bias", "F32", [1]],
        ["output/kernel", "F32", [5, 1]]
      ])
      assert.deepStrictEqual(Object.keys(metadata).sort(), ["epoch", "format", "history", "options", "vocabulary"])
    })
  )

  type Contents = Artifact.Value<typeof Tensors>
  const f32 = (shape: ReadonlyArray<number>, value = 0) => ({
    dtype: "F32" as const,
    shape,
    data: new Float32Array(shape.reduce((product, size) => product * size, 1)).fill(value)
  })
  const withTensor =
    (name: string, tensor: Artifact.Tensor) =>
    (contents: Contents): Contents => ({
      ...contents,
      tensors: { ...contents.tensors, [name]: tensor }
    })
  const withMetadata =
    (name: string, change: (text: string) => string) =>
    (contents: Contents): Contents => ({
      ...contents,
      metadata: { ...contents.metadata, [name]: change(contents.metadata[name] ?? "") }
    })

  for (const [what, damage, message] of [
    [
      "a vocabulary that does not match its weights",
      withMetadata("vocabulary", (text) => text.replace('"awful",', "")),
      /the vocabulary has 11 terms, but the weights of the hidden layer are for 12/
    ],
    [
      "a term twice",
      withMetadata("vocabulary", (text) => text.replace('"awful"', '"cheap"')),
      /not in code point order or has a duplicate at "cheap"/
    ],
    [
      "weights of a wrong shape",
      withTensor("output/kernel", f32([6, 1])),
      /hiddenSize is 5, but the weights of output\/kernel are for 6/
    ],
    ["weights of another rank", withTensor("hidden/kernel", f32([60])), /hidden\/kernel/],
    [
      "a weight that is no number",
      withTensor("hidden/bias", f32([5], Number.NaN)),
      /a weight of hidden\/bias is not finite/
    ],
    ["tensors of something else", withMetadata("format", () => "pt"), /not an Nbow model/],
    [
      "options that make no sense",
      withMetadata("options", (text) => text.replace('"hiddenSize":5', '"hiddenSize":-5')),
      /greater than or equal to 1/
    ],
    ["metadata that are no JSON", withMetadata("history", () => "{"), /not valid JSON/]
  ] as const) {
    it.effect(`refuses ${what}`, () =>
      Effect.gen(function* () {
        const contents = yield* decode(Tensors, yield* encode(Nbow.Model, yield* fitted()))
        const error = yield* Effect.flip(decode(Nbow.Model, yield* encode(Tensors, damage(contents))))
        assert.strictEqual(error._tag, "CodecError")
        assert.match(error.message, message)
      })
    )
  }

  it.effect("can't be stored with weights that do not fit", () =>
    Effect.gen(function* () {
      const model = yield* fitted()
      const error = yield* Effect.flip(
        encode(Nbow.Model, { ...model, weights: { ...model.weights, hiddenKernel: new Float32Array(3) } })
      )
      assert.match(error.message, /hidden\/kernel of shape \[12, 5\] needs 60 numbers and has 3/)
    })
  )
})

/** The files of TensorFlow.js that a program of its own has loaded at its end. It has `Effect`, `Nbow` and `Tensorflow`. */
const loadedBy = async (program: string): Promise<ReadonlyArray<string>> => {
  const script = `
    import { createRequire } from "node:module"
    import * as Effect from "effect/Effect"
    import * as Schema from "effect/Schema"
    import { Nbow, Tensorflow } from "./src/nbow/index.ts"
    import { roundTrip } from "./test/support/codec.ts"
    ${program}
    const loaded = Object.keys(createRequire(import.meta.url).cache).filter((path) => path.includes("tensorflow"))
    console.log(JSON.stringify(loaded))
  `
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module-typescript", "-e", script], {
    cwd: join(import.meta.dirname, "../..")
  })
  return JSON.parse(stdout.slice(stdout.lastIndexOf("[")))
}

describe("effect-flow/nbow", () => {
  it("loads nothing of TensorFlow.js when it is imported, nor to read a model and score with it", async () => {
    const loaded = await loadedBy(`
      const model = {
        options: Schema.decodeUnknownSync(Nbow.Options)({ hiddenSize: 1 }),
        vectorizer: { options: {}, vocabulary: ["dress"] },
        weights: { hiddenKernel: Float32Array.of(1), hiddenBias: Float32Array.of(0), outputKernel: Float32Array.of(1), outputBias: Float32Array.of(0) },
        epoch: 1,
        history: []
      }
      const scored = Effect.flatMap(roundTrip(Nbow.Model, model), (read) => Nbow.predict(read, ["dress"]))
      await Effect.runPromise(Effect.provide(scored, Tensorflow.layer))
    `)
    assert.deepStrictEqual(loaded, [])
  })

  it("loads no layers of TensorFlow.js to train, and loads them for a model that has layers", async () => {
    const training = `
      const data = { texts: Array.from({ length: 40 }, (_, i) => (i % 2 ? "good dress" : "bad shoes")), labels: Array.from({ length: 40 }, (_, i) => i % 2) }
      const fitted = Nbow.fit(data, { epochs: 1 })
    `
    const run = (effect: string) =>
      `await Effect.runPromise(Effect.scoped(${effect}).pipe(Effect.provide(Tensorflow.layer)))`
    const isLayers = (path: string) => path.includes("tfjs-layers")
    const trained = await loadedBy(`${training}; ${run("fitted")}`)
    assert.isTrue(trained.some((path) => path.includes("tfjs-core")))
    assert.isFalse(trained.some(isLayers))
    const exported = await loadedBy(`${training}; ${run("Effect.flatMap(fitted, Nbow.toLayersModel)")}`)
    assert.isTrue(exported.some(isLayers))
  })
})
