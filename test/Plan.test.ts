/** The graph before anything runs: exact where the flow composes refs, honest about where it stops where it does not. */
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Artifact from "../src/Artifact.ts"
import * as Flow from "../src/Flow.ts"
import * as Plan from "../src/Plan.ts"
import * as Run from "../src/Run.ts"
import * as Step from "../src/Step.ts"
import * as Storage from "../src/Storage.ts"

const Reviews = Artifact.table({ labels: Schema.Int, review: Schema.String })
class Model extends Context.Service<Model, number>()("test/Model") {}

const never = () => Effect.die(new Error("a plan runs nothing"))

const start = Step.make("start", {
  description: "Reads the data",
  input: { file: Schema.String },
  output: {
    df: Reviews,
    valdf: Reviews,
    rates: Schema.Array(Schema.Number),
    good: Schema.Boolean,
    kind: Schema.Literals(["en", "de"])
  },
  run: never
})
const baseline = Step.make("baseline", { input: { valdf: Reviews }, output: { acc: Schema.Number }, run: never })
const train = Step.make("train", {
  input: { df: Reviews, rate: Schema.Number },
  output: { model: Schema.String, acc: Schema.Number },
  run: () => Effect.flatMap(Model, never)
})
const join = Step.join(
  "join",
  { baseline, train },
  { output: { acc: Schema.Number, good: Schema.Boolean }, run: never }
)
const best = Step.join("best", { all: Step.many(train) }, { output: { acc: Schema.Number }, run: never })
const end = Step.make("end", { input: { acc: Schema.Number }, run: never })
const steps = [start, baseline, train, join, best, end]

/** Plans a body. */
const planOf = <Y extends Effect.Effect<any, any, any>, A>(body: () => Generator<Y, A, never>) =>
  Plan.make(Flow.make("Test", { steps, run: () => Effect.gen(body) }), {})

/** `start/1>train/3 df` */
const edges = (plan: Plan.Plan) => plan.edges.map((edge) => [`${edge.from}>${edge.to}`, ...edge.artifacts].join(" "))
const ids = (plan: Plan.Plan) => plan.nodes.map((node) => node.id)
const counts = (plan: Plan.Plan) => plan.nodes.map((node) => `${node.id} ×${node.count ?? "n"}`)
/** From the outermost group in. */
const groups = (plan: Plan.Plan, id: string | undefined): ReadonlyArray<string> => {
  const group = plan.groups.find((group) => group.id === id)
  return group === undefined ? [] : [...groups(plan, group.parent), `${group.kind} ${group.label}`]
}
const groupsOf = (plan: Plan.Plan, id: string) => groups(plan, plan.nodes.find((node) => node.id === id)?.group)

