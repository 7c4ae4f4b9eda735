/** Behaviours of records: parameters, tags, logs, metrics and reasons, and plans that match them. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { CurrentTask } from "../../../src/CurrentTask.ts"
import * as Flow from "../../../src/Flow.ts"
import * as Plan from "../../../src/Plan.ts"
import * as Run from "../../../src/Run.ts"
import type { TaskRecord } from "../../../src/RunRecord.ts"
import * as Why from "../../../src/Why.ts"
import {
  assertLast,
  type Behaviour,
  change,
  failureOf,
  fullId,
  resumeOf,
  runOf,
  sizeOf,
  sorted,
  stepOf,
  tally,
  tasksOf,
  valueOf,
  valuesOf,
  victimOf,
  victims
} from "../harness.ts"

/** One of every kind of parameter, with a value that JSON can't hold as it is. */
const kinds = {
  text: Schema.String,
  number: Schema.Number,
  flag: Schema.Boolean,
  date: Schema.Date,
  big: Schema.BigInt,
  bytes: Schema.Uint8Array,
  choice: Schema.Literals(["small", "large"]),
  list: Schema.Array(Schema.Int),
  map: Schema.ReadonlyMap(Schema.String, Schema.Number),
  option: Schema.Option(Schema.String),
  nested: Schema.Struct({ rate: Schema.Number, note: Schema.optionalKey(Schema.String) }),
  union: Schema.Union([Schema.String, Schema.Number]),
  nothing: Schema.NullOr(Schema.String),
  defaulted: Flow.parameter(Schema.Number, { default: Number.POSITIVE_INFINITY })
}

