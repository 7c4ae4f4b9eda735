/** The questions that are asked of runs: `src/internal/reading.ts`, on each store. */
import * as Os from "node:os"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { TestClock } from "effect/testing"
import * as Artifact from "../src/Artifact.ts"
import { ArtifactStore } from "../src/ArtifactStore.ts"
import { capture, writeCaptured } from "../src/internal/artifact/values.ts"
import * as Reading from "../src/internal/history/reading.ts"
import type { MetricRecord } from "../src/RunRecord.ts"
import { RunStore } from "../src/RunStore.ts"
import { layers } from "./conformance/layers.ts"
import { line, putRun, putTask, ref, run, task } from "./conformance/records.ts"

const point = (run: string, task: string, step: number): MetricRecord => ({
  run,
  task,
  name: "loss",
  step,
  value: step / 10,
  at: 1
})

const sample = Effect.gen(function* () {
  const store = yield* RunStore
  yield* store.write([
    putRun(run("01a1", { flow: "A", status: "succeeded", tags: ["nightly"] })),
    putRun(run("01a2", { flow: "A", status: "failed", tags: ["nightly", "ü"] })),
    putRun(run("01b1", { flow: "B", status: "running" })),
    putTask(task("01a1", 1, { step: "start" })),
    putTask(task("01a1", 2, { step: "train", parents: ["start/1"] })),
    putTask(task("01a1", 3, { step: "train", parents: ["start/1"] })),
    putTask(task("01a1", 4, { step: "join", parents: ["train/2", "train/3"], inputs: [ref("x", "d")] })),
    putTask(task("01a2", 1, { step: "start" })),
    putTask(task("01a2", 2, { step: "train", how: "takenOver", source: "01a1/train/3" })),
    {
      _tag: "Logs",
      lines: [line("01a1", "train/2", "two"), line("01a1", "train/3", "three"), line("01a2", "", "body")]
    },
    { _tag: "Metrics", points: [point("01a1", "train/2", 1), point("01a1", "train/3", 2), point("01a2", "start/1", 3)] }
  ])
})

