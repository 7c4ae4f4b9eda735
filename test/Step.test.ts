/** Steps, joins and merges: what reaches a body, what a state holds, and who is whose parent. */
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Artifact, Executor, Flow, RunStore, Step, Storage } from "effect-flow"
import { FlowError } from "../src/FlowError.ts"

const Table = Artifact.table({ labels: Schema.Int, review: Schema.String })
const table = { numRows: 2, columns: { labels: [1, 0], review: ["good", "bad"] } }

const start = Step.make("start", {
  output: { df: Table, size: Schema.Number },
  run: () => Effect.succeed({ df: table, size: 2 })
})
const left = Step.make("left", {
  input: { df: Table },
  output: { count: Schema.Number, note: Schema.String },
  run: ({ df }) => Effect.succeed({ count: df.numRows, note: "left" })
})
const right = Step.make("right", {
  input: { df: Table, size: Schema.Number },
  output: { first: Schema.String, note: Schema.String },
  run: ({ df, size }) => Effect.succeed({ first: `${df.columns.review[0]} of ${size}`, note: "right" })
})
const join = Step.join(
  "join",
  { left, right },
  {
    input: { label: Schema.String },
    output: { text: Schema.String },
    run: ({ left, right }, { label }) =>
      Effect.succeed({ text: `${label}: ${left.count} ${right.first} ${left.df.columns.labels[0]} ${right.size}` })
  }
)
const one = Step.make("one", {
  input: { x: Schema.Number },
  output: { y: Schema.Number },
  run: ({ x }) => Effect.succeed({ y: x * 10 })
})
const all = Step.join(
  "all",
  { ones: Step.many(one) },
  {
    output: { ys: Schema.Array(Schema.Number) },
    run: ({ ones }) => Effect.succeed({ ys: ones.map(({ x, y }) => x + y) })
  }
)
const end = Step.make("end", { run: () => Effect.void })

/** Runs a body as a flow over all these steps. */
const flow = <A, E, R>(body: () => Effect.Effect<A, E, R>) =>
  Flow.make("Test", { steps: [start, left, right, join, one, all, end], run: body })

const tasksOf = (run: string) => Effect.flatMap(RunStore.RunStore, (runs) => runs.tasks({ run }))

describe("a task", () => {
  it.effect("yields its inputs and outputs, inherited refs unchanged", () =>
    Effect.gen(function* () {
      const { output } = yield* Flow.run(
        flow(
          Effect.fnUntraced(function* () {
            const data = yield* start()
            return { data, left: yield* left(data) }
          })
        ),
        {}
      )
      assert.deepStrictEqual(Object.keys(output.left).sort(), ["count", "df", "note"])
      assert.strictEqual(output.left.df.digest, output.data.df.digest)
      assert.strictEqual(output.left.df.task, output.data.df.task)
    }).pipe(Effect.provide(Storage.layerMemory))
  )

  it.effect("hands its values over frozen, as one object for all, and leaves the giver's own alone", () =>
    Effect.gen(function* () {
      const value = { list: [1, 2, 3] }
      const List = Schema.Struct({ list: Schema.Array(Schema.Number) })
      const seen: Array<{ readonly list: ReadonlyArray<number> }> = []
      const give = Step.make("give", { output: { value: List }, run: () => Effect.succeed({ value }) })
      const take = Step.make("take", {
        input: { value: List },
        run: ({ value }) => Effect.sync(() => void seen.push(value))
      })
      const hand = Effect.flatMap(give(), (given) => Effect.all([take(given), take(given)]))
      yield* Flow.run(Flow.make("Hand", { steps: [give, take], run: () => hand }), {})
      assert.deepStrictEqual(seen[0], value)
      assert.strictEqual(seen[0], seen[1])
      assert.isFrozen(seen[0])
      assert.isFrozen(seen[0]?.list)
      assert.isNotFrozen(value)
      assert.isNotFrozen(value.list)
    }).pipe(Effect.provide(Storage.layerMemory))
  )

  it.effect("is named with its output and the place in it where that breaks its schema", () =>
    Effect.gen(function* () {
      const broken = Step.make("broken", {
        output: { report: Schema.Struct({ scores: Schema.Array(Schema.Number) }) },
        run: () => Effect.succeed({ report: { scores: [1, "two" as never] } })
      })
      const error = yield* Effect.flip(Flow.run(Flow.make("Broken", { steps: [broken], run: () => broken() }), {}))
      assert.strictEqual(error._tag, "ArtifactError")
      assert.include(error.message, "broken/1/report")
      assert.include(error.message, "scores.1")
    }).pipe(Effect.provide(Storage.layerMemory))
  )

  it.effect("that leaves out an output says which", () =>
    Effect.gen(function* () {
      const empty = Step.make("empty", { output: { a: Schema.Number }, run: () => Effect.succeed({} as never) })
      const error = yield* Effect.flip(Flow.run(Flow.make("Empty", { steps: [empty], run: () => empty() }), {}))
      assert.include(error.message, `Step "empty" declares the output "a"`)
    }).pipe(Effect.provide(Storage.layerMemory))
  )

  it.effect("follows the tasks whose refs it is given, declared or not", () =>
    Effect.gen(function* () {
      const { id } = yield* Flow.run(
        flow(
          Effect.fnUntraced(function* () {
            const data = yield* start()
            const branches = yield* Effect.all({ left: left(data), right: right(data) }, { concurrency: "unbounded" })
            const report = yield* join(branches, { label: "l" })
            yield* end(report)
            yield* end({ x: branches.left.count })
          })
        ),
        {}
      )
      assert.deepStrictEqual(
        (yield* tasksOf(id)).map((task) => [task.id, task.parents]),
        [
          ["start/1", []],
          ["left/2", ["start/1"]],
          ["right/3", ["start/1"]],
          ["join/4", ["left/2", "right/3"]],
          ["end/5", ["join/4"]],
          ["end/6", ["left/2"]]
        ]
      )
    }).pipe(Effect.provide(Storage.layerMemory))
  )
})

