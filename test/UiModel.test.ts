/** What the page makes of what it is told: graphs, waterfalls, lists and logs, without a browser. */
import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "fast-check"
import type { LogView, RunView, TaskView } from "../src/internal/server/shapes.ts"
import * as Format from "../src/ui/format.ts"
import * as Ansi from "../src/ui/model/ansi.ts"
import * as Code from "../src/ui/model/code.ts"
import * as Concurrency from "../src/ui/model/concurrency.ts"
import { criticalPath } from "../src/ui/model/criticalPath.ts"
import * as Csv from "../src/ui/model/csv.ts"
import * as Graph from "../src/ui/model/graph.ts"
import { hitsLimit, searchJson } from "../src/ui/model/jsonSearch.ts"
import { beginning, keyText, quoted } from "../src/ui/model/jsonText.ts"
import * as Log from "../src/ui/model/log.ts"
import * as RunList from "../src/ui/model/runList.ts"
import * as Tree from "../src/ui/model/runTree.ts"
import * as Series from "../src/ui/model/series.ts"
import * as Tall from "../src/ui/model/tallScroll.ts"
import { firstFailed, shownStatus, statusOf, stepsOf, Tasks } from "../src/ui/model/tasks.ts"
import * as Waterfall from "../src/ui/model/waterfall.ts"

const task = (id: string, more: Partial<TaskView> = {}): TaskView => {
  const [step = "", index = "0"] = id.split("/")
  return {
    id,
    step,
    index: Number(index),
    status: "succeeded",
    how: "executed",
    startedAt: 0,
    finishedAt: 10,
    attempts: [{ number: 1, status: "succeeded", startedAt: 0, finishedAt: 10 }],
    parents: [],
    given: [],
    outputs: [],
    bytes: 0,
    ...more
  }
}

/** A task whose only attempt took this time. */
const executed = (startedAt: number, finishedAt: number): TaskView =>
  task("a/1", { startedAt, finishedAt, attempts: [{ number: 1, status: "succeeded", startedAt, finishedAt }] })

const run = (id: string, more: Partial<RunView> = {}): RunView => ({
  id,
  flow: "Flow",
  status: "succeeded",
  parameters: {},
  startedAt: 0,
  heartbeatAt: 0,
  host: "",
  pid: 1,
  systemTags: {},
  tags: [],
  counts: [],
  ...more
})

/** A run that called nothing. */
const treeOf = (run: string, tasks: ReadonlyArray<TaskView>): Tree.RunTree => ({
  run,
  tasks,
  calls: [],
  opened: new Map()
})

const graphOf = (run: string, tasks: ReadonlyArray<TaskView>, expanded: ReadonlySet<string>) =>
  Graph.build(treeOf(run, tasks), expanded)

