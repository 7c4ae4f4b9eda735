/**
 * A flow that fails unless `EFFECT_FLOW_TEST_SOUND` is set, for the files that give it a command line. With
 * `EFFECT_FLOW_TEST_HANGS` it does not end by itself.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Flow from "../../../src/Flow.ts"
import * as Run from "../../../src/Run.ts"
import * as Step from "../../../src/Step.ts"

const load = Step.make("load", {
  output: { answer: Schema.Int },
  run: () => Effect.as(Effect.andThen(Run.metric("rows", 42), Effect.log("loaded")), { answer: 42 })
})

const score = Step.make("score", {
  input: { answer: Schema.Int },
  output: { score: Schema.Int },
  run: ({ answer }) =>
    process.env.EFFECT_FLOW_TEST_HANGS !== undefined
      ? Effect.never
      : process.env.EFFECT_FLOW_TEST_SOUND === undefined
        ? Effect.die(new Error("the service is away"))
        : Effect.succeed({ score: answer + 1 })
})

/** The flow, under a name. */
export const failingFlow = (name: string) =>
  Flow.make(name, {
    steps: [load, score],
    run: Effect.fnUntraced(function* () {
      yield* score(yield* load({}))
    })
  })
