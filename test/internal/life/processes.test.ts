/** Two processes and this one share a store: each crashed run and each id is taken once, and a cancellation is heard. */
import { existsSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Run from "../../../src/Run.ts"
import { RunStore } from "../../../src/RunStore.ts"
import * as Storage from "../../../src/Storage.ts"
import { start } from "../../cli/process.ts"
import { crashed } from "../../conformance/life.ts"
import { temporaryDirectory } from "../../support/directory.ts"

const sharing = join(import.meta.dirname, "..", "..", "conformance", "lifeProcess.ts")

const noted = (file: string): Effect.Effect<void> =>
  Effect.suspend(() => (existsSync(file) ? Effect.void : Effect.andThen(Effect.sleep(10), noted(file))))

describe("processes that share a store", () => {
  it.live("resume each crashed run once, run each id once, and hear of a cancellation from another process", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const inStore = Effect.provide(Storage.layerLocal({ directory }))
      yield* Effect.gen(function* () {
        const store = yield* RunStore
        for (let index = 0; index < 6; index++) yield* store.claim({ run: crashed(`crash-${index}`) })
      }).pipe(inStore)
      const stopped = yield* Effect.forEach(
        ["step", "computing"],
        Effect.fnUntraced(function* (how) {
          const file = join(directory, how)
          const { ended } = yield* start(sharing, [directory, how, file, how])
          yield* noted(file)
          const record = yield* inStore(Run.cancel(how, { by: "a test", reason: "enough" }))
          assert.deepStrictEqual(
            [record.status, record.error?.message],
            ["interrupted", "It was cancelled by a test: enough"]
          )
          return yield* ended
        }),
        { concurrency: "unbounded" }
      )
      for (const { code, stderr } of stopped) assert.deepStrictEqual([code, stderr], [0, ""])
      assert.strictEqual(
        stopped.reduce((resumed, { stdout }) => resumed + Number(stdout), 0),
        6
      )
      const runs = yield* inStore(Run.list({ flow: "SquareFlow" }))
      assert.deepStrictEqual(
        runs.flatMap(({ origin }) => origin ?? []).toSorted(),
        Array.from({ length: 6 }, (_, index) => `crash-${index}`)
      )
      const shared = runs.filter(({ id }) => id.startsWith("shared-"))
      assert.deepStrictEqual(
        shared.map(({ id, status }) => `${id} ${status}`).toSorted(),
        [0, 1, 2, 3, 4].map((x) => `shared-${x} succeeded`)
      )
      const tasks = yield* inStore(Effect.forEach(shared, (run) => Run.tasks(run)))
      assert.strictEqual(tasks.flat().length, 5)
    })
  )
})
