/** The life of runs whose tasks execute on a cluster's workers. */
import { describe } from "@effect/vitest"
import * as Life from "../conformance/life.ts"
import * as Postgres from "./postgres.ts"
import * as Setting from "./setting.ts"

describe.skipIf(Postgres.binaries === undefined)("on a cluster", () => {
  Life.suite("Postgres, cluster", Setting.layer(1, { module: Life.flows.href, size: 4 }), { fibers: false })
})
