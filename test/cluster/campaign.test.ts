/** The short form of the campaign against a cluster: `node test/campaign/cluster.ts`. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { campaign } from "../campaign/cluster.ts"
import * as Postgres from "./postgres.ts"

describe.skipIf(Postgres.binaries === undefined)("a run on a cluster", () => {
  it.live("succeeds once while workers are killed and stopped", () =>
    Effect.gen(function* () {
      const { events, problems } = yield* campaign({
        runs: 1,
        events: 2,
        seed: 2,
        kinds: ["kill a worker", "stop a worker"],
        postgres: yield* Postgres.onShared,
        workers: 2,
        mixed: false,
        delayMs: 5,
        tasks: 8,
        milliseconds: 200
      })
      assert.deepStrictEqual(problems, [])
      assert.strictEqual(
        Object.values(events).reduce((sum, count) => sum + count, 0),
        2
      )
    })
  )
})