export const records: ReadonlyArray<Behaviour> = [
  {
    name: "parameters of every kind reach the body, are recorded, and come back on resume",
    run: Effect.fnUntraced(function* (graph) {
      const given = {
        text: "käse",
        number: -0.5,
        flag: false,
        date: new Date(86_400_000),
        big: 2n ** 70n,
        bytes: new Uint8Array([0, 255]),
        choice: "large",
        list: [3, 1],
        map: new Map([["a", 1]]),
        option: yield* Effect.option(Effect.succeed("there")),
        nested: { rate: 0.1 },
        union: 7,
        nothing: null
      }
      const seen: Array<object> = []
      const flow = {
        ...graph.flow,
        parameters: { ...graph.flow.parameters, ...kinds },
        body: (parameters: never) => {
          seen.push(parameters)
          return graph.flow.body(parameters)
        }
      }
      const ran = yield* runOf(graph, flow, given)
      yield* assertLast(ran, graph)
      yield* resumeOf(graph, {}, flow)
      assert.deepInclude(seen[0], { ...given, defaulted: Number.POSITIVE_INFINITY })
      assert.deepStrictEqual(seen[1], seen[0])
      const { parameters } = yield* Run.get(ran.id)
      assert.deepStrictEqual(JSON.parse(JSON.stringify(parameters)), parameters)
      const error: any = yield* failureOf(runOf(graph, flow, { ...given, choice: "huge" }))
      assert.strictEqual(error._tag, "ParameterError")
      assert.include(error.message, "choice")
    })
  },
  {
    name: "a cached second run executes nothing",
    run: Effect.fnUntraced(function* (graph) {
      const flow = change(graph, undefined, () => ({ cache: { version: "1" } }))
      const first = yield* tasksOf((yield* runOf(graph, flow)).id)
      const second = yield* runOf(graph, flow)
      yield* assertLast(second, graph)
      const tasks = yield* tasksOf(second.id)
      assert.deepStrictEqual(tally(tasks.map((task) => task.step)), sorted(graph.tasks))
      const ran = new Set(first.map((task) => task.source ?? `${task.run}/${task.id}`))
      for (const task of tasks) {
        assert.strictEqual(task.how, "cached", task.id)
        assert.isTrue(ran.has(task.source ?? ""), `${task.id} stands for ${task.source}`)
      }
      // Another cache version is another key.
      const third = yield* runOf(
        graph,
        change(graph, victimOf(graph), () => ({ cache: { version: "2" } }))
      )
      for (const task of yield* tasksOf(third.id))
        if (task.step === victimOf(graph)) assert.strictEqual(task.how, "executed")
    })
  },
  {
    name: "tags set by the caller and by a step are on the run, and find it",
    run: Effect.fnUntraced(function* (graph) {
      const flow = change(graph, victimOf(graph), (definition) => ({
        run: (...given) =>
          Effect.gen(function* () {
            const task = yield* CurrentTask
            yield* task.addTags(`by ${task.step}`, "Größe")
            yield* task.removeTags("draft")
            return yield* definition.run(...given)
          })
      }))
      const tags = ["draft", "kept"]
      const ran = yield* Flow.run(flow, (graph.parameters ?? {}) as never, { tags }) as ReturnType<typeof runOf>
      const called = graph.places["in a called flow"] !== undefined
      const own = called ? tags : ["Größe", `by ${victimOf(graph)}`, "kept"].sort()
      assert.deepStrictEqual((yield* Run.get(ran.id)).tags, own)
      const found = yield* Run.latestSuccessful(called ? graph.calls?.flowName : graph.flow.flowName, {
        tags: ["Größe"]
      })
      if (!called) assert.strictEqual(found.id, ran.id)
      // A resumed run has its origin's.
      assert.deepStrictEqual((yield* Run.get((yield* resumeOf(graph, {}, flow)).id)).tags, own)
    })
  },
  {
    name: "each task's lines and points are kept with it, in order",
    anywhere: true,
    run: Effect.fnUntraced(function* (graph) {
      const tasks = yield* tasksOf((yield* runOf(graph)).id)
      for (const run of new Set(tasks.map((task) => task.run))) {
        const lines = Map.groupBy(yield* Run.logs(run), (line) => line.task)
        const points = Map.groupBy(yield* Run.metrics(run), (point) => point.task)
        for (const task of tasks.filter((task) => task.run === run)) {
          assert.deepStrictEqual(
            lines.get(task.id)?.map((line) => `${line.level} ${line.message}`),
            [`Info ${task.step} begins`, `Info ${task.step} ends`],
            task.id
          )
          assert.deepStrictEqual(
            points.get(task.id)?.map((point) => [point.name, point.step]),
            [["x", 0]]
          )
        }
      }
    })
  },
  {
    name: "the plan equals what ran",
    run: Effect.fnUntraced(function* (graph) {
      const parameters = { seed: 105 } // the way of seed 3; and no item has this value, so that digests tell artifacts apart
      const plan = yield* Plan.make(graph.flow as Flow.Flow<string, any, unknown, unknown, unknown>, parameters)
      const tasks = yield* tasksOf((yield* runOf(graph, graph.flow, parameters)).id)
      const byId = new Map(tasks.map((task) => [`${task.run}/${task.id}`, task]))
      const ran = edgesOf(
        yield* Effect.forEach(
          tasks.flatMap((task) => task.parents.map((from) => [byId.get(fullId(task.run, from)), task] as const)),
          ([from, to]) =>
            Effect.map(artifactsOf(from ?? to, to), (artifacts) => ({ from: from?.id ?? "", to: to.id, artifacts }))
        )
      )
      const planned = edgesOf(plan.edges)
      if (typeof graph.plan === "object") {
        assert.strictEqual(plan.stop?.ref, graph.plan.stop)
        assert.include(plan.stop?.message, `reads the value of ${graph.plan.stop}`)
        assert.isAtLeast(plan.nodes.length, 1)
        return
      }
      assert.isUndefined(plan.stop)
      if (graph.plan === "exact") {
        assert.deepStrictEqual(planned, ran, JSON.stringify([planned, ran]))
        assert.deepStrictEqual(new Set(plan.nodes.map((node) => node.step)), new Set(tasks.map((task) => task.step)))
      } else
        for (const [edge, artifacts] of Object.entries(ran))
          assert.includeMembers([...(planned[edge] ?? [])], [...artifacts], edge)
      // Where the plan says how many, that many there are.
      for (const [step, nodes] of Map.groupBy(plan.nodes, (node) => node.step)) {
        if (graph.plan !== "exact" || nodes.some((node) => node.count === undefined)) continue
        assert.strictEqual(
          nodes.reduce((sum, node) => sum + (node.count ?? 0), 0),
          graph.tasks[step],
          step
        )
      }
    })
  },
  {
    name: "why tells of every task what it was",
    run: Effect.fnUntraced(function* (graph) {
      const first = yield* runOf(graph)
      const because = (run: string) =>
        Effect.map(Why.explain(run), (explained) => tally(explained.tasks.map(({ reason }) => reason._tag)))
      const own = (yield* tasksOf(first.id)).filter((task) => task.run === first.id).length
      assert.deepStrictEqual(yield* because(first.id), { FirstRun: own })
      assert.deepStrictEqual(yield* because((yield* resumeOf(graph)).id), { TakenOver: own })
      const second = yield* runOf(graph)
      assert.deepStrictEqual(yield* because(second.id), { NotResumed: own })
    })
  },
  {
    name: "the client reads back everything",
    anywhere: true,
    run: Effect.fnUntraced(function* (graph) {
      const ran = yield* runOf(graph)
      const run = yield* Run.get(ran.id)
      assert.deepInclude(run, { id: ran.id, flow: graph.flow.flowName, status: "succeeded" })
      assert.strictEqual((yield* Run.latestSuccessful(graph.flow.flowName)).id, ran.id)
      assert.deepStrictEqual(
        (yield* Run.list({ flow: graph.flow.flowName })).map(({ id }) => id),
        [ran.id]
      )
      const output = (yield* Run.output(ran.id, graph.flow)) as typeof ran.output
      yield* assertLast({ id: ran.id, output }, graph)
      const tasks = yield* Run.tasks(ran.id)
      assert.deepStrictEqual(
        tasks.map((task) => task.index),
        Array.from({ length: tasks.length }, (_, index) => index + 1)
      )
      if (sizeOf(graph) > 100) return // parents and children are a query each
      for (const task of tasks) {
        assert.deepStrictEqual(yield* Run.task(ran.id, task.id), task)
        const parents = yield* Run.parents(task)
        assert.sameMembers(
          parents.map(({ id }) => id),
          task.parents.filter((parent) => parent.split("/").length === 2)
        )
        for (const parent of parents)
          assert.include(
            (yield* Run.children(parent)).map(({ id }) => id),
            task.id
          )
        for (const ref of [...task.inputs, ...task.outputs]) {
          assert.deepStrictEqual(yield* Run.readUntyped(ref), (yield* valuesOf([ref]))[ref.name])
        }
      }
      assert.lengthOf(
        yield* Run.tasks(ran.id, { step: victimOf(graph) }),
        graph.places["in a called flow"] ? 0 : victims(graph)
      )
    })
  }
]

