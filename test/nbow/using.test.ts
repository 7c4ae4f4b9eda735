/** What is done with a trained model: labels by a threshold, effects of words, learning curves, and reading it again. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import { Artifact } from "effect-flow"
import { BinaryMetrics, CountVectorizer, Nbow, Tensorflow } from "effect-flow/nbow"
import * as fc from "fast-check"
import { decode, encode, roundTrip } from "../support/codec.ts"
import { toy } from "./fixtures.ts"

const data = toy(400)
const quiet = Layer.mergeAll(Tensorflow.layerWasm, Logger.layer([]))
const quick: Nbow.OptionsInput = { epochs: 10, hiddenSize: 5, vectorizer: { minDf: { count: 1 } } }
const fitted = (options: Nbow.OptionsInput = {}) => Nbow.fit(data, { ...quick, ...options }).pipe(Effect.provide(quiet))
const logit = (p: number) => Math.log(p / (1 - p))

describe("BinaryMetrics.bestThreshold", () => {
  const rows = fc.array(fc.tuple(fc.constantFrom(0, 1), fc.constantFrom(0, 0.1, 0.25, 0.5, 0.7, 1)), { minLength: 1 })

  it("is as good as any threshold, and gives the value that it says", () =>
    fc.assert(
      fc.asyncProperty(rows, fc.nat(5), fc.nat(5), (drawn, falsePositive, falseNegative) =>
        Effect.runPromise(
          Effect.gen(function* () {
            const labels = drawn.map(([label]) => label)
            const scores = drawn.map(([, score]) => score)
            const cost = (threshold: number) =>
              Effect.map(
                BinaryMetrics.confusionMatrix(labels, scores, threshold),
                (m) => (m.falsePositives * falsePositive + m.falseNegatives * falseNegative) / labels.length
              )
            const candidates = [-1, 0, 0.05, 0.1, 0.2, 0.25, 0.3, 0.5, 0.6, 0.7, 0.9, 1]
            const byF1 = yield* BinaryMetrics.bestThreshold(labels, scores, "f1")
            const byCost = yield* BinaryMetrics.bestThreshold(labels, scores, { falsePositive, falseNegative })
            assert.closeTo(yield* BinaryMetrics.f1(labels, scores, byF1.threshold), byF1.value, 1e-12)
            assert.closeTo(yield* cost(byCost.threshold), byCost.value, 1e-12)
            for (const candidate of candidates) {
              assert.isAtMost(yield* BinaryMetrics.f1(labels, scores, candidate), byF1.value + 1e-12)
              assert.isAtLeast(yield* cost(candidate), byCost.value - 1e-12)
            }
          })
        )
      ),
      { numRuns: 200 }
    ))

  it.effect("refuses NaN scores and costs that can't be", () =>
    Effect.gen(function* () {
      const nan = yield* Effect.flip(BinaryMetrics.bestThreshold([0, 1], [0.1, Number.NaN], "f1"))
      assert.strictEqual(nan.message, "The score of row 1 is NaN.")
      const costs = { falsePositive: 1, falseNegative: Number.NaN }
      const cost = yield* Effect.flip(BinaryMetrics.bestThreshold([0, 1], [0.1, 0.2], costs))
      assert.strictEqual(
        cost.message,
        'by: expected "f1", or the costs falsePositive and falseNegative; falseNegative is NaN.'
      )
    })
  )
})

describe("Nbow.classify", () => {
  it.effect("labels by 0.5, by a threshold, and by the best one for labelled texts", () =>
    Effect.gen(function* () {
      const model = yield* fitted({ epochs: 2 })
      const scores = yield* Nbow.predict(model, data.texts)
      for (const threshold of [undefined, 0.2, 0.8]) {
        const options = threshold === undefined ? {} : { threshold }
        const classified = yield* Nbow.classify(model, data.texts, options)
        assert.deepStrictEqual(classified.scores, scores)
        assert.strictEqual(classified.threshold, threshold ?? 0.5)
        assert.deepStrictEqual(
          classified.labels,
          Array.from(scores, (score) => (score > (threshold ?? 0.5) ? 1 : 0))
        )
      }
      const best = yield* BinaryMetrics.bestThreshold(data.labels, scores, "f1")
      const byF1 = yield* Nbow.classify(model, data.texts, { by: "f1", on: data })
      assert.strictEqual(byF1.threshold, best.threshold)
      const careful = { by: "cost", on: data, falsePositive: 10, falseNegative: 1 } as const
      const eager = { by: "cost", on: data, falsePositive: 1, falseNegative: 10 } as const
      const { threshold: high } = yield* Nbow.classify(model, [], careful)
      const { threshold: low } = yield* Nbow.classify(model, [], eager)
      assert.isAbove(high, low)
    })
  )

  it.effect("refuses thresholds, costs and texts that can't be", () =>
    Effect.gen(function* () {
      const model = yield* fitted({ epochs: 1 })
      const refused = (options: unknown) =>
        Effect.map(
          Effect.flip(Nbow.classify(model, ["good"], options as Nbow.ClassifyOptions)), // not type-checked
          ({ message }) => message
        )
      assert.strictEqual(yield* refused({ threshold: Number.NaN }), "The threshold is NaN. It must be a number.")
      assert.strictEqual(
        yield* refused({ by: "recall" }),
        'Nbow.classify: option by: expected "f1" or "cost", got "recall"'
      )
      assert.strictEqual(
        yield* refused({ by: "f1" }),
        "Nbow.classify: option on: expected labelled texts to choose the threshold on"
      )
      assert.include(yield* refused({ by: "cost", on: data, falsePositive: -1 }), "falsePositive is -1")
      assert.strictEqual(
        yield* refused({ by: "f1", on: { texts: ["a", null], labels: [0, 1] } }),
        "The text of row 1 is null. Texts must be strings."
      )
    })
  )
})

describe("Nbow.explain", () => {
  it.effect("gives the effect of each term: how much lower the log-odds were without it", () =>
    Effect.gen(function* () {
      for (const vectorizer of [{}, { binary: true }, { tfidf: {} }]) {
        const model = yield* fitted({ vectorizer: { ...quick.vectorizer, ...vectorizer } })
        const text = "lovely dress lovely but cheap, unheard-of"
        const { baseline, logOdds, score, terms } = yield* Nbow.explain(model, text)
        const [whole = 0, none = 0, withoutLovely = 0] = yield* Nbow.predict(model, [text, "", "dress but cheap"])
        assert.closeTo(score, whole, 1e-6)
        assert.closeTo(logOdds, logit(whole), 1e-5)
        assert.closeTo(baseline, logit(none), 1e-5)
        assert.deepStrictEqual(terms.map(({ term }) => term).sort(), ["cheap", "dress", "lovely"])
        const lovely = terms.find(({ term }) => term === "lovely")
        assert.strictEqual(lovely?.count, 2)
        assert.closeTo(lovely?.effect ?? 0, logit(whole) - logit(withoutLovely), 1e-5)
        const sizes = terms.map(({ effect }) => Math.abs(effect))
        assert.deepStrictEqual(
          sizes,
          sizes.toSorted((a, b) => b - a)
        )
      }
    })
  )

  it.effect("lists the strongest terms for each label", () =>
    Effect.gen(function* () {
      const model = yield* fitted({ epochs: 30 })
      const { negative, positive } = Nbow.topTerms(model, { limit: 3 })
      assert.lengthOf(positive, 3)
      const [none = 0, first = 0, last = 0] = yield* Nbow.predict(model, [
        "",
        positive[0]?.term ?? "",
        negative[0]?.term ?? ""
      ])
      assert.closeTo(positive[0]?.effect ?? 0, logit(first) - logit(none), 1e-5)
      assert.closeTo(negative[0]?.effect ?? 0, logit(last) - logit(none), 1e-5)
      assert.isAbove(positive[0]?.effect ?? 0, positive[2]?.effect ?? 1)
      assert.isBelow(negative[0]?.effect ?? 0, negative[2]?.effect ?? -1)
      const text = (yield* Nbow.explain(model, "nothing known")).terms
      assert.deepStrictEqual(text, [])
    })
  )
})

describe("Nbow.learningCurve", () => {
  it.effect("evaluates models of growing parts", () =>
    Effect.gen(function* () {
      const test = toy(100)
      const curve = yield* Nbow.learningCurve(
        data,
        test,
        { ...quick, validationSplit: 0 },
        { fractions: [0.1, 0.5, 1] }
      )
      assert.deepStrictEqual(
        curve.map(({ rows }) => rows),
        [40, 200, 400]
      )
      assert.isAbove(curve[2]?.test.rocAuc ?? 0, 0.8)
      const error = yield* Effect.flip(Nbow.learningCurve(data, test, quick, { fractions: [0, 1] }))
      assert.strictEqual(
        error.message,
        "Nbow.learningCurve: option fractions: expected numbers above 0 and at most 1, got 0"
      )
    }).pipe(Effect.provide(quiet))
  )
})

describe("a stored model", () => {
  const Tensors = Artifact.tensors()

  it.effect("has the first format unless it uses something newer, and an unknown option is refused by name", () =>
    Effect.gen(function* () {
      const formatOf = (options: Nbow.OptionsInput) =>
        Effect.flatMap(fitted({ epochs: 1, ...options }), (model) =>
          Effect.map(
            Effect.flatMap(encode(Nbow.Model, model), (bytes) => decode(Tensors, bytes)),
            ({ metadata }) => metadata
          )
        )
      assert.strictEqual((yield* formatOf({})).format, "effect-flow/nbow/1")
      const later = yield* formatOf({ vectorizer: { ...quick.vectorizer, ngramRange: [1, 2], tfidf: {} } })
      assert.strictEqual(later.format, "effect-flow/nbow/2")
      assert.strictEqual(JSON.parse(later.idf ?? "").length, JSON.parse(later.vocabulary ?? "").length)
      assert.strictEqual((yield* formatOf({ classWeight: "balanced" })).format, "effect-flow/nbow/2")
      const contents = yield* decode(Tensors, yield* encode(Nbow.Model, yield* fitted({ epochs: 1 })))
      for (const [option, change] of [
        ["subwords", { subwords: 3 }],
        ["vectorizer.analyzer", { vectorizer: { analyzer: "char" } }]
      ] as const) {
        const old = JSON.parse(contents.metadata.options ?? "") as { readonly vectorizer: object }
        const options = {
          ...old,
          ...change,
          vectorizer: { ...old.vectorizer, ...("vectorizer" in change ? change.vectorizer : {}) }
        }
        const metadata = { ...contents.metadata, format: "effect-flow/nbow/2", options: JSON.stringify(options) }
        const error = yield* Effect.flip(decode(Nbow.Model, yield* encode(Tensors, { ...contents, metadata })))
        assert.strictEqual(
          error.message,
          `the model has the option ${option}, which this version of effect-flow does not know: update effect-flow`
        )
      }
    })
  )

  it.effect("of the first version is read, scores as it did, and is stored in the same bytes", () =>
    Effect.gen(function* () {
      const bytes = readFileSync(join(import.meta.dirname, "../fixtures/nbow-1.safetensors"))
      const model = yield* decode(Nbow.Model, bytes)
      const scores = yield* Nbow.predict(model, ["lovely dress", "poor cheap shirt", ""])
      assert.deepStrictEqual(Array.from(scores), [0.5818324089050293, 0.5049104690551758, 0.4988444745540619])
      assert.isTrue(bytes.equals(yield* encode(Nbow.Model, model)))
      // With another digest, tasks of earlier runs would not be taken over.
      assert.strictEqual(
        Nbow.Model.description().digest,
        "d8b181696594d22199173ad3602a43c1d7c3fd81286011e98a671a5a048b4014"
      )
    })
  )

  it.effect("needs its tokenizer where it is read", () =>
    Effect.gen(function* () {
      const tokenizer = CountVectorizer.tokenizer("halves", (text) => text.split("/"))
      const texts = ["it's/soft", "it's/poor", "so/soft", "so/poor"]
      const options = { ...quick, validationSplit: 0, vectorizer: { minDf: { count: 1 }, stopWords: null, tokenizer } }
      const model = yield* Nbow.fit({ texts, labels: [1, 0, 1, 0] }, options as Nbow.OptionsInput)
      assert.deepStrictEqual(model.vectorizer.vocabulary, ["it's", "poor", "so", "soft"])
      assert.deepStrictEqual(yield* roundTrip(Nbow.Model, model), model)
      const bytes = yield* encode(Nbow.Model, model)
      const contents = yield* decode(Tensors, bytes)
      const unknown = contents.metadata.options?.replace("halves", "thirds") ?? ""
      const metadata = { ...contents.metadata, options: unknown }
      const error = yield* Effect.flip(decode(Nbow.Model, yield* encode(Tensors, { ...contents, metadata })))
      assert.strictEqual(
        error.message,
        'the tokenizer "thirds" is not defined in this program: call CountVectorizer.tokenizer("thirds", …) at the top of ' +
          "a module that it imports"
      )
    }).pipe(Effect.provide(quiet))
  )
})

describe("tokenizers", () => {
  it.effect("split languages without spaces", () =>
    Effect.gen(function* () {
      const { vocabulary } = yield* CountVectorizer.fit(["とても良いドレスです", "このドレスは良い"], {
        tokenizer: { locale: "ja" }
      })
      assert.include(vocabulary, "ドレス")
      assert.include(vocabulary, "良い")
    })
  )

  it.effect("are refused by name where they can't be used", () =>
    Effect.gen(function* () {
      const refused = (tokenizer: { readonly locale: string } | { readonly name: string }) =>
        Effect.map(Effect.flip(CountVectorizer.fit(["soft dress"], { tokenizer })), ({ message }) => message)
      assert.strictEqual(
        yield* refused({ locale: "no such language" }),
        'CountVectorizer: option tokenizer: "no such language" is not a language that Intl.Segmenter knows, such as "ja"'
      )
      assert.include(yield* refused({ name: "nobody's" }), 'the tokenizer "nobody\'s" is not defined in this program')
      const broken = CountVectorizer.tokenizer("broken", (text) => (text === "b" ? [text, 3 as never] : [text]))
      const error = yield* Effect.flip(CountVectorizer.fit(["a", "b"], { tokenizer: broken }))
      assert.strictEqual(
        error.message,
        'The text of row 1 can\'t be split: the tokenizer "broken" returned 3. It must return a list of strings.'
      )
    })
  )

  for (const [options, message] of [
    [{ ngramRange: [2, 1] }, "option ngramRange: expected the smaller number first, got an array of 2"],
    [{ ngramRange: [0, 1] }, "option ngramRange.0: expected a value greater than or equal to 1, got 0"],
    [{ tfidf: { norm: "max" } }, 'option tfidf.norm: expected "l1" or "l2", got "max"'],
    [{ tfidf: { smooth: true } }, "option tfidf.smooth: there is no such option"],
    [{ binary: "yes" }, 'option binary: expected boolean, got "yes"'],
    [{ tokenizer: "ja" }, 'option tokenizer: expected { locale } or { name } or null, got "ja"']
  ] as const) {
    it.effect(`refuses the ${message}`, () =>
      Effect.gen(function* () {
        const given = options as unknown as CountVectorizer.OptionsInput // not type-checked
        const error = yield* Effect.flip(CountVectorizer.fit(["soft dress"], given))
        assert.strictEqual(error.message, `CountVectorizer: ${message}`)
      })
    )
  }
})
