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

const count = Number(process.env.EFFECT_FLOW_FAILURES ?? names.length)
const seed = Number(process.env.EFFECT_FLOW_FAILURES_SEED ?? 1)
/** A task on threads and Postgres takes longest: a dozen will do where nobody asked for more. */
const onPostgresThreads = process.env.EFFECT_FLOW_FAILURES === undefined ? 12 : count

describe("every run that fails is ended and recorded", { timeout: 600_000 }, () => {
  for (const { layer, name } of layers) {
    it.live(`${name}, on fibers`, () => Effect.provide(failAtRandom(count, seed), layer))
    if (name.includes("memory")) continue // no thread can open it
    it.live(`${name}, on threads`, () =>
      Effect.provide(
        failAtRandom(name === "Postgres" ? onPostgresThreads : count, seed + 1),
        Layer.merge(layer, Executor.layerThreads({ module, size: 2 }))
      )
    )
  }
})
