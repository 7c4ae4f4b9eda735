/** What every `RunStore` does with lines, points and cards, uses and removals, and writers at once. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Layer from "effect/Layer"
import { ArtifactStore } from "../../src/ArtifactStore.ts"
import * as Digest from "../../src/internal/schema/digest.ts"
import * as RunOrder from "../../src/internal/store/runOrder.ts"
import type { CheckpointRecord, MetricRecord } from "../../src/RunRecord.ts"
import { type RunPosition, type RunQuery, type RunSortKey, RunStore, type StoreError } from "../../src/RunStore.ts"
import { line, putRun, putTask, ref, run, task } from "./records.ts"

export const suite = (name: string, layer: Layer.Layer<ArtifactStore | RunStore, StoreError>): void => {
  describe(`RunStore, orders and uses: ${name}`, () => {
    const effect = (
      title: string,
      body: () => Effect.Effect<void, unknown, ArtifactStore | RunStore>,
      timeout?: number
    ) => it.effect(title, () => Effect.provide(body(), layer), timeout)

    const ids = (records: ReadonlyArray<{ readonly id: string }>) => records.map((record) => record.id)

    effect("sorts runs by start, duration, status and flow, page by page", () =>
      Effect.gen(function* () {
        const store = yield* RunStore
        const { finishedAt: _, ...unfinished } = run("g1", { flow: "B", status: "running", startedAt: 70 })
        yield* store.write([
          putRun(run("a1", { flow: "B", status: "failed", startedAt: 10, finishedAt: 40 })),
          putRun(run("b1", { flow: "A", status: "succeeded", startedAt: 20, finishedAt: 25, tags: ["x"] })),
          putRun(run("c1", { flow: "C", status: "succeeded", startedAt: 30, finishedAt: 35, tags: ["x"] })),
          putRun(run("zz", { place: "d1", flow: "A", status: "failed", startedAt: 40, finishedAt: 1040 })),
          putRun(run("e1", { flow: "B", status: "interrupted", startedAt: 50, finishedAt: 50.5 })),
          putRun(run("f1", { flow: "C", status: "succeeded", startedAt: 60, finishedAt: 65 })),
          putRun(unfinished)
        ])
        const paged = Effect.fnUntraced(function* (
          by: RunSortKey,
          order: "up" | "down",
          limit: number,
          query: RunQuery = {}
        ) {
          const seen: Array<string> = []
          let beyond: RunPosition | undefined
          for (;;) {
            const sort = { by, order, ...(beyond === undefined ? {} : { beyond }) }
            const page = yield* store.runs({ ...query, sort, limit })
            seen.push(...ids(page))
            const last = page.at(-1)
            if (last === undefined || page.length < limit) return seen.join(" ")
            beyond = RunOrder.positionOf(last, by)
          }
        })
        for (const limit of [1, 2, 3, 100]) {
          assert.strictEqual(yield* paged("started", "up", limit), "a1 b1 c1 zz e1 f1 g1")
          assert.strictEqual(yield* paged("started", "down", limit), "g1 f1 e1 zz c1 b1 a1")
          assert.strictEqual(yield* paged("duration", "up", limit), "e1 b1 c1 f1 a1 zz g1")
          assert.strictEqual(yield* paged("duration", "down", limit), "zz a1 f1 c1 b1 e1 g1")
          assert.strictEqual(yield* paged("status", "up", limit), "zz a1 e1 g1 f1 c1 b1")
          assert.strictEqual(yield* paged("status", "down", limit), "f1 c1 b1 g1 e1 zz a1")
          assert.strictEqual(yield* paged("flow", "up", limit), "zz b1 g1 e1 a1 f1 c1")
          assert.strictEqual(yield* paged("flow", "down", limit), "f1 c1 g1 e1 a1 zz b1")
          assert.strictEqual(yield* paged("duration", "down", limit, { tags: ["x"] }), "c1 b1")
          assert.strictEqual(yield* paged("flow", "up", limit, { status: "failed", since: 5 }), "zz a1")
          assert.strictEqual(yield* paged("started", "up", limit, { flow: "B", idPrefix: "e" }), "e1")
        }
        assert.deepStrictEqual(yield* store.runs({ sort: { by: "flow", order: "up" }, limit: 0 }), [])
        // A position stays valid when its run is gone.
        const beyond = { value: 30, place: "a1" }
        yield* store.remove(["a1"])
        assert.deepStrictEqual(ids(yield* store.runs({ sort: { by: "duration", order: "up", beyond } })), ["zz", "g1"])
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

    effect(
      "loses no line of a flood",
      () =>
        Effect.gen(function* () {
          const store = yield* RunStore
          const tasks = Array.from({ length: 32 }, (_, index) => `flood/${index + 1}`)
          yield* Effect.forEach(
            tasks,
            (task) =>
              Effect.forEach(
                Array.from({ length: 40 }, (_, batch) => batch),
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
          assert.strictEqual(lines.length, 128_000)
          const next = new Map<string, number>()
          for (const { message, task } of lines) {
            const expected = next.get(task) ?? 0
            if (message !== String(expected)) assert.fail(`${task} says ${message} where ${expected} was due`)
            next.set(task, expected + 1)
          }
          assert.deepStrictEqual(
            [...next.values()],
            Array.from({ length: 32 }, () => 4000)
          )
        }),
      120_000
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

    effect("keeps the checkpoints of tasks, which only the last to open one saves", () =>
      Effect.gen(function* () {
        const store = yield* RunStore
        const artifacts = yield* ArtifactStore
        const bytes = new TextEncoder().encode("[]")
        const digest = Digest.ofChunks([bytes])
        const checkpoint = (writer: string, more: Partial<CheckpointRecord> = {}) => ({
          _tag: "Checkpoint" as const,
          checkpoint: { run: "r1", task: "a/1", name: "n", writer, key: "k", code: "c", attempt: 1, at: 1, ...more }
        })
        yield* store.write([putRun(run("r1")), putRun(run("r2")), checkpoint("w1")])
        assert.deepStrictEqual(yield* store.checkpoints({ run: "r1" }), [checkpoint("w1").checkpoint])
        const value = ref("n", digest, { parts: [{ digest: "p1", size: 1 }] })
        const schemas = [{ digest: "s1", text: "{}" }]
        yield* store.write([{ ...checkpoint("w1", { ref: value, at: 2 }), blob: { digest, bytes }, schemas }])
        assert.deepStrictEqual(yield* store.checkpoints({ run: "r1", task: "a/1" }), [
          checkpoint("w1", { ref: value, at: 2 }).checkpoint
        ])
        assert.deepStrictEqual(yield* artifacts.get(digest), bytes)
        assert.strictEqual(yield* store.schema("s1"), "{}")
        assert.deepStrictEqual(yield* store.digests(), new Set([digest, "p1"]))
        // A second execution opens it: the value stays, and the first can't save any more.
        yield* store.write([checkpoint("w2", { attempt: 2, code: "other" })])
        yield* store.write([checkpoint("w1", { ref: ref("n", "d9"), at: 3 })])
        assert.deepStrictEqual(yield* store.checkpoints({ run: "r1" }), [
          checkpoint("w2", { ref: value, at: 2 }).checkpoint
        ])
        yield* store.write([checkpoint("w2", { ref: ref("n", "d2"), attempt: 2, at: 4 })])
        yield* store.write([
          checkpoint("w3", { task: "b/2" }),
          checkpoint("w3", { task: "b/2", ref: ref("n", "d3") }),
          checkpoint("w3", { run: "r2" }),
          checkpoint("w3", { run: "r2", ref: ref("n", "d4") })
        ])
        const saved = (query: Parameters<typeof store.checkpoints>[0]) =>
          Effect.map(store.checkpoints(query), (found) => found.map(({ ref, task }) => `${task} ${ref?.digest}`).sort())
        assert.deepStrictEqual(yield* saved({ run: "r1" }), ["a/1 d2", "b/2 d3"])
        // A task that has succeeded needs none, and an execution that is late brings none back.
        yield* store.write([{ _tag: "CheckpointsRemoved", run: "r1", task: "a/1" }])
        yield* store.write([checkpoint("w2", { ref: ref("n", "d5") })])
        assert.deepStrictEqual(yield* saved({ run: "r1" }), ["b/2 d3"])
        yield* store.remove(["r1"])
        assert.deepStrictEqual(yield* saved({ run: "r1" }), [])
        assert.include([...(yield* store.digests())], "d4")
        assert.notInclude([...(yield* store.digests())], "d3")
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
