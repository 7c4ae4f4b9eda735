/**
 * The sample of the acceptance suite, each behaviour on one of its graphs, on a store whose artifacts are in a bucket and
 * whose runs are in Postgres.
 */
import { describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { TestClock } from "effect/testing"
import * as Storage from "../../src/Storage.ts"
import { hasPostgres, postgresSchema } from "../conformance/layers.ts"
import { bucket, isInstalled } from "../support/objectServer.ts"
import { sample } from "./sample.ts"

const store = Layer.unwrap(
  Effect.gen(function* () {
    return Storage.layerS3({ ...(yield* bucket), runs: yield* postgresSchema })
  })
)

/** They compare times of the virtual clock, which goes on while a server in real time is waited for. */
const byTheClock: ReadonlySet<string> = new Set([
  "a retried task leaves an attempt each time, its waits are honoured, and the last one's artifacts are its own",
  "a task that takes longer than its timeout fails with TaskTimeout"
])

const pairs = [...new Map(sample.map((pair) => [pair.behaviour, pair])).values()].filter(
  ({ behaviour }) => !byTheClock.has(behaviour.name)
)

describe.skipIf(!isInstalled || !hasPostgres)("on a bucket and Postgres", () => {
  for (const { behaviour, graph, run } of pairs) {
    it.effect(
      `${behaviour.name}: ${graph.flow.flowName}`,
      () => TestClock.adjust("1 second").pipe(Effect.andThen(run), Effect.provide(Layer.fresh(store))),
      180_000 // the first one waits until the servers have started
    )
  }
})
