/** The evaluation card: what it shows is what the model and the data are. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Schema from "effect/Schema"
import { ArtifactStore, Card, Flow, RunStore, Step, Storage } from "effect-flow"
import { BinaryMetrics, MulticlassNbow, Nbow, Tensorflow } from "effect-flow/nbow"
import { toy } from "./fixtures.ts"

const data = toy(400)
const fitted = (options: Nbow.OptionsInput) =>
  Nbow.fit(data, { hiddenSize: 5, vectorizer: { minDf: { count: 1 } }, ...options }).pipe(
    Effect.provide([Tensorflow.layerWasm, Logger.layer([])])
  )

/** What a task that shows it has on its card. */
const shown = (model: Nbow.Model, labelled: Nbow.Labelled, options: Nbow.CardOptions = {}) =>
  cardOf(Nbow.evaluationCard(model, labelled, { title: "How well", labels: ["bad", "good"], ...options }))

/** What a task has on its card. */
const cardOf = Effect.fnUntraced(function* <E>(evaluate: Effect.Effect<void, E, Tensorflow.Tensorflow>) {
  const show = Step.make("show", {
    error: BinaryMetrics.MetricsError,
    run: () => Effect.provide(Effect.orDie(evaluate), Tensorflow.layerWasm)
  })
  const flow = Flow.make("Shown", { steps: [show], run: () => show() })
  const { id } = yield* Flow.run(flow, {})
  const [card] = yield* (yield* RunStore.RunStore).cards({ run: id })
  const bytes = yield* (yield* ArtifactStore.ArtifactStore).get(card?.digest ?? "")
  const { components } = yield* Schema.decodeUnknownEffect(Schema.fromJsonString(Card.Card))(
    new TextDecoder().decode(bytes)
  )
  return components
})

