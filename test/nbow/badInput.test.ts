import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import { CountVectorizer, MulticlassNbow, Nbow, Tensorflow } from "effect-flow/nbow"

/** What is logged while an effect runs. */
const logged = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.suspend(() => {
    const lines: Array<string> = []
    const logger = Logger.make(({ logLevel, message }) => void lines.push(`${logLevel}: ${String(message)}`))
    return Effect.map(Effect.provide(effect, Logger.layer([logger])), () => lines)
  })

const options = { epochs: 1, vocabularySize: 5, vectorizer: { minDf: { count: 1 } } } as const

const row = "The text of row 1 is null. Texts must be strings."
const list = 'The texts are "good". They must be a list of strings.'

/** Not type-checked. */
const texts = (value: unknown): ReadonlyArray<string> => value as ReadonlyArray<string>

describe("texts that are not texts", () => {
  for (const [what, given, message] of [
    ["a null text", ["soft dress", null], row],
    ["a string instead of texts", "good", list]
  ] as const) {
    it.effect(`are refused: ${what}`, () =>
      Effect.gen(function* () {
        const labelled = { texts: texts(given), labels: Array.from({ length: given.length }, (_, i) => i % 2) }
        const fitted = yield* Effect.flip(Nbow.fit(labelled, { ...options, validationSplit: 0 }))
        assert.strictEqual(fitted.message, message)
        const vocabulary = yield* Effect.flip(CountVectorizer.fit(texts(given)))
        assert.strictEqual(vocabulary.message, message)
        const data = { texts: ["soft dress", "poor dress"], labels: [1, 0] }
        const model = yield* Nbow.fit(data, { ...options, validationSplit: 0 })
        const error = yield* Effect.flip(Nbow.evaluate(model, labelled))
        assert.strictEqual(error.reason, "text")
        assert.strictEqual(error.message, message)
        const topics = yield* MulticlassNbow.fit(data, { ...options, validationSplit: 0 })
        const scores: ReadonlyArray<Effect.Effect<unknown, Nbow.TextError>> = [
          Nbow.predict(model, texts(given)),
          MulticlassNbow.predict(topics, texts(given)),
          MulticlassNbow.classify(topics, texts(given)),
          CountVectorizer.transform(model.vectorizer, texts(given))
        ]
        for (const score of scores) {
          const refused = yield* Effect.flip(score)
          assert.instanceOf(refused, Nbow.TextError)
          assert.strictEqual(refused.message, message)
          assert.strictEqual(refused.row, error.row)
        }
        const classified = yield* Effect.flip(Nbow.classify(model, texts(given)))
        assert.strictEqual(classified.message, message)
        const text = null as unknown as string // not type-checked
        for (const explained of [Nbow.explain(model, text), MulticlassNbow.explain(topics, text)] as const) {
          const refused = yield* Effect.flip(explained)
          assert.strictEqual(refused.message, "The text is null. It must be a string.")
        }
      }).pipe(Effect.provide([Tensorflow.layerWasm, Logger.layer([])]))
    )
  }

  it.effect("are refused where there are none, and a tokenizer that can't be stored", () =>
    Effect.gen(function* () {
      const untyped = undefined as unknown as Nbow.Labelled
      const none = yield* Effect.flip(Nbow.fit(untyped, options))
      assert.strictEqual(none.message, "The data are undefined. They must have texts and labels.")
      const tokenizer = ((text: string) => [text]) as unknown as { readonly name: string } // not type-checked
      const hint =
        "a function can't be stored with a model: define it under a name, with CountVectorizer.tokenizer(name, split), " +
        "and pass what that returns"
      const data = { texts: ["soft dress", "poor dress"], labels: [1, 0] }
      const fitted = yield* Effect.flip(Nbow.fit(data, { ...options, vectorizer: { tokenizer } }))
      assert.strictEqual(fitted.message, `Nbow.fit: option vectorizer.tokenizer: ${hint}`)
      const vocabulary = yield* Effect.flip(CountVectorizer.fit(data.texts, { tokenizer }))
      assert.strictEqual(vocabulary.message, `CountVectorizer: option tokenizer: ${hint}`)
    }).pipe(Effect.provide(Tensorflow.layerWasm))
  )

  it.effect("warns of sorted labels where the last rows are held out", () =>
    Effect.gen(function* () {
      const words = Array.from({ length: 10 }, (_, i) => `soft dress ${i % 2 === 0 ? "good" : "poor"}`)
      const sorted = words.map((_, i) => (i < 6 ? 0 : 1))
      const warnings = (labels: ReadonlyArray<number>, validationSplit: number) =>
        Effect.map(
          logged(
            Nbow.fit(
              { texts: words, labels },
              { ...options, validationSplit, vectorizer: { maxDf: { proportion: 1 } } }
            )
          ),
          (lines) => lines.filter((line) => line.startsWith("Warn"))
        )
      assert.deepStrictEqual(yield* warnings(sorted, 0.2), [
        "Warn: The labels are sorted: first all 0, then all 1. validationSplit holds out the last 2 of 10 rows, so " +
          "training and validation see different classes. Shuffle the rows first."
      ])
      assert.deepStrictEqual(yield* warnings(sorted, 0), [])
      assert.deepStrictEqual(yield* warnings([0, 1, ...sorted.slice(2)], 0.2), [])
    }).pipe(Effect.provide(Tensorflow.layerWasm))
  )

  it.effect("warns of stop words that no token equals", () =>
    Effect.gen(function* () {
      const learn = (stopWords: ReadonlyArray<string>) =>
        logged(CountVectorizer.fit(["soft dress", "poor dress"], { stopWords }))
      assert.deepStrictEqual(yield* learn(["don't", "The", "soft"]), [
        "Warn: The stop words may not match the texts as intended: lower-cased and split like the texts, they give the " +
          'tokens "don", "the", which are not stop words.'
      ])
      assert.deepStrictEqual(yield* learn(["the", "soft"]), [])
    })
  )

  it.effect("marks terms instead of counting them, and ranks them by texts", () =>
    Effect.gen(function* () {
      const { matrix, vectorizer } = yield* CountVectorizer.fitTransform(["aa aa aa bb", "bb cc", "bb cc"], {
        binary: true,
        maxFeatures: 2
      })
      assert.deepStrictEqual(vectorizer.vocabulary, ["bb", "cc"])
      assert.deepStrictEqual(Array.from(matrix.values), [1, 1, 1, 1, 1])
      assert.deepStrictEqual(Array.from((yield* CountVectorizer.transform(vectorizer, ["cc cc aa"])).values), [1])
    })
  )
})
