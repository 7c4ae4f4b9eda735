/** What callers without type checks confuse: each mistake is refused with a sentence that names it. */
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import * as Artifacts from "effect-flow/Artifact"
import * as Executors from "effect-flow/Executor"
import * as Flows from "effect-flow/Flow"
import { FlowError } from "effect-flow/FlowError"
import * as Parquets from "effect-flow/Parquet"
import * as Plans from "effect-flow/Plan"
import * as Runs from "effect-flow/Run"
import * as Steps from "effect-flow/Step"
import * as Storage from "effect-flow/Storage"

/** A module as plain JavaScript sees it: the compiler refuses each of the calls below. */
const untyped = <Name extends string>(module: { readonly [name in Name]: unknown }) =>
  module as Record<Name, (...given: ReadonlyArray<unknown>) => Effect.Effect<unknown>> // or it throws
const [Flow, Plan, Step] = [untyped(Flows), untyped(Plans), untyped(Steps)] as const
const Executor = untyped(Executors)
const [Artifact, Parquet, Run] = [untyped(Artifacts), untyped(Parquets), untyped(Runs)] as const

const leaf = Steps.make("leaf", { output: { a: Schema.Boolean }, run: () => Effect.succeed({ a: true }) })
const next = Steps.make("next", {
  input: { a: Schema.Boolean },
  output: { b: Schema.String },
  run: ({ a }) => Effect.succeed({ b: String(a) })
})
const Leaf = Flows.make("Leaf", { steps: [leaf], run: () => leaf() })
const run = () => Effect.void

/** Calls, each with what its refusal says. */
type Mistakes = ReadonlyArray<readonly [says: string, call: () => unknown]>

const definitions: Mistakes = [
  [
    '`output` of step "x" must be an object of schemas by name, such as { count: Schema.Int }, but it is null',
    () => Step.make("x", { output: null, run })
  ],
  ['`input` of step "x" must be an object of schemas by name', () => Step.make("x", { input: 3, run })],
  ['`output` of step "x" must be an object of schemas', () => Step.make("x", { output: [Schema.String], run })],
  ["but it is a schema", () => Step.make("x", { output: Schema.Struct({ a: Schema.Int }), run })],
  [
    'The branches of step "j" must be an object of steps by name, but it is step "leaf"',
    () => Step.join("j", leaf, { run })
  ],
  ['The branches of step "j" must be an object of steps by name, but it is null', () => Step.join("j", null, { run })],
  [
    'Branch "a" of step "j" must be a step, or Step.many(step), but it is undefined',
    () => Step.join("j", { a: undefined }, { run })
  ],
  ["but it is an Effect", () => Step.join("j", { a: leaf() }, { run })],
  ['but it is flow "Leaf"', () => Step.join("j", { a: Leaf }, { run })],
  ["The argument of Step.many must be a step, but it is undefined", () => Step.many()],
  ['`steps` of flow "x" must be a list of steps, but item 0 is "leaf"', () => Flow.make("x", { steps: ["leaf"], run })],
  ['but item 1 is flow "Leaf"', () => Flow.make("x", { steps: [leaf, Leaf], run })],
  [
    '`parameters` of flow "x" must be an object of schemas by name',
    () => Flow.make("x", { steps: [], parameters: null, run })
  ],
  [
    "The first argument of Flow.parameter must be a schema, but it is an object",
    () => Flow.parameter({ default: 3 }, Schema.Int)
  ],
  ['The options of Flow.parameter must be an object, but it is "3"', () => Flow.parameter(Schema.String, "3")],
  ["The first argument of Flow.provide must be a flow", () => Flow.provide(Storage.layerMemory, Leaf)],
  ["The second argument of Flow.provide must be a Layer, but it is undefined", () => Flow.provide(Leaf)]
]

