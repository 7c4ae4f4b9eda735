/** What every `RunStore` does, whatever it keeps its records in. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Layer from "effect/Layer"
import * as FastCheck from "fast-check"
import { ArtifactStore } from "../../src/ArtifactStore.ts"
import * as Digest from "../../src/internal/digest.ts"
import type { AttemptRecord, MetricRecord, RunRecord, TaskRecord } from "../../src/RunRecord.ts"
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

    effect("keeps lines in order, and goes on after one", () =>
      Effect.gen(function* () {
        const store = yield* RunStore
        yield* store.write([
          { _tag: "Logs", lines: [line("r", "a/1", "one"), line("q", "a/1", "other run"), line("r", "", "two")] }
        ])
        yield* store.write([
          {
            _tag: "Logs",
            lines: [line("r", "ab/2", "three", { attempt: 2, level: "WARN", at: 1 }), line("r", "a/3", "four")]
          }
        ])
        const messages = (query: Parameters<typeof store.logs>[0]) =>
          Effect.map(store.logs(query), (lines) => lines.map((line) => line.message))
        assert.deepStrictEqual(yield* messages({ run: "r" }), ["one", "two", "three", "four"])
        assert.deepStrictEqual(yield* messages({ run: "r", task: "" }), ["two"])
        assert.deepStrictEqual(yield* messages({ run: "r", task: "a/1" }), ["one"])
        assert.deepStrictEqual(yield* messages({ run: "r", step: "a" }), ["one", "four"])
        assert.deepStrictEqual(yield* messages({ run: "r", attempt: 2 }), ["three"])
        const [first, second] = yield* store.logs({ run: "r", limit: 2 })
        const { sequence, ...record } = second ?? assert.fail("there are four")
        assert.deepStrictEqual(record, line("r", "", "two"))
        assert.isBelow(first?.sequence ?? Number.NaN, sequence)
        assert.deepStrictEqual(yield* messages({ run: "r", after: sequence }), ["three", "four"])
        assert.deepStrictEqual(yield* messages({ run: "none" }), [])
      })
    )

    effect("loses no line of a flood", () =>
      Effect.gen(function* () {
        const store = yield* RunStore
        const tasks = Array.from({ length: 32 }, (_, index) => `flood/${index + 1}`)
        yield* Effect.forEach(
          tasks,
          (task) =>
            Effect.forEach(
              Array.from({ length: 50 }, (_, batch) => batch),
              (batch) =>
                store.write([
                  {
                    _tag: "Logs",
                    lines: Array.from({ length: 100 }, (_, i) => line("r", task, String(batch * 100 + i)))
                  }
                ]),
              { discard: true }
            ),
          { concurrency: "unbounded", discard: true }
        )
        const lines = yield* store.logs({ run: "r" })
        assert.strictEqual(lines.length, 160_000)
        const next = new Map<string, number>()
        for (const { message, task } of lines) {
          const expected = next.get(task) ?? 0
          if (message !== String(expected)) assert.fail(`${task} says ${message} where ${expected} was due`)
          next.set(task, expected + 1)
        }
        assert.deepStrictEqual(
          [...next.values()],
          Array.from({ length: 32 }, () => 5000)
        )
      })
    )

    effect("keeps any number of a metric's series", () =>
      Effect.gen(function* () {
        const store = yield* RunStore
        const values = [0.1, Number.NaN, Number.POSITIVE_INFINITY, -1e300, 3, 5e-324]
        const points = values.map(
          (value, step): MetricRecord => ({ run: "r", task: "train/1", name: "loss", step, value, at: 1 })
        )
        yield* store.write([{ _tag: "Metrics", points }])
        yield* store.write([
          { _tag: "Metrics", points: [{ run: "r", task: "", name: "acc", step: 0.5, value: 1, at: 2 }] }
        ])
        assert.deepStrictEqual((yield* store.metrics({ run: "r" })).slice(0, -1), points)
        assert.deepStrictEqual(yield* store.metrics({ run: "r", task: "train/1", name: "loss" }), points)
        assert.strictEqual((yield* store.metrics({ run: "r", name: "acc" })).length, 1)
        assert.deepStrictEqual(yield* store.metrics({ run: "q" }), [])
      })
    )

    effect("knows who uses an artifact", () =>
      Effect.gen(function* () {
        const store = yield* RunStore
        const written = ref("x", "d1", { writer: "r1/a/1" })
        yield* store.write([
          putTask(task("r1", 1, { step: "a", outputs: [written, ref("y", "d2")] })),
          putTask(task("r1", 2, { step: "b", status: "running", inputs: [written] })),
          putTask(task("r2", 1, { step: "a", inputs: [{ ...written, name: "z" }], outputs: [written] }))
        ])
        yield* store.write([putTask(task("r1", 2, { step: "b", inputs: [written] }))])
        const uses = yield* store.uses("d1")
        assert.deepStrictEqual(uses, [
          { run: "r2", task: "a/1", side: "input", ref: { ...written, name: "z" } },
          { run: "r2", task: "a/1", side: "output", ref: written },
          { run: "r1", task: "a/1", side: "output", ref: written },
          { run: "r1", task: "b/2", side: "input", ref: written }
        ])
        assert.deepStrictEqual(yield* store.uses("d1", 3), uses.slice(0, 3))
        assert.deepStrictEqual(yield* store.uses("d3"), [])
        assert.deepStrictEqual(yield* store.digests(), new Set(["d1", "d2"]))
        assert.deepStrictEqual(yield* store.digests(new Set(["r1"])), new Set(["d1"]))
        assert.deepStrictEqual(yield* store.digests(new Set(["r1", "r2"])), new Set())
      })
    )

    effect("removes runs with all that is kept of them", () =>
      Effect.gen(function* () {
        const store = yield* RunStore
        const everything = (id: string, digest: string) => [
          putRun(run(id, { tags: ["t"] })),
          putTask(task(id, 1, { key: "k", cache: "1", outputs: [ref("x", digest)] })),
          { _tag: "Logs" as const, lines: [line(id, "step/1", "said")] },
          { _tag: "Metrics" as const, points: [{ run: id, task: "", name: "m", step: 0, value: 1, at: 1 }] }
        ]
        yield* store.write([...everything("r1", "d1"), ...everything("r2", "d2"), ...everything("r3", "d3")])
        yield* store.remove(["r1", "r3", "unknown"])
        yield* store.remove([])
        assert.deepStrictEqual(ids(yield* store.runs({ tags: ["t"] })), ["r2"])
        assert.deepStrictEqual(yield* store.tasks({ run: "r1" }), [])
        assert.deepStrictEqual(ids(yield* store.tasks({ flow: "Flow", key: "k" })), ["step/1"])
        assert.deepStrictEqual(yield* store.logs({ run: "r1" }), [])
        assert.deepStrictEqual(yield* store.metrics({ run: "r3" }), [])
        assert.deepStrictEqual(yield* store.digests(), new Set(["d2"]))
        assert.strictEqual((yield* store.logs({ run: "r2" })).length, 1)
        yield* store.write([putRun(run("r1"))])
        assert.deepStrictEqual((yield* store.runs({ idPrefix: "r1" }))[0]?.tags, [])
      })
    )

    effect("keeps the order of calls that nobody waits for", () =>
      Effect.gen(function* () {
        const store = yield* RunStore
        const fibers = yield* Effect.forEach(
          Array.from({ length: 300 }, (_, index) => index),
          (index) =>
            Effect.forkChild(
              store.write([
                putTask(task("r", 1, { version: String(index) })),
                { _tag: "Logs", lines: [line("r", "", String(index))] }
              ]),
              { startImmediately: true }
            )
        )
        yield* store.write([putRun(run("r"))])
        assert.strictEqual((yield* store.tasks({ run: "r" }))[0]?.version, "299")
        yield* Effect.forEach(fibers, Fiber.join)
        assert.deepStrictEqual(
          (yield* store.logs({ run: "r" })).map((line) => Number(line.message)),
          Array.from({ length: 300 }, (_, index) => index)
        )
      })
    )

    effect("keeps a task's card as it is now, and says that it changed", () =>
      Effect.gen(function* () {
        const store = yield* RunStore
        const artifacts = yield* ArtifactStore
        const bytes = new TextEncoder().encode("[]")
        const digest = Digest.ofChunks([bytes])
        const card = (id: string, task: string, of: string, at: number) => ({
          _tag: "Card" as const,
          card: { run: id, task, attempt: 1, at, digest: of, size: 2 }
        })
        assert.deepStrictEqual(yield* store.pulse("r1"), { lines: 0, points: 0, cards: 0 })
        yield* store.write([
          putRun(run("r1")),
          putRun(run("r2")),
          { ...card("r1", "a/1", digest, 1), blob: { digest, bytes } }
        ])
        yield* store.write([card("r1", "b/2", "d2", 2), card("r2", "a/1", "d3", 3)])
        const before = yield* store.pulse("r1")
        yield* store.write([card("r1", "a/1", "d4", 4)])
        const cards = (query: Parameters<typeof store.cards>[0]) =>
          Effect.map(store.cards(query), (found) => found.map(({ at, digest, task }) => `${task} ${digest} ${at}`))
        assert.deepStrictEqual(yield* cards({ run: "r1" }), ["b/2 d2 2", "a/1 d4 4"])
        assert.deepStrictEqual(yield* cards({ run: "r1", task: "b/2" }), ["b/2 d2 2"])
        assert.deepStrictEqual(yield* cards({ run: "r1", after: before.cards }), ["a/1 d4 4"])
        assert.deepStrictEqual(yield* artifacts.get(digest), bytes)
        // What was replaced is referred to no more; what is there is kept from the sweep.
        assert.deepStrictEqual(yield* store.digests(), new Set(["d2", "d3", "d4"]))
        yield* store.remove(["r1"])
        assert.deepStrictEqual(yield* store.cards({ run: "r1" }), [])
        assert.deepStrictEqual(yield* store.digests(), new Set(["d3"]))
      })
    )

    effect("says how far a run has come", () =>
      Effect.gen(function* () {
        const store = yield* RunStore
        yield* store.write([
          putRun(run("r")),
          { _tag: "Logs", lines: [line("r", "", "one"), line("other", "", "two")] }
        ])
        const first = yield* store.pulse("r")
        assert.strictEqual(first.lines, (yield* store.logs({ run: "r" })).at(-1)?.sequence)
        yield* store.write([
          { _tag: "Logs", lines: [line("other", "", "three")] },
          { _tag: "Metrics", points: [{ run: "r", task: "", name: "m", step: 0, value: 1, at: 1 }] }
        ])
        const second = yield* store.pulse("r")
        assert.strictEqual(second.lines, first.lines)
        assert.isAbove(second.points, first.points)
      })
    )

    effect("writes what concurrent tasks write", () =>
      Effect.gen(function* () {
        const store = yield* RunStore
        const records = Array.from({ length: 500 }, (_, index) =>
          task("r", index + 1, { outputs: [ref("x", `d${index % 7}`)] })
        )
        yield* Effect.forEach(records, (record) => store.write([putTask(record)]), { concurrency: 8, discard: true })
        assert.deepStrictEqual(yield* store.tasks({ run: "r" }), records)
        assert.strictEqual((yield* store.digests()).size, 7)
      })
    )
  })
}
