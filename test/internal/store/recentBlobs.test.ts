/** Small artifacts of a long run: appended first, moved into the order of their digests later, and there for everyone throughout. */
import * as Fs from "node:fs/promises"
import * as Path from "node:path"
import { DatabaseSync } from "node:sqlite"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import { ArtifactStore, Flow, Gc, Run, RunStore, Step, Storage, Verify } from "effect-flow"
import * as RecentBlobs from "../../../src/internal/store/sql/recentBlobs.ts"
import { temporaryDirectory } from "../../support/directory.ts"

let executed = 0

const triple = Step.make("triple", {
  input: { item: Schema.Int },
  output: { text: Schema.String },
  run: ({ item }) =>
    Effect.sync(() => {
      executed++
      return { text: `three times ${item} is ${3 * item}` }
    })
})

/** What happens in the run when all its tasks are over. */
let atEnd: Effect.Effect<unknown, unknown> = Effect.void

const Long = Flow.make("Long", {
  parameters: { from: Schema.Int, length: Schema.Int },
  steps: [triple],
  run: Effect.fnUntraced(function* ({ from, length }) {
    const items = Array.from({ length }, (_, index) => from + index)
    const states = yield* Step.forEach(items, (item) => triple({ item }), { concurrency: 50 })
    yield* Effect.orDie(atEnd)
    return { last: states.at(-1)?.text }
  })
})

/** Two small artifacts for each task. */
const length = RecentBlobs.directCount

const ask = (directory: string, sql: string): Record<string, unknown> => {
  const database = new DatabaseSync(Path.join(directory, "runs.sqlite"))
  const row = database.prepare(sql).get() ?? {}
  database.close()
  return row
}
const countIn = (directory: string, table: string): number =>
  Number(ask(directory, `SELECT COUNT(*) AS count FROM ${table}`).count)

/** Reads every output of a run, each by its digest alone. */
const readAll = Effect.fnUntraced(function* (run: string) {
  const artifacts = yield* ArtifactStore.ArtifactStore
  const runs = yield* RunStore.RunStore
  const tasks = yield* runs.tasks({ run })
  for (const { inputs, outputs } of tasks)
    for (const { digest } of [...inputs, ...outputs]) yield* artifacts.get(digest)
  return tasks
})

