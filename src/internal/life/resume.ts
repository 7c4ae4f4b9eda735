/** Resumes a run: prepares the origin, checks that the flow can still take it over, and runs. */
import * as Effect from "effect/Effect"
import { StoreError } from "../../RunStore.ts"
import * as Reading from "../history/reading.ts"
import * as Resumable from "../history/resumable.ts"
import type { FlowDefinition } from "../run/definition.ts"
import * as ParameterValues from "../run/parameters.ts"
import * as Resume from "../run/resume.ts"
import { runFlow } from "../run/runFlow.ts"

/** What `Flow.resume` does, without its types. */
export const resume = Effect.fnUntraced(function* (
  flow: FlowDefinition,
  options: Resume.Options & { readonly origin?: string }
) {
  let origin = yield* Reading.get(options.origin ?? "latest", { flow: flow.flowName })
  const attempt = Effect.gen(function* () {
    const status = yield* Reading.status(origin)
    const { parameters, start } = yield* Resume.prepare(flow, origin, status, options)
    if (status === "running") return yield* runFlow(flow, parameters, { ...start, leavesOrigin: true })
    yield* Resumable.check(origin, options.from, yield* ParameterValues.encode(flow, parameters))
    return yield* runFlow(flow, parameters, start)
  })
  // Of two processes that resume a run at the same moment, one claims it; the other looks at the run again.
  const lookAgain = Effect.map(Reading.get(origin.id, { flow: flow.flowName }), (record) => {
    origin = record
  })
  return yield* Effect.retry(attempt, {
    while: (error) =>
      error instanceof StoreError && error.reason === "lost" ? Effect.as(lookAgain, true) : Effect.succeed(false),
    times: 20
  })
})