describe("Graph", () => {
  const branch = [
    task("start/1"),
    task("baseline/2", { parents: ["start/1"], given: [{ writer: "r/start/1", names: ["valdf"] }] }),
    task("train/3", {
      parents: ["start/1"],
      given: [
        { writer: "r/start/1", names: ["df"] },
        { writer: "", names: ["rate"] }
      ]
    }),
    task("join/4", {
      parents: ["baseline/2", "train/3"],
      given: [
        { writer: "r/start/1", names: ["df", "valdf"] },
        { writer: "r/baseline/2", names: ["acc"] },
        { writer: "r/train/3", names: ["model"] }
      ]
    })
  ]
  const edges = (graph: Graph.GraphModel) => graph.edges.map(({ from, names, to }) => `${from} → ${to} ${names.join()}`)

  it("has an edge for each parent, with what it wrote", () => {
    assert.deepStrictEqual(edges(graphOf("r", branch, new Set())), [
      "start/1 → baseline/2 valdf",
      "start/1 → train/3 df",
      "baseline/2 → join/4 acc",
      "train/3 → join/4 model"
    ])
  })

  it("knows a task that was taken over by what it took over", () => {
    const [start, , train] = branch
    assert(start !== undefined && train !== undefined)
    const graph = graphOf(
      "r2",
      [
        { ...start, how: "takenOver", source: "r/start/1" },
        { ...train, given: [{ writer: "r/start/1", names: ["df"] }] }
      ],
      new Set()
    )
    assert.deepStrictEqual(edges(graph), ["start/1 → train/3 df"])
  })

  const fan = [
    task("list/1"),
    ...Array.from({ length: 100 }, (_, i) =>
      task(`score/${i + 2}`, {
        parents: ["list/1"],
        status: i === 90 ? "failed" : "succeeded",
        given: [{ writer: "r/list/1", names: ["items"] }]
      })
    ),
    task("best/102", {
      parents: Array.from({ length: 100 }, (_, i) => `score/${i + 2}`),
      given: [{ writer: "score", names: ["score"] }]
    })
  ]

  it("draws a step of many tasks as one node, until it is opened", () => {
    const closed = graphOf("r", fan, new Set())
    assert.sameMembers(
      closed.nodes.map((node) => node.id),
      ["list/1", "step:score", "best/102"]
    )
    assert.deepStrictEqual(edges(closed), ["list/1 → step:score items", "step:score → best/102 score"])
    const opened = graphOf("r", fan, new Set(["score"]))
    const tasks = opened.nodes.filter((node) => node.kind === "task" && node.fold !== undefined).map((node) => node.id)
    assert.strictEqual(tasks.length, Graph.expandedTasksLimit)
    assert.include(tasks, "score/92") // the one that failed
    const more = opened.nodes.find((node) => node.kind === "more")
    assert(more?.kind === "more")
    assert.strictEqual(more.count, 100 - Graph.expandedTasksLimit)
    assert.include(edges(opened).join("\n"), "more:score → best/102 score")
  })

  it("shows that a step leads to itself", () => {
    const loop = Array.from({ length: 5 }, (_, i) =>
      task(`improve/${i + 1}`, { parents: i === 0 ? [] : [`improve/${i}`] })
    )
    const [node] = graphOf("r", loop, new Set()).nodes
    assert(node?.kind === "step")
    assert.isTrue(node.loops)
    assert.strictEqual(graphOf("r", loop, new Set()).edges.length, 0)
    assert.strictEqual(graphOf("r", loop, new Set(["improve"])).edges.length, 4)
  })

  it("draws a called run as a node, and as a frame around its own nodes when it is opened", () => {
    const tree: Tree.RunTree = {
      run: "r",
      tasks: [
        task("start/1"),
        task("end/2", { parents: ["start/1", "c/b/1"], given: [{ writer: "c/b/1", names: ["y"] }] })
      ],
      calls: [run("c", { flow: "Child" })],
      opened: new Map()
    }
    const closed = Graph.build(tree, new Set())
    assert.deepStrictEqual(edges(closed), ["start/1 → end/2 ", "run:c → end/2 y"])
    const child: Tree.RunTree = {
      run: "c",
      tasks: [task("a/2"), task("b/1", { parents: ["a/2", "d1/x/1"], given: [{ writer: "c/a/2", names: ["x"] }] })],
      calls: ["d1", "d2", "d3"].map((id) => run(id, { flow: "Deep" })),
      opened: new Map()
    }
    const opened = Graph.build({ ...tree, opened: new Map([["c", child]]) }, new Set())
    assert.deepStrictEqual(edges(opened), [
      "start/1 → end/2 ",
      "c/b/1 → end/2 y",
      "c/a/2 → c/b/1 x",
      "c/calls:Deep → c/b/1 "
    ])
    assert.deepStrictEqual(
      opened.nodes.map(({ id, kind, within }) => `${kind} ${id} ${within}`),
      [
        "task start/1 undefined",
        "task end/2 undefined",
        "frame run:c undefined",
        "task c/a/2 run:c",
        "task c/b/1 run:c",
        "step c/calls:Deep run:c"
      ]
    )
    assert.notStrictEqual(Graph.shapeOf(opened), Graph.shapeOf(closed))
    // Until its tasks are loaded, an opened run stays a node.
    const loading = Graph.build({ ...tree, opened: new Map([["c", treeOf("c", [])]]) }, new Set())
    assert.deepStrictEqual(edges(loading), edges(closed))
    assert.strictEqual(Tree.find({ ...tree, opened: new Map([["c", child]]) }, "c/b/1")?.task?.id, "b/1")
    assert.strictEqual(Tree.find(tree, "c/b/1"), undefined)
    // The chain that ends last may begin in the called run.
    const slow = [task("start/1"), task("end/2", { parents: ["c/b/1"], startedAt: 40, finishedAt: 50 })]
    assert.sameMembers([...criticalPath(slow, [run("c", { endedAt: 40 })])], ["run:c", "end/2"])
  })

  it("keeps its shape while only statuses change", () => {
    const before = Graph.shapeOf(graphOf("r", fan, new Set()))
    const after = Graph.shapeOf(
      graphOf(
        "r",
        fan.map((one) => ({ ...one, status: "running" as const })),
        new Set()
      )
    )
    assert.strictEqual(after, before)
  })

  it("has only edges between nodes that it has, whatever the tasks", () => {
    const tasks = FastCheck.array(
      FastCheck.record({
        step: FastCheck.constantFrom("a", "b", "c"),
        parents: FastCheck.array(FastCheck.nat(20), { maxLength: 3 })
      }),
      { maxLength: 20 }
    )
    FastCheck.assert(
      FastCheck.property(tasks, FastCheck.subarray(["a", "b", "c"]), (given, opened) => {
        const all = given.map(({ parents, step }, i) =>
          task(`${step}/${i + 1}`, {
            parents: parents.flatMap((at) => (at < i ? [`${given[at]?.step}/${at + 1}`] : []))
          })
        )
        const graph = graphOf("r", all, new Set(opened))
        const nodes = new Set(graph.nodes.map((node) => node.id))
        assert.strictEqual(nodes.size, graph.nodes.length)
        for (const edge of graph.edges)
          assert.isTrue(nodes.has(edge.from) && nodes.has(edge.to) && edge.from !== edge.to)
      })
    )
  })
})

