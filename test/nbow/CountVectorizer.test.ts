import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { CountVectorizer, SparseMatrix } from "effect-flow/nbow"
import * as fc from "fast-check"
import { english } from "../../src/nbow/internal/stopWords.ts"
import { anyCharacter } from "../support/anyCharacter.ts"
import { hasData } from "../support/data.ts"
import { fixture, reviews, sha256 } from "./fixtures.ts"

interface Case {
  readonly name: string
  readonly params: Omit<CountVectorizer.Options, "stripAccents"> & { readonly stripAccents: "ascii" | "unicode" | null }
  readonly fit: ReadonlyArray<string>
  readonly vocabulary: ReadonlyArray<string>
  readonly rows: ReadonlyArray<ReadonlyArray<number>>
  readonly transform?: ReadonlyArray<string>
  readonly transformRows: ReadonlyArray<ReadonlyArray<number>>
  readonly error?: { readonly message: string }
}

const { cases } = fixture<{ readonly cases: ReadonlyArray<Case> }>("vectorizer-cases")

/** What the reference says where a vocabulary ends empty, and the reason that is given here. */
const reasons: { readonly [message: string]: CountVectorizer.VocabularyError["reason"] } = {
  "max_df corresponds to < documents than min_df": "bounds",
  "After pruning, no terms remain. Try a lower min_df or a higher max_df.": "pruned",
  "empty vocabulary; perhaps the documents only contain stop words": "empty"
}

