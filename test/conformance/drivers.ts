/** One driver per run: what every `RunStore` does with claims, tokens and heartbeats. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type { ArtifactStore } from "../../src/ArtifactStore.ts"
import type { RunRecord } from "../../src/RunRecord.ts"
import { RunStore, StoreError } from "../../src/RunStore.ts"
import { line, putRun, putTask, run, task } from "./records.ts"

export const suite = (name: string, layer: Layer.Layer<ArtifactStore | RunStore, StoreError>): void => {
  describe(`RunStore, drivers: ${name}`, () => {
    const effect = (title: string, body: () => Effect.Effect<void, unknown, ArtifactStore | RunStore>) =>
      it.effect(title, () => Effect.provide(body(), layer))

    const find = (id: string) =>
      Effect.flatMap(RunStore, (store) =>
        Effect.map(store.runs({ idPrefix: id, limit: 1 }), ([record]) => record as RunRecord)
      )
    const lost = (write: Effect.Effect<unknown, StoreError>) =>
      Effect.map(Effect.flip(write), (error) => {
        assert.instanceOf(error, StoreError)
        assert.strictEqual(error.reason, "lost")
        return error.message
      })

    effect("gives a new run to one of those that claim its id", () =>
      Effect.gen(function* () {
        const store = yield* RunStore
        const claims = yield* Effect.all(
          Array.from({ length: 8 }, (_, pid) => Effect.exit(store.claim({ run: run("r", { pid, tags: ["new"] }) }))),
          { concurrency: "unbounded" }
        )
        const won = claims.filter((exit) => exit._tag === "Success")
        assert.strictEqual(won.length, 1)
        const record = yield* find("r")
        assert.strictEqual(record.driver, won[0]?.value.token)
        assert.strictEqual(record.pid, claims.indexOf(won[0] as never))
        assert.deepStrictEqual(record.tags, ["new"])
        assert.match(yield* lost(store.claim({ run: run("r") })), /^Run r is driven by another process \(\d on host\)/)
      })
    )

    effect("lets one process copy a run into it, and refuses the one that began before", () =>
      Effect.gen(function* () {
        const store = yield* RunStore
        const first = yield* store.receive("r")
        yield* store.write([putTask(task("r", 1)), { _tag: "Logs", lines: [line("r", "", "first")] }], first)
        const second = yield* store.receive("r")
        assert.deepStrictEqual(yield* store.logs({ run: "r" }), [])
        const other = yield* store.claim({ run: run("other") })
        // Writes of drivers and copies share transactions.
        const [refused] = yield* Effect.all(
          [
            lost(store.write([putTask(task("r", 2)), putRun(run("r", { status: "failed" }))], first)),
            store.write([putTask(task("r", 3))], second),
            store.write([putTask(task("other", 1))], other)
          ],
          { concurrency: "unbounded" }
        )
        assert.include(refused, "is now being copied into the same store by another process")
        assert.deepStrictEqual(
          (yield* store.runs({})).map(({ id }) => id),
          ["other"]
        )
        assert.deepStrictEqual(
          (yield* store.unfinishedCopies).map((copy) => copy.run),
          ["r"]
        )
        yield* store.write([putRun(run("r", { status: "failed" }))], second)
        assert.deepStrictEqual(
          (yield* store.tasks({ run: "r" })).map(({ id }) => id),
          [task("r", 3).id]
        )
        assert.deepStrictEqual(yield* store.unfinishedCopies, [])
        assert.include(yield* lost(store.receive("r")), "Run r has already ended")
        assert.include(yield* lost(store.write([putTask(task("r", 4))], second)), "Run r has already ended")
        assert.lengthOf(yield* store.tasks({ run: "r" }), 1)
      })
    )

    effect("refuses all of a write by a driver that lost the run, and takes it from the new one", () =>
      Effect.gen(function* () {
        const store = yield* RunStore
        const first = yield* store.claim({ run: run("r") })
        yield* store.write([putTask(task("r", 1))], first)
        const second = yield* store.claim({ run: run("r", { host: "second" }), over: yield* find("r") })
        const changes = [
          [putTask(task("r", 2))],
          [putTask(task("r", 3), { blobs: [{ digest: "d", bytes: new Uint8Array(1) }] })],
          [{ _tag: "Heartbeat", run: "r", at: 9000 }],
          [{ _tag: "Logs", lines: [line("r", "", "late")] }, putRun(run("r", { status: "failed" }))]
        ] as const
        const messages = yield* Effect.all(
          changes.map((write) => lost(store.write(write, first))),
          { concurrency: "unbounded" }
        )
        for (const message of messages) assert.include(message, "driven by another process (1 on second)")
        yield* store.write([putTask(task("r", 4))], second)
        assert.deepStrictEqual(
          (yield* store.tasks({ run: "r" })).map(({ index }) => index),
          [1, 4]
        )
        assert.deepStrictEqual(yield* store.logs({ run: "r" }), [])
        const record = yield* find("r")
        assert.deepStrictEqual([record.status, record.host, record.driver], ["running", "second", second.token])
      })
    )

    effect("lets one of those continue a run that saw it in the same state", () =>
      Effect.gen(function* () {
        const store = yield* RunStore
        yield* store.claim({ run: run("r") })
        const seen = yield* find("r")
        const claims = yield* Effect.all(
          Array.from({ length: 8 }, (_, pid) => Effect.exit(store.claim({ run: run("r", { pid }), over: seen }))),
          { concurrency: "unbounded" }
        )
        assert.strictEqual(claims.filter((exit) => exit._tag === "Success").length, 1)
        yield* store.write([putRun(run("r", { status: "succeeded" }))])
        const message = yield* lost(store.claim({ run: run("r"), over: { ...(yield* find("r")), status: "running" } }))
        assert.include(message, "has already ended: it succeeded")
      })
    )

    effect("claims a run from before there were tokens", () =>
      Effect.gen(function* () {
        const store = yield* RunStore
        yield* store.write([putRun(run("r"))])
        const old = yield* find("r")
        assert.isUndefined(old.driver)
        const driver = yield* store.claim({ run: old, over: old })
        yield* store.write([putTask(task("r", 1))], driver)
        yield* lost(store.write([putTask(task("r", 2))], { run: "r", token: "" }))
      })
    )

    effect("lets one of those resume a run, and fences off its own driver", () =>
      Effect.gen(function* () {
        const store = yield* RunStore
        const driver = yield* store.claim({ run: run("r") })
        const claims = yield* Effect.all(
          Array.from({ length: 8 }, (_, index) =>
            Effect.exit(store.claim({ run: run(`s${index}`, { origin: "r" }), origin: driver }))
          ),
          { concurrency: "unbounded" }
        )
        const won = claims.findIndex((exit) => exit._tag === "Success")
        assert.strictEqual(claims.filter((exit) => exit._tag === "Success").length, 1)
        assert.deepStrictEqual(
          (yield* store.runs({ origin: "r" })).map(({ id }) => id),
          [`s${won}`]
        )
        yield* lost(store.write([putTask(task("r", 1))], driver))
      })
    )

    effect("removes a run or lets it be claimed, never both", () =>
      Effect.gen(function* () {
        const store = yield* RunStore
        for (let round = 0; round < 12; round++) {
          const [older, id, resumed] = [`o${round}`, `r${round}`, `s${round}`]
          yield* store.claim({ run: run(older, { status: "failed" }) })
          const driver = yield* store.claim({ run: run(id, { status: "failed", origin: older }) })
          const read = yield* find(id)
          const claim = Effect.exit(store.claim({ run: run(resumed, { origin: id }), origin: driver }))
          const remove = store.remove([id, older], (now) => {
            const claimed = now.some((run) => run.id === id && run.driver !== read.driver)
            return new Set(claimed ? [id, older] : [])
          })
          const both = round % 2 === 0 ? [claim, remove] : [remove, claim]
          yield* Effect.all(both, { concurrency: "unbounded" })
          const left = (yield* store.runs({})).map((found) => found.id)
          assert.deepInclude([[], [resumed, id, older]], left)
          yield* store.remove(left)
        }
      })
    )

    effect("says that a run was removed", () =>
      Effect.gen(function* () {
        const store = yield* RunStore
        const driver = yield* store.claim({ run: run("r") })
        yield* store.remove(["r"])
        assert.include(yield* lost(store.write([putTask(task("r", 1))], driver)), "no longer in the store")
        assert.deepStrictEqual(yield* store.tasks({ run: "r" }), [])
      })
    )

    effect("moves a heartbeat forward only, whatever the driver's clock says", () =>
      Effect.gen(function* () {
        const store = yield* RunStore
        const driver = yield* store.claim({ run: run("r", { heartbeatAt: 5000 }) })
        const beat = (at: number) =>
          Effect.andThen(
            store.write([{ _tag: "Heartbeat", run: "r", at }], driver),
            Effect.map(find("r"), ({ heartbeatAt }) => heartbeatAt)
          )
        assert.strictEqual(yield* beat(7000), 7000)
        assert.strictEqual(yield* beat(1000), 7001)
        assert.strictEqual(yield* beat(7001), 7002)
        yield* store.write([putRun(run("r", { status: "succeeded", heartbeatAt: 5000 }))], driver)
        assert.strictEqual((yield* find("r")).heartbeatAt, 7002)
        assert.strictEqual(yield* beat(0), 0)
      })
    )
  })
}