describe("small artifacts of a long run", () => {
  it.live("are read, found, kept and verified by others before they are moved, and moved at the end", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      let seen: { readonly recent: number; readonly found: ReadonlyArray<string> } | undefined
      atEnd = Effect.gen(function* () {
        const [run] = yield* Run.list({})
        assert.isDefined(run)
        const tasks = yield* readAll(run.id)
        assert.strictEqual(tasks.length, length)
        const digest = tasks.at(-1)?.outputs[0]?.digest ?? ""
        const runs = yield* RunStore.RunStore
        assert.isTrue((yield* runs.digests()).has(digest))
        assert.deepStrictEqual((yield* Verify.check()).faults, [])
        const found = (yield* runs.uses(digest)).map(({ task }) => task)
        seen = { recent: countIn(directory, "recent_blobs"), found }
      }).pipe(Effect.provide(Storage.layerLocal({ directory, readOnly: true })))
      const { id } = yield* Effect.provide(Flow.run(Long, { from: 0, length }), Storage.layerLocal({ directory }))
      assert.isAbove(seen?.recent ?? 0, length / 2)
      assert.deepStrictEqual(seen?.found, [`triple/${length}`])
      assert.strictEqual(countIn(directory, "recent_blobs"), 0)
      assert.strictEqual(countIn(directory, "blobs"), 2 * length)
      // Each row in `blobs` names the run, so that none needs another row.
      assert.strictEqual(countIn(directory, "uses"), 0)

      // Another run refers to half of the same artifacts: they stay when the first run goes.
      atEnd = Effect.void
      const layer = Storage.layerLocal({ directory })
      const second = yield* Effect.provide(Flow.run(Long, { from: length / 2, length }), layer)
      assert.isAbove(countIn(directory, "uses"), length / 2)
      yield* Effect.gen(function* () {
        yield* Gc.collect({ keepRuns: 1, grace: 0 })
        assert.deepStrictEqual(
          (yield* Run.list({})).map((run) => run.id),
          [second.id]
        )
        yield* readAll(second.id)
      }).pipe(Effect.provide(layer))
      assert.notStrictEqual(id, second.id)
    }).pipe(Effect.scoped)
  )

  it.live("survive a process that is killed before it has moved them, and heal when they are damaged", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const killed = Path.join(directory, "killed")
      const live = Path.join(directory, "live")
      atEnd = Effect.promise(() => Fs.cp(live, killed, { recursive: true }))
      yield* Effect.provide(Flow.run(Long, { from: 0, length }), Storage.layerLocal({ directory: live }))
      atEnd = Effect.void
      const left = countIn(killed, "recent_blobs")
      assert.isAbove(left, length / 2)
      const database = new DatabaseSync(Path.join(killed, "runs.sqlite"))
      const [damaged] = database
        .prepare(
          `UPDATE recent_blobs SET bytes = x'00' WHERE digest = (SELECT json_extract(outputs, '$[0].digest') FROM tasks ORDER BY number DESC LIMIT 1) RETURNING digest`
        )
        .all()
      database.close()
      const reading = Storage.layerLocal({ directory: killed, readOnly: true })
      const { faults } = yield* Effect.provide(Verify.check(), reading)
      assert.deepStrictEqual(
        faults.map((fault) => ("digest" in fault ? fault.digest : fault)),
        [String(damaged?.digest)]
      )
      const error = yield* ArtifactStore.ArtifactStore.pipe(
        Effect.flatMap((store) => Effect.flip(store.get(String(damaged?.digest)))),
        Effect.provide(reading)
      )
      assert.strictEqual(error.reason, "altered")
      yield* Effect.gen(function* () {
        executed = 0
        const resumed = yield* Flow.resume(Long, { evenIfRunning: true })
        assert.strictEqual(executed, 1)
        yield* readAll(resumed.id)
        assert.deepStrictEqual((yield* Verify.check()).faults, [])
      }).pipe(Effect.provide(Storage.layerLocal({ directory: killed })))
      assert.strictEqual(countIn(killed, "recent_blobs"), 0)
    }).pipe(Effect.scoped)
  )

  it.live("stay where they are, and do not delay the end, while another process keeps the database locked", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      yield* Effect.void.pipe(Effect.provide(Storage.layerLocal({ directory }))) // makes the database
      const other = new DatabaseSync(Path.join(directory, "runs.sqlite"))
      const layer = yield* Layer.buildWithScope(Storage.layerLocal({ directory }), yield* Effect.scope)
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(Storage.layerLocal({ directory }), scope)
      const { id } = yield* Effect.provideContext(Flow.run(Long, { from: 0, length }), context)
      other.exec("BEGIN IMMEDIATE")
      yield* Scope.close(scope, Exit.void)
      other.exec("ROLLBACK")
      other.close()
      assert.isAbove(countIn(directory, "recent_blobs"), length / 2)
      yield* Effect.provideContext(readAll(id), layer)
    }).pipe(Effect.scoped)
  )

  it.live("are moved thousands at a time", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const many = RecentBlobs.movedAtOnce / 2 + length
      let recent = Number.NaN
      atEnd = Effect.sync(() => {
        recent = countIn(directory, "recent_blobs")
      })
      yield* Effect.provide(Flow.run(Long, { from: 0, length: many }), Storage.layerLocal({ directory }))
      atEnd = Effect.void
      assert.isBelow(recent, RecentBlobs.movedAtOnce / 2)
      assert.strictEqual(countIn(directory, "blobs"), 2 * many)
      assert.strictEqual(ask(directory, "PRAGMA integrity_check").integrity_check, "ok")
    }).pipe(Effect.scoped)
  )
})
