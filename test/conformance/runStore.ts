/** What every `RunStore` does with runs, tags and tasks, whatever it keeps its records in. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as FastCheck from "fast-check"
import { ArtifactStore } from "../../src/ArtifactStore.ts"
import * as Digest from "../../src/internal/schema/digest.ts"
import type { AttemptRecord, RunRecord, TaskRecord } from "../../src/RunRecord.ts"
import { RunStore, type StoreError } from "../../src/RunStore.ts"
import { line, putRun, putTask, ref, run, task } from "./records.ts"

export const suite = (name: string, layer: Layer.Layer<ArtifactStore | RunStore, StoreError>): void => {
  describe(`RunStore: ${name}`, () => {
    const effect = (title: string, body: () => Effect.Effect<void, unknown, ArtifactStore | RunStore>) =>
      it.effect(title, () => Effect.provide(body(), layer))

    const ids = (records: ReadonlyArray<{ readonly id: string }>) => records.map((record) => record.id)

    effect("gives back a run as it was written", () =>
      Effect.gen(function* () {
        const store = yield* RunStore
        const whole = run("r1", {
          status: "failed",
          origin: "r0",
          from: "train",
          parent: "p/3",
          parameters: { text: "ä\u0000😀", list: [1, null, { deep: true }] },
          startedAt: 1.5,
          finishedAt: 2 ** 52,
          error: { tag: "Oops", message: "it broke", stack: "at", data: { a: [1] } },
          output: { nothing: null },
          systemTags: { user: "ada", node: "v24" },
          tags: ["b", "a", "b", "é"]
        })
        yield* store.write([putRun(whole)])
        assert.deepStrictEqual(yield* store.runs({}), [{ ...whole, tags: ["a", "b", "é"] }])
        const bare = run("r2", { parameters: {} })
        yield* store.write([putRun(bare)])
        assert.deepStrictEqual(yield* store.runs({ idPrefix: "r2" }), [bare])
      })
    )

    effect("says which run resumed a run, the newest of them, for as long as that is there", () =>
      Effect.gen(function* () {
        const store = yield* RunStore
        yield* store.write([
          putRun(run("r1")),
          putRun(run("r2", { origin: "r1" })),
          putRun(run("r4", { origin: "r1", resumedBy: "r9" }))
        ])
        const resumedBy = Effect.map(store.runs({}), (runs) => runs.map(({ id, resumedBy }) => [id, resumedBy]))
        const expected = (r1: string | undefined) => [
          ["r4", undefined],
          ["r2", undefined],
          ["r1", r1]
        ]
        assert.deepStrictEqual(yield* resumedBy, expected("r4"), "it is derived, whatever a record says")
        yield* store.remove(["r4"])
        assert.deepStrictEqual(yield* resumedBy, expected("r2").slice(1))
        yield* store.remove(["r2"])
        assert.deepStrictEqual(yield* resumedBy, expected(undefined).slice(2))
      })
    )

    effect("keeps the digests of a task's code", () =>
      Effect.gen(function* () {
        const store = yield* RunStore
        const records = [task("r", 1, { code: "c1", sourceCode: "c0" }), task("r", 2, { code: "c1" }), task("r", 3)]
        yield* store.write([putRun(run("r")), ...records.map((record) => putTask(record))])
        assert.deepStrictEqual(yield* store.tasks({ run: "r" }), records)
      })
    )

    effect("gives back any text", () =>
      Effect.gen(function* () {
        const store = yield* RunStore
        const texts = FastCheck.sample(FastCheck.string({ unit: "grapheme" }), 100)
        yield* store.write([
          putRun(run("r")),
          ...texts.map((text, index) => putTask(task("r", index + 1, { version: text, key: text }))),
          { _tag: "Logs", lines: texts.map((text) => line("r", "", text)) }
        ])
        assert.deepStrictEqual(
          (yield* store.tasks({ run: "r" })).map((task) => task.version),
          texts
        )
        assert.deepStrictEqual(
          (yield* store.logs({ run: "r" })).map((line) => line.message),
          texts
        )
      })
    )

    effect("finds runs, newest first", () =>
      Effect.gen(function* () {
        const store = yield* RunStore
        yield* store.write([
          putRun(run("a2", { flow: "A", status: "succeeded", startedAt: 20, tags: ["x", "y"] })),
          putRun(run("a1", { flow: "A", status: "failed", startedAt: 10, tags: ["x"] })),
          putRun(run("b1", { flow: "B", status: "running", startedAt: 30, parent: "a1" })),
          putRun(run("b2", { flow: "B", status: "interrupted", startedAt: 40, parent: "a1/2" })),
          putRun(run("b3", { flow: "B", status: "succeeded", startedAt: 50, parent: "a10" }))
        ])
        const found = (query: Parameters<typeof store.runs>[0]) => Effect.map(store.runs(query), ids)
        assert.deepStrictEqual(yield* found({}), ["b3", "b2", "b1", "a2", "a1"])
        assert.deepStrictEqual(yield* found({ flow: "A" }), ["a2", "a1"])
        assert.deepStrictEqual(yield* found({ flow: "C" }), [])
        assert.deepStrictEqual(yield* found({ status: "succeeded" }), ["b3", "a2"])
        assert.deepStrictEqual(yield* found({ status: ["failed", "interrupted"] }), ["b2", "a1"])
        assert.deepStrictEqual(yield* found({ status: [] }), [])
        assert.deepStrictEqual(yield* found({ tags: ["x"] }), ["a2", "a1"])
        assert.deepStrictEqual(yield* found({ tags: ["x", "y"] }), ["a2"])
        assert.deepStrictEqual(yield* found({ since: 20, until: 40 }), ["b1", "a2"])
        assert.deepStrictEqual(yield* found({ idPrefix: "a" }), ["a2", "a1"])
        assert.deepStrictEqual(yield* found({ idPrefix: "" }), ["b3", "b2", "b1", "a2", "a1"])
        assert.deepStrictEqual(yield* found({ parent: "a1" }), ["b2", "b1"])
        assert.deepStrictEqual(yield* found({ limit: 2 }), ["b3", "b2"])
        assert.deepStrictEqual(yield* found({ before: "b2", limit: 2 }), ["b1", "a2"])
        assert.deepStrictEqual(yield* found({ limit: 0 }), [])
        assert.deepStrictEqual(yield* found({ flow: "B", status: "succeeded", since: 45, idPrefix: "b" }), ["b3"])
      })
    )

    effect("takes an id's prefix as text, not as a pattern", () =>
      Effect.gen(function* () {
        const store = yield* RunStore
        yield* store.write([putRun(run("a_b")), putRun(run("axb")), putRun(run("a%b"))])
        assert.deepStrictEqual(ids(yield* store.runs({ idPrefix: "a_" })), ["a_b"])
        assert.deepStrictEqual(ids(yield* store.runs({ idPrefix: "a%" })), ["a%b"])
      })
    )

    effect("replaces a run, but not its end by a beginning", () =>
      Effect.gen(function* () {
        const store = yield* RunStore
        const ended = run("r", { status: "succeeded", finishedAt: 5, output: 1 })
        yield* store.write([putRun(run("r"))])
        yield* store.write([putRun(ended)])
        yield* store.write([putRun(run("r", { heartbeatAt: 9 }))])
        assert.deepStrictEqual(yield* store.runs({}), [ended])
      })
    )

    effect("changes tags by Tags only, once a run is there", () =>
      Effect.gen(function* () {
        const store = yield* RunStore
        const tags = () => Effect.map(store.runs({}), ([record]) => (record as RunRecord).tags)
        yield* store.write([{ _tag: "Tags", run: "r", add: ["too early"], remove: [] }])
        yield* store.write([
          putRun(run("r", { tags: ["first"] })),
          { _tag: "Tags", run: "r", add: ["b", "a", "first"], remove: ["none"] }
        ])
        assert.deepStrictEqual(yield* tags(), ["a", "b", "first"])
        yield* store.write([{ _tag: "Tags", run: "r", add: ["c"], remove: ["a", "first"] }])
        yield* store.write([putRun(run("r", { status: "succeeded", tags: ["first"] }))])
        assert.deepStrictEqual(yield* tags(), ["b", "c"])
        yield* store.write([{ _tag: "Tags", run: "r", add: ["b"], remove: ["b"] }])
        assert.deepStrictEqual(yield* tags(), ["b", "c"])
      })
    )

    effect("keeps heartbeats", () =>
      Effect.gen(function* () {
        const store = yield* RunStore
        yield* store.write([putRun(run("r")), { _tag: "Heartbeat", run: "r", at: 7000 }])
        yield* store.write([{ _tag: "Heartbeat", run: "unknown", at: 7000 }])
        assert.deepStrictEqual(yield* store.runs({}), [run("r", { heartbeatAt: 7000 })])
      })
    )

    effect("gives back a task as it was written, and replaces it", () =>
      Effect.gen(function* () {
        const store = yield* RunStore
        const attempts: ReadonlyArray<AttemptRecord> = [
          { number: 1, status: "failed", startedAt: 1, finishedAt: 2, error: { tag: "E", message: "m" } },
          { number: 2, status: "succeeded", startedAt: 3, finishedAt: 4, cpu: 1.5, worker: "thread 1" }
        ]
        const running = task("r", 3, { step: "train", status: "running", inputs: [ref("df", "d1")] })
        const final: TaskRecord = {
          ...running,
          status: "failed",
          how: "cached",
          source: "q/train/2",
          cache: "7",
          finishedAt: 4,
          attempts,
          parents: ["start/1", "other/2"],
          inputs: [ref("df", "d1", { writer: "r/start/1" }), ref("branch.3.x", "d2", { size: 2 ** 40 })],
          outputs: [ref("model", "d3", { writer: "r/train/3" })],
          error: { tag: "Oops", message: "it broke", data: null }
        }
        yield* store.write([putTask(running)])
        assert.deepStrictEqual(yield* store.tasks({ run: "r" }), [running])
        yield* store.write([putTask(final)])
        assert.deepStrictEqual(yield* store.tasks({ run: "r" }), [final])
        yield* store.write([putTask(running)])
        assert.deepStrictEqual(yield* store.tasks({ run: "r" }), [final])
        yield* store.write([putTask(task("r", 3, { step: "train" })), putTask(running)])
        assert.deepStrictEqual(yield* store.tasks({ run: "r" }), [task("r", 3, { step: "train" })])
      })
    )

    effect("finds tasks", () =>
      Effect.gen(function* () {
        const store = yield* RunStore
        yield* store.write([
          putRun(run("r1", { flow: "A" })),
          putRun(run("r2", { flow: "A" })),
          putRun(run("r3", { flow: "B" })),
          putTask(task("r1", 2, { step: "train", key: "k", cache: "1" })),
          putTask(task("r1", 1, { step: "start", inputs: [ref("a", "d1")] })),
          putTask(task("r1", 10, { step: "train", status: "failed" })),
          putTask(task("r2", 1, { step: "start", how: "takenOver", source: "r1/start/1" })),
          putTask(task("r2", 2, { step: "train", key: "k", how: "cached", source: "r1/train/2", cache: "1" })),
          putTask(task("r3", 1, { step: "train", key: "k", cache: "1" })),
          putTask(task("r3", 2, { step: "train", key: "uncached" }))
        ])
        const found = (query: Parameters<typeof store.tasks>[0]) =>
          Effect.map(store.tasks(query), (tasks) => tasks.map((task) => `${task.run}/${task.id}`))
        assert.deepStrictEqual(yield* found({ run: "r1" }), ["r1/start/1", "r1/train/2", "r1/train/10"])
        assert.deepStrictEqual(yield* found({ run: "none" }), [])
        assert.deepStrictEqual(yield* found({ run: "r1", after: 1, limit: 1 }), ["r1/train/2"])
        assert.deepStrictEqual(yield* found({ run: "r1", id: "train/10" }), ["r1/train/10"])
        assert.deepStrictEqual(yield* found({ run: "r1", status: "failed" }), ["r1/train/10"])
        assert.deepStrictEqual(yield* found({ run: "r2", how: "takenOver" }), ["r2/start/1"])
        assert.deepStrictEqual(yield* found({ flow: "A", step: "train" }), ["r1/train/2", "r1/train/10", "r2/train/2"])
        assert.deepStrictEqual(yield* found({ flow: "A", step: "train", order: "newest" }), [
          "r2/train/2",
          "r1/train/2",
          "r1/train/10"
        ])
        assert.deepStrictEqual(yield* found({ flow: "A", step: "train", before: "r2" }), ["r1/train/2", "r1/train/10"])
        assert.deepStrictEqual(yield* found({ flow: "A", key: "k", order: "newest", limit: 1 }), ["r2/train/2"])
        assert.deepStrictEqual(yield* found({ flow: "B", key: "k", status: "succeeded" }), ["r3/train/1"])
        assert.deepStrictEqual(yield* found({ run: "r1", key: "k", step: "start" }), [])
        assert.deepStrictEqual(yield* found({ run: "r3", key: "uncached" }), ["r3/train/2"])
        assert.deepStrictEqual(yield* found({ flow: "B", key: "uncached" }), [])
        const [bare] = yield* store.tasks({ run: "r1", refs: false, limit: 1 })
        assert.deepStrictEqual(bare, task("r1", 1, { step: "start" }))
        const outputs = [ref("y", "d".repeat(64))]
        const full = task("r4", 1, {
          outputs,
          inputs: [ref("x", "e".repeat(64))],
          parents: ["start/1"],
          places: [1, 2, 3, 4],
          attempts: [{ number: 1, status: "succeeded", startedAt: 1, finishedAt: 2 }]
        })
        yield* store.write([putTask(full)])
        const [written] = yield* store.tasks({ run: "r4", refs: "outputs" })
        const { places: _, ...others } = full
        assert.deepStrictEqual(written, { ...others, inputs: [], parents: [], attempts: [] })
      })
    )

    effect("counts tasks by step and status", () =>
      Effect.gen(function* () {
        const store = yield* RunStore
        yield* store.write([
          putTask(task("r1", 1, { step: "a" })),
          putTask(task("r1", 2, { step: "a" })),
          putTask(task("r1", 3, { step: "a", status: "failed" })),
          putTask(task("r2", 1, { step: "b" })),
          putTask(task("r3", 1, { step: "b" }))
        ])
        const counts = yield* store.taskCounts(["r1", "r2", "none", "r1"])
        assert.deepStrictEqual(
          counts.map(({ count, run, status, step }) => `${run} ${step} ${status} ${count}`).sort(),
          ["r1 a failed 1", "r1 a succeeded 2", "r2 b succeeded 1"]
        )
        assert.deepStrictEqual(yield* store.taskCounts([]), [])
      })
    )

    effect("counts its runs, and names their flows and tags", () =>
      Effect.gen(function* () {
        const store = yield* RunStore
        assert.strictEqual(yield* store.count, 0)
        assert.deepStrictEqual(yield* store.names, { flows: [], tags: [] })
        yield* store.write([
          putRun(run("r1", { flow: "B", tags: ["nightly"] })),
          putRun(run("r2", { flow: "A", tags: ["best", "nightly"] })),
          putRun(run("r3", { flow: "B" }))
        ])
        assert.strictEqual(yield* store.count, 3)
        assert.deepStrictEqual(yield* store.names, { flows: ["A", "B"], tags: ["best", "nightly"] })
        const withPart = (idPart: string) => Effect.map(store.runs({ idPart }), (runs) => runs.map(({ id }) => id))
        assert.deepStrictEqual(yield* withPart("2"), ["r2"])
        assert.deepStrictEqual(yield* withPart("_"), [])
        assert.deepStrictEqual(yield* withPart("r"), ["r3", "r2", "r1"])
        yield* store.remove(["r2"])
        assert.strictEqual(yield* store.count, 2)
        assert.deepStrictEqual(yield* store.names, { flows: ["B"], tags: ["nightly"] })
      })
    )

    effect("makes a task's small artifacts readable with its record", () =>
      Effect.gen(function* () {
        const store = yield* RunStore
        const artifacts = yield* ArtifactStore
        const bytes = new TextEncoder().encode('{"a":1}')
        const digest = Digest.ofChunks([bytes])
        yield* store.write([
          putTask(task("r", 1, { outputs: [ref("a", digest)] }), {
            blobs: [{ digest, bytes }],
            schemas: [{ digest: "s1", text: '{"s":1}' }]
          })
        ])
        assert.deepStrictEqual(yield* artifacts.get(digest), bytes)
        assert.strictEqual(yield* store.schema("s1"), '{"s":1}')
        assert.strictEqual(yield* store.schema("s2"), undefined)
      })
    )
  })
}
