/** Whatever a body does, the record of its run is the same on a cluster as on fibers. */
import { describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Executor from "../../src/Executor.ts"
import { equal, module, records } from "../executor/same.ts"
import * as Postgres from "./postgres.ts"
import * as Setting from "./setting.ts"
import { lockExpiration } from "./timing.ts"

describe.skipIf(Postgres.binaries === undefined)("the record of a run on a cluster", () => {
  it.live("is as on fibers, whatever the body does", () =>
    Effect.gen(function* () {
      const { options } = yield* Setting.Setting
      const onCluster = yield* records(Executor.layerCluster({ url: options.database, lockExpiration }))
      equal(onCluster, yield* records(Executor.layerFibers()))
    }).pipe(Effect.provide(Setting.layer(1, { module: module.href })))
  )
})