const runs: Mistakes = [
  ["The options of Executor.layerFibers must be an object, but it is 4", () => Executor.layerFibers(4)],
  ["The options of Executor.layerCluster must be an object, but it is null", () => Executor.layerCluster(null)],
  ["The first argument of Flow.run must be a flow, such as Flow.make gives, but it is undefined", () => Flow.run()],
  ['but it is step "leaf"', () => Flow.run(leaf, {})],
  ["The first argument of Flow.run must be a flow", () => Flow.run({}, Leaf)],
  ["but it is a promise", () => Flow.run(Promise.resolve(Leaf), {})],
  ['`tags` of Flow.run must be a list of strings, but it is "nightly"', () => Flow.run(Leaf, {}, { tags: "nightly" })],
  ["`tags` of Flow.run must be a list of strings, but item 0 is 3", () => Flow.run(Leaf, {}, { tags: [3] })],
  ['The options of Flow.run must be an object, but it is "nightly"', () => Flow.run(Leaf, {}, "nightly")],
  ["The options of Flow.run must be an object, but it is null", () => Flow.run(Leaf, {}, null)],
  ["The first argument of Flow.start must be a flow", () => Flow.start(leaf, {})],
  ['The options of Flow.start must be an object, but it is "order-17"', () => Flow.start(Leaf, {}, "order-17")],
  ["The first argument of Flow.resume must be a flow", () => Flow.resume("latest", Leaf)],
  ['The options of Flow.resume must be an object, but it is "latest"', () => Flow.resume(Leaf, "latest")],
  [
    "`origin` of Flow.resume must be the id of a run, as a string, but it is an object",
    () => Flow.resume(Leaf, { origin: {} })
  ],
  [
    '`from` of Flow.resume must be the name of a step, as a string, but it is step "leaf"',
    () => Flow.resume(Leaf, { from: leaf })
  ],
  ['The first argument of Flow.supervise must be a list of flows, but it is flow "Leaf"', () => Flow.supervise(Leaf)],
  ["The first argument of Flow.supervise must be a list of flows, but item 0 is step", () => Flow.supervise([leaf])],
  ["The first argument of Flow.resumeCrashed must be a list of flows", () => Flow.resumeCrashed()],
  [
    'The first argument of Plan.make must be a flow, such as Flow.make gives, but it is "Leaf"',
    () => Plan.make("Leaf", {})
  ]
]

const Table = Artifacts.table({ a: Schema.String })
const rows = { numRows: 1, columns: { a: ["x"] } }

const tables: Mistakes = [
  ["The argument of Artifact.json must be a schema, but it is undefined", () => Artifact.json()],
  ["The argument of Artifact.json must be a schema, but it is an object", () => Artifact.json({ a: Schema.String })],
  ["The argument of Artifact.table must be an object of schemas by name", () => Artifact.table()],
  ["but it is a schema", () => Artifact.table(Schema.Struct({ a: Schema.String }))],
  ["The first argument of Artifact.dataset must be an object of schemas by name", () => Artifact.dataset()],
  [
    "The options of Artifact.dataset must be an object, but it is 100",
    () => Artifact.dataset({ a: Schema.String }, 100)
  ],
  [
    "The second argument of Parquet.read must be a table's declaration, such as Artifact.table gives, but it is undefined",
    () => Parquet.read("x.parquet")
  ],
  [
    "The first argument of Parquet.read must be a path, a URL, or a list of them, but it is an object",
    () => Parquet.read(Table, "x.parquet")
  ],
  [
    "The first argument of Parquet.read must be a list of paths and URLs, but item 1 is 3",
    () => Parquet.read(["x.parquet", 3], Table)
  ],
  ["but it is an object", () => Parquet.read("x.parquet", { a: Schema.String })],
  ["but it is a schema", () => Parquet.read("x.parquet", Schema.String)],
  ["The first argument of Parquet.readAny must be a path", () => Parquet.readAny()],
  [
    '`columns` of Parquet.readAny must be a list of strings, but it is "a"',
    () => Parquet.readAny("x.parquet", { columns: "a" })
  ],
  ["The options of Parquet.readAny must be an object, but it is a list", () => Parquet.readAny("x.parquet", ["a"])],
  ["The first argument of Parquet.schema must be a path", () => Parquet.schema()],
  ["The first argument of Parquet.describe must be a path", () => Parquet.describe(Table)],
  [
    "The second argument of Parquet.write must be a table's declaration",
    () => Parquet.write("/nowhere/x.parquet", rows, Table)
  ],
  [
    "The first argument of Parquet.write must be a path, as a string, but it is a URL",
    () => Parquet.write(new URL("file:///nowhere/x.parquet"), Table, rows)
  ],
  [
    "The third argument of Parquet.write must be a table, { numRows, columns }, but it is a list",
    () => Parquet.write("/nowhere/x.parquet", Table, [{ a: "x" }])
  ],
  [
    'The options of Parquet.write must be an object, but it is "snappy"',
    () => Parquet.write("/nowhere/x.parquet", Table, rows, "snappy")
  ]
]

