/** A flow that trains, run without the layer it needs: what the compiler refuses, JavaScript does not. */
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Tensorflow from "../../src/nbow/Tensorflow.ts"

it.effect("says how to provide Tensorflow.layer where nothing does", () =>
  Effect.gen(function* () {
    const unprovided = Tensorflow.tf as Effect.Effect<unknown, unknown> // as JavaScript would call it
    const exit = yield* Effect.exit(unprovided)
    assert.match(
      String(exit),
      /This step needs TensorFlow\.js, and no layer provides it\. .*FlowCli\.main\(flow, \{ layer/
    )
  })
)
