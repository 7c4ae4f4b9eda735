/** A flow as a process of its own: `tsx test/browser/run.ts DIRECTORY FLOW PARAMETERS` prints how long it took. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Flow from "../../src/Flow.ts"
import * as Storage from "../../src/Storage.ts"
import { ChatterFlow, ReviewFlow, ShipFlow, SweepFlow } from "./flows.ts"

const [directory = ".effect-flow", name = "ReviewFlow", parameters = "{}"] = process.argv.slice(2)
const given = JSON.parse(parameters)
const flows = {
  ChatterFlow: () => Flow.run(ChatterFlow, given),
  ReviewFlow: () => Flow.run(ReviewFlow, given),
  ShipFlow: () => Flow.run(ShipFlow, given),
  SweepFlow: () => Flow.run(SweepFlow, given)
}

Effect.gen(function* () {
  yield* Effect.gen(function* () {
    const start = performance.now()
    const result = yield* Effect.exit(
      (flows[name as keyof typeof flows] ?? flows.ReviewFlow)() as Effect.Effect<unknown, unknown, never>
    ) // given by the caller
    console.log(JSON.stringify({ took: performance.now() - start, ended: result._tag }))
  })
}).pipe(
  Effect.provideService(Logger.CurrentLoggers, new Set()),
  Effect.provide(Storage.layerLocal({ directory })),
  NodeRuntime.runMain
)
