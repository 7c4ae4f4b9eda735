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
export declare const scored: Effect.Success<ReturnType<typeof baseline>>
export declare const trained: Effect.Success<ReturnType<typeof train>>
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
    name: "a secret in a step's input",
    code: `Step.make('s', { input: { a: Schema.Struct({ tokens: Schema.Array(Schema.Redacted(Schema.String)) }) }, run: () => Effect.void })`,
    message: "a secret (Redacted) is never stored: read it with Config.Redacted in the step or layer that needs it"
  },
  {
    name: "a secret in a step's output",
    code: `Step.make('s', { output: { token: Schema.NullOr(Schema.Redacted(Schema.String)) }, run: () => Effect.succeed({ token: null }) })`,
    message: "a secret (Redacted) is never stored: read it with Config.Redacted in the step or layer that needs it"
  },
  {
    name: "a secret in a step's error",
    code: `class Denied extends Schema.TaggedError<Denied>()('Denied', { token: Schema.Redacted(Schema.String) }) {}\nStep.make('s', { error: Denied, run: () => Effect.void })`,
    message: "a secret (Redacted) is never stored: read it with Config.Redacted in the step or layer that needs it"
  },
  {
    name: "a secret in a flow's parameters",
    code: `Flow.make('f', { parameters: { token: Schema.Redacted(Schema.String) }, steps: [], run: () => Effect.void })`,
    message: "a secret (Redacted) is never stored: read it with Config.Redacted in the step or layer that needs it"
  },
  {
    name: "a secret in a flow's output",
    code: `Flow.make('f', { steps: [], run: () => Effect.succeed({ token: [Schema.decodeSync(Schema.RedactedFromValue(Schema.String))('x')] }) })`,
    message: "a secret (Redacted) is never stored: read it with Config.Redacted in the step or layer that needs it"
  },
  {
    name: "a secret in the exit that a flow yields",
    code: "Flow.make('hides', { steps: [score], run: () => Effect.exit(Effect.map(score({ size: 1 }), () => [Redacted.make('key')])) })",
    message: "a secret (Redacted) is never stored: read it with Config.Redacted in the step or layer that needs it"
  },
  {
    name: "a flow that does not yield its declared output",
    code: `Flow.make('f', { output: { n: Schema.Int }, steps: [], run: () => Effect.succeed({ n: 'one' }) })`,
    message: "the body does not yield what the flow declares in `output`"
  },
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
    message: `error TS2741: Property '"branch \\"baseline\\" takes a task of step \\"baseline\\""' is missing`
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
    code: "Step.merge({ baseline: scored, train: trained })",
    message: `merge must resolve \\"note\\"`
  },
  {
    name: "a merge, by a variable, of branches that both wrote a name",
    code: "const both = { scored, trained }\nStep.merge(both)",
    message: `merge must resolve \\"note\\"`
  },
  {
    name: "a merge that resolves nothing",
    code: "Step.merge({ scored, trained }, {})",
    message: `merge must resolve \\"note\\"`
  },
  {
    name: "a merge in which one branch wrote what another was given",
    code: "Step.merge({ scored, data }, { note: 'scored' })",
    message: `merge must resolve \\"valdf\\"`
  },
  {
    name: "a merge that resolves a name which is in no conflict",
    code: "Step.merge({ baseline: scored, train: trained }, { note: 'train', model: 'train' })",
    message: "'model' does not exist in type"
  },
  {
    name: "a merge that resolves to a branch which has no such name",
    code: "Step.merge({ baseline: scored, train: trained }, { note: 'other' })",
    message: `Type '"other"' is not assignable to type '"baseline" | "train"'.`
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
    message: "error TS2741: Property 'de' is missing in type"
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
    message: `TaskError, ArtifactStore | CurrentRun>' is not assignable to type '"a step can't run tasks: compose them in the flow's body"'`
  },
  {
    name: "a flow run inside a step",
    code: "Step.make('nested', { run: () => Effect.asVoid(Flow.run(flow, { trainFile: '' })) })",
    message: "a step can't run a flow: call it from the flow's body with Flow.call"
  },
  {
    name: "a flow run inside a step, its errors caught",
    code: "Step.make('nested', { run: Effect.fnUntraced(function*() { yield* Effect.orDie(Flow.run(flow, { trainFile: '' })) }) })",
    message: "a step can't run a flow: call it from the flow's body with Flow.call"
  },
  {
    name: "a flow started inside a step",
    code: "Step.make('nested', { run: () => Effect.asVoid(Flow.start(flow, { trainFile: '' })) })",
    message: "a step can't run a flow: call it from the flow's body with Flow.call"
  },
  {
    name: "crashed runs resumed inside a step",
    code: "Step.make('nested', { run: () => Effect.asVoid(Flow.resumeCrashed([flow])) })",
    message: "a step can't run a flow: call it from the flow's body with Flow.call"
  },
  {
    name: "a flow resumed inside a join",
    code: "Step.join('nested', { baseline }, { run: () => Effect.asVoid(Flow.resume(flow)) })",
    message: "a step can't run a flow: call it from the flow's body with Flow.call"
  },
  {
    name: "a flow called inside a step",
    code: "Step.make('nested', { run: () => Effect.asVoid(Flow.call(flow, { trainFile: '' })) })",
    message: "a step can't run tasks: compose them in the flow's body"
  },
  {
    name: "an asynchronous body",
    code: "Step.make('late', { output: { a: Schema.Number }, run: async () => ({ a: 1 }) })",
    message: `Type 'Promise<{ a: number; }>' is not assignable to type '"a step's body must return an Effect"'`
  },
  {
    name: "a body that returns a plain value",
    code: "Step.make('plain', { output: { a: Schema.Number }, run: () => ({ a: 1 }) })",
    message: "a step's body must return an Effect"
  },
  {
    name: "a join's body that returns a plain value",
    code: "Step.join('plain', { baseline }, { output: { a: Schema.Number }, run: ({ baseline }) => ({ a: baseline.acc }) })",
    message: "a step's body must return an Effect"
  },
  {
    name: "a bare generator as a body",
    code: "Step.make('bare', { run: function*() {} })",
    message: "a step's body must return an Effect"
  },
  {
    name: "an asynchronous flow",
    code: "Flow.make('late', { steps: [score], run: async () => 1 })",
    message: "a flow's body must return an Effect"
  },
  {
    name: "an output that is not declared",
    code: "Step.make('more', { output: { a: Schema.Number }, run: () => Effect.succeed({ a: 1, b: 2 }) })",
    message: `output \\"b\\" is not declared`
  },
  {
    name: "an output of a step that declares none",
    code: "Step.make('more', { run: Effect.fnUntraced(function*() { return { b: 2 } }) })",
    message: `output \\"b\\" is not declared`
  },
  {
    name: "an output of a join that is not declared",
    code: "Step.join('more', { baseline }, { output: { a: Schema.Number }, run: ({ baseline }) => Effect.succeed({ a: baseline.acc, b: 2 }) })",
    message: `output \\"b\\" is not declared`
  },
  {
    name: "a checkpoint of another type than its schema's",
    code: "Step.make('resumed', { run: Effect.fnUntraced(function*() { const { save } = yield* CurrentTask.checkpoint(Schema.Struct({ page: Schema.Int })); yield* save({ page: 'one' }) }) })",
    message: "Type 'string' is not assignable to type 'number'"
  },
  {
    name: "a checkpoint that holds a secret",
    code: "Step.make('resumed', { run: Effect.fnUntraced(function*() { yield* CurrentTask.checkpoint(Schema.Struct({ token: Schema.Redacted(Schema.String) })) }) })",
    message: "a secret (Redacted) is never stored: read it with Config.Redacted in the step or layer that needs it"
  },
  {
    name: "a parameter for a flow that has none",
    code: "Flow.run(Flow.make('none', { steps: [], run: () => Effect.void }), { size: 1 })",
    message: "Type 'number' is not assignable to type 'never'"
  },
  {
    name: "a step that yields an effect it never ran",
    code: "Step.make('forgetful', { run: Effect.fnUntraced(function*() { return Effect.log('') }) })",
    message: "forgotten yield*: the body yields an effect that it never ran"
  },
  {
    name: "a flow that yields a task it never ran",
    code: "Flow.make('forgetful', { steps: [score], run: Effect.fnUntraced(function*() { yield* score({ size: 1 }); return score({ size: 2 }) }) })",
    message: "forgotten yield*: the flow yields a task that it never ran"
  },
  {
    name: "a flow whose output holds a task it never ran",
    code: "Flow.make('forgetful', { steps: [score], run: Effect.fnUntraced(function*() { return { best: score({ size: 2 }) } }) })",
    message: "forgotten yield*: the flow yields a task that it never ran"
  },
  {
    name: "a flow that yields a list of tasks it never ran",
    code: "Flow.make('forgetful', { steps: [score], run: () => Effect.succeed([1, 2].map((size) => score({ size }))) })",
    message: "forgotten yield*: the flow yields a task that it never ran"
  },
  {
    name: "a flow that yields a fiber",
    code: "Flow.make('forks', { steps: [score], run: () => Effect.forkChild(score({ size: 1 })) })",
    message:
      "the run's record can't represent this output: yield refs or plain data, or give the flow a schema for it in `output`"
  },
  {
    name: "a flow whose output holds an instance of a class",
    code: "Flow.make('waits', { steps: [score], run: () => Effect.map(score({ size: 1 }), (best) => ({ best, runs: [{ took: Duration.seconds(1) }] })) })",
    message: "the run's record can't represent this output (at runs.took)"
  },
  {
    name: "a flow whose output holds a function",
    code: "Flow.make('calls', { steps: [score], run: () => Effect.map(score({ size: 1 }), (best) => ({ best, again: () => 1 })) })",
    message: "the run's record can't represent this output (at again)"
  },
  {
    name: "a flow whose output holds an error that no step declares",
    code: "Flow.make('errs', { steps: [score], run: () => Effect.map(score({ size: 1 }), () => new Map([['last', new Error('late')]])) })",
    message: "the run's record can't represent this output: yield"
  },
  {
    name: "an instance beside what the flow has schemas for",
    code: "Flow.make('waits', { steps: [score], output: { n: Schema.Int }, run: () => Effect.as(score({ size: 1 }), { n: 1, took: Duration.seconds(1) }) })",
    message: "the run's record can't represent this output (at took)"
  },
  {
    name: "a default of the wrong type",
    code: "Flow.parameter(Schema.Number, { default: 'much' })",
    message: "error TS2322: Type 'string' is not assignable to type 'number'."
  },
  {
    name: "a list as a default, of elements of the wrong type",
    code: "Flow.parameter(Schema.Array(Schema.Number), { default: ['much'] })",
    message: "error TS2322: Type 'string' is not assignable to type 'number'."
  },
  {
    name: "a command line without the layer that its flow needs",
    code: "FlowCli.main(flow)",
    message: `is not assignable to parameter of type '"main needs a layer for Weights"'`
  },
  {
    name: "a command line with options but no layer",
    code: "FlowCli.main(flow, { module: import.meta })",
    message: "main needs a layer for Weights"
  },
  {
    name: "a command line with another layer than its flow needs",
    code: "FlowCli.main(flow, { layer: Layer.empty })",
    message: "main needs a layer for Weights"
  },
  {
    name: "a body that yields too little",
    code: "Step.make('small', { output: { a: Schema.Number, b: Schema.Number }, run: () => Effect.succeed({ a: 1 }) })",
    message: `is not assignable to type '"the body must return output \\"b\\""'`
  },
  {
    name: "a body that yields nothing",
    code: "Step.make('nothing', { output: { a: Schema.Number }, run: Effect.fnUntraced(function*() { yield* Effect.log('') }) })",
    message: `Type 'Effect<void, never, never>' is not assignable to type '"the body must return output \\"a\\""'`
  },
  {
    name: "a body that sometimes yields too little",
    code: "Step.make('few', { output: { a: Schema.Number, b: Schema.Number }, run: () => Math.random() < 1 ? Effect.succeed({ a: 1 }) : Effect.succeed({ a: 1, b: 2 }) })",
    message: `the body must return output \\"b\\"`
  },
  {
    name: "a timeout in a unit that does not exist",
    code: "Step.make('hasty', { timeout: '10 secnds', run: () => Effect.void })",
    message: `error TS2322: Type '"10 secnds"' is not assignable to type 'Input'.`
  },
  {
    name: "a number of retries in the place of a schedule",
    code: "Step.make('stubborn', { retry: 3, run: () => Effect.void })",
    message: "error TS2322: Type 'number' is not assignable to type 'Retry<unknown>'."
  },
  {
    name: "a misspelt option of a step",
    code: "Step.make('misspelt', { ouput: { a: Schema.Number }, run: () => Effect.void })",
    message: "Did you mean to write 'output'?"
  },
  {
    name: "a misspelt option of a flow",
    code: "Flow.make('misspelt', { step: [score], run: () => Effect.void })",
    message: "Did you mean to write 'steps'?"
  },
  {
    name: "a misspelt column of a table",
    code: "Step.make('columns', { input: { df: Reviews }, run: ({ df }) => Effect.log(df.columns.reviews) })",
    message: "Did you mean 'review'?"
  },
  {
    name: "a step that is given a task in the place of its state",
    code: "train(start({ trainFile: '' }))",
    message: "error TS2741: Property 'df' is missing in type 'Effect<"
  },
  {
    name: "a command line for something that is not a flow",
    code: "FlowCli.main(score)",
    message: "main takes a flow, made by Flow.make"
  },
  {
    name: "a command line for a flow of unknown type",
    code: "FlowCli.main(flow as Flow.Any)",
    message: "main can't tell which services this flow needs, because its type says any"
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
    name: "a step without the flow's layer whose body needs a service",
    code: "Step.make('weigh', { layer: false, run: () => Effect.map(Weights, ({ initial }) => initial) })",
    message: "the body needs Weights, which comes from a layer: leave layer: false out"
  },
  {
    name: "a join without the flow's layer whose body needs a service",
    code: "Step.join('weighed', { baseline }, { layer: false, run: () => Effect.asVoid(Weights) })",
    message: "the body needs Weights, which comes from a layer: leave layer: false out"
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

/** Code with one mistake, of which the compiler must say one thing, without a sentence about something else before or after it. */
export const saidOnce: ReadonlyArray<{ readonly name: string; readonly code: string; readonly message: string }> = [
  {
    name: "an artifact that the step has not, in what a flow yields",
    code: "Flow.make('f', { steps: [score], run: Effect.fnUntraced(function*() { const state = yield* score({ size: 1 }); return state.acu }) })",
    message: "Property 'acu' does not exist on type"
  },
  {
    name: "an artifact that the step has not, in an arrow's body",
    code: "Flow.make('f', { steps: [score], run: () => Effect.map(score({ size: 1 }), (state) => state.acu) })",
    message: "Property 'acu' does not exist on type"
  },
  {
    name: "an input that the step has not, in its output",
    code: "Step.make('s', { input: { size: Schema.Number }, output: { a: Schema.Number }, run: ({ seize }) => Effect.succeed({ a: seize }) })",
    message: "Property 'seize' does not exist on type"
  },
  {
    name: "an input that the step has not, in its error",
    code: "Step.make('s', { error: Schema.String, run: ({ size }) => Effect.fail(size) })",
    message: "Property 'size' does not exist on type"
  }
]

/** Code that must compile, so that the sentences above are said only where they are true. */
export const accepted: ReadonlyArray<{ readonly name: string; readonly code: string }> = [
  {
    name: "values that offer no property with a ~ of this library's",
    code: `export const none: [Extract<keyof typeof Reviews | keyof typeof data.df | keyof typeof data | keyof typeof flow | keyof typeof score | keyof typeof join, \`~effect-flow\${string}\`>] extends [never] ? true : false = true`
  },
  {
    name: "outputs of flows that a run's record can represent",
    code: `type Json = string | number | null | ReadonlyArray<Json> | { readonly [name: string]: Json }
interface Tree { readonly size: number; readonly children: ReadonlyArray<Tree> }
const yields = <A>(output: A) => Flow.make('yields', { steps: [score], run: () => Effect.as(score({ size: 1 }), output) })
const yielding = (value: { json: Json; tree: Tree; any: any; unknown: unknown; optional?: number }) =>
  Flow.make('yields', { steps: [score], run: () => Effect.as(score({ size: 1 }), value) })
Flow.make('data', { steps: [score], run: () => Effect.as(score({ size: 1 }), { map: new Map([['a', new Set([1n])]]), at: new Date(), bytes: Buffer.from(''), rates: new Float32Array(1), option: Option.some([undefined]) }) })
Flow.make('results', { steps: [score], run: () => Effect.all([Effect.result(score({ size: 1 })), Effect.option(score({ size: 2 }))]) })
Flow.make('merged', { steps: [train], run: Effect.fnUntraced(function*() { return { merged: Step.merge({ scored: yield* score({ size: 1 }) }) } }) })
Flow.make('caught', { steps: [score], run: () => Effect.catch(score({ size: 1 }), (error) => Effect.succeed(error)) })
Flow.make('declared', { steps: [score], output: { took: Schema.Duration }, run: () => Effect.as(score({ size: 1 }), { took: Duration.seconds(1), n: 1 }) })`
  },
  {
    name: "an output as wide and deep as other services describe their data",
    code: `type Wide<A> = { readonly [K in \`k\${0 | 1 | 2}\${0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9}\`]: A | null | ReadonlyArray<A> }
interface A extends Wide<string> {}
interface B extends Wide<A> {}
interface C extends Wide<B> {}
interface D extends Wide<C> {}
export const record = (value: D) => Flow.make('wide', { steps: [score], run: () => Effect.as(score({ size: 1 }), value) })`
  },
  {
    name: "runs of flows without parameters",
    code: `const none = Flow.make('none', { steps: [], run: () => Effect.void })
const given = {}
Flow.run(none, {})
Flow.run(none, given)
export const launch = <P extends Flow.Parameters>(flow: Flow.Flow<string, P, void, never, never>, parameters: Flow.Given<P>) => Flow.run(flow, parameters)
launch(none, {})`
  },
  {
    name: "bodies without outputs, whatever they yield",
    code: `Step.make('fiber', { run: () => Effect.forkChild(Effect.void) })
Step.make('list', { run: () => Effect.succeed([1]) })
Step.make('map', { run: () => Effect.succeed(new Map([['a', 1]])) })
Step.make('number', { run: () => Effect.succeed(1) })
Step.make('death', { run: () => Effect.die('') })
Step.make('failure', { run: () => new TrainingDiverged({ epoch: 1 }) })`
  },
  {
    name: "a step and a join without the flow's layer that use what every task has, or their own layer",
    code: `Step.make('noted', { layer: false, run: Effect.fnUntraced(function*() { const { task } = yield* CurrentTask; return task }) })
Step.make('earlier', { layer: false, run: () => Effect.asVoid(Run.latest('flow')) })
Step.make('own', { layer: false, run: () => Effect.provideService(Effect.asVoid(Weights), Weights, { initial: 1 }) })
Step.join('both', { baseline }, { layer: false, output: { good: Schema.Boolean }, run: () => Effect.succeed({ good: true }) })`
  },
  {
    name: "a step that reads earlier runs",
    code: "Step.make('history', { output: { run: Schema.String }, run: () => Effect.map(Run.latest('flow'), ({ id: run }) => ({ run })) })"
  },
  {
    name: "a flow that yields states, refs, values and exits",
    code: "Flow.make('rich', { steps: [score], run: Effect.fnUntraced(function*() { const state = yield* score({ size: 1 }); return { state, auc: state.auc, list: [state.auc], exit: yield* Effect.exit(score({ size: 2 })) } }) })"
  },
  {
    name: "flows made by generic functions",
    code: "export const made = <A, E, R>(body: Effect.Effect<A, E, R>) => Flow.make('made', { steps: [], run: () => body })"
  },
  {
    name: "a merge that resolves what is in conflict",
    code: "const merged = Step.merge({ scored, trained }, { note: 'trained' })\nexport const model: Ref.Ref<string> = merged.model"
  },
  {
    name: "a merge of states that nobody wrote to",
    code: "Step.merge({ a: { df: data.trainFile }, b: { df: data.trainFile } })"
  },
  {
    name: "command lines with what they need",
    code: `FlowCli.main(flow, { layer: Layer.succeed(Weights, { initial: 1 }) })
FlowCli.main(flow, { module: import.meta, layer: Layer.succeed(Weights)({ initial: 1 }) })
FlowCli.main(Flow.provide(flow, Layer.succeed(Weights, { initial: 1 })))`
  },
  {
    name: "a flow that yields objects with optional fields",
    code: "Flow.make('lenient', { steps: [score], run: Effect.fnUntraced(function*() { const { auc } = yield* score({ size: 1 }); return { auc, rest: null as never as { readonly [Symbol.toStringTag]?: string; readonly note?: string } } }) })"
  },
  {
    name: "a step with a checkpoint, whose schema of errors covers its own",
    code: `Step.make('resumed', {
  error: TrainingDiverged,
  run: Effect.fnUntraced(function*() {
    const { latest, save } = yield* CurrentTask.checkpoint(Artifact.tensors({ w: { dtype: "F32" } }))
    if (latest._tag === "Some") return yield* new TrainingDiverged({ epoch: latest.value.tensors.w.data.length })
    yield* save({ tensors: { w: { dtype: "F32", shape: [1], data: new Float32Array(1) } }, metadata: {} })
  })
})`
  },
  {
    name: "a run whose store is provided",
    code: "Effect.runPromise(Flow.run(Flow.provide(flow, Layer.succeed(Weights, { initial: 1 })), { trainFile: '' }).pipe(Effect.provide(Storage.layerMemory)))"
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
    type: `Effect<{ readonly auc: Ref<number>; readonly size: Ref<number>; }, TaskError, ArtifactStore | CurrentRun>`
  },
  {
    name: "a state",
    code: `data`,
    type: `{ readonly df: Ref<Table<{ readonly labels: Int; readonly review: String; }>>; readonly language: Ref<"de" | "en">; readonly ok: Ref<boolean>; readonly sizes: Ref<readonly number[]>; readonly trainFile: Ref<string>; readonly valdf: Ref<Table<{ readonly labels: Int; readonly review: String; }>>; }`
  },
  {
    name: "a list of tasks",
    code: `Step.forEach([1], (size) => score({ size }))`,
    type: `Effect<readonly { readonly auc: Ref<number>; readonly size: Ref<number>; }[], TaskError, ArtifactStore | CurrentRun>`
  },
  {
    name: "a join",
    code: `join`,
    type: `Join<"join", { readonly baseline: Step<"baseline", { readonly valdf: TableArtifact<{ readonly labels: Int; readonly review: String; }>; }, { readonly acc: Number; readonly note: String; }, never, never>; readonly train: Step<"train", { readonly df: TableArtifact<{ readonly labels: Int; readonly review: String; }>; }, { readonly model: String; readonly note: String; }, TrainingDiverged, never>; }, {}, { readonly report: String; }, never, never>`
  },
  {
    name: "a joined task",
    code: `join({ baseline: baseline(data), train: train(data) })`,
    type: `Effect<{ readonly report: Ref<string>; }, TrainingDiverged | TaskError, ArtifactStore | CurrentRun>`
  },
  {
    name: "a flow",
    code: `flow`,
    type: `Flow<"flow", { readonly trainFile: String; readonly rate: Defaulted<Number>; }, { readonly report: Ref<string>; }, TrainingDiverged | TaskError, ArtifactStore | Weights>`
  },
  {
    name: "a run",
    code: `Flow.run(flow, { trainFile: '' })`,
    type: `Effect<Result<{ readonly report: Ref<string>; }>, ArtifactError | ExecutorError | ParameterError | StoreError | TagError | TrainingDiverged | WorkerDied, ArtifactStore | RunStore | Weights>`
  },
  {
    name: "a ref of a merged state",
    code: `Step.merge({ a: data, b: null as never as Effect.Success<ReturnType<typeof score>> }).df`,
    type: `Ref<Table<{ readonly labels: Int; readonly review: String; }>>`
  },
  {
    name: "a merged state",
    code: `Effect.runSync(Step.merge({ scored, trained }, { note: 'trained' }))`,
    type: `{ readonly acc: Ref<number>; readonly df: Ref<Table<{ readonly labels: Int; readonly review: String; }>>; readonly model: Ref<string>; readonly note: Ref<string>; readonly valdf: Ref<Table<{ readonly labels: Int; readonly review: String; }>>; }`
  },
  {
    name: "a checkpoint",
    code: `CurrentTask.checkpoint(Schema.Struct({ page: Schema.Int }))`,
    type: `Effect<Checkpoint<{ readonly page: number; }>, StoreError, CurrentTask>`
  },
  {
    name: "the latest run",
    code: `Run.latest('flow')`,
    type: `Effect<RunRecord, RunNotFound | StoreError, RunStore>`
  },
  {
    name: "a run's events",
    code: `Run.events('latest')`,
    type: `Stream<Event, FlowError | RunNotFound | StoreError, RunStore>`
  },
  {
    name: "a run's tasks",
    code: `null as never as Effect.Success<ReturnType<typeof Run.tasks>>`,
    type: `readonly TaskRecord[]`
  },
  {
    name: "a parameter with a default",
    code: `Flow.parameter(Schema.Literals(["a", "b"]), { default: "a" })`,
    type: `Defaulted<Literals<readonly ["a", "b"]>>`
  },
  {
    name: "a parameter without a default",
    code: `Flow.parameter(Schema.Number, { description: "How many" })`,
    type: `Number`
  }
]