describe("Tasks", () => {
  it("keep the later of two records, in whichever order they come", () => {
    const running = task("a/1", { status: "running", attempts: [] })
    const retried = { ...running, attempts: [{ number: 1, status: "failed" as const, startedAt: 0 }] }
    const done = task("a/1")
    for (const order of [
      [running, retried, done],
      [done, running, retried],
      [retried, done, running]
    ]) {
      const tasks = new Tasks()
      for (const record of order) tasks.take([record])
      assert.strictEqual(tasks.get("a/1")?.status, "succeeded")
    }
    const tasks = new Tasks()
    tasks.take([retried])
    tasks.take([running])
    assert.strictEqual(tasks.get("a/1")?.attempts.length, 1)
  })

  it("are in the order of their numbers", () => {
    const tasks = new Tasks()
    tasks.take([task("b/3"), task("a/1")])
    tasks.take([task("c/2")])
    assert.deepStrictEqual(
      tasks.all.map(({ id }) => id),
      ["a/1", "c/2", "b/3"]
    )
  })

  it("sum up by step, the worst first", () => {
    const [step] = stepsOf([task("a/1"), task("a/2", { status: "failed" }), task("a/3", { status: "running" })])
    assert(step !== undefined)
    assert.deepInclude(step, { succeeded: 1, failed: 1, running: 1, to: undefined })
    assert.strictEqual(statusOf(step), "failed")
  })

  it("know which failed first", () => {
    const failed = (id: string, finishedAt: number) => task(id, { status: "failed", finishedAt })
    assert.strictEqual(firstFailed([failed("a/1", 30), failed("b/2", 20), task("c/3")])?.id, "b/2")
    assert.isUndefined(firstFailed([task("c/3")]))
  })
})