describe("an exact plan", () => {
  it.effect("draws tasks as a run numbers them, with artifact names on the edges, and runs nothing", () =>
    Effect.gen(function* () {
      const flow = Flow.provide(
        Flow.make("Branch", {
          parameters: { file: Schema.String, rate: Flow.parameter(Schema.Number, { default: 0.5 }) },
          steps,
          run: Effect.fnUntraced(function* ({ file, rate }) {
            const data = yield* start({ file })
            const report = yield* join({ baseline: baseline(data), train: train({ ...data, rate }) })
            yield* end(report)
            return report
          })
        }),
        Layer.effect(Model, never())
      )
      const plan = yield* Plan.make(flow, { file: "train.parquet" })
      assert.deepStrictEqual(ids(plan), ["start/1", "baseline/2", "train/3", "join/4", "end/5"])
      assert.deepStrictEqual(edges(plan), [
        "start/1>baseline/2 valdf",
        "start/1>train/3 df",
        "baseline/2>join/4 acc",
        "train/3>join/4 acc model",
        "join/4>end/5 acc"
      ])
      assert.deepInclude(plan.nodes[0], { step: "start", kind: "step", description: "Reads the data", count: 1 })
      assert.strictEqual(plan.nodes[3]?.kind, "join")
      assert.isUndefined(plan.stop)
      assert.deepStrictEqual(JSON.parse(JSON.stringify(Plan.toJson(plan))), { ...Plan.toJson(plan) })
    })
  )
  it.effect("refuses parameters that do not fit", () =>
    Effect.gen(function* () {
      const flow = Flow.make("Typed", { parameters: { n: Schema.Int }, steps, run: () => Effect.void })
      assert.include((yield* Effect.flip(Plan.make(flow, { n: 0.5 }))).message, `flow "Typed"`)
    })
  )
  it.effect("knows what merged refs come from, and what a task is only ordered after", () =>
    Effect.gen(function* () {
      const plan = yield* planOf(function* () {
        const data = yield* start({ file: "" })
        const branches = yield* Effect.all({ baseline: baseline(data), train: train({ ...data, rate: 1 }) })
        const merged = yield* Step.merge(branches, { acc: "train" })
        yield* end(merged)
        const after = { acc: 1, after: data.good }
        yield* end(after)
      })
      assert.isUndefined(plan.stop)
      assert.sameMembers(edges(plan).slice(2), ["train/3>end/4 acc", "baseline/2>end/4", "start/1>end/5"])
    })
  )
  it.effect("is made of flows that call flows, and of plain recursion", () =>
    Effect.gen(function* () {
      const child = Flow.make("Child", {
        parameters: { file: Schema.String },
        steps: [start, baseline],
        run: Effect.fnUntraced(function* ({ file }) {
          return yield* baseline(yield* start({ file }))
        })
      })
      const descend = (
        acc: Effect.Success<ReturnType<typeof baseline>>,
        depth: number
      ): Effect.Effect<void, any, any> =>
        depth === 0 ? Effect.void : Effect.andThen(end(acc), descend(acc, depth - 1))
      const plan = yield* planOf(function* () {
        const report = yield* Flow.call(child, { file: "" })
        yield* descend(report, 2)
      })
      assert.deepStrictEqual(ids(plan), ["start/1", "baseline/2", "end/3", "end/4"])
      assert.deepStrictEqual(groupsOf(plan, "baseline/2"), ["flow Child"])
      assert.deepStrictEqual(groupsOf(plan, "end/3"), [])
      assert.deepStrictEqual(edges(plan), ["start/1>baseline/2 valdf", "baseline/2>end/3 acc", "baseline/2>end/4 acc"])
    })
  )

  it.effect("gives a body a scope, as a run does, and draws the tasks of its finalizers", () =>
    Effect.gen(function* () {
      const scoped = (name: string) =>
        Flow.make(name, {
          steps,
          run: Effect.fnUntraced(function* () {
            yield* Effect.addFinalizer(() => Effect.ignore(end({ acc: 1 })))
            yield* start({ file: "a" })
          })
        })
      const plan = yield* Plan.make(scoped("Scoped"), {})
      assert.isUndefined(plan.stop)
      assert.deepStrictEqual(ids(plan), ["start/1", "end/2"])
      const calls = Flow.make("Calls", { steps: [], run: () => Flow.call(scoped("Child"), {}) })
      const called = yield* Plan.make(calls, {})
      assert.isUndefined(called.stop)
      assert.deepStrictEqual(ids(called), ["start/1", "end/2"])
    })
  )
})

