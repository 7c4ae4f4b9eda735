/**
 * Workers that were suspended for longer than their locks last, and are then told to stop: each must end within its drain,
 * and the run they worked for must succeed. `node test/campaign/suspended.ts [trials] [seconds]` prints how long each took, and exits with 1
 * where something did not hold. It needs the binaries of a Postgres.
 */
import { join } from "node:path"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Flow from "../../src/Flow.ts"
import * as Postgres from "../cluster/postgres.ts"
import * as Processes from "../cluster/processes.ts"
import * as Setting from "../cluster/setting.ts"
import * as Flows from "../executor/flows.ts"

const trials = Number(process.argv[2] ?? 4)
const suspendedSeconds = Number(process.argv[3] ?? 20)
const drainSeconds = 25
/** A worker closes its connections within three seconds of its drain; starved machines get two more. */
const limitSeconds = drainSeconds + 5

const problems: Array<string> = []

const trial = Effect.fnUntraced(function* (number: number) {
  const { directory, options, workers } = yield* Setting.Setting
  const file = join(directory, "counted")
  const run = yield* Effect.forkChild(Flow.run(Flows.CountedFlow, { count: 120, milliseconds: 500, file }))
  yield* Effect.sleep("4 seconds")
  const [victim] = workers
  if (victim === undefined) return
  yield* victim.kill("SIGSTOP")
  yield* Effect.sleep(suspendedSeconds * 1000)
  // The others keep working for the run.
  yield* Processes.worker(options)
  const from = performance.now()
  yield* victim.kill("SIGTERM")
  yield* victim.kill("SIGCONT")
  const code = yield* Effect.timeoutOption(victim.exit, (limitSeconds + 45) * 1000)
  const took = (performance.now() - from) / 1000
  console.log(`trial ${number}: it ended after ${took.toFixed(1)} s with ${JSON.stringify(code)}`)
  if (took > limitSeconds) problems.push(`trial ${number}: the worker did not stop within ${limitSeconds} s`)
  const { output } = yield* Fiber.join(run)
  console.log(`trial ${number}: the run ended after ${((performance.now() - from) / 1000).toFixed(1)} s more`)
  if (output.sum !== 7140) problems.push(`trial ${number}: wrong result`)
  if (took > limitSeconds) console.log(victim.output().split("\n").slice(-20).join("\n"))
})

const program = Effect.forEach(
  Array.from({ length: trials }, (_, index) => index + 1),
  (number) => Effect.scoped(Effect.provide(trial(number), Layers())),
  { discard: true }
)
const Layers = () => Setting.layer(2, {}, "own")

if (Postgres.binaries !== undefined) {
  NodeRuntime.runMain(
    Effect.tap(Effect.provide(program, Logger.layer([])), () =>
      Effect.sync(() => {
        for (const problem of problems) console.error(problem)
        console.log(problems.length === 0 ? `${trials} trials held.` : `${problems.length} problems.`)
        if (problems.length > 0) process.exitCode = 1
      })
    )
  )
}