describe("a join", () => {
  it.effect("takes tasks, and sees what each branch was given and wrote", () =>
    Effect.gen(function* () {
      const { output } = yield* Flow.run(
        flow(
          Effect.fnUntraced(function* () {
            const data = yield* start()
            return yield* join({ left: left(data), right: right(data) }, { label: "sum" })
          })
        ),
        {}
      )
      assert.strictEqual(yield* output.text, "sum: 2 good of 2 1 2")
      assert.deepStrictEqual(Object.keys(output).sort(), ["label", "text"])
    }).pipe(Effect.provide(Storage.layerMemory))
  )

  it.effect("of many gets their states in the order of the items, however long each takes", () =>
    Effect.gen(function* () {
      const { output } = yield* Flow.run(
        flow(() => all({ ones: Step.forEach([3, 1, 2], (x) => one({ x })) })),
        {}
      )
      assert.deepStrictEqual(yield* output.ys, [33, 11, 22])
    }).pipe(Effect.provide(Storage.layerMemory))
  )

  it.effect("of none gets an empty list", () =>
    Effect.gen(function* () {
      const { output } = yield* Flow.run(
        flow(() => all({ ones: Step.forEach([] as ReadonlyArray<number>, (x) => one({ x })) })),
        {}
      )
      assert.deepStrictEqual(yield* output.ys, [])
    }).pipe(Effect.provide(Storage.layerMemory))
  )
})

