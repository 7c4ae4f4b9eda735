/**
 * The random corpora of `vectorizer-random.py`, drawn as it draws them, and the comparison of what `CountVectorizer` makes of
 * them with what scikit-learn makes of them.
 */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import { CountVectorizer, type SparseMatrix } from "effect-flow/nbow"
import { fixture, sha256 } from "./fixtures.ts"

/** What the script gives of a case: a reason, or fingerprints of the vocabulary, of two matrices, and the stray stop words. */
type Expected = string | readonly [string, string, number, string | null, number, number]

/** What the script writes. */
export interface Groups {
  readonly seed: number
  readonly groups: { readonly [group: string]: ReadonlyArray<Expected> }
}

/** The fixture, which also has what texts are made of. */
export const stored = fixture<Groups & { readonly pieces: Array<string>; readonly separators: Array<string> }>(
  "vectorizer-random"
)

const tokenizers = [
  CountVectorizer.tokenizer("spaces", (text) => text.split(" ")),
  CountVectorizer.tokenizer("letters", (text) => Array.from(text))
] as const

const tfIdfGroups = ["smoothIdf", "sublinearTf", "norm"]

const drawing = (seed: number) => {
  let state = seed
  const below = (limit: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return (state >>> 8) % limit
  }
  const pick = <A>(list: ReadonlyArray<A>): A => list[below(list.length)] as A // within bounds
  const list = <A>(length: number, one: () => A): Array<A> => Array.from({ length }, one)
  const { pieces, separators } = stored
  const text = () =>
    list(below(14), () => (pieces[below(1 + below(pieces.length))] as string) + pick(separators)).join("")
  const bool = () => below(2) === 1
  return (group: string) => {
    const texts = list(1 + below(9), text)
    const more = list(below(3), text)
    const isMixed = group === "mixed"
    const options: { -readonly [K in keyof CountVectorizer.OptionsInput]: CountVectorizer.OptionsInput[K] } = {}
    if (group === "ngramRange" || isMixed) {
      const low = 1 + below(3)
      options.ngramRange = [low, low + below(3)]
    }
    if (group === "binary" || isMixed) options.binary = group === "binary" || bool()
    if (group === "stopWords" || isMixed) options.stopWords = list(below(7), () => pick(pieces))
    if (group === "tokenizer" || (isMixed && below(3) === 0)) options.tokenizer = pick(tokenizers)
    if (tfIdfGroups.includes(group) || (isMixed && below(2) === 0)) {
      const tfidf = { useIdf: bool(), smoothIdf: bool(), sublinearTf: bool(), norm: pick(["l1", "l2", null] as const) }
      if (group === "smoothIdf") tfidf.smoothIdf = bool()
      if (group === "sublinearTf") tfidf.sublinearTf = true
      options.tfidf = tfidf
    }
    options.minDf = pick([{ count: 1 }, { count: 1 }, { count: 2 }, { proportion: 0.25 }])
    options.maxDf = pick([{ proportion: 1 }, { proportion: 1 }, { proportion: 0.75 }, { count: 3 }])
    options.maxFeatures = pick([null, null, 3, 8])
    options.stripAccents = pick([null, "ascii"] as const)
    return { texts, more, options }
  }
}

const fingerprint = ({ columnIndices, rowPointers, values }: SparseMatrix.SparseMatrix): readonly [string, number] => [
  sha256([...rowPointers, ...columnIndices]).slice(0, 8),
  values.reduce((sum, value, i) => sum + value * Math.sin(i + 1), 0)
]

/** What `CountVectorizer` makes of a case, in the form of the script. */
const measure = Effect.fnUntraced(function* (
  { more, options, texts }: ReturnType<ReturnType<typeof drawing>>,
  lines: Array<string>
) {
  lines.length = 0
  const fitted = yield* Effect.result(CountVectorizer.fitTransform(texts, options))
  if (fitted._tag === "Failure") return "reason" in fitted.failure ? fitted.failure.reason : fitted.failure.message
  const { matrix, vectorizer } = fitted.success
  // The fitted vectorizer gives the same again.
  const again = yield* CountVectorizer.transform(vectorizer, texts)
  if (JSON.stringify(fingerprint(again)) !== JSON.stringify(fingerprint(matrix))) return "transform differs"
  // The tokens are listed between `tokens` and `, which`.
  const strays = lines.flatMap((line) => JSON.parse(`[${/ tokens (.*), which /.exec(line)?.[1] ?? ""}]`))
  return [
    sha256(vectorizer.vocabulary, "\n").slice(0, 8),
    ...fingerprint(matrix),
    ...(more.length === 0 ? [null, 0] : fingerprint(yield* CountVectorizer.transform(vectorizer, more))),
    strays.length
  ]
})

/** Compares the cases of a group, or every so many of them. Values are in single precision. */
export const compare = (groups: Groups, group: string, every = 1): Effect.Effect<void> => {
  const lines: Array<string> = []
  const logger = Logger.layer([Logger.make(({ message }) => void lines.push(String(message)))])
  return Effect.orDie(Effect.provide(compareEach(groups, group, every, lines), logger)) // its texts are texts
}

const compareEach = Effect.fnUntraced(function* (
  { groups, seed }: Groups,
  group: string,
  every: number,
  lines: Array<string>
) {
  const draw = drawing(seed + Object.keys(groups).indexOf(group))
  for (const [at, expected] of (groups[group] ?? []).entries()) {
    const drawn = draw(group)
    if (at % every !== 0) continue
    const actual = yield* measure(drawn, lines)
    const [got, wanted] = [[actual].flat(), [expected].flat()]
    const isSame = (value: unknown, i: number) =>
      typeof value === "number" ? Math.abs(value - Number(wanted[i])) < 2e-6 : value === wanted[i]
    if (got.length === wanted.length && got.every(isSame)) continue
    assert.deepStrictEqual(got, wanted, `${group} ${at}: ${JSON.stringify(drawn)}`)
  }
})
