/** The example of an LSTM, as a process: early stopping, a gate, and a stored model that another process scores with. */
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import { Parquet, Plan, Run, Storage } from "effect-flow"
import { Tensorflow } from "effect-flow/nbow"
import { Reviews } from "../../examples/branch.ts"
import * as Generated from "../../examples/data/reviews.ts"
import { KerasFlow } from "../../examples/keras.ts"
import { deploymentCandidate } from "../../examples/nlp.ts"
import { run as runProcess } from "../cli/process.ts"
import { temporaryDirectory } from "../support/directory.ts"

const example = join(import.meta.dirname, "..", "..", "examples", "keras.ts")

describe("keras.ts", () => {
  it.live("trains an LSTM, holds it against the baseline, and stores it", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const files = [join(directory, "train.parquet"), join(directory, "valid.parquet")] as const
      yield* Parquet.write(files[0], Reviews, Generated.generate(125, 3))
      yield* Parquet.write(files[1], Reviews, Generated.generate(40, 4))
      const store = join(directory, "store")
      const words = ["--train-file", files[0], "--valid-file", files[1], "--epochs", "2", "--directory", store]
      const { code, stderr, stdout } = yield* runProcess(example, words)
      assert.strictEqual(code, 0, stderr)
      assert.match(stderr, /epoch 2\/2 loss [\d.]+ acc [\d.]+ val_loss/)
      yield* Effect.gen(function* () {
        const run = yield* Run.latestSuccessful("KerasFlow")
        const output = yield* Run.output(run, KerasFlow)
        assert(output !== undefined)
        assert.strictEqual(JSON.parse(stdout).model.digest, output.model.digest)
        assert.strictEqual(output.model.format, "tensors")
        const beatsBaseline = yield* output.beatsBaseline
        assert.deepStrictEqual(run.tags, beatsBaseline ? [deploymentCandidate] : [])
        assert.isAbove(yield* output.modelRocauc, 0)
        const model = yield* output.model
        assert.deepStrictEqual(
          model.layers.map((layer) => layer.getClassName()),
          ["Embedding", "LSTM", "Dense"]
        )
      }).pipe(Effect.scoped, Effect.provide(Storage.layerLocal({ directory: store })))
    }).pipe(Effect.scoped, Effect.provide([Tensorflow.layerCpu, Logger.layer([])]))
  )

  it.effect("is planned with its branches", () =>
    Effect.gen(function* () {
      const plan = yield* Plan.make(KerasFlow, {})
      assert.isUndefined(plan.stop)
      assert.deepStrictEqual(plan.nodes.map(({ step }) => step).sort(), [
        "baseline",
        "end",
        "gate",
        "start",
        "train",
        "vocabulary"
      ])
    })
  )
})
