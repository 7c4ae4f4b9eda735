/** Fills a store with runs of the flows in `flows.ts`, as the tests and the screenshots want them. */
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Flow from "../../src/Flow.ts"
import { ChatterFlow, ReviewFlow, SweepFlow } from "./flows.ts"

/** The ids of the runs. */
export const seed = Effect.gen(function* () {
  const first = yield* Flow.run(ReviewFlow, { rows: 800, epochs: 6 }, { tags: ["nightly"] })
  const review = yield* Flow.run(ReviewFlow, {}, { tags: ["nightly", "deployment_candidate"] })
  const resumed = yield* Flow.resume(ReviewFlow, { origin: review.id, parameters: { epochs: 12 } })
  const sweep = yield* Flow.run(SweepFlow, {})
  yield* Effect.exit(Flow.run(SweepFlow, { failing: 7 }))
  return { first: first.id, review: review.id, resumed: resumed.id, sweep: sweep.id }
}).pipe(Effect.provideService(Logger.CurrentLoggers, new Set()))

/** A run whose only task logged a flood. */
export const flood = Effect.map(Flow.run(ChatterFlow, {}), ({ id }) => id).pipe(
  Effect.provideService(Logger.CurrentLoggers, new Set())
)
