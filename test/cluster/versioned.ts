/** A flow in the version that the module's URL names (`versioned.ts?version=2`): two deployments in one group. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Flow from "../../src/Flow.ts"
import * as Step from "../../src/Step.ts"

/** The flow in a version. */
export const make = (version: string) => {
  const work = Step.make("work", {
    version,
    input: { index: Schema.Int },
    output: { by: Schema.String },
    run: () => Effect.as(Effect.sleep("20 millis"), { by: version })
  })
  return Flow.make("VersionedFlow", {
    steps: [work],
    run: Effect.fnUntraced(function* () {
      const states = yield* Step.forEach([...Array(12).keys()], (index) => work({ index }), { concurrency: 12 })
      return yield* Effect.forEach(states, ({ by }) => by)
    })
  })
}

export const VersionedFlow = make(new URL(import.meta.url).searchParams.get("version") ?? "1")
