/** What is collected, and what is not, on each store. */
import * as Os from "node:os"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { TestClock } from "effect/testing"
import { ArtifactStore } from "../src/ArtifactStore.ts"
import * as Gc from "../src/Gc.ts"
import * as Digest from "../src/internal/schema/digest.ts"
import type { RunRecord } from "../src/RunRecord.ts"
import { RunStore } from "../src/RunStore.ts"
import { layers } from "./conformance/layers.ts"
import { putRun, putTask, ref, run, task } from "./conformance/records.ts"

const day = 24 * 60 * 60 * 1000
const start = 100 * day

const bytesOf = (text: string, large: boolean): Uint8Array =>
  large ? new Uint8Array(100_000).fill(text.length) : new TextEncoder().encode(text)
const digestOf = (text: string, large = false): string => Digest.ofChunks([bytesOf(text, large)])

/** A finished run with a task that wrote a small artifact and a large one. */
const finished = Effect.fnUntraced(function* (id: string, more: Partial<RunRecord> = {}, large = "") {
  const store = yield* RunStore
  const artifacts = yield* ArtifactStore
  const blob = { digest: digestOf(id), bytes: bytesOf(id, false) }
  const outputs = [ref("small", blob.digest)]
  if (large !== "") outputs.push(ref("large", (yield* artifacts.put([bytesOf(large, true)])).digest))
  yield* store.write([
    putRun(run(id, { status: "succeeded", startedAt: start, ...more })),
    putTask(task(id, 1, { outputs }), { blobs: [blob] })
  ])
})

