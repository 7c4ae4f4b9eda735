/** The evaluation card: what it shows is what the model and the data are. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Schema from "effect/Schema"
import { ArtifactStore, Card, Flow, RunStore, Step, Storage } from "effect-flow"
import { BinaryMetrics, Nbow, Tensorflow } from "effect-flow/nbow"
import { toy } from "./fixtures.ts"

const data = toy(400)
const fitted = (options: Nbow.OptionsInput) =>
  Nbow.fit(data, { hiddenSize: 5, vectorizer: { minDf: { count: 1 } }, ...options }).pipe(
    Effect.provide([Tensorflow.layerWasm, Logger.layer([])])
  )

/** What a task that shows it has on its card. */
const shown = Effect.fnUntraced(function* (model: Nbow.Model, labelled: Nbow.Labelled) {
  const show = Step.make("show", {
    error: BinaryMetrics.MetricsError,
    run: () => Nbow.evaluationCard(model, labelled, { title: "How well", labels: ["bad", "good"] })
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
        ["Markdown", "Line", "Line", "Line", "Heatmap", "Table"]
      )
      const [figures, loss, accuracy, roc, confusion, words] = components
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
        ["Markdown", "Line", "Heatmap", "Table"]
      )
      const [, loss] = yield* shown(yield* fitted({ epochs: 2, validationSplit: 0 }), data)
      assert(loss?._tag === "Line")
      assert.strictEqual(loss.series.length, 1)
    }).pipe(Effect.provide(Storage.layerMemory))
  )

  it.effect("fails, as the evaluation does, on labels of one class", () =>
    Effect.gen(function* () {
      const model = yield* fitted({ epochs: 1 })
      const error = yield* Effect.flip(Nbow.evaluationCard(model, { texts: ["a", "b"], labels: [1, 1] }))
      assert.strictEqual(error.reason, "class")
    })
  )
})
