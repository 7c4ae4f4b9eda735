/** Artifacts are values: what a task receives is what was stored, bit for bit, whoever reads it, whenever, wherever. */
import { describe, it } from "@effect/vitest"
import { handOver } from "./support/handOver.ts"
import { make } from "./support/randomFlow.ts"

describe("a random value", () => {
  it.live(
    "is the same when it is handed over, read by the flow, read back and resumed",
    () => handOver(make("2")),
    60_000
  )
})