for (const { layer, name } of layers) {
  describe(`reading runs: ${name}`, () => {
    const effect = <E>(title: string, body: () => Effect.Effect<void, E, RunStore | ArtifactStore>) =>
      it.effect(title, () => Effect.provide(Effect.andThen(sample, Effect.suspend(body)), layer))
    const id = <E, R>(found: Effect.Effect<{ readonly id: string }, E, R>) => Effect.map(found, ({ id }) => id)
    const ids = <E, R>(found: Effect.Effect<ReadonlyArray<{ readonly id: string }>, E, R>) =>
      Effect.map(found, (all) => all.map(({ id }) => id))
    const message = <A, E extends { readonly message: string }, R>(found: Effect.Effect<A, E, R>) =>
      Effect.map(Effect.flip(found), (error) => error.message)

    effect("finds a run by its name", () =>
      Effect.gen(function* () {
        assert.strictEqual(yield* id(Reading.get("01a1")), "01a1")
        assert.strictEqual(yield* id(Reading.get("01b")), "01b1")
        assert.strictEqual(yield* id(Reading.get("0", { flow: "B" })), "01b1")
        assert.strictEqual(yield* id(Reading.get("latest")), "01b1")
        assert.strictEqual(yield* id(Reading.get("latest", { flow: "A" })), "01a2")
      })
    )

    effect("says why it finds none", () =>
      Effect.gen(function* () {
        const ambiguous = yield* Effect.flip(Reading.get("01a"))
        assert.strictEqual(ambiguous.message, 'Several runs start with "01a": 01a2, 01a1. Use a longer prefix.')
        assert.strictEqual(ambiguous._tag === "RunNotFound" && ambiguous.reason, "ambiguous")
        assert.strictEqual(yield* message(Reading.get("x")), 'There is no run "x".')
        assert.strictEqual(yield* message(Reading.get("x", { flow: "A" })), 'There is no run "x" of flow "A".')
        assert.strictEqual(
          yield* message(Reading.get("01b1", { flow: "A" })),
          'Run "01b1" is not a run of flow "A", but of flow "B".'
        )
        assert.strictEqual(yield* message(Reading.get("latest", { flow: "C" })), 'There is no run of flow "C" yet.')
      })
    )

    effect("finds the latest runs of a flow", () =>
      Effect.gen(function* () {
        assert.strictEqual(yield* id(Reading.latest()), "01b1")
        assert.strictEqual(yield* id(Reading.latest("A")), "01a2")
        assert.strictEqual(yield* id(Reading.latest("A", { tags: ["nightly", "ü"] })), "01a2")
        assert.strictEqual(yield* id(Reading.latestSuccessful("A", { tags: ["nightly"] })), "01a1")
        assert.strictEqual(
          yield* message(Reading.latestSuccessful("A", { tags: ["ü"] })),
          'There is no successful run of flow "A" tagged "ü" yet.'
        )
        assert.deepStrictEqual(yield* ids(Reading.list({ flow: "A" })), ["01a2", "01a1"])
      })
    )

    effect("finds tasks and their neighbours", () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* ids(Reading.tasks("01a1", { step: "train" })), ["train/2", "train/3"])
        const join = yield* Reading.task("01a1", "join/4")
        assert.strictEqual((yield* Reading.task("01a1", "join")).id, "join/4")
        assert.deepStrictEqual(yield* ids(Reading.parents(join)), ["train/2", "train/3"])
        const start = yield* Reading.task("01a1", "start/1")
        assert.deepStrictEqual(yield* ids(Reading.parents(start)), [])
        assert.deepStrictEqual(yield* ids(Reading.children(start)), ["train/2", "train/3"])
        assert.strictEqual(
          yield* message(Reading.task("01a1", "train")),
          'Step "train" has 2 tasks in run 01a1: train/2, train/3. Give the id of one of them.'
        )
        assert.match(
          yield* message(Reading.task("01a1", "tran/2")),
          /^Run 01a1 has no task "tran\/2"\. Its steps: (join|start|train)(, (join|start|train)){2}\.$/
        )
        assert.strictEqual(yield* message(Reading.task("01b1", "x")), 'Run 01b1 has no task "x". It has no tasks.')
      })
    )

    effect("reads what a task that was taken over logged and measured elsewhere", () =>
      Effect.gen(function* () {
        const said = (
          found: ReadonlyArray<{ readonly run: string; readonly task: string; readonly message: string }>
        ) => found.map(({ message, run, task }) => `${run}/${task} ${message}`)
        assert.deepStrictEqual(said(yield* Reading.logs("01a2")), ["01a2/ body"])
        assert.deepStrictEqual(said(yield* Reading.logs("01a2", { task: "train/2" })), ["01a2/train/2 three"])
        assert.deepStrictEqual(said(yield* Reading.logs("01a2", { step: "train" })), ["01a2/train/2 three"])
        assert.deepStrictEqual(said(yield* Reading.logs("01a1", { step: "train", limit: 1 })), ["01a1/train/2 two"])
        assert.deepStrictEqual(yield* Reading.metrics("01a2"), [
          point("01a2", "train/2", 2),
          point("01a2", "start/1", 3)
        ])
        assert.deepStrictEqual(yield* Reading.metrics("01a2", { task: "start/1" }), [point("01a2", "start/1", 3)])
        assert.deepStrictEqual(yield* Reading.metrics("01a1", { name: "none" }), [])
      })
    )

    effect("changes tags, within their limits", () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* Reading.addTags("01a1", ["b", "a\u0308", "b"]), ["b", "nightly", "ä"])
        assert.deepStrictEqual(yield* Reading.removeTags("01a1", ["nightly", "none"]), ["b", "ä"])
        assert.deepStrictEqual((yield* Reading.get("01a1")).tags, ["b", "ä"])
        assert.deepStrictEqual(yield* Reading.replaceTags("01a1", ["c", "b"]), ["b", "c"])
        assert.deepStrictEqual((yield* Reading.get("01a1")).tags, ["b", "c"])
        const many = Array.from({ length: 49 }, (_, i) => `t${i}`)
        assert.match(yield* message(Reading.addTags("01a1", many)), /^A run has at most 50 tags/)
        assert.match(yield* message(Reading.addTags("01a1", ["x".repeat(501)])), /^A tag has at most 500 characters/)
        assert.deepStrictEqual((yield* Reading.get("01a1")).tags, ["b", "c"])
      })
    )

    effect("sees that a run crashed", () =>
      Effect.gen(function* () {
        yield* TestClock.setTime(1_000_000)
        const host = Os.hostname()
        const beating = run("r", { heartbeatAt: 999_000, host, pid: process.pid })
        assert.strictEqual(yield* Reading.status(beating), "running")
        // This process lives: a run of it that is silent computes without a pause.
        assert.strictEqual(yield* Reading.status({ ...beating, heartbeatAt: 960_000 }), "running")
        assert.strictEqual(yield* Reading.status({ ...beating, heartbeatAt: 0 }), "crashed")
        assert.strictEqual(yield* Reading.status({ ...beating, heartbeatAt: 960_000, host: "elsewhere" }), "crashed")
        // Another process has the number of the run's by now.
        if (process.platform === "linux") {
          assert.strictEqual(yield* Reading.status({ ...beating, heartbeatAt: 960_000, pid: process.ppid }), "crashed")
        }
        assert.strictEqual(yield* Reading.status({ ...beating, pid: 2 ** 30 }), "crashed")
        assert.strictEqual(yield* Reading.status({ ...beating, pid: 2 ** 30, host: "elsewhere" }), "running")
        assert.strictEqual(yield* Reading.status({ ...beating, heartbeatAt: 0, status: "failed" }), "failed")
      })
    )

    effect("sees that a run is of an earlier process with this one's number", () =>
      Effect.gen(function* () {
        yield* TestClock.setTime(Date.now())
        const own = run("r", { heartbeatAt: Date.now() - 100, host: Os.hostname(), pid: process.pid, driver: "d" })
        assert.strictEqual(yield* Reading.status(own), "running")
        const startedAt = Date.now() - process.uptime() * 1000
        assert.strictEqual(yield* Reading.status({ ...own, heartbeatAt: startedAt - 5000 }), "crashed")
        const { driver: _, ...unclaimed } = own
        assert.strictEqual(yield* Reading.status({ ...unclaimed, heartbeatAt: startedAt - 40_000 }), "running")
      })
    )

    effect("reads an artifact without its type", () =>
      Effect.gen(function* () {
        const store = yield* ArtifactStore
        const runs = yield* RunStore
        const Rows = Artifact.table({ text: Schema.String, n: Schema.Int, maybe: Schema.NullOr(Schema.Number) })
        const rows = {
          numRows: 3,
          columns: { text: ["a", "b", "ä"], n: [1, 2, 3], maybe: [0.5, null, 1.5] }
        }
        const tensors = {
          tensors: { w: { dtype: "F32" as const, shape: [2], data: new Float32Array([1, 2]) } },
          metadata: { k: "v" }
        }
        const kept = Effect.fnUntraced(function* <A>(artifact: Artifact.Artifact<A>, value: A, name: string) {
          const { blob, record } = yield* writeCaptured(
            store,
            artifact,
            capture(artifact, value),
            name,
            name,
            "r/step/1"
          )
          const blobs = blob === undefined ? [] : [blob]
          yield* runs.write([putTask(task("r", 1, { outputs: [record] }), { blobs })])
          return yield* Reading.readUntyped(record)
        })
        assert.deepStrictEqual(yield* kept(Artifact.json(Schema.Date), new Date(5), "date"), new Date(5).toISOString())
        assert.deepStrictEqual(yield* kept(Artifact.table(Rows.fields), rows, "rows"), {
          numRows: 3,
          columns: { text: ["a", "b", "ä"], n: [1n, 2n, 3n], maybe: [0.5, null, 1.5] }
        })
        assert.deepStrictEqual(yield* kept(Artifact.tensors(), tensors, "tensors"), tensors)
        assert.deepStrictEqual(yield* kept(Artifact.text("text/html"), "<p>", "text"), "<p>")
        assert.deepStrictEqual(yield* kept(Artifact.bytes(), new Uint8Array([1, 2]), "bytes"), new Uint8Array([1, 2]))
        const error = yield* Effect.flip(Reading.readUntyped(ref("gone", "0".repeat(64), { writer: "r/step/1" })))
        assert.strictEqual(error.artifact, "r/step/1/gone")
      })
    )
  })
}