describe("Waterfall", () => {
  it("tells waiting from running, and one attempt from the next", () => {
    const retried = task("a/1", {
      startedAt: 0,
      finishedAt: 100,
      attempts: [
        { number: 1, status: "failed", startedAt: 10, finishedAt: 20 },
        { number: 2, status: "succeeded", startedAt: 50, finishedAt: 100 }
      ]
    })
    assert.deepStrictEqual(
      Waterfall.spansOf(retried).map(({ from, kind, to }) => `${kind} ${from}-${to}`),
      ["waiting 0-10", "failed 10-20", "waiting 20-50", "succeeded 50-100"]
    )
    const waiting = task("a/1", {
      status: "running",
      attempts: [{ number: 1, status: "failed", startedAt: 0, finishedAt: 5 }]
    })
    assert.deepStrictEqual(Waterfall.spansOf(waiting).at(-1), { kind: "waiting", from: 5, to: undefined })
  })

  it("opens small steps and leaves large ones closed, and the other way round by hand", () => {
    const tasks = [
      ...Array.from({ length: 5 }, (_, i) => task(`few/${i + 1}`)),
      ...Array.from({ length: 50 }, (_, i) => task(`many/${i + 6}`)),
      task("one/56")
    ]
    const keys = (toggled: ReadonlyArray<string>) =>
      Waterfall.rowsOf(treeOf("r", tasks), new Set(toggled)).map((row) => row.key)
    assert.strictEqual(keys([]).length, 1 + 5 + 1 + 1)
    assert.strictEqual(keys(["few", "many"]).length, 1 + 1 + 50 + 1)
  })

  it("counts what ran at once", () => {
    const tasks = [
      task("a/1", { startedAt: 0, finishedAt: 50 }),
      task("a/2", { startedAt: 25, finishedAt: 99 }),
      task("a/3", { startedAt: 75, finishedAt: undefined as never })
    ]
    assert.deepStrictEqual(Waterfall.concurrency(tasks, 0, 100, 100, 4), [1, 2, 1, 2])
    assert.strictEqual(Concurrency.highest(tasks, 100), 2)
  })

  it("counts one task after the other as one at once, however many fit into a column of the display", () => {
    const turns = Array.from({ length: 3000 }, (_, i) => ({
      ...task("a/1", { startedAt: 0, finishedAt: i * 20 + 20 }), // all were asked for at the start
      attempts: [{ number: 1, status: "succeeded" as const, startedAt: i * 20, finishedAt: i * 20 + 20 }]
    }))
    assert.deepStrictEqual([...new Set(Waterfall.concurrency(turns, 0, 60_000, 60_000, 100))], [1])
    const instants = Array.from({ length: 500 }, (_, i) => executed(i >> 4, i >> 4))
    assert.strictEqual(Concurrency.highest(instants, 100), 1)
  })

  it("counts what ran at once as a count of every moment does, whatever the tasks", () => {
    const interval = FastCheck.tuple(FastCheck.integer({ min: 0, max: 30 }), FastCheck.integer({ min: 1, max: 10 }))
    FastCheck.assert(
      FastCheck.property(FastCheck.array(interval, { maxLength: 12 }), (intervals) => {
        const tasks = intervals.map(([from, took]) => executed(from, from + took))
        const at = Array.from(
          { length: 40 },
          (_, moment) => intervals.filter(([from, took]) => from <= moment && moment < from + took).length
        )
        assert.strictEqual(Concurrency.highest(tasks, 40), Math.max(...at))
        assert.deepStrictEqual(Waterfall.concurrency(tasks, 0, 40, 40, 40), at)
        assert.deepStrictEqual(
          Waterfall.concurrency(tasks, 0, 40, 40, 4),
          [0, 10, 20, 30].map((from) => Math.max(...at.slice(from, from + 10)))
        )
      })
    )
  })

  it("does not count tasks that wait, or that were not executed", () => {
    const waiting = task("a/1", { status: "running", attempts: [], finishedAt: undefined as never })
    const reused = task("a/2", { how: "takenOver", attempts: [] })
    const ended = (["interrupted", "crashed"] as const).map((status) => task("a/3", { status, attempts: [] }))
    assert.strictEqual(Concurrency.highest([waiting, reused, ...ended], 100), 0)
    for (const one of ended)
      assert.deepStrictEqual(
        Waterfall.spansOf(one).map(({ kind }) => kind),
        ["waiting"]
      )
  })

  it("has ticks at round times, few of them, within the window", () => {
    FastCheck.assert(
      FastCheck.property(
        FastCheck.integer({ min: 1, max: 10 ** 9 }),
        FastCheck.integer({ min: 0, max: 10 ** 9 }),
        (range, offset) => {
          const ticks = Waterfall.timeTicks(1000 + offset, 1000 + offset + range, 1000, 10)
          assert.isAtMost(ticks.length, 11)
          for (const { at } of ticks) assert.isTrue(at >= 1000 + offset && at <= 1000 + offset + range)
        }
      )
    )
    assert.deepStrictEqual(
      Waterfall.timeTicks(0, 10_000, 0, 5).map(({ text }) => text),
      ["0", "2 s", "4 s", "6 s", "8 s", "10 s"]
    )
  })
})

describe("The critical path", () => {
  it("is the chain that ends last, through the parent that each task waited for", () => {
    const at = (id: string, finishedAt: number, parents: ReadonlyArray<string> = []) =>
      task(id, { finishedAt, parents })
    const tasks = [
      at("start/1", 10),
      at("fast/2", 20, ["start/1"]),
      at("slow/3", 90, ["start/1"]),
      at("join/4", 95, ["fast/2", "slow/3"]),
      at("aside/5", 50, ["start/1"])
    ]
    assert.deepStrictEqual([...criticalPath(tasks)], ["join/4", "slow/3", "start/1"])
    assert.strictEqual(criticalPath([...tasks, task("late/6", { status: "running" })]).size, 0)
    assert.strictEqual(criticalPath([at("only/1", 5)]).size, 0)
  })
})

