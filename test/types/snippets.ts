/** The snippets of `types.test.ts`. */

/** Steps and a flow that the snippets use. */
export const prelude = `
import { Context, Effect, Schema } from "effect"
import { Artifact, Flow, Step } from "effect-flow"
export const Reviews = Artifact.table({ labels: Schema.Int, review: Schema.String })
export class TrainingDiverged extends Schema.TaggedError<TrainingDiverged>()("TrainingDiverged", { epoch: Schema.Int }) {}
export class Weights extends Context.Service<Weights, { readonly initial: number }>()("Weights") {}
export const start = Step.make("start", {
  input: { trainFile: Schema.String },
  output: { df: Reviews, valdf: Reviews, language: Schema.Literals(["en", "de"]), ok: Schema.Boolean, sizes: Schema.Array(Schema.Number) },
  run: () => Effect.die("not run")
})
export const baseline = Step.make("baseline", {
  input: { valdf: Reviews }, output: { acc: Schema.Number, note: Schema.String },
  run: ({ valdf }) => Effect.succeed({ acc: valdf.numRows, note: "" })
})
export const train = Step.make("train", {
  input: { df: Reviews }, output: { model: Schema.String, note: Schema.String }, error: TrainingDiverged,
  run: Effect.fnUntraced(function*({ df }) {
    if (df.numRows === 0) return yield* new TrainingDiverged({ epoch: 1 })
    return { model: String(df.columns.review[0]), note: "" }
  })
})
export const score = Step.make("score", { input: { size: Schema.Number }, output: { auc: Schema.Number }, run: ({ size }) => Effect.succeed({ auc: size }) })
export const service = Step.make("service", { output: { initial: Schema.Number }, run: () => Effect.map(Weights, ({ initial }) => ({ initial })) })
export const join = Step.join("join", { baseline, train }, {
  output: { report: Schema.String },
  run: ({ baseline, train }) => Effect.succeed({ report: baseline.acc + train.model + train.df.numRows })
})
export const scores = Step.join("scores", { all: Step.many(score) }, {
  output: { best: Schema.Number },
  run: ({ all }) => Effect.succeed({ best: Math.max(...all.map((one) => one.auc + one.size)) })
})
export const compare = Step.make("compare", { input: { report: Schema.String }, run: () => Effect.void })
export const declared = Step.make("declared", { error: TrainingDiverged, timeout: "1 second", run: () => new TrainingDiverged({ epoch: 1 }) })
export declare const data: Effect.Success<ReturnType<typeof start>>
export const flow = Flow.make("flow", {
  parameters: { trainFile: Schema.String, rate: Flow.parameter(Schema.Number, { default: 0.1 }) },
  steps: [start, baseline, train, join, service],
  run: Effect.fnUntraced(function*({ trainFile }) {
    const data = yield* start({ trainFile })
    const report = yield* join({ baseline: baseline(data), train: train(data) })
    yield* service()
    return report
  })
})
`