describe("CountVectorizer", () => {
  for (const { error, fit, name, params, rows, transform, transformRows, vocabulary } of cases) {
    const { stripAccents, ...others } = params
    // Python's `unicode` depends on its own tables of characters, and is not offered.
    if (stripAccents === "unicode") continue
    it.effect(`counts as scikit-learn does: ${name}`, () =>
      Effect.gen(function* () {
        const fitting = CountVectorizer.fitTransform(fit, { ...others, stripAccents })
        if (error !== undefined) {
          const failure = yield* Effect.flip(fitting)
          assert.strictEqual(failure._tag, "VocabularyError")
          if (failure._tag === "VocabularyError") assert.strictEqual(failure.reason, reasons[error.message])
          return
        }
        const { matrix, vectorizer } = yield* fitting
        assert.deepStrictEqual(vectorizer.vocabulary, vocabulary)
        assert.deepStrictEqual(SparseMatrix.toDense(matrix), rows)
        assert.deepStrictEqual(yield* CountVectorizer.transform(vectorizer, fit), matrix)
        if (transform === undefined) return
        const transformed = yield* CountVectorizer.transform(vectorizer, transform)
        assert.deepStrictEqual(SparseMatrix.toDense(transformed), transformRows)
      })
    )
  }

  it("has the stop words of scikit-learn", () => {
    const { words } = fixture<{ readonly words: ReadonlyArray<string> }>("english-stop-words")
    assert.deepStrictEqual(english, words)
  })

  it.effect.skipIf(!hasData)("gives the reference's vocabulary and matrices on the tutorial's reviews", () =>
    Effect.gen(function* () {
      interface Sums {
        readonly rows: number
        readonly nnz: number
        readonly rowPointersSha256: string
        readonly columnIndicesSha256: string
        readonly valuesSha256: string
      }
      const expected = fixture<{
        readonly params: CountVectorizer.OptionsInput
        readonly termsSha256: string
        readonly train: Sums
        readonly valid: Sums
      }>("reviews-vocabulary")
      const check = (matrix: SparseMatrix.SparseMatrix, sums: Sums) => {
        assert.strictEqual(matrix.rows, sums.rows)
        assert.strictEqual(matrix.values.length, sums.nnz)
        assert.strictEqual(sha256(matrix.rowPointers), sums.rowPointersSha256)
        assert.strictEqual(sha256(matrix.columnIndices), sums.columnIndicesSha256)
        assert.strictEqual(sha256(matrix.values), sums.valuesSha256)
      }
      const { matrix, vectorizer } = yield* CountVectorizer.fitTransform(
        (yield* reviews("train")).texts,
        expected.params
      )
      assert.strictEqual(sha256(vectorizer.vocabulary, "\n"), expected.termsSha256)
      check(matrix, expected.train)
      check(yield* CountVectorizer.transform(vectorizer, (yield* reviews("valid")).texts), expected.valid)
    })
  )

  describe("agrees with a plain implementation", () => {
    /** Tokens by a regular expression, rows by maps, order by code points: slow, and easy to see through. */
    const reference = (texts: ReadonlyArray<string>, options: CountVectorizer.Options) => {
      const tokens = (text: string) => {
        const lower = text.toLowerCase()
        const plain =
          options.stripAccents === null ? lower : [...lower.normalize("NFKD")].filter((c) => c <= "\x7f").join("")
        const found: ReadonlyArray<string> = plain.match(/[\p{L}\p{N}_]+/gu) ?? []
        const stops: ReadonlyArray<string> = options.stopWords === "english" ? english : (options.stopWords ?? [])
        return found.filter((token) => [...token].length > 1 && !stops.includes(token))
      }
      const rows = texts.map((text) => Map.groupBy(tokens(text), (token) => token))
      const all = [...new Set(rows.flatMap((row) => [...row.keys()]))]
      const documents = (term: string) => rows.filter((row) => row.has(term)).length
      const bound = (b: CountVectorizer.Bound) => ("count" in b ? b.count : b.proportion * texts.length)
      const points = (term: string) => Array.from(term, (c) => String.fromCodePoint(0x10000 + (c.codePointAt(0) ?? 0)))
      const vocabulary = all
        .filter((term) => documents(term) >= bound(options.minDf) && documents(term) <= bound(options.maxDf))
        .map((term) => ({ term, key: points(term).join("") }))
        .sort((a, b) => (a.key < b.key ? -1 : 1))
        .map(({ term }) => term)
      return { vocabulary, matrix: rows.map((row) => vocabulary.map((term) => row.get(term)?.length ?? 0)) }
    }

    const word = fc.oneof(
      fc.constantFrom(
        "the",
        "Dress",
        "don't",
        "don’t",
        "café",
        "CAFE\u0301",
        "ﬁt",
        "Σας",
        "ΟΔΟΣ",
        "a.ΑΣ1",
        "İx",
        "ß9",
        "™x"
      ),
      fc.constantFrom(
        "𝒳𝒴",
        "𐐷",
        "👗dress",
        "١٢",
        "服装",
        "\u200bzero",
        "\ud83d",
        "\ud83dab",
        "snake_case",
        "x",
        "10",
        "ab-cd"
      ),
      fc.string({ unit: anyCharacter, maxLength: 6 }),
      // Letters that are alike in their lower eight bits.
      fc.string({ unit: fc.constantFrom("a", "b", "١", "٢", "š", "Ţ", "乡"), minLength: 1, maxLength: 10 }),
      fc.string({ unit: fc.constantFrom(..."abcABC123_'é’ "), maxLength: 12 })
    )
    const text = fc.array(word, { maxLength: 12 }).map((words) => words.join(" "))
    const bounds = fc.constantFrom<CountVectorizer.Bound>(
      { count: 1 },
      { count: 2 },
      { proportion: 0.3 },
      { proportion: 0.7 }
    )
    const options = fc.record({
      minDf: bounds,
      maxDf: fc.constantFrom<CountVectorizer.Bound>({ proportion: 1 }, { proportion: 0.8 }, { count: 3 }),
      stopWords: fc.constantFrom(null, "english" as const, ["dress", "ab"]),
      stripAccents: fc.constantFrom(null, "ascii" as const),
      maxFeatures: fc.constant(null)
    })

    it.effect("for any texts and bounds", () =>
      Effect.promise(() =>
        fc.assert(
          fc.asyncProperty(fc.array(text, { maxLength: 10 }), options, (texts, given) =>
            Effect.runPromise(
              Effect.gen(function* () {
                const expected = reference(texts, given)
                const fitted = yield* Effect.result(CountVectorizer.fitTransform(texts, given))
                if (fitted._tag === "Failure") {
                  assert.strictEqual(expected.vocabulary.length, 0)
                  return
                }
                const { matrix, vectorizer } = fitted.success
                assert.deepStrictEqual(vectorizer.vocabulary, expected.vocabulary)
                assert.deepStrictEqual(SparseMatrix.toDense(matrix), expected.matrix)
                assert.deepStrictEqual(yield* CountVectorizer.transform(vectorizer, texts), matrix)
              })
            )
          ),
          { numRuns: 500 }
        )
      )
    )

    it.effect("and of them keeps the most frequent", () =>
      Effect.promise(() =>
        fc.assert(
          fc.asyncProperty(
            fc.array(text, { minLength: 1, maxLength: 10 }),
            fc.integer({ min: 1, max: 20 }),
            (texts, maxFeatures) =>
              Effect.runPromise(
                Effect.gen(function* () {
                  const all = yield* Effect.result(CountVectorizer.fitTransform(texts))
                  if (all._tag === "Failure") return
                  const cut = yield* CountVectorizer.fitTransform(texts, { maxFeatures })
                  const totals = (matrix: SparseMatrix.SparseMatrix) =>
                    Array.from({ length: matrix.columns }, (_, column) =>
                      SparseMatrix.toDense(matrix).reduce((sum, row) => sum + (row[column] ?? 0), 0)
                    ).sort((a, b) => b - a)
                  assert.deepStrictEqual(totals(cut.matrix), totals(all.success.matrix).slice(0, maxFeatures))
                })
              )
          ),
          { numRuns: 100 }
        )
      )
    )
  })

  it.effect("counts rows of many terms and terms of many letters", () =>
    Effect.gen(function* () {
      const terms = Array.from({ length: 20_000 }, (_, i) => `${"long".repeat(i % 9)}${i}y`)
      const { matrix, vectorizer } = yield* CountVectorizer.fitTransform([
        terms.join(" "),
        terms.toReversed().join(" "),
        "9y"
      ])
      assert.deepStrictEqual(vectorizer.vocabulary, terms.toSorted())
      assert.deepStrictEqual(Array.from(matrix.rowPointers), [0, 20_000, 40_000, 40_001])
      assert.deepStrictEqual(matrix.columnIndices.subarray(0, 20_000), Int32Array.from(terms.keys()))
      assert.isTrue(matrix.values.every((value) => value === 1))
    })
  )

  for (const [options, option, message] of [
    [{ minDf: { count: 0 } }, "minDf.count", "expected a value greater than or equal to 1, got 0"],
    [{ minDf: { count: 1.5 } }, "minDf.count", "expected an integer, got 1.5"],
    [{ maxDf: { proportion: 1.5 } }, "maxDf.proportion", "expected a value between 0 and 1, got 1.5"],
    [{ maxDf: { proportion: Number.NaN } }, "maxDf.proportion", "expected a finite number, got NaN"],
    [{ maxDf: 0.5 }, "maxDf", "expected { count } or { proportion }, got 0.5"],
    [{ maxFeatures: 0 }, "maxFeatures", "expected a value greater than or equal to 1, got 0"],
    [{ stopWords: "german" }, "stopWords", 'expected "english" or array, got "german"'],
    [{ stripAccents: "unicode" }, "stripAccents", 'expected "ascii" or null, got "unicode"'],
    [{ max_df: { count: 1 } }, "max_df", "there is no such option"]
  ] as const) {
    it.effect(`refuses ${JSON.stringify(options)}`, () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(CountVectorizer.fit(["a dress"], options as CountVectorizer.OptionsInput))
        assert.strictEqual(error._tag, "OptionsError")
        if (error._tag === "OptionsError") assert.strictEqual(error.option, option)
        assert.strictEqual(error.message, `CountVectorizer: option ${option}: ${message}`)
      })
    )
  }
})
