/**
 * An executor decides where a body runs, and nothing else: whatever a body does, the record of its run is the same on threads
 * as on fibers, on a store in SQLite as on Postgres.
 */
import { describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Executor from "../../src/Executor.ts"
import { layers } from "../conformance/layers.ts"
import { equal, module, records } from "./same.ts"

describe("the record of a run is the same on fibers and on threads", () => {
  for (const { layer, name } of layers.filter(({ name }) => !name.includes("memory"))) {
    it.live(`whatever the body does, ${name}`, () =>
      Effect.gen(function* () {
        const fibers = yield* records(Executor.layerFibers())
        equal(yield* records(Executor.layerThreads({ module, size: 1 })), fibers)
      }).pipe(Effect.provide(Layer.merge(layer, Logger.layer([]))))
    )
  }
})