describe("Runs", () => {
  const newest = { by: "started", order: "down" } as const

  it("take in news that match, and let go of those that no longer do", () => {
    const list = { runs: [run("r3"), run("r2")], next: "r2" }
    const ids = (next: RunList.RunList) => next.runs.map(({ id }) => id)
    assert.deepStrictEqual(ids(RunList.withUpdates(list, [run("r4"), run("r1")], {}, newest)), ["r4", "r3", "r2"])
    assert.deepStrictEqual(
      ids(RunList.withUpdates(list, [run("r3", { status: "failed" })], { status: "succeeded" }, newest)),
      ["r2"]
    )
    assert.deepStrictEqual(
      ids(RunList.withUpdates({ ...list, next: undefined }, [run("r1", { tags: ["x"] })], { tag: "x" }, newest)),
      ["r3", "r2", "r1"]
    )
  })

  it("are sorted by their start, also those whose ids were chosen", () => {
    const ids = (next: RunList.RunList) => next.runs.map(({ id }) => id)
    const [given, other] = [run("a-given-id", { place: "r3" }), run("z-given-id", { place: "r5" })]
    const page = { runs: [run("r4"), given], next: "a-given-id" }
    assert.deepStrictEqual(ids(RunList.withUpdates(page, [other, run("r2")], {}, newest)), [
      "z-given-id",
      "r4",
      "a-given-id"
    ])
    const both = RunList.withPage(page, { runs: [run("r2")], next: undefined }, newest)
    assert.deepStrictEqual(ids(both), ["r4", "a-given-id", "r2"])
    const fresh = RunList.refreshed(both, { runs: [other, run("r4")], next: "r4" }, newest)
    assert.deepStrictEqual(ids(fresh), ["z-given-id", "r4", "a-given-id", "r2"])
  })

  it("stay sorted as they were asked for when pages and news arrive", () => {
    const longest = { by: "duration", order: "down" } as const
    const lasting = (id: string, ms: number) => run(id, { startedAt: 0, finishedAt: ms })
    const ids = (next: RunList.RunList) => next.runs.map(({ id }) => id)
    const page = { runs: [lasting("r1", 90), lasting("r3", 50)], next: "r3" }
    const news = [lasting("r4", 70), lasting("r5", 40), lasting("r2", 50)]
    assert.deepStrictEqual(ids(RunList.withUpdates(page, news, {}, longest)), ["r1", "r4", "r3"])
    const both = RunList.withPage(page, { runs: [lasting("r2", 50), lasting("r5", 40)], next: undefined }, longest)
    assert.deepStrictEqual(ids(both), ["r1", "r3", "r2", "r5"])
    const byStatus = { by: "status", order: "up" } as const
    const mixed = [run("r1", { status: "crashed" }), run("r2", { status: "failed" }), run("r3", { status: "running" })]
    const sorted = RunList.withPage({ runs: [], next: undefined }, { runs: mixed, next: undefined }, byStatus)
    assert.deepStrictEqual(ids(sorted), ["r1", "r2", "r3"])
    const going = [run("r1", { status: "running" }), lasting("r2", 50), lasting("r3", 90)]
    const upwards = { by: "duration", order: "up" } as const
    // What has no duration yet comes last either way.
    const orders: ReadonlyArray<readonly [sort: RunList.Sort, expected: Array<string>]> = [
      [longest, ["r3", "r2", "r1"]],
      [upwards, ["r2", "r3", "r1"]]
    ]
    for (const [sort, expected] of orders) {
      const page = RunList.withPage({ runs: [], next: undefined }, { runs: going, next: undefined }, sort)
      assert.deepStrictEqual(ids(page), expected)
    }
  })

  it("join their pages, and are refreshed without losing the ones below", () => {
    const first = { runs: [run("r5"), run("r4")], next: "r4" }
    const both = RunList.withPage(first, { runs: [run("r3"), run("r2")], next: undefined }, newest)
    assert.strictEqual(both.runs.length, 4)
    const fresh = RunList.refreshed(both, { runs: [run("r6"), run("r5")], next: "r5" }, newest)
    assert.deepStrictEqual(
      fresh.runs.map(({ id }) => id),
      ["r6", "r5", "r4", "r3", "r2"]
    )
  })
})