describe("lists", () => {
  it.effect("draws the tasks of a list that only a run knows once", () =>
    Effect.gen(function* () {
      const plan = yield* planOf(function* () {
        const data = yield* start({ file: "" })
        yield* end(yield* best({ all: Step.forEach(data.rates, (rate) => train({ ...data, rate })) }))
      })
      assert.deepStrictEqual(counts(plan), ["start/1 ×1", "train/2 ×n", "best/3 ×1", "end/4 ×1"])
      assert.deepStrictEqual(groupsOf(plan, "train/2"), ["foreach start/1.rates"])
      assert.deepStrictEqual(edges(plan)[0], "start/1>train/2 df rates")
    })
  )
  it.effect("counts those of a list that is known, nested ones too, and keeps elements apart that differ", () =>
    Effect.gen(function* () {
      const plan = yield* planOf(function* () {
        const data = yield* start({ file: "" })
        yield* Step.forEach([1, 2, 3], (one, index) =>
          Effect.gen(function* () {
            const scored = yield* best({ all: Step.forEach([0.1, 0.2], (rate) => train({ ...data, rate })) })
            if (index === 1) yield* end(scored)
            yield* baseline(data)
            return one
          })
        )
      })
      assert.deepStrictEqual(counts(plan), ["start/1 ×1", "train/2 ×6", "best/3 ×3", "baseline/4 ×3", "end/5 ×1"])
      assert.deepStrictEqual(groupsOf(plan, "train/2"), ["foreach 3 items", "foreach 2 items"])
      assert.deepStrictEqual(groupsOf(plan, "end/5"), ["foreach 3 items"])
    })
  )
  it.effect("draws an empty list as nothing, and looks at known elements", () =>
    Effect.gen(function* () {
      const plan = yield* planOf(function* () {
        yield* best({ all: Step.forEach([] as ReadonlyArray<number>, (rate) => train({ df: null as never, rate })) })
        yield* Step.forEach([1, 2], (n) => Effect.flatMap(n, (n) => (n === 2 ? end({ acc: n }) : Effect.void)))
        yield* Step.forEach([true, false], (good) => Flow.when(good, { onTrue: end({ acc: 1 }), onFalse: Effect.void }))
      })
      assert.isUndefined(plan.stop)
      assert.deepStrictEqual(counts(plan), ["best/1 ×1", "end/2 ×1", "end/3 ×1"])
    })
  )
  it.effect("stops at an element that only a run knows", () =>
    Effect.gen(function* () {
      const plan = yield* planOf(function* () {
        const data = yield* start({ file: "" })
        yield* Step.forEach(data.rates, (rate) => Effect.flatMap(rate, (rate) => train({ ...data, rate })))
      })
      assert.strictEqual(plan.stop?.ref, "start/1.rates")
    })
  )
})

describe("choices and loops", () => {
  it.effect("draws every arm, and what comes out of them as written by any", () =>
    Effect.gen(function* () {
      const plan = yield* planOf(function* () {
        const data = yield* start({ file: "" })
        const way = yield* Flow.match(data.kind, {
          en: baseline(data),
          de: () => Flow.when(data.good, { onTrue: train({ ...data, rate: 1 }), onFalse: baseline(data) })
        })
        yield* end(way)
      })
      assert.deepStrictEqual(ids(plan), ["start/1", "baseline/2", "train/3", "baseline/4", "end/5"])
      assert.deepStrictEqual(groupsOf(plan, "train/3"), ["arm start/1.kind is de", "arm start/1.good is true"])
      assert.sameMembers(
        edges(plan).filter((edge) => edge.includes(">end/5")),
        ["baseline/2>end/5 acc", "train/3>end/5 acc", "baseline/4>end/5 acc"]
      )
    })
  )
  it.effect("unites refs, lists and nested states of arms, and arms that yield nothing", () =>
    Effect.gen(function* () {
      const plan = yield* planOf(function* () {
        const data = yield* start({ file: "" })
        const acc = yield* Flow.when(data.good, {
          onTrue: Effect.map(baseline(data), (state) => state.acc),
          onFalse: Effect.map(train({ ...data, rate: 1 }), (state) => state.acc)
        })
        yield* end({ acc })
        const many = yield* Flow.when(data.good, {
          onTrue: Step.forEach([1, 2], (rate) => train({ ...data, rate })),
          onFalse: Effect.map(train({ ...data, rate: 9 }), (one) => [one])
        })
        yield* best({ all: many })
        const nested = yield* Flow.when(data.good, {
          onTrue: Effect.map(baseline(data), (last) => ({ last })),
          onFalse: Effect.void
        })
        if (nested !== undefined) yield* end(nested.last)
      })
      assert.isUndefined(plan.stop)
      assert.deepStrictEqual(ids(plan), [
        "start/1",
        "baseline/2",
        "train/3",
        "end/4",
        "train/5",
        "train/6",
        "best/7",
        "baseline/8",
        "end/9"
      ])
      const into = (id: string) => edges(plan).filter((edge) => edge.includes(`>${id} `))
      assert.deepStrictEqual(into("end/4"), ["baseline/2>end/4 acc", "train/3>end/4 acc"])
      assert.deepStrictEqual(into("best/7"), ["train/5>best/7 acc model", "train/6>best/7 acc model"])
      assert.deepStrictEqual(into("end/9"), ["baseline/8>end/9 acc"])
    })
  )
  it.effect("draws a loop's body once, with the way back, and does not ask its condition", () =>
    Effect.gen(function* () {
      const again = Step.make("again", {
        input: { acc: Schema.Number },
        output: { acc: Schema.Number, good: Schema.Boolean },
        run: never
      })
      const flow = Flow.make("Loop", {
        steps: [start, again, end],
        run: Effect.fnUntraced(function* () {
          const first = yield* again({ acc: 0 })
          const last = yield* Flow.iterate(first, { while: (state) => state.good, body: (state) => again(state) })
          yield* end(last)
        })
      })
      const plan = yield* Plan.make(flow, {})
      assert.isUndefined(plan.stop)
      assert.deepStrictEqual(counts(plan), ["again/1 ×1", "again/2 ×n", "end/3 ×1"])
      assert.deepStrictEqual(edges(plan), [
        "again/1>again/2 acc",
        "again/2>again/2 acc",
        "again/1>end/3 acc",
        "again/2>end/3 acc"
      ])
      assert.deepStrictEqual(groupsOf(plan, "again/2"), ["loop its condition holds"])
    })
  )
})