describe("Nbow.evaluationCard", () => {
  it.effect("shows figures, curves, confusion and words", () =>
    Effect.gen(function* () {
      const model = yield* fitted({ epochs: 12 })
      const components = yield* shown(model, data)
      assert.deepStrictEqual(
        components.map(({ _tag }) => _tag),
        ["Markdown", "Line", "Line", "Line", "Line", "Line", "Heatmap", "Table", "Table"]
      )
      const [figures, loss, accuracy, roc, pr, calibration, confusion, thresholds, words] = components
      const { accuracy: right, rocAuc } = yield* Nbow.evaluate(model, data)
      assert(figures?._tag === "Markdown")
      assert.include(figures.text, "# How well")
      assert.include(figures.text, `${(right * 100).toFixed(2)}% | ${rocAuc.toFixed(4)}`)

      assert(loss?._tag === "Line" && accuracy?._tag === "Line")
      assert.deepStrictEqual(
        loss.series[0]?.y,
        model.history.map((epoch) => epoch.loss)
      )
      assert.deepStrictEqual(
        accuracy.series[1]?.y,
        model.history.map((epoch) => epoch.valAccuracy ?? null)
      )

      assert(roc?._tag === "Line")
      const [curve, chance] = roc.series
      assert.deepStrictEqual([curve?.x[0], curve?.y[0], curve?.x.at(-1), curve?.y.at(-1)], [0, 0, 1, 1])
      assert.isAtMost(curve?.x.length ?? 0, 202)
      assert.isTrue(chance?.dashed)

      assert(pr?._tag === "Line" && calibration?._tag === "Line")
      assert.match(pr.title ?? "", /^Precision-recall curve, average precision [01]\.\d{4}$/)
      assert.deepStrictEqual([pr.series[0]?.x[0], pr.series[0]?.y[0]], [0, 1])
      assert.match(calibration.title ?? "", /^Calibration, Brier score 0\.\d{4}$/)
      const best = yield* Nbow.classify(model, [], { by: "f1", on: data })
      assert(thresholds?._tag === "Table")
      assert.lengthOf(thresholds.rows, 10)
      const marked = thresholds.rows.find((row) => String(row[0]).includes("best F1"))
      assert.strictEqual(marked?.[0], `${best.threshold.toFixed(3)} (best F1)`)

      assert(confusion?._tag === "Heatmap")
      assert.deepStrictEqual(confusion.rows, ["good", "bad"])
      const [[tp = 0, fn = 0] = [], [fp = 0, tn = 0] = []] = confusion.values
      assert.strictEqual(Number(tp) + Number(fn) + Number(fp) + Number(tn), 400)
      assert.closeTo((Number(tp) + Number(tn)) / 400, right, 1e-12)

      // A word that stands alone is scored as its effect says.
      assert(words?._tag === "Table")
      const scores = yield* Nbow.predict(model, [
        "",
        ...words.rows.map((row) => String(row[0])),
        ...words.rows.map((row) => String(row[2]))
      ])
      const logit = (p: number) => Math.log(p / (1 - p))
      const none = logit(scores[0] ?? 0)
      words.rows.forEach((row, i) => {
        assert.closeTo(logit(scores[1 + i] ?? 0) - none, Number(row[1]), 2e-3)
        assert.closeTo(logit(scores[1 + words.rows.length + i] ?? 0) - none, Number(row[3]), 2e-3)
      })
      const effects = words.rows.map((row) => Number(row[1]))
      assert.deepStrictEqual(
        effects,
        effects.toSorted((a, b) => b - a)
      )
    }).pipe(Effect.provide(Storage.layerMemory))
  )

  it.effect("has no curves of a training that has none, and no validation where there was none", () =>
    Effect.gen(function* () {
      const once = yield* shown(yield* fitted({ epochs: 1 }), data)
      assert.deepStrictEqual(
        once.map(({ _tag }) => _tag),
        ["Markdown", "Line", "Line", "Line", "Heatmap", "Table", "Table"]
      )
      const [, loss] = yield* shown(yield* fitted({ epochs: 2, validationSplit: 0 }), data)
      assert(loss?._tag === "Line")
      assert.strictEqual(loss.series.length, 1)
    }).pipe(Effect.provide(Storage.layerMemory))
  )

  it.effect("divides rows by the values of columns", () =>
    Effect.gen(function* () {
      const model = yield* fitted({ epochs: 12 })
      const brand = data.texts.map((_, row) => (row % 3 === 0 ? "Acme" : row % 3 === 1 ? "Globex" : null))
      const price = data.texts.map((_, row) => row / 10)
      const components = yield* shown(model, data, { slices: { brand, price } })
      const [byBrand, byPrice] = components.slice(-2)
      assert(byBrand?._tag === "Table" && byPrice?._tag === "Table")
      assert.strictEqual(byBrand.title, "By brand")
      assert.deepStrictEqual(
        byBrand.rows.map(([name, rows]) => [name, rows]),
        [
          ["Acme", 134],
          ["Globex", 133],
          ["(no value)", 133]
        ]
      )
      const ofAcme = data.texts.flatMap((text, row) => (row % 3 === 0 ? [{ text, label: data.labels[row] ?? 0 }] : []))
      const { accuracy, rocAuc } = yield* Nbow.evaluate(model, {
        texts: ofAcme.map(({ text }) => text),
        labels: ofAcme.map(({ label }) => label)
      })
      assert.deepStrictEqual([byBrand.rows[0]?.[3], byBrand.rows[0]?.[7]], [accuracy.toFixed(3), rocAuc.toFixed(3)])
      assert.deepStrictEqual(
        byPrice.rows.map(([name, rows]) => [name, rows]),
        [
          ["≤ 9.9", 100],
          ["> 9.9 to 19.9", 100],
          ["> 19.9 to 29.9", 100],
          ["> 29.9 to 39.9", 100]
        ]
      )
      const error = yield* Effect.flip(Nbow.evaluationCard(model, data, { slices: { price: [1, 2] } }))
      assert.strictEqual(error.message, "Nbow.evaluationCard: option slices.price: there are 2 values for 400 rows")
    }).pipe(Effect.provide(Storage.layerMemory))
  )

  it.effect("shows a model of several classes", () =>
    Effect.gen(function* () {
      const labels = data.labels as ReadonlyArray<number>
      const kinds = labels.map((label, row) => (label === 1 ? "good" : row % 2 === 0 ? "bad" : "worse"))
      const given = { texts: data.texts, labels: kinds }
      const options = { epochs: 8, vectorizer: { minDf: { count: 1 } } }
      const model = yield* MulticlassNbow.fit(given, options).pipe(
        Effect.provide([Tensorflow.layerWasm, Logger.layer([])])
      )
      const components = yield* cardOf(
        Nbow.evaluationCard(model, given, { slices: { half: kinds.map((_, i) => i % 2) } })
      )
      assert.deepStrictEqual(
        components.map(({ _tag }) => _tag),
        ["Markdown", "Line", "Line", "Heatmap", "Table", "Line", "Table", "Table"]
      )
      const [figures, , , confusion, classes, roc, slices, words] = components
      assert(figures?._tag === "Markdown" && confusion?._tag === "Heatmap" && roc?._tag === "Line")
      assert(classes?._tag === "Table" && slices?._tag === "Table" && words?._tag === "Table")
      const { accuracy, macroF1 } = yield* MulticlassNbow.evaluate(model, given)
      assert.include(figures.text, `| ${(accuracy * 100).toFixed(2)}% | ${macroF1.toFixed(4)} |`)
      assert.deepStrictEqual(confusion.rows, ["bad", "good", "worse"])
      assert.deepStrictEqual(
        classes.rows.map(([name]) => name),
        ["bad", "good", "worse"]
      )
      assert.lengthOf(roc.series, 4)
      assert.lengthOf(slices.rows, 2)
      assert.deepStrictEqual(words.columns, ["bad", "good", "worse"])
    }).pipe(Effect.provide(Storage.layerMemory))
  )

  it.effect("shows any tf.LayersModel that gives probabilities", () =>
    Effect.gen(function* () {
      const tf = yield* Tensorflow.tf
      const { xs } = yield* Tensorflow.tensors(() => ({ xs: tf.randomUniform([60, 4], -1, 1, "float32", 7) }))
      const values = xs.dataSync()
      const of = (units: number, activation: "sigmoid" | "softmax" | "linear") =>
        tf.sequential({
          layers: [
            tf.layers.dense({
              units,
              activation,
              inputShape: [4],
              kernelInitializer: tf.initializers.glorotUniform({ seed: 2 })
            })
          ]
        })
      const labels = Array.from({ length: 60 }, (_, row) => ((values[4 * row] ?? 0) > 0 ? 1 : 0))
      const binary = ["Markdown", "Line", "Line", "Line", "Heatmap", "Table"]
      const tags = (components: ReadonlyArray<Card.Component>) => components.map(({ _tag }) => _tag)
      const before = tf.memory().numTensors
      const [one, two, three] = [of(1, "sigmoid"), of(2, "softmax"), of(3, "softmax")]
      assert.deepStrictEqual(tags(yield* cardOf(Nbow.evaluationCard(one, { xs, labels }))), binary)
      assert.deepStrictEqual(tags(yield* cardOf(Nbow.evaluationCard(two, { xs, labels }))), binary)
      const kinds = labels.map((label, row) => (row % 5 === 0 ? 2 : label))
      const several = yield* cardOf(Nbow.evaluationCard(three, { xs, labels: kinds }, { title: "Three" }))
      assert.deepStrictEqual(tags(several), ["Markdown", "Heatmap", "Table", "Line"])
      const names = kinds.map((kind) => ["no", "yes", "maybe"][kind] ?? "")
      const named = { xs, labels: names, classes: ["no", "yes", "maybe"] }
      const [, heatmap] = yield* cardOf(Nbow.evaluationCard(three, named))
      assert(heatmap?._tag === "Heatmap")
      assert.deepStrictEqual(heatmap.rows, ["no", "yes", "maybe"])
      const linear = of(1, "linear")
      const error = yield* Effect.flip(Nbow.evaluationCard(linear, { xs, labels }))
      assert.include(error.message, "It must be a probability, from 0 to 1.")
      const wrong = yield* Effect.flip(Nbow.evaluationCard(one, { xs: tf.reshape(xs, [30, 8]), labels }))
      assert.strictEqual(wrong._tag, "TrainingError")
      assert.include(wrong.message, "could not score the rows")
      for (const model of [one, two, three, linear]) model.dispose()
      assert.isAtMost(tf.memory().numTensors, before + 1)
    }).pipe(Effect.provide([Storage.layerMemory, Tensorflow.layerWasm, Logger.layer([])]), Effect.scoped)
  )

  it.effect("fails, as the evaluation does, on labels of one class", () =>
    Effect.gen(function* () {
      const model = yield* fitted({ epochs: 1 })
      const error = yield* Effect.flip(Nbow.evaluationCard(model, { texts: ["a", "b"], labels: [1, 1] }))
      assert.strictEqual(error.reason, "class")
    })
  )
})
