/**
 * The tutorial's other lessons: a gate that tags the runs whose models are good enough, a flow that finds such a run and
 * scores a file with its model, and a sweep.
 */
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Schema from "effect/Schema"
import { Artifact, Flow, Parquet, Plan, Run, Storage } from "effect-flow"
import { BinaryMetrics, Nbow, Tensorflow } from "effect-flow/nbow"
import { runStep, withFlow, withStep } from "effect-flow/testing"
import { train } from "../../examples/branch.ts"
import * as Generated from "../../examples/data/reviews.ts"
import { deploymentCandidate, NLPFlow } from "../../examples/nlp.ts"
import { PredictFlow } from "../../examples/predict.ts"
import { SweepFlow } from "../../examples/sweep.ts"
import { run as runProcess } from "../cli/process.ts"
import { dataFile, hasData } from "../support/data.ts"
import { temporaryDirectory } from "../support/directory.ts"
import * as DuckDb from "../support/duckdb.ts"

const Reviews = Artifact.table({ review: Schema.String, labels: Schema.Literals([0, 1]) })
const Predictions = Artifact.table({ data: Schema.Number })

/** Few generated reviews, in files of a directory. */
const reviews = Effect.gen(function* () {
  const directory = yield* temporaryDirectory
  const files = { trainFile: join(directory, "train.parquet"), validFile: join(directory, "valid.parquet") }
  yield* Parquet.write(files.trainFile, Reviews, Generated.generate(800, 3))
  yield* Parquet.write(files.validFile, Reviews, Generated.generate(120, 4))
  return { ...files, out: join(directory, "predictions.parquet") }
})

/** Says of every review the contrary of what it should. */
const perverse = withStep(NLPFlow, train, ({ df: { columns } }) =>
  Effect.map(
    Nbow.fit({ texts: columns.review, labels: columns.labels.map((label) => 1 - label) }, { epochs: 2 }),
    (model) => ({ model })
  )
)

const quick = withStep(NLPFlow, train, ({ df: { columns } }) =>
  Effect.map(Nbow.fit({ texts: columns.review, labels: columns.labels }, { epochs: 4, seed: 2 }), (model) => ({
    model
  }))
)

const inMemory = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  effect.pipe(
    Effect.provide(Storage.layerMemory),
    Effect.provide(Tensorflow.layerCpu),
    Effect.provide(Logger.layer([]))
  )

const example = join(import.meta.dirname, "..", "..", "examples", "sweep.ts")

describe("nlp.ts", () => {
  it.live("tags a run whose model is good enough, from inside its last step", () =>
    Effect.gen(function* () {
      const { trainFile, validFile } = yield* reviews
      const { id, output } = yield* Flow.run(quick, { trainFile, validFile })
      assert.isTrue(yield* output.beatsBaseline)
      assert.isTrue(yield* output.passedSmokeTest)
      assert.deepStrictEqual((yield* Run.get(id)).tags, [deploymentCandidate])
      assert.strictEqual(output.model.task, `${id}/train/3`)
    }).pipe(inMemory)
  )
  it.live("does not tag one whose model fails the gate, and the run succeeds all the same", () =>
    Effect.gen(function* () {
      const { trainFile, validFile } = yield* reviews
      const { id, output } = yield* Flow.run(perverse, { trainFile, validFile })
      assert.isFalse(yield* output.beatsBaseline)
      assert.isFalse(yield* output.passedSmokeTest)
      const run = yield* Run.get(id)
      assert.deepInclude(run, { tags: [], status: "succeeded" })
      const lines = yield* Run.logs(run, { step: "end" })
      assert.include(lines.map((line) => line.message).join("\n"), "no candidate")
    }).pipe(inMemory)
  )
})