/** Code that must not compile, with a part of what the compiler says. */
export const rejected: ReadonlyArray<{ readonly name: string; readonly code: string; readonly message: string }> = [
  {
    name: "a join that forgot a branch",
    code: "join({ baseline: baseline(data) })",
    message: `join forgot branch \\"train\\"`
  },
  {
    name: "a join with one branch too many",
    code: "join({ baseline: baseline(data), train: train(data), other: compare({ report: '' }) })",
    message: `join has no branch \\"other\\"`
  },
  {
    name: "a join with two branches swapped",
    code: "join({ baseline: train(data), train: baseline(data) })",
    message: `branch \\"baseline\\" takes a task of step \\"baseline\\"`
  },
  {
    name: "a join of many that is given one",
    code: "scores({ all: score({ size: 1 }) })",
    message: `branch \\"all\\" takes a list of tasks of step \\"score\\"`
  },
  {
    name: "a join of many that is given tasks of another step",
    code: "scores({ all: Step.forEach([1], () => compare({ report: '' })) })",
    message: `branch \\"all\\" takes a list of tasks of step \\"score\\"`
  },
  {
    name: "a join of one that is given many",
    code: "join({ baseline: Step.forEach([1], () => baseline(data)), train: train(data) })",
    message: `branch \\"baseline\\" takes a task of step \\"baseline\\"`
  },
  {
    name: "a task given an artifact of the wrong type",
    code: "compare({ report: data.ok })",
    message: "Type 'Ref<boolean>' is not assignable to type 'string | Ref<string>'"
  },
  {
    name: "a task given a literal of the wrong type",
    code: "score({ size: 'large' })",
    message: "Type 'string' is not assignable to type 'number | Ref<number>'"
  },
  {
    name: "a task that misses an artifact",
    code: "train({ valdf: data.valdf })",
    message: "'valdf' does not exist in type"
  },
  {
    name: "a task given a state without its artifact",
    code: "const state = { valdf: data.valdf }\ntrain(state)",
    message: "Property 'df' is missing in type"
  },
  {
    name: "a task called with nothing",
    code: "start()",
    message: "Expected 1 arguments, but got 0"
  },
  {
    name: "a merge of branches that both wrote a name",
    code: "declare const both: { baseline: Effect.Success<ReturnType<typeof baseline>>; train: Effect.Success<ReturnType<typeof train>> }\nStep.merge(both)",
    message: "Expected 2 arguments, but got 1"
  },
  {
    name: "a merge that resolves a name which is in no conflict",
    code: "declare const both: { baseline: Effect.Success<ReturnType<typeof baseline>>; train: Effect.Success<ReturnType<typeof train>> }\nStep.merge(both, { note: 'train', model: 'train' })",
    message: "'model' does not exist in type"
  },
  {
    name: "a merge that resolves to a branch which has no such name",
    code: "declare const both: { baseline: Effect.Success<ReturnType<typeof baseline>>; train: Effect.Success<ReturnType<typeof train>> }\nStep.merge(both, { note: 'other' })",
    message: `Type '"other"' is not assignable to type '`
  },
  {
    name: "a run without a service that a step needs",
    code: "Effect.runPromise(Effect.provide(Flow.run(flow, { trainFile: '' }), Storage.layerMemory))",
    message: "Type 'Weights' is not assignable to type 'never'"
  },
  {
    name: "a run whose errors are said to be none",
    code: "const run = Flow.run(flow, { trainFile: '' })\nconst caught = run.pipe(Effect.catchTag(['ArtifactError', 'StoreError', 'ExecutorError', 'WorkerDied', 'ParameterError', 'TagError'], (error) => Effect.succeed(error.message)))\nconst program: Effect.Effect<unknown, never, any> = caught",
    message: "Type 'TrainingDiverged' is not assignable to type 'never'"
  },
  {
    name: "a match that misses a case",
    code: "Flow.match(data.language, { en: compare({ report: '' }) })",
    message: "Property 'de' is missing in type"
  },
  {
    name: "a match with a case that can't come",
    code: "Flow.match(data.language, { en: compare({ report: '' }), de: compare({ report: '' }), fr: compare({ report: '' }) })",
    message: `no value is \\"fr\\"`
  },
  {
    name: "a choice by a ref that is no boolean",
    code: "Flow.when(data.language, { onTrue: compare({ report: '' }), onFalse: compare({ report: '' }) })",
    message: "is not assignable to parameter of type 'Ref<boolean>'"
  },
  {
    name: "a task outside a flow",
    code: "const outside: Effect.Effect<unknown, unknown, import('effect-flow').ArtifactStore.ArtifactStore> = start({ trainFile: '' })",
    message: "Type 'CurrentRun' is not assignable to type"
  },
  {
    name: "a task inside a step",
    code: "Step.make('nested', { run: () => Effect.asVoid(baseline(data)) })",
    message: "a step can't run tasks: compose them in the flow's body"
  },
  {
    name: "a body that yields too little",
    code: "Step.make('small', { output: { a: Schema.Number, b: Schema.Number }, run: () => Effect.succeed({ a: 1 }) })",
    message: "Property 'b' is missing in type"
  },
  {
    name: "a body that yields a wrong type",
    code: "Step.make('wrong', { output: { a: Schema.Number }, run: () => Effect.succeed({ a: '1' }) })",
    message: "Type 'string' is not assignable to type 'number'"
  },
  {
    name: "an error schema that does not cover the step's failures",
    code: "class Other extends Schema.TaggedError<Other>()('Other', {}) {}\nStep.make('uncovered', { error: Other, run: () => new TrainingDiverged({ epoch: 1 }) })",
    message: "the schema does not cover TrainingDiverged"
  },
  {
    name: "a body that changes its input",
    code: "Step.make('change', { input: { x: Schema.Number }, run: (input) => Effect.sync(() => { input.x = 1 }) })",
    message: "Cannot assign to 'x' because it is a read-only property"
  },
  {
    name: "a flow that lists two steps of one name",
    code: "Flow.make('twice', { steps: [score, score], run: () => Effect.void })",
    message: `two steps are named \\"score\\"`
  },
  {
    name: "a flow run without a parameter",
    code: "Flow.run(flow, {})",
    message: "Property 'trainFile' is missing in type"
  },
  {
    name: "a foreach over something that is no list",
    code: "Step.forEach(data.ok, () => Effect.void)",
    message: "is not assignable to parameter of type"
  }
]

