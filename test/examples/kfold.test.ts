/** `examples/kfold.ts` as a process: every fold is measured, the best model is stored, and the gate decides about the tag. */
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Schema from "effect/Schema"
import { Artifact, Flow, Parquet, Plan, Run, Storage } from "effect-flow"
import { BinaryMetrics, Nbow, Split, Tensorflow } from "effect-flow/nbow"
import * as Generated from "../../examples/data/reviews.ts"
import { KFoldFlow } from "../../examples/kfold.ts"
import { deploymentCandidate } from "../../examples/nlp.ts"
import { run as runProcess } from "../cli/process.ts"
import { temporaryDirectory } from "../support/directory.ts"

const Reviews = Artifact.table({ review: Schema.String, labels: Schema.Literals([0, 1]) })
const example = join(import.meta.dirname, "..", "..", "examples", "kfold.ts")

/** Few generated reviews, in files of a directory. */
const reviews = Effect.gen(function* () {
  const directory = yield* temporaryDirectory
  const files = { trainFile: join(directory, "train.parquet"), validFile: join(directory, "valid.parquet") }
  yield* Parquet.write(files.trainFile, Reviews, Generated.generate(400, 3))
  yield* Parquet.write(files.validFile, Reviews, Generated.generate(120, 4))
  return { ...files, store: join(directory, "store") }
})

describe("kfold.ts", () => {
  it.live("cross-validates, keeps the best model by F1, and tags its run", () =>
    Effect.gen(function* () {
      const { store, trainFile, validFile } = yield* reviews
      const files = ["--train-file", trainFile, "--valid-file", validFile]
      const { code, stderr, stdout } = yield* runProcess(example, ["--directory", store, "--folds", "3", ...files])
      assert.strictEqual(code, 0, stderr)
      const lines = [...stderr.matchAll(/Fold (\d): F1 ([\d.]+), AUC ([\d.]+)/g)]
      assert.deepStrictEqual(
        lines.map(([, fold]) => fold),
        ["1", "2", "3"]
      )
      const output = JSON.parse(stdout) as { meanF1: number; f1: number; passed: boolean; model: { task: string } }
      const scores = lines.map(([, , f1]) => Number(f1))
      assert.closeTo(output.meanF1, scores.reduce((sum, f1) => sum + f1, 0) / 3, 1e-4)
      assert.isTrue(output.passed)

      // The same in this process: the stored model is the best of the folds.
      const memory = yield* Flow.run(KFoldFlow, { folds: 3, trainFile, validFile }).pipe(
        Effect.flatMap(({ id, output }) =>
          Effect.gen(function* () {
            const { columns, numRows } = Generated.generate(400, 3)
            const model = yield* output.model
            const best = scores.indexOf(Math.max(...scores))
            const fold = (yield* Split.kFold(3))[best] as Split.Fold // one of three
            const { test } = yield* Split.rowsOf(fold, numRows, { stratify: columns.labels })
            const predicted = yield* Nbow.predict(model, Split.take(columns.review, test))
            const f1 = yield* BinaryMetrics.f1(Split.take(columns.labels, test), predicted)
            assert.closeTo(f1, Math.max(...scores), 1e-4)
            assert.deepStrictEqual((yield* Run.get(id)).tags, [deploymentCandidate])
            return yield* output.f1
          })
        ),
        Effect.provide([Storage.layerMemory, Tensorflow.layerWasm, Logger.layer([])])
      )
      assert.strictEqual(memory, output.f1)
    })
  )

  it.effect("is planned: a task for each of an unknown number of folds", () =>
    Effect.gen(function* () {
      const plan = yield* Plan.make(KFoldFlow, {})
      assert.isUndefined(plan.stop)
      const error = yield* Effect.flip(Plan.make(KFoldFlow, { folds: 1 }))
      assert.include(error.message, "folds")
    })
  )
})
