/**
 * A throw never kills a writer: failures of every kind, on every store and executor. The long form, with 500 failures each,
 * is `tsx test/campaign/failures.ts`.
 */
import { describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Executor } from "effect-flow"
import { layers } from "../../conformance/layers.ts"
import { failAtRandom, module } from "./failing.ts"
import { names } from "./failingFlows.ts"

describe("every run that fails is ended and recorded", { timeout: 60_000 }, () => {
  for (const { layer, name } of layers) {
    it.live(`${name}, on fibers`, () => Effect.provide(failAtRandom(names.length, 1), layer))
    if (name.includes("memory")) continue // no thread can open it
    it.live(`${name}, on threads`, () =>
      Effect.provide(
        failAtRandom(name === "Postgres" ? 12 : names.length, 2),
        Layer.merge(layer, Executor.layerThreads({ module, size: 2 }))
      )
    )
  }
})
