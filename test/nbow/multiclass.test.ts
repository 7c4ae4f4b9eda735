/** Models of several classes, and weights of rows and classes: against TensorFlow.js's own training, stored, and refused. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { Artifact, Storage } from "effect-flow"
import { CountVectorizer, MulticlassNbow, Nbow, SparseMatrix, Tensorflow } from "effect-flow/nbow"
import * as Layers from "../../src/nbow/internal/layers.ts"
import * as NbowOptions from "../../src/nbow/internal/nbowOptions.ts"
import { decode, encode, roundTrip } from "../support/codec.ts"

const words = {
  sport: ["goal", "match", "team", "coach"],
  money: ["bank", "price", "share", "market"],
  food: ["soup", "bread", "spice", "oven"]
}
const names = Object.keys(words) as Array<keyof typeof words>

/** Texts about three topics, in turn. */
const topics = (rows: number): MulticlassNbow.Labelled & { readonly labels: ReadonlyArray<string> } => {
  const labels = Array.from({ length: rows }, (_, row) => names[row % 3] as keyof typeof words)
  const texts = labels.map((label, row) => {
    const other = words[names[(row + 1) % 3] as keyof typeof words]
    return [words[label][row % 4], words[label][(row * 7) % 4], other[(row * 5) % 4], "said"].join(" ")
  })
  return { texts, labels }
}

const data = topics(120)
const quick: Nbow.OptionsInput = { epochs: 15, hiddenSize: 6, vectorizer: { minDf: { count: 1 } }, learningRate: 0.02 }
const quiet = Layer.mergeAll(Tensorflow.layerWasm, Logger.layer([]))
const fitted = (options: MulticlassNbow.FitOptions = quick, given: MulticlassNbow.TrainingData = data) =>
  MulticlassNbow.fit(given, options).pipe(Effect.provide(quiet))

/** Without chance: TensorFlow.js takes the same steps. */
const exact: NbowOptions.OptionsInput = {
  ...quick,
  dropout: 0,
  shuffle: false,
  validationSplit: 0,
  epochs: 4,
  batchSize: 16
}

/** The same training by `Tensorflow.fit`, on dense values. */
const stock = Effect.fnUntraced(function* (
  given: NbowOptions.OptionsInput,
  classes: ReadonlyArray<number>,
  outputs: number,
  sampleWeight: ReadonlyArray<number> | undefined
) {
  const options = yield* NbowOptions.make(given)
  const { matrix } = yield* CountVectorizer.fitTransform(data.texts, NbowOptions.vectorizerOptions(options))
  const { tf } = yield* Tensorflow.load
  const model = Layers.of(tf, matrix.columns, options, Layers.begin(tf, matrix.columns, options, outputs))
  model.compile({
    optimizer: tf.train.adam(options.learningRate, 0.9, 0.999, 1e-7),
    loss: outputs === 1 ? "binaryCrossentropy" : "categoricalCrossentropy"
  })
  const xs = tf.tensor2d(SparseMatrix.toDense(matrix).map((row) => [...row]))
  const ys =
    outputs === 1
      ? tf.tensor2d(classes.map((one) => [one]))
      : tf.tensor2d(classes.map((one) => Array.from({ length: outputs }, (_, k) => (k === one ? 1 : 0))))
  const { batchSize, epochs } = options
  yield* Tensorflow.fit(model, {
    xs,
    ys,
    batchSize,
    epochs,
    shuffle: false,
    ...(sampleWeight === undefined ? {} : { sampleWeight })
  })
  const scores = (model.predict(xs) as typeof xs).dataSync<"float32">().slice() // of one output
  tf.dispose([xs, ys])
  model.dispose()
  return scores
})

const assertClose = (actual: ArrayLike<number>, expected: ArrayLike<number>) => {
  assert.strictEqual(actual.length, expected.length)
  for (let i = 0; i < expected.length; i++) assert.closeTo(actual[i] ?? Number.NaN, expected[i] ?? 0, 2e-4)
}

const numbers = data.labels.map((label) => ["food", "money", "sport"].indexOf(label))

