/**
 * A process that shares a store with others: it competes with them for crashed runs and for ids, prints how many crashed
 * runs it resumed, and then drives a run until another process cancels it.
 *
 * Its arguments are the store's directory, the id of the run that waits, the file for its notes, how it waits, and the
 * executor.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Executor from "../../src/Executor.ts"
import * as Flow from "../../src/Flow.ts"
import * as Storage from "../../src/Storage.ts"
import { SquareFlow, WaitingFlow } from "./lifeFlows.ts"

const [directory = "", id = "", file = "", how = "step", executor = "fibers"] = process.argv.slice(2)

const flows = new URL("./lifeFlows.ts", import.meta.url)

const program = Effect.gen(function* () {
  const handles = yield* Flow.resumeCrashed([SquareFlow])
  yield* Effect.forEach(handles, (handle) => handle.await, { concurrency: "unbounded" })
  yield* Effect.forEach([0, 1, 2, 3, 4, 0, 1, 2, 3, 4], (x) => Flow.run(SquareFlow, { x }, { id: `shared-${x}` }), {
    concurrency: "unbounded"
  })
  console.log(String(handles.length))
  const waiting = yield* Flow.start(WaitingFlow, { file, how: how as "step" }, { id }) // checked by the flow
  yield* Effect.exit(waiting.await)
})

await Effect.runPromise(
  Effect.provide(program, [
    Storage.layerLocal({ directory }),
    executor === "threads" ? Executor.layerThreads({ module: flows, size: 1 }) : Layer.empty,
    Logger.layer([])
  ])
)