describe("where a plan stops", () => {
  const stopsAt = (ref: string, body: Parameters<typeof planOf>[0]) =>
    Effect.map(planOf(body), (plan) => {
      assert.strictEqual(plan.stop?.ref, ref)
      assert.include(plan.stop?.message, `the flow reads the value of ${ref}, which only a run has`)
      return plan
    })
  it.effect("at a value that the body reads", () =>
    Effect.gen(function* () {
      const plan = yield* stopsAt("start/1.good", function* () {
        const data = yield* start({ file: "" })
        if (yield* data.good) yield* baseline(data)
      })
      assert.deepStrictEqual(ids(plan), ["start/1"])
    })
  )
  it.effect("at a digest or a size, which are a run's too; names and formats are known", () =>
    Effect.gen(function* () {
      for (const property of ["digest", "size"] as const) {
        yield* stopsAt("start/1.df", function* () {
          const data = yield* start({ file: "" })
          assert.deepInclude([data.df.name, data.df.format], "table")
          assert.strictEqual(data.df.task, "start/1")
          yield* Effect.succeed(data.df[property])
        })
      }
    })
  )
  it.effect("at a value that it reads and then pretends not to have", () =>
    Effect.gen(function* () {
      const plan = yield* stopsAt("start/1.good", function* () {
        const data = yield* start({ file: "" })
        const good = yield* data.good.pipe(Effect.catchCause(() => Effect.succeed(false)))
        if (!good) yield* baseline(data)
      })
      assert.isDefined(plan.stop)
    })
  )
  it.effect("inside a branch, an arm or a called flow", () =>
    Effect.gen(function* () {
      yield* stopsAt("baseline/2.acc", function* () {
        const data = yield* start({ file: "" })
        yield* Flow.when(data.good, { onTrue: Effect.flatMap(baseline(data), ({ acc }) => acc), onFalse: Effect.void })
      })
      const child = Flow.make("Child", { steps, run: () => Effect.flatMap(start({ file: "" }), ({ good }) => good) })
      yield* stopsAt("start/1.good", function* () {
        yield* Flow.call(child, {})
      })
    })
  )
  it.effect("at a body that fails by itself", () =>
    Effect.gen(function* () {
      const plan = yield* planOf(function* () {
        yield* start({ file: "" })
        return yield* Effect.fail(new Error("no such country"))
      })
      assert.strictEqual(plan.stop?.message, "The plan stops here: the flow's body failed. no such country")
    })
  )
})