describe("MulticlassNbow", () => {
  it.effect("goes with Tensorflow.fit on dense rows, and scores as the tf.LayersModel does", () =>
    Effect.gen(function* () {
      const model = yield* MulticlassNbow.fit(data, exact)
      assert.deepStrictEqual(model.classes, ["food", "money", "sport"])
      const { values } = yield* MulticlassNbow.predict(model, data.texts)
      assertClose(values, yield* stock(exact, numbers, 3, undefined))
      const { tf } = yield* Tensorflow.load
      const layersModel = yield* Nbow.toLayersModel(model)
      const dense = SparseMatrix.toDense(yield* CountVectorizer.transform(model.vectorizer, data.texts))
      const { output } = yield* Tensorflow.tensors(() => ({
        output: layersModel.predict(tf.tensor2d(dense.map((row) => [...row])))
      }))
      assertClose(values, Array.isArray(output) ? [] : output.dataSync())
    }).pipe(Effect.provide(quiet), Effect.scoped)
  )

  it.effect("warns of sorted classes where the last rows are held out", () =>
    Effect.gen(function* () {
      const warnings: Array<string> = []
      const logger = Logger.make(({ logLevel, message }) => {
        if (logLevel === "Warn") warnings.push(String(message))
      })
      const order = Array.from(data.labels.keys()).sort((a, b) => (numbers[a] ?? 0) - (numbers[b] ?? 0))
      const sorted = {
        texts: order.map((row) => data.texts[row] ?? ""),
        labels: order.map((row) => data.labels[row] ?? "")
      }
      yield* MulticlassNbow.fit(sorted, { ...quick, epochs: 1 }).pipe(
        Effect.provide(Layer.mergeAll(Tensorflow.layerWasm, Logger.layer([logger])))
      )
      assert.deepStrictEqual(warnings, [
        "The labels are sorted: all rows of a class are together. validationSplit holds out the last 24 of 120 rows, so " +
          "training and validation see different classes. Shuffle the rows first."
      ])
    })
  )

  it.effect("goes with Tensorflow.fit on dense rows with weights of rows and classes", () =>
    Effect.gen(function* () {
      const sampleWeight = data.texts.map((_, row) => (row % 5) / 2)
      const classWeight = { food: 3, sport: 0.5 }
      const combined = sampleWeight.map((weight, row) => weight * ([3, 1, 0.5][numbers[row] ?? 0] ?? 0))
      const model = yield* MulticlassNbow.fit({ ...data, sampleWeight }, { ...exact, classWeight })
      const { values } = yield* MulticlassNbow.predict(model, data.texts)
      assertClose(values, yield* stock(exact, numbers, 3, combined))

      const labels = numbers.map((one) => (one === 2 ? 1 : 0))
      const binary = yield* Nbow.fit({ texts: data.texts, labels, sampleWeight }, { ...exact, classWeight: "balanced" })
      const balanced = sampleWeight.map((weight, row) => weight * (labels[row] === 1 ? 120 / 80 : 120 / 160))
      assertClose(yield* Nbow.predict(binary, data.texts), yield* stock(exact, labels, 1, balanced))
    }).pipe(Effect.provide(quiet))
  )

  it.effect("weighs by TF-IDF and marks in training as in scoring", () =>
    Effect.gen(function* () {
      for (const vectorizer of [
        { tfidf: {} },
        { binary: true },
        { ngramRange: [1, 2] as const },
        { tokenizer: { locale: "en" } }
      ]) {
        const options = { ...exact, vectorizer: { minDf: { count: 1 }, ...vectorizer } } as const
        const labels = numbers.map((one) => (one === 2 ? 1 : 0))
        const model = yield* Nbow.fit({ texts: data.texts, labels }, options)
        const scores = yield* Nbow.predict(yield* roundTrip(Nbow.Model, model), data.texts)
        assertClose(scores, yield* stock(options, labels, 1, undefined))
      }
    }).pipe(Effect.provide(quiet))
  )

  it.effect("learns to tell topics apart, and is stored and read back bit by bit", () =>
    Effect.gen(function* () {
      const model = yield* fitted()
      const { accuracy, loss, macroF1 } = yield* MulticlassNbow.evaluate(model, data)
      assert.isAbove(accuracy, 0.9)
      assert.isAbove(macroF1, 0.9)
      assert.isBelow(loss, 0.5)
      const { labels, probabilities } = yield* MulticlassNbow.classify(model, data.texts)
      assert.strictEqual(labels.filter((label, row) => label === data.labels[row]).length, accuracy * 120)
      for (let row = 0; row < 120; row++) {
        const sum = probabilities.values.subarray(3 * row, 3 * row + 3).reduce((total, value) => total + value, 0)
        assert.closeTo(sum, 1, 1e-6)
      }
      const back = yield* roundTrip(MulticlassNbow.Model, model)
      assert.deepStrictEqual(back, model)
    })
  )

  it.effect("is not read as a model of two labels, nor the other way around", () =>
    Effect.gen(function* () {
      const model = yield* fitted({ ...quick, epochs: 1 })
      const error = yield* Effect.flip(decode(Nbow.Model, yield* encode(MulticlassNbow.Model, model)))
      assert.include(error.message, "the model is for 3 classes: read it as MulticlassNbow.Model")
      const labels = numbers.map((one) => (one === 2 ? 1 : 0))
      const binary = yield* Nbow.fit({ texts: data.texts, labels }, { ...quick, epochs: 1 }).pipe(Effect.provide(quiet))
      const other = yield* Effect.flip(decode(MulticlassNbow.Model, yield* encode(Nbow.Model, binary)))
      assert.include(other.message, "the model is for two labels: read it as Nbow.Model")
    })
  )

  it.effect("explains the most probable class, or another, and lists the strongest terms of each", () =>
    Effect.gen(function* () {
      const model = yield* fitted()
      const text = "the team and the coach at the bank"
      const { class: name, score, terms } = yield* MulticlassNbow.explain(model, text)
      assert.strictEqual(name, "sport")
      assert.deepStrictEqual(terms.map(({ term }) => term).sort(), ["bank", "coach", "team"])
      const [sports] = (yield* MulticlassNbow.predict(model, [text])).values.slice(2)
      assert.closeTo(score, sports ?? 0, 1e-6)
      const money = yield* MulticlassNbow.explain(model, text, { class: "money" })
      const bank = money.terms.find(({ term }) => term === "bank")
      assert.isAbove(bank?.effect ?? 0, 0)
      for (const { class: topic, terms } of MulticlassNbow.topTerms(model, { limit: 4 })) {
        assert.deepStrictEqual(terms.map(({ term }) => term).sort(), words[topic as keyof typeof words].toSorted())
      }
      const unknown = yield* Effect.flip(MulticlassNbow.explain(model, text, { class: "art" }))
      assert.strictEqual(unknown.message, 'class: the model has no class "art". Its classes are food, money, sport.')
    })
  )

  it.effect("learns from a dataset as from the same texts in memory", () =>
    Effect.gen(function* () {
      const sampleWeight = data.texts.map((_, row) => 1 + (row % 2))
      const Topics = Artifact.dataset({ text: Schema.String, topic: Schema.String, weight: Schema.Number })
      const columns = { text: data.texts, topic: data.labels, weight: sampleWeight }
      const dataset = yield* Topics.write(Stream.make({ numRows: 120, columns }))
      const given = { dataset, texts: "text", labels: "topic", sampleWeight: "weight" } as const
      const model = yield* MulticlassNbow.fit(given, quick)
      assert.deepStrictEqual(model, yield* MulticlassNbow.fit({ ...data, sampleWeight }, quick))
      const { values } = yield* MulticlassNbow.predict(model, { dataset, texts: "text" })
      assert.deepStrictEqual(values, (yield* MulticlassNbow.predict(model, data.texts)).values)
    }).pipe(Effect.provide(Layer.mergeAll(Storage.layerMemory, quiet)))
  )

  for (const [what, given, options, message] of [
    ["labels of one class", { labels: ["a", "a"] }, {}, "All 2 labels are a: there is nothing to distinguish."],
    [
      "a null label",
      { labels: ["a", null] },
      {},
      "The label of row 1 is null. Labels must be texts or finite numbers."
    ],
    [
      "a label that is no class",
      { labels: ["a", "c"] },
      { classes: ["a", "b"] },
      'The label of row 1 is "c". The classes are "a", "b".'
    ],
    [
      "a class twice",
      { labels: ["a", "b"] },
      { classes: ["a", "b", "a"] },
      'MulticlassNbow.fit: option classes: "a" is there twice'
    ],
    [
      "a weight of a class that is none",
      { labels: ["a", "b"] },
      { classWeight: { c: 2 } },
      'MulticlassNbow.fit: option classWeight: there is no class "c": the classes are a, b'
    ],
    [
      "a NaN weight",
      { labels: ["a", "b"], sampleWeight: [1, Number.NaN] },
      {},
      "MulticlassNbow.fit: option sampleWeight: the weight of row 1 is NaN, expected a number of at least 0"
    ],
    [
      "a weight too few",
      { labels: ["a", "b"], sampleWeight: [1] },
      {},
      "MulticlassNbow.fit: option sampleWeight: there are 1 weights for 2 rows"
    ],
    [
      "weights that are all 0",
      { labels: ["a", "b"], sampleWeight: [0, 0] },
      {},
      "MulticlassNbow.fit: option sampleWeight: the weights of all 2 rows to train on are 0"
    ],
    [
      "weights among the options",
      { labels: ["a", "b"] },
      { sampleWeight: [1, 2] },
      "MulticlassNbow.fit: option sampleWeight: the weights of rows are data: pass them beside texts and labels"
    ]
  ] as const) {
    it.effect(`refuses ${what}`, () =>
      Effect.gen(function* () {
        const texts = ["soft dress", "poor dress"]
        const all = { validationSplit: 0, ...options } as MulticlassNbow.FitOptions // some are not type-checked
        const error = yield* Effect.flip(
          fitted(all, { texts, ...(given as unknown as { readonly labels: ReadonlyArray<string> }) })
        )
        assert.strictEqual(error.message, message)
      })
    )
  }
})
