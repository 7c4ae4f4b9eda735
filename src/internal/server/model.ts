/**
 * A trained bag-of-words model for the page: its options, its training, and what its terms say. Scores and effects are
 * those of `Nbow` and `MulticlassNbow`, so that the page says what a step would.
 */
import * as Effect from "effect/Effect"
import { messageOf } from "../cause.ts"
import { UiBroken } from "./api.ts"
import type { ModelView, ScoreView } from "./shapes.ts"

/** The number of terms that are sent for each label. */
const termsLimit = 2000

/** A model that was read: its view, and how it scores a text. */
export interface OpenModel {
  readonly view: ModelView
  readonly score: (text: string) => Effect.Effect<ScoreView, UiBroken>
}

const broken = (cause: unknown): UiBroken =>
  new UiBroken({ message: `The bytes can't be read as an Nbow model: ${messageOf(cause)}.` })

/** Reads a model. The library is loaded when the first model is looked at; it does not load TensorFlow. */
export const open = Effect.fnUntraced(function* (bytes: Uint8Array): Effect.fn.Return<OpenModel, UiBroken> {
  const [Nbow, MulticlassNbow] = yield* Effect.promise(() =>
    Promise.all([import("../../nbow/Nbow.ts"), import("../../nbow/MulticlassNbow.ts")])
  )
  const stored = { bytes: Effect.sync(() => bytes.slice()), path: Effect.die("A model is read from its bytes.") }
  const limit = termsLimit
  const binary = yield* Effect.option(Nbow.Model.decode(stored))
  if (binary._tag === "Some") {
    const model = binary.value
    const { negative, positive } = Nbow.topTerms(model, { limit })
    return {
      view: viewOf(model, [
        { label: "label 1", terms: positive },
        { label: "label 0", terms: negative }
      ]),
      score: (text) =>
        Effect.map(Effect.mapError(Nbow.explain(model, text), broken), ({ score, ...explanation }) => ({
          scores: [{ label: "label 1", score }],
          label: "label 1",
          ...explanation
        }))
    }
  }
  const model = yield* Effect.mapError(MulticlassNbow.Model.decode(stored), broken)
  const terms = MulticlassNbow.topTerms(model, { limit })
  return {
    view: viewOf(
      model,
      terms.map(({ class: name, terms }) => ({ label: String(name), terms }))
    ),
    score: Effect.fnUntraced(function* (text: string) {
      const { values } = yield* Effect.mapError(MulticlassNbow.predict(model, [text]), broken)
      const explained = yield* Effect.mapError(MulticlassNbow.explain(model, text), broken)
      const { baseline, class: name, logOdds, terms } = explained
      const scores = model.classes.map((label, i) => ({ label: String(label), score: values[i] ?? 0 }))
      return { scores, label: String(name), baseline, logOdds, terms }
    })
  }
})

const viewOf = (
  model: {
    readonly options: object
    readonly history: ReadonlyArray<object>
    readonly epoch: number
    readonly vectorizer: { readonly vocabulary: ReadonlyArray<string> }
  },
  labels: ModelView["labels"]
): ModelView => ({
  options: { ...model.options }, // plain JSON
  history: model.history.map((epoch) => ({ ...epoch })), // numbers by name
  epoch: model.epoch,
  terms: model.vectorizer.vocabulary.length,
  labels
})
