/** Runs the flow of random values, resumes it in a store that has forgotten everything, and compares what was seen. */

import assert from "node:assert/strict"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type { ArtifactStore } from "../../src/ArtifactStore.ts"
import * as Executor from "../../src/Executor.ts"
import * as Flow from "../../src/Flow.ts"
import * as Run from "../../src/Run.ts"
import type { RunStore, StoreError } from "../../src/RunStore.ts"
import * as Storage from "../../src/Storage.ts"
import { fingerprint } from "./fingerprint.ts"
import type { make } from "./randomFlow.ts"
import { cases, flow } from "./randomFlow.ts"

/**
 * Passes where every value was the same in the run, in its record, and in its resume.
 *
 * @param executor Built for each run.
 * @param storage Built for each run. Default: a directory of its own.
 */
export const handOver = (
  again: ReturnType<typeof make>,
  executor: Layer.Layer<never> = Executor.layerFibers(),
  storage?: Layer.Layer<ArtifactStore | RunStore, StoreError>
): Effect.Effect<void> =>
  Effect.gen(function* () {
    const directory = mkdtempSync(join(tmpdir(), "effect-flow-values-"))
    const given = cases.map(({ value }) => fingerprint(value))
    // Each time the layer is built anew, so that nothing is remembered: as in another process.
    const on = <A, E>(effect: Effect.Effect<A, E, any>) =>
      effect.pipe(
        Effect.provide(executor),
        Effect.provide(storage ?? Storage.layerLocal({ directory }))
      ) as Effect.Effect<A, E>
    const { id, output } = yield* on(Flow.run(flow, {}))
    const read = yield* on(
      Effect.flatMap(Run.output(id, flow), (states) =>
        Effect.forEach(states ?? [], (state) => Effect.map(state.given.value, fingerprint))
      )
    )
    // Workers that start from here on make the flow of this version, too.
    process.env.RANDOM_VALUES_VERSION = "2"
    const resumed = yield* on(Flow.resume(again, { origin: id }))
    rmSync(directory, { recursive: true, force: true })
    for (const [i, { first, second, third }] of output.entries()) {
      const { name, value } = cases[i] as (typeof cases)[number] // a result for each case
      const label = `case ${i}, ${name}`
      assert.strictEqual(second, first, `${label}: handed over after a change by another task`)
      assert.strictEqual(third, first, `${label}: read by the flow`)
      assert.strictEqual(read[i], first, `${label}: read back`)
      assert.strictEqual(resumed.output[i]?.second, first, `${label}: after a resume`)
      assert.strictEqual(fingerprint(value), given[i], `${label}: the giver's own value`)
    }
  }).pipe(Effect.orDie)
