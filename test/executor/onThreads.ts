/** A program that runs its own flow on worker threads: started with `tsx` and with plain `node` by the executor's tests. */

import { isMainThread } from "node:worker_threads"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Executor from "../../src/Executor.ts"
import * as Flow from "../../src/Flow.ts"
import * as Step from "../../src/Step.ts"
import * as Storage from "../../src/Storage.ts"

const where = Step.make("where", {
  output: { main: Schema.Boolean },
  run: () => Effect.sync(() => ({ main: isMainThread }))
})

export const OnThreadsFlow = Flow.make("OnThreadsFlow", {
  steps: [where],
  run: Effect.fnUntraced(function* () {
    return yield* (yield* where()).main
  })
})

if (isMainThread) {
  const directory = process.argv[2] ?? ".effect-flow"
  await Effect.runPromise(
    Flow.run(OnThreadsFlow, {}).pipe(
      Effect.flatMap(({ output }) => Console.log(output ? "on the main thread" : "on another thread")),
      Effect.provide([Storage.layerLocal({ directory }), Executor.layerThreads({ module: import.meta.url, size: 1 })])
    )
  )
}