const reading: Mistakes = [
  ['The run must be an id, a unique prefix of one, or "latest", but it is undefined', () => Run.get()],
  ["or a run's record, but it is undefined", () => Run.tasks()],
  ["or a run's record, but it is 3", () => Run.cancel(3)],
  [
    'The argument of Run.status must be a run\'s record, such as Run.get gives, but it is "latest"',
    () => Run.status("latest")
  ],
  [
    '`tags` of the query for runs must be a list of strings, but it is "nightly"',
    () => Run.latest("Leaf", { tags: "nightly" })
  ],
  ['The query for runs must be an object, but it is "Leaf"', () => Run.list("Leaf")],
  [
    "The second argument of Run.output must be a flow, such as Flow.make gives, but it is undefined",
    () => Run.output("latest")
  ],
  ["or a run's record, but it is flow", () => Run.output(Leaf, "latest")]
]

const states = Effect.all({ left: leaf(), right: leaf() })
const flag = Effect.map(leaf(), ({ a }) => a)

/** The bodies of flows, each with what its run dies of. */
const bodies: Mistakes = [
  [
    'Step "next" takes an object of its inputs by name, but got "x". Its inputs are: a.',
    () => untyped({ next }).next("x")
  ],
  ["The second argument of Step.forEach must be a function that makes a task", () => Step.forEach([1])],
  ["but it is an Effect", () => Step.forEach([1], leaf())],
  ["The options of Step.forEach must be an object, but it is 4", () => Step.forEach([1], () => leaf(), 4)],
  ["The first argument of Step.merge must be an object of states by branch, but it is undefined", () => Step.merge()],
  [
    '"a", which Step.merge got, must be the state of a task that has run, but it is an Effect',
    () => Step.merge({ a: leaf() })
  ],
  [
    '"a", which Step.merge got, must be the state of a task that has run, but it is a ref',
    () => Effect.flatMap(leaf(), (state) => Step.merge(state))
  ],
  [
    'The second argument of Step.merge must be an object that names a branch for each name in conflict, but it is "left"',
    () => Effect.flatMap(states, (two) => Step.merge(two, "left"))
  ],
  [
    'The branch for "a" must be the name of a branch that Step.merge got (left, right), but it is "middle"',
    () => Effect.flatMap(states, (two) => Step.merge(two, { a: "middle" }))
  ],
  [
    "The second argument of Flow.when must be an object with onTrue and onFalse, but it is undefined",
    () => Effect.flatMap(flag, (ref) => Flow.when(ref))
  ],
  [
    "The second argument of Flow.match must be an object with an arm for each value, but it is null",
    () => Effect.flatMap(flag, (ref) => Flow.match(ref, null))
  ],
  [
    "The options of Flow.iterate must be an object with while and body, but it is a function",
    () => Flow.iterate({}, () => leaf())
  ],
  [
    "`while` of Flow.iterate must be a function of the state, but it is undefined",
    () => Flow.iterate({}, { body: () => leaf() })
  ],
  [
    'The first argument of Flow.call must be a flow, such as Flow.make gives, but it is step "leaf"',
    () => Flow.call(leaf, {})
  ]
]

/** What a call throws, or what the effect that it gives dies of. */
const refusalOf = (call: () => unknown) =>
  Effect.exit(Effect.suspend(() => call() as Effect.Effect<unknown>)).pipe(
    // or it throws
    Effect.map((exit) => (Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined))
  )

const check = (says: string, call: () => unknown) =>
  Effect.map(refusalOf(call), (refusal) => {
    assert.instanceOf(refusal, FlowError)
    assert.include(refusal.message, says)
  })

describe("a mistake is named", () => {
  for (const [says, call] of [...definitions, ...runs, ...tables]) it.effect(says, () => check(says, call))
  for (const [says, call] of reading) {
    const inStore = () => Effect.provide(Effect.suspend(call as () => Effect.Effect<void>), Storage.layerMemory) // or it throws
    it.effect(says, () => check(says, inStore))
  }
  for (const [says, body] of bodies) {
    const Mistaken = Flows.make("Mistaken", {
      steps: [leaf, next],
      run: () => Effect.suspend(body as () => Effect.Effect<void>)
    }) // or it throws
    it.effect(`in a body: ${says}`, () =>
      check(says, () => Effect.provide(Flows.run(Mistaken, {}), Storage.layerMemory))
    )
  }
})