describe("A log", () => {
  const line = (sequence: number, level: string, message: string, attempt = 1): LogView => ({
    sequence,
    task: "a/1",
    attempt,
    at: 0,
    level,
    message
  })
  const lines = [
    line(1, "Debug", "Alpha"),
    line(2, "Info", "beta alpha"),
    line(3, "Warn", "gamma", 2),
    line(4, "Odd", "ALPHA alpha")
  ]

  it("is filtered by level, attempt and text", () => {
    assert.deepStrictEqual(Log.shownLines(lines, 0, undefined, ""), [0, 1, 2, 3])
    assert.deepStrictEqual(Log.shownLines(lines, 2, undefined, ""), [1, 2, 3])
    assert.deepStrictEqual(Log.shownLines(lines, 3, undefined, ""), [2])
    assert.deepStrictEqual(Log.shownLines(lines, 0, 2, ""), [2])
    assert.deepStrictEqual(Log.shownLines(lines, 0, undefined, "ALPHA"), [0, 1, 3])
  })

  it("is searched in what is shown, whatever the case", () => {
    const shown = Log.shownLines(lines, 2, undefined, "")
    assert.deepStrictEqual(Log.hits(lines, shown, "alpha"), [0, 2])
    assert.deepStrictEqual(Log.hits(lines, shown, ""), [])
  })

  it("marks each hit, and loses no letter", () => {
    assert.deepStrictEqual(Log.pieces("ALPHA alpha", "alpha"), ["", "ALPHA", " ", "alpha", ""])
    FastCheck.assert(
      FastCheck.property(
        FastCheck.string({ unit: "grapheme" }),
        FastCheck.string({ unit: "grapheme", maxLength: 3 }),
        (message, text) => {
          assert.strictEqual(Log.pieces(message, text).join(""), message)
        }
      )
    )
  })
})

describe("Colours of a terminal", () => {
  it("become pieces, and every other control sequence is left out", () => {
    assert.deepStrictEqual(Ansi.parse("\u001b[1;31mred\u001b[0m plain \u001b[38;5;196mbright\u001b[39m\u001b[2K"), [
      { text: "red", className: "ansi-1 bold" },
      { text: " plain ", className: "" },
      { text: "bright", className: "", color: "rgb(255 0 0)" }
    ])
    assert.strictEqual(Ansi.strip("a\u001b]8;;http://x\u0007link\u001b]8;;\u0007\u0000b"), "alinkb")
  })

  it("lose no letter of a text without them, and leave no control character of any", () => {
    FastCheck.assert(
      FastCheck.property(
        FastCheck.array(FastCheck.constantFrom("\u001b[", "3", "1", ";", "m", "x", "\u001b]", "\u0007", "\n")),
        (parts) => {
          const text = parts.join("")
          const shown = Ansi.parse(text)
            .map((piece) => piece.text)
            .join("")
          assert.strictEqual(shown, Ansi.strip(text))
          assert.isFalse(Ansi.hasControls(shown))
          if (!text.includes("\u001b") && !text.includes("\u0007")) assert.strictEqual(shown, text)
        }
      )
    )
  })
})

describe("A search in JSON", () => {
  const search = (value: unknown, text: string) => {
    const steps = searchJson(value, text)
    let rounds = 0
    for (;;) {
      const step = steps.next()
      if (step.done === true) return { ...step.value, rounds }
      rounds++
    }
  }

  it("finds keys and values in their order, in whatever case, with their paths", () => {
    const value = { Name: "Ada", list: [{ name: "Grace" }, "unnamed", 12, null], deep: { er: { x: "NAME" } } }
    const { paths, total } = search(value, "name")
    assert.deepStrictEqual(paths, [["Name"], ["list", "0", "name"], ["list", "1"], ["deep", "er", "x"]])
    assert.strictEqual(total, 4)
    assert.deepStrictEqual(search(value, "12").paths, [["list", "2"]])
    assert.deepStrictEqual(search(value, "null").paths, [["list", "3"]])
    // The place in a list is no key.
    assert.strictEqual(search(["a", "b"], "1").total, 0)
    assert.deepStrictEqual(search("a (text)", "(TEXT").paths, [[]])
    assert.strictEqual(search(7, "8").total, 0)
  })

  it("counts all hits, keeps the first, and pauses on the way", () => {
    const { paths, rounds, total } = search(
      Array.from({ length: 50_000 }, (_, i) => ({ user: i })),
      "user"
    )
    assert.strictEqual(total, 50_000)
    assert.strictEqual(paths.length, hitsLimit)
    assert.isAtLeast(rounds, 4)
  })

  it("is not stopped by depth", () => {
    let value: unknown = "bottom"
    for (let i = 0; i < 20_000; i++) value = [value]
    assert.strictEqual(search(value, "bottom").paths[0]?.length, 20_000)
  })
})

