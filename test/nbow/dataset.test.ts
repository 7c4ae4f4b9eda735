/** Fitting on and scoring datasets: the same figures as for the same texts in memory. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { Nbow, Tensorflow } from "effect-flow/nbow"
import { generate } from "../../examples/data/reviews.ts"
import * as Artifact from "../../src/Artifact.ts"
import * as Storage from "../../src/Storage.ts"

const Reviews = Artifact.dataset({ review: Schema.String, labels: Schema.Int }, { rowsPerPart: 70 })
const { columns } = generate(200, 1)
const texts = columns.review
const labels = Array.from(columns.labels)
const options = { vocabularySize: 50, epochs: 2 }

describe("Nbow over a dataset", () => {
  const layer = Layer.mergeAll(Storage.layerMemory, Tensorflow.layerCpu)

  it.effect("learns and scores as over the same texts in memory", () =>
    Effect.gen(function* () {
      const dataset = yield* Reviews.write(Stream.make({ numRows: 200, columns: { review: texts, labels } }))
      assert.strictEqual(dataset.parts.length, 3)
      const model = yield* Nbow.fit({ dataset, texts: "review", labels: "labels" }, options)
      const same = yield* Nbow.fit({ texts, labels }, options)
      assert.deepStrictEqual(model.weights, same.weights)
      const scores = yield* Nbow.predict(model, { dataset, texts: "review" })
      assert.deepStrictEqual(scores, yield* Nbow.predict(same, texts))
    }).pipe(Effect.provide(layer))
  )

  it.effect("refuses labels that are neither 0 nor 1", () =>
    Effect.gen(function* () {
      const dataset = yield* Reviews.write(Stream.make({ review: "good", labels: 1 }, { review: "bad", labels: 2 }))
      const error = yield* Effect.flip(
        Nbow.fit({ dataset, texts: "review", labels: "labels" }, { ...options, validationSplit: 0 })
      )
      assert.strictEqual(error.message, "The label of row 1 is 2. Labels must be 0 or 1.")
    }).pipe(Effect.provide(layer))
  )
})
