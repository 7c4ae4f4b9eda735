/**
 * What the examples in docstrings are compiled with: the imports that a reader would write above them, and the names that
 * they take as given.
 */
import { readFileSync } from "node:fs"
import { join } from "node:path"

/** Steps, flows and values that the examples speak of. */
export const given = `
import { Effect, Schema } from "effect"
import { Artifact, Flow, Step } from "effect-flow"
import type { MulticlassNbow, Nbow, SparseMatrix, Tensorflow } from "effect-flow/nbow"
import { Nbow as Models } from "effect-flow/nbow"
export const Reviews = Artifact.table({ labels: Schema.Int, review: Schema.String })
export class TrainingDiverged extends Schema.TaggedError<TrainingDiverged>()("TrainingDiverged", { epoch: Schema.Int }) {}
export const start = Step.make("start", {
  input: { trainFile: Schema.String, validFile: Schema.String },
  output: { df: Reviews, valdf: Reviews, language: Schema.Literals(["en", "de"]) },
  run: () => Effect.die("not run")
})
export const baseline = Step.make("baseline", {
  input: { valdf: Reviews },
  output: { accuracy: Schema.Number, note: Schema.String },
  run: () => Effect.succeed({ accuracy: 0.5, note: "" })
})
export const train = Step.make("train", {
  input: { df: Reviews },
  output: { accuracy: Schema.Number, note: Schema.String, model: Models.Model },
  error: TrainingDiverged,
  run: () => Effect.die("not run")
})
export const sweep = Step.make("sweep", {
  input: { rate: Schema.Number },
  output: { auc: Schema.Number },
  run: () => Effect.succeed({ auc: 0.5 })
})
export const pick = Step.join("pick", { scores: Step.many(sweep) }, {
  output: { best: Schema.Number },
  run: ({ scores }) => Effect.succeed({ best: scores.length })
})
export const evaluate = Step.make("evaluate", {
  input: { model: Models.Model, valdf: Reviews },
  output: { auc: Schema.Number },
  run: () => Effect.succeed({ auc: 0.5 })
})
export const judge = Step.make("judge", { output: { passed: Schema.Boolean }, run: () => Effect.succeed({ passed: true }) })
export const deploy = Step.make("deploy", { input: { passed: Schema.Boolean }, run: () => Effect.void })
export const reject = Step.make("reject", { input: { passed: Schema.Boolean }, run: () => Effect.void })
export const english = Step.make("english", { input: { df: Reviews }, run: () => Effect.void })
export const german = Step.make("german", { input: { df: Reviews }, run: () => Effect.void })
export const improve = Step.make("improve", {
  input: { loss: Schema.Number },
  output: { loss: Schema.Number, improved: Schema.Boolean },
  run: ({ loss }) => Effect.succeed({ loss: loss / 2, improved: loss > 1 })
})
export const square = Step.make("square", {
  input: { x: Schema.Number },
  output: { y: Schema.Number },
  run: ({ x }) => Effect.succeed({ y: x * x })
})
export const SquareFlow = Flow.make("SquareFlow", {
  parameters: { x: Flow.parameter(Schema.Number, { default: 3 }) },
  steps: [square],
  run: ({ x }) => square({ x })
})
export const BranchNLPFlow = Flow.make("BranchNLPFlow", {
  parameters: {
    trainFile: Flow.parameter(Schema.String, { default: "train.parquet" }),
    validFile: Flow.parameter(Schema.String, { default: "valid.parquet" })
  },
  steps: [start, train],
  run: Effect.fnUntraced(function* (parameters) {
    const data = yield* start(parameters)
    return yield* train(data)
  })
})
export const Child = BranchNLPFlow
export const Parent = Flow.make("Parent", { steps: [], run: () => Flow.call(Child, {}) })
export declare const data: Effect.Success<ReturnType<typeof start>>
export declare const scored: Effect.Success<ReturnType<typeof baseline>>
export declare const trained: Effect.Success<ReturnType<typeof train>>
export declare const report: Effect.Success<ReturnType<typeof judge>>
export declare const first: Effect.Success<ReturnType<typeof improve>>
export declare const df: Artifact.Value<typeof Reviews>
export declare const valdf: Artifact.Value<typeof Reviews>
export declare const empty: Artifact.Value<typeof Reviews>
export declare const reviews: Artifact.Dataset<typeof Reviews["fields"]>
export declare const model: Nbow.Model
export declare const tinyModel: Nbow.Model
export declare const topics: MulticlassNbow.Model
export declare const program: Effect.Effect<void>
export declare const url: string
export declare const trainFile: string
export declare const validFile: string
export declare const rows: Array<Array<number>>
export declare const labels: Array<number>
export declare const epoch: number
export declare const png: Uint8Array
export declare const u: unknown
export declare const texts: ReadonlyArray<string>
export declare const matrix: SparseMatrix.SparseMatrix
export declare const layersModel: Effect.Success<ReturnType<typeof Models.toLayersModel>>
export declare const xs: Effect.Success<ReturnType<typeof Tensorflow.tensors<import("@tensorflow/tfjs-core").Tensor>>>
export declare const ys: typeof xs
`

/** The names that a module of the package exports, as its source lists them. */
const exportedBy = (file: string): string =>
  [
    ...readFileSync(join(import.meta.dirname, "..", "..", "src", file), "utf8").matchAll(
      /^export (?:\* as (\w+)|\{ (\w+) \})/gm
    )
  ]
    .map(([, namespace, name]) => namespace ?? name)
    .join(", ")

const imports = `import { NodeRuntime } from "@effect/platform-node"
import { Cause, Console, Context, Effect, Layer, Option, Schema, Stream } from "effect"
import { ${exportedBy("index.ts")} } from "effect-flow"
import { ${exportedBy("nbow/index.ts")} } from "effect-flow/nbow"
import { layerFailing, layerKilling, observe, runStep, withFlow, withStep } from "effect-flow/testing"
import * as Duckdb from "effect-flow/duckdb"
import * as Ui from "effect-flow/ui"
`

const names = [...given.matchAll(/^export (?:declare )?(?:const|class) (\w+)/gm)].map((match) => match[1])

/** An example as a module of its own. One that imports what it uses stands as it is; others are a generator's body. */
export const asModule = (example: string): string =>
  /^import /m.test(example)
    ? example
    : `${imports}import { ${names.join(", ")} } from "./given.ts"
export const example = Effect.gen(function* () {
${example}})
`
