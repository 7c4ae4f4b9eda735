/** Runs the acceptance suite's pairs that may run anywhere on some executor: what they expect is what fibers give. */
import { afterAll, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import { RunStore } from "../../src/RunStore.ts"
import type { Stores } from "../acceptance/harness.ts"
import type { Pair } from "../acceptance/sample.ts"

/** The module of the suite's flows, for workers to import. */
export const graphs = new URL("../acceptance/graphs.ts", import.meta.url)

/** Forgets what the pair before left: they share a store, and so their workers. */
const empty = Effect.gen(function* () {
  const store = yield* RunStore
  const runs = yield* store.runs({})
  yield* store.remove(runs.map(({ id }) => id))
})

/** A suite of pairs on an executor and its store. */
export const suite = <E>(name: string, executor: Layer.Layer<Stores, E>, pairs: ReadonlyArray<Pair>): void => {
  let passed = 0
  layer(executor, { excludeTestServices: true, timeout: "300 seconds" })(name, (it) => {
    for (const { behaviour, graph, run } of pairs) {
      it.effect(`${behaviour.name}: ${graph.flow.flowName}`, () =>
        Effect.andThen(
          empty,
          Effect.tap(run, () => Effect.sync(() => passed++))
        )
      )
    }
  })
  afterAll(() => console.log(`acceptance: ${passed} pairs passed ${name}`))
}
