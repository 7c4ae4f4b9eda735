/** How two runs differ, in memory. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { ArtifactStore } from "../src/ArtifactStore.ts"
import * as Diff from "../src/Diff.ts"
import * as Digest from "../src/internal/schema/digest.ts"
import type { MetricRecord, RefRecord } from "../src/RunRecord.ts"
import { RunStore } from "../src/RunStore.ts"
import * as Storage from "../src/Storage.ts"
import { putRun, putTask, ref, run, task } from "./conformance/records.ts"

const kept = (name: string, text: string, more: Partial<RefRecord> = {}) =>
  Effect.flatMap(ArtifactStore, (store) =>
    Effect.map(store.put([new TextEncoder().encode(text)]), ({ digest, size }) => ref(name, digest, { size, ...more }))
  )

const points = (
  run: string,
  name: string,
  values: ReadonlyArray<number>,
  of = "train/2"
): ReadonlyArray<MetricRecord> => values.map((value, step) => ({ run, task: of, name, step, value, at: step }))

const sample = Effect.gen(function* () {
  const store = yield* RunStore
  const model = ref("model", Digest.ofTexts("test", ["model"]), { format: "tensors", size: 1e6 })
  yield* store.write([
    putRun(run("r1", { parameters: { size: 10, file: "a", gone: true }, status: "succeeded" })),
    putRun(run("r2", { parameters: { size: 12, file: "a", added: { deep: [1] } }, status: "failed" })),
    putTask(
      task("r1", 1, { step: "start", outputs: [yield* kept("title", "same", { format: "text" })], finishedAt: 3000 })
    ),
    putTask(
      task("r2", 1, { step: "start", outputs: [yield* kept("title", "same", { format: "text" })], finishedAt: 9000 })
    ),
    putTask(
      task("r1", 2, {
        step: "train",
        finishedAt: 2000,
        outputs: [model, yield* kept("scores", '{"auc":0.9,"acc":0.8}')]
      })
    ),
    putTask(
      task("r2", 2, {
        step: "train",
        version: "2",
        finishedAt: 2000,
        outputs: [{ ...model, digest: "f".repeat(64), size: 2e6 }, yield* kept("scores", '{"auc":0.95,"acc":0.8}')]
      })
    ),
    putTask(task("r2", 3, { step: "fan", finishedAt: 1500, outputs: [yield* kept("x", "1")] })),
    putTask(task("r2", 4, { step: "fan", status: "failed", finishedAt: 2500 })),
    {
      _tag: "Metrics",
      points: [
        ...points("r1", "loss", [0.5, 0.25]),
        ...points("r2", "loss", [0.5, 0.125]),
        ...points("r1", "accuracy", [0.8]),
        ...points("r2", "accuracy", [0.8]),
        ...points("r2", "total", [3], "")
      ]
    }
  ])
})

describe("Diff", () => {
  it.effect("compares parameters, steps, metrics and artifacts", () =>
    Effect.gen(function* () {
      yield* sample
      const diff = yield* Diff.runs("r1", "r2")
      assert.deepStrictEqual(diff.parameters, [
        { name: "added", before: undefined, now: { deep: [1] } },
        { name: "gone", before: true, now: undefined },
        { name: "size", before: 10, now: 12 }
      ])
      assert.deepStrictEqual(
        diff.steps.map(({ before, name, now }) => [name, before?.version, now?.version, now?.statuses, now?.took]),
        [
          ["fan", undefined, "1", { succeeded: 1, failed: 1 }, 1500],
          ["train", "1", "2", { succeeded: 1 }, 1000]
        ]
      )
      assert.deepStrictEqual(diff.metrics, [
        { name: "total", before: undefined, now: 3 },
        { name: "train/accuracy", before: 0.8, now: 0.8 },
        { name: "train/loss", before: 0.25, now: 0.125 }
      ])
      assert.deepStrictEqual(
        diff.artifacts.map(({ diff, name }) => [name, diff]),
        [
          ["fan/1/x", []],
          ["train/model", []],
          ["train/scores", ['-   "auc": 0.9,', '+   "auc": 0.95,']]
        ]
      )
      assert.strictEqual(diff.same, 1)
    }).pipe(Effect.provide(Storage.layerMemory))
  )

  it.effect("says so as text", () =>
    Effect.gen(function* () {
      yield* sample
      const one = Digest.ofChunks([new TextEncoder().encode("1")]).slice(0, 12)
      const [model] = (yield* (yield* RunStore).tasks({ run: "r1", step: "train" })).flatMap(({ outputs }) => outputs)
      const text = Diff.toText(yield* Diff.runs("r1", "r2"))
      assert.strictEqual(
        text.replace(/scores: .*/, "scores: …"),
        `Flow · r1 → r2
parameters
  added: none → {"deep":[1]}
  gone: true → none
  size: 10 → 12
steps
  fan: none → 2 tasks, 1 succeeded, 1 failed, version 1, 1.5 s
  train: 1 task, succeeded, version 1, 1.0 s → 1 task, succeeded, version 2, 1.0 s
metrics
  total: none → 3
  train/accuracy: 0.8
  train/loss: 0.25 → 0.125 (-0.125)
artifacts
  fan/1/x: none → json ${one}…
  train/model: tensors ${model?.digest.slice(0, 12)}… (1.0 MB) → ffffffffffff… (2.0 MB)
  train/scores: …
    -   "auc": 0.9,
    +   "auc": 0.95,
  one artifact is the same`
      )
    }).pipe(Effect.provide(Storage.layerMemory))
  )

  it.effect("finds nothing between a run and itself", () =>
    Effect.gen(function* () {
      yield* sample
      const diff = yield* Diff.runs("r1", "r1")
      assert.deepStrictEqual([diff.parameters, diff.steps, diff.artifacts], [[], [], []])
      assert.strictEqual(diff.same, 3)
    }).pipe(Effect.provide(Storage.layerMemory))
  )
})
