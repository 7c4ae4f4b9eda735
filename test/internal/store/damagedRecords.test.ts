/** A record that can't be read costs its run alone: lists go on without it, and a message names it. */
import * as Path from "node:path"
import { DatabaseSync } from "node:sqlite"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import { RunStore } from "../../../src/RunStore.ts"
import * as Storage from "../../../src/Storage.ts"
import { temporaryDirectory } from "../../conformance/layers.ts"
import { putRun, putTask, run, task } from "../../conformance/records.ts"

/** Runs `a` to `e` with a task each, one column of run `c` or its task overwritten. */
const damaged = (sql: string) =>
  Effect.tap(temporaryDirectory, (directory) =>
    Effect.gen(function* () {
      yield* Effect.provide(
        Effect.flatMap(RunStore, (store) =>
          store.write(["a", "b", "c", "d", "e"].flatMap((id) => [putRun(run(id)), putTask(task(id, 1))]))
        ),
        Storage.layerLocal({ directory })
      )
      const database = new DatabaseSync(Path.join(directory, "runs.sqlite"))
      database.exec(sql)
      database.close()
    })
  )

const columns = [
  "UPDATE runs SET parameters = '{' WHERE id = 'c'",
  "UPDATE runs SET parameters = '5' WHERE id = 'c'",
  "UPDATE runs SET parameters = '' WHERE id = 'c'",
  "UPDATE runs SET system_tags = '[' WHERE id = 'c'",
  "UPDATE runs SET system_tags = 'null' WHERE id = 'c'",
  "UPDATE runs SET error = '{\"tag\":' WHERE id = 'c'",
  "UPDATE runs SET output = 'nonsense' WHERE id = 'c'",
  "UPDATE runs SET status = 'nonsense' WHERE id = 'c'"
]

describe("a damaged record of a run", () => {
  for (const sql of columns) {
    it.effect(`is left out of lists and named: ${sql}`, () =>
      Effect.gen(function* () {
        const directory = yield* damaged(sql)
        const said: Array<string> = []
        const logger = Logger.make<unknown, void>(({ message }) => void said.push(String(message)))
        yield* Effect.gen(function* () {
          const store = yield* RunStore
          const ids = (runs: ReadonlyArray<{ readonly id: string }>) => runs.map(({ id }) => id).join("")
          assert.strictEqual(ids(yield* store.runs({})), "edba")
          assert.strictEqual(ids(yield* store.runs({ limit: 3 })), "edb")
          assert.strictEqual(ids(yield* store.runs({ limit: 1, before: "d" })), "b")
          assert.strictEqual(said.length, 1)
          assert.include(said[0], "run c can't be read (the column ")
          const error = yield* Effect.flip(store.runs({ idPrefix: "c", limit: 1 }))
          assert.strictEqual(error.run, "c")
          assert.include(error.message, "run c can't be read")
          assert.strictEqual((yield* store.tasks({ run: "c" })).length, 1)
        }).pipe(
          Effect.provideService(Logger.CurrentLoggers, new Set([logger])),
          Effect.provide(Storage.layerLocal({ directory }))
        )
      }).pipe(Effect.scoped)
    )
  }

  it.effect("a damaged task costs its run, and no other run's tasks", () =>
    Effect.gen(function* () {
      const directory = yield* damaged("UPDATE tasks SET attempts = '[{' WHERE run = 'c'")
      yield* Effect.gen(function* () {
        const store = yield* RunStore
        const error = yield* Effect.flip(store.tasks({ run: "c" }))
        assert.include(error.message, "task step/1 of run c can't be read (the column attempts is not valid JSON)")
        assert.strictEqual((yield* store.runs({})).length, 5)
        assert.deepStrictEqual(
          (yield* store.tasks({ flow: run("a").flow })).map((found) => found.run),
          ["a", "b", "d", "e"]
        )
      }).pipe(
        Effect.provideService(Logger.CurrentLoggers, new Set()),
        Effect.provide(Storage.layerLocal({ directory }))
      )
    }).pipe(Effect.scoped)
  )
})
