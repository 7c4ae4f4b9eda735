/**
 * Random values of all formats and schemas, handed from task to task, read back and resumed: 2,000 on fibers, and 200 on
 * worker threads. `tsx test/campaign/values.ts [FIRST_SEED]`; a process for each seed.
 */
import { spawnSync } from "node:child_process"
import * as Effect from "effect/Effect"
import { Executor } from "../../src/index.ts"

const module = new URL("../support/randomFlow.ts", import.meta.url)

if (process.env.RANDOM_VALUES_SEED === undefined) {
  const first = Number(process.argv[2] ?? 100)
  let failed = 0
  for (let i = 0; i < 11; i++) {
    const env = { ...process.env, RANDOM_VALUES_SEED: String(first + i), RANDOM_VALUES_COUNT: "200" }
    const executor = i === 10 ? "threads" : "fibers"
    const { status, stderr } = spawnSync(process.execPath, [...process.execArgv, import.meta.filename, executor], {
      env,
      encoding: "utf8"
    })
    if (status !== 0) failed++
    console.log(`seed ${first + i} on ${executor}: ${status === 0 ? "200 values unchanged" : stderr.slice(0, 600)}`)
  }
  process.exitCode = failed === 0 ? 0 : 1
} else {
  const { handOver } = await import("../support/handOver.ts")
  const { make } = await import("../support/randomFlow.ts")
  const executor = process.argv[2] === "threads" ? Executor.layerThreads({ module, size: 2 }) : Executor.layerFibers()
  await Effect.runPromise(handOver(make("2"), executor))
}