describe("Texts", () => {
  it("of CSV are cut at the delimiter that they have, quoted cells in one", () => {
    assert.deepStrictEqual(Csv.parse('a;b\r\n"1;""x""\n";2\n', 10), [
      ["a", "b"],
      ['1;"x"\n', "2"]
    ])
    assert.deepStrictEqual(Csv.parse("a,b\n1,2\n3,4\n", 2).length, 2)
  })

  it("of code lose no letter, whatever they are", () => {
    FastCheck.assert(
      FastCheck.property(
        FastCheck.array(
          FastCheck.constantFrom('"', "'", "`", "\\", "//", "/*", "*/", "#", "--", "if", "x1", "12", " ", "\n")
        ),
        FastCheck.constantFrom("py", "ts", "sql", "json"),
        (parts, language) => {
          const text = parts.join("")
          assert.strictEqual(
            Code.tokens(text, language)
              .map((token) => token.text)
              .join(""),
            text
          )
        }
      )
    )
  })
})

describe("Metrics", () => {
  it("grow by the points that came after, which are never counted twice", () => {
    const before = [{ task: "t/1", name: "loss", steps: [1, 2], values: [3, 2], total: 2, last: 7 }]
    const news = [
      { task: "t/1", name: "loss", steps: [3], values: [1], total: 1, last: 9 },
      { task: "t/2", name: "loss", steps: [1], values: [5], total: 1, last: 8 }
    ]
    const once = Series.grown(before, news)
    assert.deepStrictEqual(
      once.map(({ last, steps, total }) => [steps, total, last]),
      [
        [[1, 2, 3], 3, 9],
        [[1], 1, 8]
      ]
    )
    assert.deepStrictEqual(Series.grown(once, news), once)
    assert.strictEqual(Series.lastOf(once), 9)
  })

  it("of several tasks are named by what sets these apart, each in a style of its own", () => {
    const of = (task: string) => ({ task, name: "loss", steps: [1], values: [1], total: 1, last: 1 })
    const [chart] = Series.chartsOf([of("t/1"), of("t/2"), of("t/3")], {
      "t/1": "rate 1",
      "t/2": "rate 2",
      "t/3": "rate 2"
    })
    assert.deepStrictEqual(
      chart?.series.map(({ name, style }) => `${name} ${style}`),
      ["loss rate 1 0", "loss rate 2 (t/2) 1", "loss rate 2 (t/3) 2"]
    )
  })

  it("share a chart with their validation, and over tasks", () => {
    const series = (name: string, task: string) => ({ task, name, steps: [1], values: [1], total: 1, last: 1 })
    const [loss, accuracy] = Series.chartsOf([
      series("loss", "t/1"),
      series("val_loss", "t/1"),
      series("accuracy", "t/1"),
      series("accuracy", "t/2")
    ])
    assert.deepStrictEqual(
      loss?.series.map(({ dashed, name }) => `${name} ${dashed}`),
      ["loss false", "val_loss true"]
    )
    assert.deepStrictEqual(
      accuracy?.series.map(({ name }) => name),
      ["accuracy t/1", "accuracy t/2"]
    )
  })
})

describe("Format", () => {
  it("has durations, sizes and numbers as they are read", () => {
    assert.deepStrictEqual([0, 999, 1234, 59_940, 61_000, 3_725_000, 90_000_000].map(Format.duration), [
      "0 ms",
      "999 ms",
      "1.2 s",
      "59.9 s",
      "1 min 1 s",
      "1 h 2 min",
      "25 h 0 min"
    ])
    assert.deepStrictEqual([0, 999, 1000, 12_345, 999_600, 5e9].map(Format.size), [
      "0 B",
      "999 B",
      "1.0 kB",
      "12.3 kB",
      "999.6 kB",
      "5.0 GB"
    ])
    assert.deepStrictEqual([0.871234, 12_345, 1e-9, 1.5e9 + 0.5].map(Format.number), [
      "0.87123",
      "12,345",
      "1.000e-9",
      "1.500e+9"
    ])
    assert.strictEqual(Format.ago(0, 90_000), "2 min ago")
  })
})

