/**
 * 500 random failures on every store and executor, each run of which must be ended and recorded: `tsx test/campaign/failures.ts
 * [SEED]`. `npm test` runs each kind of failure once.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Executor } from "effect-flow"
import { layers } from "../conformance/layers.ts"
import { failAtRandom, module } from "../internal/run/failing.ts"

const count = 500
const seed = Number(process.argv[2] ?? Math.floor(Math.random() * 2 ** 30))
console.log(`seed ${seed}`)

let failed = false
for (const { layer, name } of layers) {
  const executors = [
    { executor: "fibers", over: layer },
    // No thread can open a store in memory.
    ...(name.includes("memory")
      ? []
      : [{ executor: "threads", over: Layer.merge(layer, Executor.layerThreads({ module, size: 2 })) }])
  ]
  for (const { executor, over } of executors) {
    const start = performance.now()
    const result = await Effect.runPromise(
      Effect.match(Effect.sandbox(Effect.provide(failAtRandom(count, seed), over)), {
        onSuccess: () => "every run was ended and recorded",
        onFailure: (cause) => {
          failed = true
          return `FAILED: ${String(cause)}`
        }
      })
    )
    console.log(
      `${name}, ${executor}: ${count} failures in ${((performance.now() - start) / 1000).toFixed(1)} s: ${result}`
    )
  }
}
process.exit(failed ? 1 : 0)