describe("merge", () => {
  const branches = Effect.fnUntraced(function* () {
    const data = yield* start()
    return yield* Effect.all({ left: left(data), right: right(data) }, { concurrency: "unbounded" })
  })

  it.effect("takes every name, and for one that both wrote the branch that the call names", () =>
    Effect.gen(function* () {
      const { output } = yield* Flow.run(
        flow(
          Effect.fnUntraced(function* () {
            const both = yield* branches()
            const merged = Step.merge(both, { note: "right" })
            yield* end(merged)
            return { direct: merged.note, ...(yield* merged) }
          })
        ),
        {}
      )
      assert.deepStrictEqual(Object.keys(output).sort(), ["count", "df", "direct", "first", "note", "size"])
      assert.strictEqual(yield* output.note, "right")
      assert.strictEqual(yield* output.direct, "right")
    }).pipe(Effect.provide(Storage.layerMemory))
  )

  it.effect("fails where a name was inherited with different digests, naming it and the branches", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(
        Flow.run(
          flow(
            Effect.fnUntraced(function* () {
              const a = yield* one({ x: 1 })
              const b = yield* one({ x: 2 })
              return yield* Step.merge({ a: { x: a.x }, b: { x: b.x } })
            })
          ),
          {}
        )
      )
      assert.strictEqual(error._tag, "MergeConflict")
      assert.deepStrictEqual(error._tag === "MergeConflict" ? error.conflicts : [], [
        { name: "x", branches: ["a", "b"] }
      ])
      assert.include(error.message, `"x" (a, b)`)
    }).pipe(Effect.provide(Storage.layerMemory))
  )

  it.effect("makes the tasks behind it the parents of what follows", () =>
    Effect.gen(function* () {
      const { id } = yield* Flow.run(
        flow(
          Effect.fnUntraced(function* () {
            yield* end(Step.merge(yield* branches(), { note: "left" }))
          })
        ),
        {}
      )
      const tasks = yield* tasksOf(id)
      assert.deepStrictEqual(tasks.at(-1)?.parents, ["left/2", "right/3"])
    }).pipe(Effect.provide(Storage.layerMemory))
  )
})

describe("an option that no type has checked", () => {
  const untyped: any = { make: Step.make, flow: Flow.make, threads: Executor.layerThreads }
  const run = () => Effect.void
  const steps: ReadonlyArray<readonly [option: object | undefined, message: string]> = [
    [{ runsOn: "gpu", run }, '`runsOn` of step "s" must be "thread" or "fiber", but it is "gpu".'],
    [
      { cache: true, run },
      '`cache` of step "s" must be an object with a string as its version, such as { version: "1" }'
    ],
    [{ cache: {}, run }, "but it is an object."],
    [{ version: 2, run }, '`version` of step "s" must be a string, but it is 2.'],
    [{ layer: true, run }, '`layer` of step "s" must be false, or left out, but it is true.'],
    [{ retry: 3, run }, '`retry` of step "s" must be a Schedule, or an object such as { times: 3 }'],
    [{ retry: { schedule: "1 second" }, run }, '`retry.schedule` of step "s" must be a Schedule'],
    [{ retry: { while: true }, run }, '`retry.while` of step "s" must be a function'],
    [{}, '`run` of step "s" must be a function that returns an Effect, but it is undefined.'],
    [undefined, 'The options of step "s" must be an object, but it is undefined.']
  ]
  for (const [option, message] of steps) {
    it(`is refused when the step is made: ${message}`, () => {
      assert.throws(() => untyped.make("s", option), FlowError, message)
    })
  }

  it("is refused when a flow or an executor is made", () => {
    const refused = (make: () => unknown, message: string) => assert.throws(make, FlowError, message)
    refused(() => untyped.flow("F"), '`steps` of flow "F" must be a list of steps')
    refused(() => untyped.flow("F", { steps: [{}], run }), '`steps` of flow "F" must be a list of steps')
    refused(() => untyped.flow("F", { steps: [] }), '`run` of flow "F" must be a function that returns an Effect')
    refused(() => untyped.threads(), "`module` of Executor.layerThreads must be the path or URL of the flow's module")
  })

  it.effect("is refused when a choice is made by what is no ref, or of what is no arm", () =>
    Effect.gen(function* () {
      const failing = (body: () => unknown) =>
        Effect.map(
          Effect.exit(
            Flow.run(untyped.flow("F", { steps: [], run: body }) as Flow.Flow<"F", {}, void, never, never>, {})
          ),
          (exit) => (exit._tag === "Failure" ? Cause.pretty(exit.cause) : "")
        )
      const when: any = Flow.when
      const byValue = yield* failing(() => when(true, { onTrue: Effect.void, onFalse: Effect.void }))
      assert.include(byValue, 'Flow.when and Flow.match take a ref to choose by, but flow "F" passed a boolean.')
      const ref = (run: any) => Effect.flatMap(Step.forEach([true], Effect.succeed), ([first]) => run(first))
      const noArm = yield* failing(() => ref((first: any) => when(first, { onTrue: 5, onFalse: Effect.void })))
      assert.include(noArm, 'The arm "true" of a choice in flow "F" must return an Effect, but it returned a number.')
    }).pipe(Effect.provide(Storage.layerMemory))
  )
})