describe("predict.ts", () => {
  it.live("uses the latest candidate, whatever ran after it, and writes a FLOAT column that others read", () =>
    Effect.gen(function* () {
      const { out, trainFile, validFile } = yield* reviews
      yield* Flow.run(NLPFlow, { trainFile, validFile })
      const candidate = yield* Flow.run(quick, { trainFile, validFile })
      yield* Flow.run(perverse, { trainFile, validFile })
      const { output } = yield* Flow.run(PredictFlow, { file: validFile, out })
      assert.strictEqual(yield* output.run, candidate.id)
      const expected = yield* Nbow.predict(yield* candidate.output.model, Generated.generate(120, 4).columns.review)
      const { columns, numRows } = yield* Parquet.read(out, Predictions)
      assert.strictEqual(numRows, 120)
      assert.deepStrictEqual(Float32Array.from(columns.data), expected)
      assert.lengthOf(yield* Run.list({ flow: "NLPFlow" }), 3) // none was made for it
      if (DuckDb.unavailable !== undefined) return
      assert.deepStrictEqual(yield* DuckDb.query(`SELECT column_name, column_type FROM (DESCRIBE FROM '${out}')`), [
        { column_name: "data", column_type: "FLOAT" }
      ])
      const [row] = yield* DuckDb.query(`SELECT count(*)::INTEGER AS n, max(data) AS top FROM '${out}'`)
      assert.deepStrictEqual(row, { n: 120, top: Math.max(...expected) })
    }).pipe(inMemory)
  )
  it.live("makes a candidate where there is none, in a run of its own", () =>
    Effect.gen(function* () {
      const { out, validFile } = yield* reviews
      const flow = withFlow(PredictFlow, NLPFlow, quick)
      const { id, output } = yield* Flow.run(flow, { file: validFile, out })
      const [made] = yield* Run.list({ flow: "NLPFlow" })
      assert.deepInclude(made, { parent: id, tags: [deploymentCandidate] })
      assert.strictEqual(yield* output.run, made?.id)
    }).pipe(inMemory)
  )
  it.live("says so where the one that it made is none", () =>
    Effect.gen(function* () {
      const { out, validFile } = yield* reviews
      const error = yield* Effect.flip(Flow.run(withFlow(PredictFlow, NLPFlow, perverse), { file: validFile, out }))
      assert.strictEqual(
        error.message,
        `There is no successful run of flow "NLPFlow" tagged "${deploymentCandidate}" yet.`
      )
    }).pipe(inMemory)
  )
  it.effect("is planned with the flow that it may call", () =>
    Effect.gen(function* () {
      const plan = yield* Plan.make(PredictFlow, {})
      assert.isUndefined(plan.stop)
      assert.deepStrictEqual(
        plan.groups.map((group) => group.label),
        ["look/1.found is true", "look/1.found is false", "NLPFlow"]
      )
    })
  )
})

describe("sweep.ts", () => {
  const grid = { learningRates: [0.01, 0.0001], hiddenSizes: [4] } as const
  it.live("keeps the best by its AUC", () =>
    Effect.gen(function* () {
      const { trainFile, validFile } = yield* reviews
      const { id, output } = yield* Flow.run(SweepFlow, { ...grid, trainFile, validFile })
      assert.deepStrictEqual(yield* output.setting, { learningRate: 0.01, hiddenSize: 4 })
      const { columns } = yield* Parquet.read(validFile, Reviews)
      const scores = yield* Nbow.predict(yield* output.model, columns.review)
      assert.strictEqual(yield* output.auc, yield* BinaryMetrics.rocAuc(columns.labels, scores))
      assert.lengthOf(yield* Run.tasks(id, { step: "trial" }), 2)
    }).pipe(inMemory)
  )
  it.live("gives the same on threads", () =>
    Effect.gen(function* () {
      const { out, trainFile, validFile } = yield* reviews
      const { output } = yield* inMemory(Flow.run(SweepFlow, { ...grid, trainFile, validFile }))
      const words = ["--executor", "threads", "--concurrency", "1", "--directory", join(out, "..", "store"), "--quiet"]
      const flags = Object.entries({ ...grid, trainFile, validFile }).flatMap(([name, value]) => [
        `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`,
        typeof value === "string" ? value : JSON.stringify(value)
      ])
      const { code, stderr, stdout } = yield* runProcess(example, [...words, ...flags])
      assert.strictEqual(code, 0, stderr)
      assert.strictEqual(JSON.parse(stdout).model.digest, output.model.digest)
    })
  )
  it.effect("refuses an empty grid before anything runs", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Plan.make(SweepFlow, { learningRates: [] }))
      assert.include(error.message, "learningRates")
    })
  )
})

describe.skipIf(!hasData)("on the tutorial's data", () => {
  it.live("nlp.ts tags its run, and predict.ts writes 2,264 predictions as good as the reference's", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const validFile = dataFile("valid.parquet")
      const { id } = yield* Flow.run(NLPFlow, { trainFile: dataFile("train.parquet"), validFile })
      assert.deepStrictEqual((yield* Run.get(id)).tags, [deploymentCandidate])
      const out = join(directory, "predictions.parquet")
      yield* Flow.run(PredictFlow, { file: validFile, out })
      const { columns, numRows } = yield* Parquet.read(out, Predictions)
      assert.strictEqual(numRows, 2264)
      const labels = (yield* Parquet.read(validFile, Artifact.table({ labels: Schema.Int }))).columns.labels
      const auc = yield* BinaryMetrics.rocAuc(labels, columns.data)
      assert.isTrue(auc >= 0.903 && auc <= 0.925, `AUC ${auc}`)
    }).pipe(inMemory)
  )
})

it.live("a step of an example is tested by itself", () =>
  Effect.gen(function* () {
    const { model } = yield* runStep(train, { df: Generated.generate(200, 5) })
    assert.isAbove(model.vectorizer.vocabulary.length, 10)
  }).pipe(inMemory)
)