describe("keys and texts of a JSON value", () => {
  it("stand as they are where they are words, and in quotes where they are not", () => {
    for (const key of ["name", "0", "größe", "a.b", "two words", "__proto__", "x/y", "$ref"])
      assert.strictEqual(keyText(key), key)
    assert.strictEqual(keyText(""), '""')
    assert.strictEqual(keyText(" "), '" "')
    assert.strictEqual(keyText("a\nb"), '"a\\nb"')
    assert.strictEqual(keyText("a: 1, b"), '"a: 1, b"')
  })

  it("have escapes for what is not seen, and for what turns the direction", () => {
    assert.strictEqual(quoted("a\u202eb\u0085\u200b\ufeff"), '"a\\u202eb\\u0085\\u200b\\ufeff"')
    assert.strictEqual(quoted("👩‍👩‍👧 ä"), '"👩‍👩‍👧 ä"')
  })

  it("are cut where they are long, and never within a letter", () => {
    assert.strictEqual(keyText("k".repeat(5000)), `${"k".repeat(200)}…`)
    assert.strictEqual(beginning("a😀b", 2), "a")
    assert.strictEqual(beginning("a😀b", 3), "a😀")
    assert.strictEqual(beginning("ab", 5), "ab")
  })
})

describe("rows higher than an element can be", () => {
  const rowHeight = 26
  const heights: Tall.Heights = { full: 5_000_000 * rowHeight, view: 500 }
  const most = Tall.heightLimit - heights.view
  const start: Tall.Place = { real: 0, top: 0 }

  it("are passed one by one by who scrolls a little, and all of them by who moves the scroll bar", () => {
    assert.deepStrictEqual(Tall.scrolled(start, 100, heights), { real: 100, top: 100 })
    assert.deepStrictEqual(Tall.scrolled(start, most, heights), { real: most, top: heights.full - heights.view })
    const half = Tall.scrolled(start, most / 2, heights)
    assert.strictEqual(half.top, (heights.full - heights.view) / 2)
    assert.strictEqual(Tall.scrolled(half, half.real - 100, heights).top, half.top - 100)
    assert.strictEqual(Tall.scrolled(half, 0, heights).top, 0)
  })

  it("are shown where they are asked for, the first and the last among them", () => {
    FastCheck.assert(
      FastCheck.property(
        FastCheck.array(
          FastCheck.oneof(FastCheck.nat(4_999_999), FastCheck.constantFrom(0, 1, 2, 4_999_998, 4_999_999))
        ),
        (rows) => {
          let place = start
          for (const row of rows) {
            place = Tall.showing(place, row * rowHeight, (row + 1) * rowHeight, heights)
            assert.isAtMost(place.top, row * rowHeight)
            assert.isAtLeast(place.top + heights.view, (row + 1) * rowHeight)
            assert.isAtLeast(place.real, 0)
            assert.isAtMost(place.real, most)
          }
        }
      )
    )
  })

  it("are where the element is scrolled to, where they are not that high", () => {
    const low: Tall.Heights = { full: 1000 * rowHeight, view: 500 }
    assert.deepStrictEqual(Tall.scrolled(start, 12_345, low), { real: 12_345, top: 12_345 })
    assert.deepStrictEqual(Tall.showing(start, 26_000 - 26, 26_000, low), { real: 25_500, top: 25_500 })
  })
})

describe("a task that waits", () => {
  const attempt = { number: 1, startedAt: 0 }
  it("is told from one that runs", () => {
    const running = (more: Partial<TaskView>) => shownStatus(task("a/1", { status: "running", ...more }))
    assert.strictEqual(running({ attempts: [] }), "waiting")
    assert.strictEqual(running({ attempts: [{ ...attempt, status: "failed", finishedAt: 1 }] }), "waiting")
    assert.strictEqual(running({ attempts: [{ ...attempt, status: "running" }] }), "running")
    assert.strictEqual(shownStatus(task("a/1", { status: "crashed", attempts: [] })), "crashed")
    assert.strictEqual(shownStatus(task("a/1")), "succeeded")
  })

  it("is counted in its step", () => {
    const [step] = stepsOf([task("a/1"), task("a/2", { status: "running", attempts: [] })])
    assert.deepInclude(step, { running: 1, waiting: 1, succeeded: 1 })
  })
})