/** How types read. */
export const shown: ReadonlyArray<{ readonly name: string; readonly code: string; readonly type: string }> = [
  {
    name: "a step",
    code: `score`,
    type: `Step<"score", { readonly size: Number; }, { readonly auc: Number; }, never, never>`
  },
  {
    name: "a step that fails",
    code: `train`,
    type: `Step<"train", { readonly df: TableArtifact<{ readonly labels: Int; readonly review: String; }>; }, { readonly model: String; readonly note: String; }, TrainingDiverged, never>`
  },
  {
    name: "a step with a timeout",
    code: `declared`,
    type: `Step<"declared", {}, {}, TaskTimeout | TrainingDiverged, never>`
  },
  {
    name: "a task",
    code: `score({ size: 1 })`,
    type: `Effect<{ readonly "~wrote"?: "auc"; readonly auc: Ref<number>; readonly size: Ref<number>; }, TaskError, ArtifactStore | CurrentRun>`
  },
  {
    name: "a state",
    code: `data`,
    type: `{ readonly "~wrote"?: "df" | "language" | "ok" | "sizes" | "valdf"; readonly df: Ref<Table<{ readonly labels: Int; readonly review: String; }>>; readonly language: Ref<"de" | "en">; readonly ok: Ref<boolean>; readonly sizes: Ref<readonly number[]>; readonly trainFile: Ref<string>; readonly valdf: Ref<Table<{ readonly labels: Int; readonly review: String; }>>; }`
  },
  {
    name: "a list of tasks",
    code: `Step.forEach([1], (size) => score({ size }))`,
    type: `Effect<readonly { readonly "~wrote"?: "auc"; readonly auc: Ref<number>; readonly size: Ref<number>; }[], TaskError, ArtifactStore | CurrentRun>`
  },
  {
    name: "a join",
    code: `join`,
    type: `Join<"join", { readonly baseline: Step<"baseline", { readonly valdf: TableArtifact<{ readonly labels: Int; readonly review: String; }>; }, { readonly acc: Number; readonly note: String; }, never, never>; readonly train: Step<"train", { readonly df: TableArtifact<{ readonly labels: Int; readonly review: String; }>; }, { readonly model: String; readonly note: String; }, TrainingDiverged, never>; }, {}, { readonly report: String; }, never, never>`
  },
  {
    name: "a joined task",
    code: `join({ baseline: baseline(data), train: train(data) })`,
    type: `Effect<{ readonly "~wrote"?: "report"; readonly report: Ref<string>; }, TrainingDiverged | TaskError, ArtifactStore | CurrentRun>`
  },
  {
    name: "a flow",
    code: `flow`,
    type: `Flow<"flow", { readonly trainFile: String; readonly rate: Defaulted<Number>; }, { readonly "~wrote"?: "report"; readonly report: Ref<string>; }, TrainingDiverged | TaskError, ArtifactStore | Weights>`
  },
  {
    name: "a run",
    code: `Flow.run(flow, { trainFile: '' })`,
    type: `Effect<Result<{ readonly "~wrote"?: "report"; readonly report: Ref<string>; }>, ArtifactError | ExecutorError | ParameterError | StoreError | TagError | TrainingDiverged | WorkerDied, ArtifactStore | RunStore | Weights>`
  },
  {
    name: "a ref of a merged state",
    code: `Step.merge({ a: data, b: null as never as Effect.Success<ReturnType<typeof score>> }).df`,
    type: `Ref<Table<{ readonly labels: Int; readonly review: String; }>>`
  }
]