for (const { layer, name } of layers) {
  describe(`Gc: ${name}`, () => {
    const effect = <E>(title: string, body: () => Effect.Effect<void, E, RunStore | ArtifactStore>) =>
      it.effect(title, () => Effect.provide(Effect.andThen(TestClock.setTime(start), Effect.suspend(body)), layer))
    const left = Effect.map(
      Effect.flatMap(RunStore, (store) => store.runs({})),
      (runs) => runs.map(({ id }) => id)
    )
    const there = (...digests: ReadonlyArray<string>) =>
      Effect.map(
        Effect.flatMap(ArtifactStore, (store) => store.touch(digests)),
        (found) => digests.map((digest) => found.has(digest))
      )

    effect("removes no run without a condition, and what nothing refers to", () =>
      Effect.gen(function* () {
        yield* finished("r1")
        const artifacts = yield* ArtifactStore
        const orphan = yield* artifacts.put([bytesOf("orphan", false)])
        const large = yield* artifacts.put([bytesOf("orphan", true)])
        yield* TestClock.setTime(start + day)
        const expected = { runs: [], needed: [], kept: 1, artifacts: 2, bytes: 100_006 }
        assert.deepStrictEqual(yield* Gc.collect({ dryRun: true }), { ...expected, dryRun: true })
        assert.deepStrictEqual(yield* Gc.collect(), { ...expected, dryRun: false })
        assert.deepStrictEqual(yield* there(orphan.digest, large.digest, digestOf("r1")), [false, false, true])
      })
    )

    effect("keeps the newest of each flow, the young and the tagged", () =>
      Effect.gen(function* () {
        yield* finished("a1", { flow: "A" }, "one")
        yield* finished("a2", { flow: "A", tags: ["keep"] }, "one")
        yield* finished("a3", { flow: "A", startedAt: start + 8 * day }, "three")
        yield* finished("a4", { flow: "A", status: "failed" })
        yield* finished("b1", { flow: "B" })
        yield* finished("b2", { flow: "B" })
        yield* TestClock.setTime(start + 10 * day)
        const options = { keepRuns: 1, keepDays: 3, keepTags: ["keep", "other"] }
        const before = yield* Gc.collect({ ...options, dryRun: true })
        assert.deepStrictEqual(yield* left, ["b2", "b1", "a4", "a3", "a2", "a1"])
        const done = yield* Gc.collect(options)
        assert.deepStrictEqual({ ...done, dryRun: true }, before)
        assert.deepStrictEqual(done.runs, ["b1", "a1"])
        assert.strictEqual(done.kept, 4)
        // The large artifact of a1 is also a2's.
        assert.deepStrictEqual([done.artifacts, done.bytes], [2, 4])
        assert.deepStrictEqual(yield* left, ["b2", "a4", "a3", "a2"])
        assert.deepStrictEqual(yield* there(digestOf("a1"), digestOf("a2"), digestOf("one", true), digestOf("b1")), [
          false,
          true,
          true,
          false
        ])
        assert.strictEqual(Gc.toText(done), "Removed 2 runs and 2 artifacts (4 B); 4 runs kept.")
      })
    )

    effect("looks at the runs of one flow only", () =>
      Effect.gen(function* () {
        yield* finished("a1", { flow: "A" })
        yield* finished("b1", { flow: "B" })
        yield* TestClock.setTime(start + day)
        assert.deepStrictEqual((yield* Gc.collect({ flow: "A", keepRuns: 0 })).runs, ["a1"])
        assert.deepStrictEqual(yield* left, ["b1"])
      })
    )

    effect("keeps what kept runs took over from, and whom they called", () =>
      Effect.gen(function* () {
        const store = yield* RunStore
        yield* finished("a1", { flow: "A" })
        yield* finished("a2", { flow: "A" })
        yield* finished("a3", { flow: "A", parent: "a2" })
        yield* finished("a4", { flow: "A" })
        yield* finished("a5", { flow: "C", parent: "a4/2" })
        yield* store.write([putTask(task("a4", 2, { how: "takenOver", source: "a1/step/1" }))])
        yield* TestClock.setTime(start + day)
        const done = yield* Gc.collect({ keepRuns: 1 })
        assert.deepStrictEqual(done.runs, ["a3", "a2"])
        assert.deepStrictEqual(done.needed, ["a1"])
        assert.deepStrictEqual(yield* left, ["a5", "a4", "a1"])
        assert.include(Gc.toText(done), "1 older run stays, because kept runs reuse its tasks.")
      })
    )

    effect("keeps runs that are running, and artifacts that a task may be about to refer to", () =>
      Effect.gen(function* () {
        const artifacts = yield* ArtifactStore
        const host = Os.hostname()
        const running = { status: "running" as const, host, pid: process.pid }
        const now = start + day
        yield* finished("r1", { ...running, heartbeatAt: now - 1000 })
        yield* finished("r2", { ...running, heartbeatAt: now - 1000, pid: 2 ** 30 })
        yield* finished("r3", { ...running, heartbeatAt: now - 60_000 })
        yield* finished("r4", { ...running, heartbeatAt: now - 2 * 60 * 60 * 1000, host: "elsewhere" })
        yield* finished("r5", { ...running, heartbeatAt: now - 60_000, host: "elsewhere", pid: 2 ** 30 })
        yield* TestClock.setTime(now - 10 * 60 * 1000)
        const young = yield* artifacts.put([bytesOf("young", false)])
        yield* TestClock.setTime(now)
        const done = yield* Gc.collect({ keepRuns: 0 })
        assert.deepStrictEqual(done.runs, ["r4", "r2"])
        assert.deepStrictEqual(yield* left, ["r5", "r3", "r1"])
        assert.deepStrictEqual(yield* there(young.digest, digestOf("r1")), [true, true])
        yield* TestClock.setTime(now + 2 * 60 * 1000)
        assert.strictEqual((yield* Gc.collect({ keepRuns: 0, grace: "1 minute" })).artifacts, 1)
        assert.deepStrictEqual(yield* there(young.digest), [false])
      })
    )

    effect("keeps what a live run, or a resume of a kept run, may still take over", () =>
      Effect.gen(function* () {
        const now = start + day
        const live = {
          status: "running" as const,
          host: Os.hostname(),
          pid: process.pid,
          heartbeatAt: now,
          startedAt: now
        }
        const failed = { status: "failed" as const }
        yield* finished("a0", { flow: "A" })
        yield* finished("a1", { flow: "A" }, "taken over in two hours")
        yield* finished("a2", { flow: "A", ...failed, origin: "a1" })
        yield* finished("a3", { flow: "A", parent: "a2/1", ...failed, origin: "a0" })
        yield* finished("a4", { flow: "A", ...live, origin: "a2" })
        yield* finished("b1", { flow: "B" })
        yield* finished("b2", { flow: "B", origin: "b1" })
        yield* finished("b3", { flow: "B", ...failed, origin: "b2" })
        yield* TestClock.setTime(now)
        const options = { keepRuns: 1, dryRun: true }
        const before = yield* Gc.collect(options)
        const done = yield* Gc.collect({ ...options, dryRun: false })
        assert.deepStrictEqual({ ...done, dryRun: true }, before)
        // b2 succeeded, so it has all that b1 had.
        assert.deepStrictEqual(done.runs, ["b1"])
        assert.deepStrictEqual([...done.needed].sort(), ["a0", "a1", "a2", "a3", "b2"])
        assert.deepStrictEqual(yield* there(digestOf("taken over in two hours", true)), [true])
      })
    )

    effect("keeps what a live run has stored and not recorded yet, however long its step takes", () =>
      Effect.gen(function* () {
        const artifacts = yield* ArtifactStore
        const live = { status: "running" as const, host: Os.hostname(), pid: process.pid }
        const before = yield* artifacts.put([bytesOf("from before the run", false)])
        yield* TestClock.setTime(start + 60 * 60 * 1000)
        yield* finished("r1", { flow: "A", ...live, startedAt: start + 60 * 60 * 1000 })
        const parts = [yield* artifacts.put([bytesOf("part", false)]), yield* artifacts.put([bytesOf("part", true)])]
        yield* finished("r2", { flow: "B", startedAt: start + 60 * 60 * 1000 }, "of a removed run")
        yield* TestClock.setTime(start + day)
        yield* (yield* RunStore).write([{ _tag: "Heartbeat", run: "r1", at: start + day }])
        const options = { keepRuns: 0, dryRun: true }
        const planned = yield* Gc.collect(options)
        const done = yield* Gc.collect({ ...options, dryRun: false })
        assert.deepStrictEqual({ ...done, dryRun: true }, planned)
        assert.deepStrictEqual(done.runs, ["r2"])
        assert.strictEqual(done.artifacts, 3)
        assert.deepStrictEqual(yield* there(...parts.map(({ digest }) => digest), before.digest, digestOf("r2")), [
          true,
          true,
          false,
          false
        ])
      })
    )

    effect("keeps a small artifact that several runs wrote until the last of them goes", () =>
      Effect.gen(function* () {
        const store = yield* RunStore
        const artifacts = yield* ArtifactStore
        const blob = { digest: digestOf("shared"), bytes: bytesOf("shared", false) }
        for (const id of ["r1", "r2", "r3"]) {
          yield* store.write([
            putRun(run(id, { status: "succeeded", startedAt: start })),
            putTask(task(id, 1, { outputs: [ref("x", blob.digest)] }), { blobs: [blob] }),
            putTask(task(id, 2, { inputs: [ref("x", blob.digest)] }))
          ])
          assert.strictEqual((yield* store.uses(blob.digest))[0]?.run, id)
        }
        yield* TestClock.setTime(start + day)
        for (const gone of ["r1", "r2"]) {
          yield* store.remove([gone])
          assert.isTrue((yield* store.digests()).has(blob.digest))
          assert.strictEqual((yield* Gc.collect()).artifacts, 0)
          assert.strictEqual((yield* artifacts.get(blob.digest)).length, blob.bytes.length)
        }
        assert.deepStrictEqual(
          (yield* store.uses(blob.digest)).map(({ run, task }) => `${run}/${task}`),
          ["r3/step/1", "r3/step/2"]
        )
        assert.isFalse((yield* store.digests(new Set(["r3"]))).has(blob.digest))
        yield* store.remove(["r3"])
        assert.strictEqual((yield* Gc.collect()).artifacts, 1)
      })
    )

    effect("keeps what another process claims at the last moment, and what that stands on", () =>
      Effect.gen(function* () {
        const store = yield* RunStore
        yield* finished("a1", { status: "failed" }, "first")
        yield* finished("a2", { status: "failed", origin: "a1" })
        yield* finished("a3")
        yield* finished("a4", { parent: "a2/1" })
        yield* finished("b1")
        yield* TestClock.setTime(start + day)
        const resume = Effect.flatMap(store.runs({ idPrefix: "a2" }), ([record]) =>
          store.claim({
            run: run("c1", { origin: "a2", startedAt: start + day, heartbeatAt: start + day, host: "elsewhere" }),
            origin: { run: "a2", token: record?.driver ?? "" }
          })
        )
        const claimedFirst = RunStore.of({
          ...store,
          remove: (runs, unless) => Effect.andThen(resume, store.remove(runs, unless))
        })
        const done = yield* Effect.provideService(Gc.collect({ keepRuns: 0 }), RunStore, claimedFirst)
        assert.deepStrictEqual(done.runs, ["b1", "a3"])
        assert.deepStrictEqual(yield* left, ["c1", "a4", "a2", "a1"])
        assert.deepStrictEqual(yield* there(digestOf("a1"), digestOf("first", true), digestOf("b1")), [
          true,
          true,
          false
        ])
      })
    )

    effect("frees at once where nothing runs", () =>
      Effect.gen(function* () {
        yield* finished("r1", {}, "large")
        yield* TestClock.setTime(start + 2 * 60 * 1000)
        const done = yield* Gc.collect({ keepRuns: 0 })
        assert.deepStrictEqual([done.runs.length, done.artifacts, done.bytes], [1, 2, 100_002])
      })
    )
  })
}
