/** The life of runs, and the checkpoints of tasks, that execute on a cluster's workers. */
import { describe } from "@effect/vitest"
import * as Checkpoints from "../conformance/checkpoints.ts"
import * as Life from "../conformance/life.ts"
import * as Postgres from "./postgres.ts"
import * as Setting from "./setting.ts"

describe.skipIf(Postgres.binaries === undefined)("on a cluster", () => {
  Life.suite("Postgres, cluster", Setting.layer(1, { module: Life.flows.href, size: 4 }), { fibers: false })
  Checkpoints.suite("Postgres, cluster", Setting.layer(1, { module: Life.flows.href }), { fibers: false })
})