type Edges = { readonly [edge: string]: ReadonlyArray<string> }

/** By steps, with the artifacts that go from one to the other. */
const edgesOf = (edges: ReadonlyArray<Plan.Edge>): Edges => {
  const found = new Map<string, Set<string>>()
  for (const edge of edges) {
    const name = `${stepOf(edge.from)}>${stepOf(edge.to)}`
    found.set(name, new Set([...(found.get(name) ?? []), ...edge.artifacts]))
  }
  return Object.fromEntries(
    [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, artifacts]) => [name, [...artifacts].sort()])
  )
}

/** Which of what a parent wrote a task reads; of an element, its list. */
const artifactsOf = Effect.fnUntraced(function* (parent: TaskRecord, task: TaskRecord) {
  const writer = parent.source ?? `${parent.run}/${parent.id}`
  const read = task.inputs.filter((input) => input.writer === writer)
  const names = new Set<string>()
  for (const input of read) {
    const same = parent.outputs.filter((output) => output.digest === input.digest)
    const output = same.find((output) => input.name.endsWith(output.name)) ?? same[0]
    if (output !== undefined) names.add(output.name)
    else if (parent.outputs.some((output) => output.name === "items")) {
      const { items } = yield* valuesOf(parent.outputs.filter((output) => output.name === "items"))
      assert.include(items, yield* valueOf(input))
      names.add("items")
    }
  }
  return [...names]
})
