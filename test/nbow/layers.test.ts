import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import * as Layers from "../../src/nbow/internal/layers.ts"
import * as NbowOptions from "../../src/nbow/internal/nbowOptions.ts"
import * as Tensorflow from "../../src/nbow/Tensorflow.ts"

describe("the initial weights", () => {
  it.effect("are those that TensorFlow.js gives a new model of the same layers", () =>
    Effect.gen(function* () {
      const { tf } = yield* Tensorflow.load
      const options = yield* NbowOptions.make({})
      const cases = fc.record({
        columns: fc.integer({ min: 1, max: 50 }),
        hiddenSize: fc.integer({ min: 1, max: 20 }),
        outputs: fc.integer({ min: 1, max: 5 }),
        seed: fc.oneof(fc.integer({ min: 0, max: 3 }), fc.maxSafeNat())
      })
      for (const { columns, outputs, ...given } of fc.sample(cases, { numRuns: 50, seed: 1 })) {
        const weights = Layers.begin(tf, columns, { ...options, ...given }, outputs)
        const model = Layers.of(tf, columns, { ...options, ...given }, weights)
        const config = { modelTopology: model.toJSON(undefined, false) } as never // an object, against its type
        const made = yield* Effect.promise(() => tf.models.modelFromJSON(config))
        assert.deepStrictEqual(
          made.getWeights().map((tensor) => tensor.dataSync()),
          [weights.hiddenKernel, weights.hiddenBias, weights.outputKernel, weights.outputBias]
        )
        for (const one of [model, made]) one.dispose()
      }
    }).pipe(Effect.provide(Tensorflow.layerCpu))
  )
})