describe("drawings", () => {
  const made = planOf(function* () {
    const data = yield* start({ file: "" })
    yield* best({ all: Step.forEach(data.rates, (rate) => train({ ...data, rate })) })
  })
  it.effect("as text, Mermaid and dot", () =>
    Effect.gen(function* () {
      const plan = yield* made
      assert.strictEqual(
        Plan.toText(plan),
        [
          "Test",
          "  start/1 · Reads the data",
          "  for each of start/1.rates",
          "    train/2 ×n ← start/1 (df, rates)",
          "  best/3 ← train/2 (acc, model)"
        ].join("\n")
      )
      assert.strictEqual(
        Plan.toMermaid(plan),
        [
          "flowchart TD",
          '  0("start/1<br/>Reads the data")',
          '  1[["train/2 ×n<br/>for each of start/1.rates"]]',
          '  2{{"best/3"}}',
          '  0 -->|"df, rates"| 1',
          '  1 -->|"acc, model"| 2'
        ].join("\n")
      )
      assert.include(Plan.toDot(plan), 'digraph "Test"')
      assert.include(Plan.toDot(plan), '[label="df, rates"]')
    })
  )
  it.effect("of descriptions that hold what the formats mean something by", () =>
    Effect.gen(function* () {
      const odd = Step.make("odd", { description: 'say "hi" <b>|]\n\\ end', run: never })
      const plan = yield* Plan.make(Flow.make("Odd", { steps: [odd], run: () => odd() }), {})
      const label = /"(.*)"/.exec(Plan.toMermaid(plan).split("\n")[1] ?? "")?.[1] ?? ""
      assert.notInclude(label, '"')
      assert.notInclude(label, "<b>")
      const dot =
        Plan.toDot(plan)
          .split("\n")
          .find((line) => line.includes("odd/1")) ?? ""
      assert.match(dot, /label="(?:[^"\\]|\\.)*"\];?$/)
    })
  )
  it.effect("of what a run did, with states and times", () =>
    Effect.gen(function* () {
      const quick = Step.make("quick", {
        input: { n: Schema.Number },
        output: { n: Schema.Number },
        run: ({ n }) => (n > 1 ? Effect.fail("too much") : Effect.succeed({ n: n + 1 }))
      })
      const flow = Flow.make("Quick", { steps: [quick], run: () => Effect.flatMap(quick({ n: 1 }), quick) })
      yield* Effect.exit(Flow.run(flow, {}))
      const run = yield* Run.latest("Quick")
      const plan = Plan.ofRun(run, yield* Run.tasks(run))
      assert.deepStrictEqual(edges(plan), ["quick/1>quick/2 n"])
      assert.deepStrictEqual(
        plan.nodes.map(({ how, status }) => `${how} ${status}`),
        ["executed succeeded", "executed failed"]
      )
      assert.include(Plan.toText(plan), `Quick · run ${run.id}`)
      assert.match(Plan.toText(plan), /quick\/2 · failed in \d+ ms ← quick\/1 \(n\)/)
      assert.match(Plan.toMermaid(plan), /quick\/1<br\/>succeeded, \d+ ms/)
      const resumed = yield* Effect.exit(Flow.resume(flow))
      assert.isTrue(resumed._tag === "Failure")
      const second = yield* Run.latest("Quick")
      const redrawn = Plan.ofRun(second, yield* Run.tasks(second))
      assert.deepStrictEqual(edges(redrawn), ["quick/1>quick/2 n"])
      assert.include(Plan.toText(redrawn), "quick/1 · taken over")
    }).pipe(Effect.provide(Storage.layerMemory))
  )
})
