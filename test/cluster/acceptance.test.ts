/** A sample of the acceptance suite on a cluster: every graph once, under one behaviour after the other. */
import { describe } from "@effect/vitest"
import { anywhere } from "../acceptance/sample.ts"
import { graphs, suite } from "../executor/anywhere.ts"
import * as Postgres from "./postgres.ts"
import * as Setting from "./setting.ts"

const narrow = anywhere.filter(({ graph }) => graph.flow.flowName !== "widestForeach")
const flows = [...Map.groupBy(narrow, ({ graph }) => graph).values()]
const sample = flows.flatMap((pairs, index) => pairs.slice(index % pairs.length).slice(0, 1))

describe.skipIf(Postgres.binaries === undefined)("Executor.layerCluster", () => {
  suite("on a cluster", Setting.layer(1, { module: graphs.href }), sample)
})
