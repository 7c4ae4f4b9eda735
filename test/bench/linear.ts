/**
 * How the time of every reading verb and page endpoint grows with the tasks of a run and with the runs of a store: for each
 * the times at several sizes, and the exponent between the last two (1 is linear, 2 quadratic): of the times, and of what the
 * processor spent, which other programs on the machine change less. Times of less than 20 ms say nothing of growth and get
 * none. `npm run bench linear` goes to 100,000 tasks and runs;
 * `npx tsx test/bench/linear.ts million` to a million tasks for `show`, `why STEP` and the page, in a process of 8 GB.
 */
import { spawnSync } from "node:child_process"
import * as Effect from "effect/Effect"
import * as Diff from "../../src/Diff.ts"
import * as Gc from "../../src/Gc.ts"
import type { Chosen, Cli } from "../../src/internal/cli/cli.ts"
import { logs } from "../../src/internal/cli/verbs/logs.ts"
import { runs } from "../../src/internal/cli/verbs/runs.ts"
import { show } from "../../src/internal/cli/verbs/show.ts"
import { why } from "../../src/internal/cli/verbs/why.ts"
import * as Run from "../../src/Run.ts"
import { RunStore } from "../../src/RunStore.ts"
import * as Storage from "../../src/Storage.ts"
import * as Ui from "../../src/Ui.ts"
import { putRun, putTask, ref, run, task } from "../conformance/records.ts"
import { ask } from "../support/ask.ts"
import { temporaryDirectory } from "../support/directory.ts"

const digest = (text: string) => text.padEnd(64, "0")

/** Two runs of many tasks: the second one resumes the first, and half of its tasks have another version of the step. */
const writeTasks = Effect.fnUntraced(function* (count: number) {
  const store = yield* RunStore
  for (const id of ["01a", "01b"]) {
    const more = id === "01b" ? { origin: "01a" } : {}
    yield* store.write([putRun(run(id, { status: "succeeded", finishedAt: 9000, ...more }))])
    yield* store.write([putTask(task(id, 1, { step: "start", id: "start/1", finishedAt: 1500 }))])
    for (let from = 0; from < count; from += 1000) {
      yield* store.write(
        Array.from({ length: Math.min(1000, count - from) }, (_, i) => {
          const index = from + i + 2
          const isOver = id === "01b" && index % 2 === 0
          const version = id === "01b" && !isOver ? "2" : "1"
          return putTask(
            task(id, index, {
              step: "s",
              id: `s/${index}`,
              key: digest(`${version}-${index}`),
              version,
              finishedAt: 2000 + index,
              parents: ["start/1"],
              inputs: [ref("item", digest(`i${index}`)), ref("shared", digest("shared"))],
              outputs: [ref("y", digest(`o${index}${version}`))],
              ...(isOver ? { how: "takenOver", source: `01a/s/${index}` } : {})
            })
          )
        })
      )
      if (id === "01b") continue
      const at = (i: number) => ({ run: id, task: `s/${from + i + 2}`, at: 1000 })
      const indices = Array.from({ length: Math.min(1000, count - from) }, (_, i) => i)
      yield* store.write([
        { _tag: "Metrics", points: indices.map((i) => ({ ...at(i), name: "loss", step: 0, value: i })) },
        { _tag: "Logs", lines: indices.map((i) => ({ ...at(i), attempt: 1, level: "Info", message: "a line" })) }
      ])
    }
    const parents = Array.from({ length: count }, (_, i) => `s/${i + 2}`)
    const index = count + 2
    yield* store.write([
      putTask(task(id, index, { step: "join", id: `join/${index}`, key: digest(id), parents, finishedAt: 9000 }))
    ])
  }
})

/** Many runs of two tasks. */
const writeRuns = Effect.fnUntraced(function* (count: number) {
  const store = yield* RunStore
  for (let from = 0; from < count; from += 1000) {
    yield* store.write(
      Array.from({ length: Math.min(1000, count - from) }, (_, i) => {
        const id = `01${String(from + i).padStart(24, "0")}`
        const tasks = [1, 2].map((index) => task(id, index, { outputs: [ref("y", digest(`${id}-${index}`))] }))
        return [putRun(run(id, { status: "succeeded", finishedAt: 2000 })), ...tasks.map((task) => putTask(task))]
      }).flat()
    )
  }
})

/** What happens at one size: its name, how long it took, and how long the processor was busy with it, in milliseconds. */
type Times = ReadonlyArray<readonly [name: string, time: { readonly wall: number; readonly processor: number }]>

const measure = (directory: string, isTasks: boolean, count: number): Effect.Effect<Times, unknown> =>
  Effect.gen(function* () {
    let written = 0
    const sink = { write: (text: string) => (written += text.length), isTTY: false, columns: 80 }
    const cli = {
      subject: undefined,
      name: "effect-flow",
      invocation: "npx effect-flow",
      version: "0",
      stdout: sink,
      stderr: sink,
      environment: {},
      state: {}
    } as unknown as Cli // the streams are no terminals, and nothing else of them is used
    const chosen: Chosen = { store: { _tag: "Local", directory, flags: [] }, flow: undefined }
    const { url } = yield* Ui.Server
    const get = (path: string) =>
      Effect.flatMap(ask(url, path), ({ status }) => (status === 200 ? Effect.void : Effect.die(`${path}: ${status}`)))
    const last = count + 2
    const large: ReadonlyArray<readonly [string, Effect.Effect<unknown, unknown, any>]> = isTasks
      ? [
          ["show", show(cli, chosen, "01b", "text")],
          ["why STEP", why(cli, chosen, "01b/s", false)],
          ["page: run", get("/api/runs/01b")],
          ["page: first tasks", get("/api/runs/01b/tasks?limit=1000")],
          ["page: a task with many children", get("/api/runs/01b/tasks/start/1")],
          ["page: why of a task", get("/api/runs/01b/tasks/s/3/why")],
          ["page: a task by its path", get(`/api/find?path=01b/join/${last}`)]
        ]
      : []
    const all: ReadonlyArray<readonly [string, Effect.Effect<unknown, unknown, any>]> = isTasks
      ? [
          ...large,
          ["show --json", show(cli, chosen, "01b", "json")],
          ["why", why(cli, chosen, "01b", false)],
          ["diff", Effect.map(Diff.runs("01a", "01b"), Diff.toText)],
          ["Run.metrics of a resumed run", Run.metrics("01b")],
          [
            "logs of a step of a resumed run",
            logs(cli, chosen, "01b/s", { follow: false, attempt: undefined, json: false } as never)
          ],
          ["Run.parents of a join", Effect.flatMap(Run.task("01b", "join"), Run.parents)],
          ["Run.children", Effect.flatMap(Run.task("01b", "start"), Run.children)],
          ["page: metrics", get("/api/runs/01a/metrics")],
          ["page: compare", get("/api/compare/01a/01b")],
          ["gc", Gc.collect({ keepRuns: 1, dryRun: true })]
        ]
      : [
          [
            "runs",
            runs(cli, chosen, { status: undefined, tags: [], since: undefined, limit: 0, json: false } as never)
          ],
          ["Run.latest", Run.latest("Flow")],
          ["page: newest runs", get("/api/runs")],
          ["gc --keep-runs, dry", Gc.collect({ keepRuns: 10, dryRun: true })],
          ["gc --keep-runs", Gc.collect({ keepRuns: 10 })]
        ]
    const times: Array<Times[number]> = []
    for (const [name, effect] of count > 100_000 ? large : all) {
      const start = performance.now()
      const before = process.cpuUsage()
      yield* effect
      const { system, user } = process.cpuUsage(before)
      times.push([name, { wall: performance.now() - start, processor: (system + user) / 1000 }])
    }
    return times
  }).pipe(
    Effect.provide(Ui.layer({ port: 0 })),
    Effect.provide(Storage.layerLocal({ directory }))
  ) as unknown as Effect.Effect<Times, unknown> // every verb's services are among these

/** The times of one size, each size in a process of its own. */
const inProcess = (kind: string, count: number): Times => {
  const memory = count > 100_000 ? ["--max-old-space-size=8000"] : []
  const child = spawnSync(
    process.execPath,
    [...memory, ...process.execArgv, import.meta.filename, kind, String(count)],
    {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "inherit"]
    }
  )
  return child.status === 0 ? JSON.parse(child.stdout.split("\n").at(-2) ?? "[]") : []
}

const report = (kind: "tasks" | "runs", sizes: ReadonlyArray<number>) => {
  const bySize = sizes.map((size) => new Map(inProcess(kind, size)))
  console.log(
    `${kind === "tasks" ? "tasks in a run" : "runs in a store"}: ${sizes.map((size) => size.toLocaleString("en")).join(", ")}`
  )
  for (const name of bySize[0]?.keys() ?? []) {
    const times = bySize.flatMap((times) => times.get(name) ?? [])
    const [before, now] = times.slice(-2)
    const growth = Math.log((sizes[times.length - 1] ?? 1) / (sizes[times.length - 2] ?? 1))
    const between = (from: number, to: number): string => (Math.log(to / from) / growth).toFixed(2)
    const exponent =
      before === undefined || now === undefined || now.wall < 20
        ? ""
        : `exponent ${between(before.wall, now.wall)}, of the processor's time ${between(before.processor, now.processor)}`
    console.log(
      `  ${name.padEnd(34)} ${times.map(({ wall }) => `${wall.toFixed(0)} ms`.padStart(9)).join("")}  ${exponent}`
    )
  }
}

const [, , kind, count] = process.argv
if (import.meta.main) {
  if (count !== undefined) {
    const program = Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      yield* Effect.provide(
        kind === "tasks" ? writeTasks(Number(count)) : writeRuns(Number(count)),
        Storage.layerLocal({ directory })
      )
      console.log(JSON.stringify(yield* measure(directory, kind === "tasks", Number(count))))
    })
    await Effect.runPromise(Effect.scoped(program))
  } else {
    report("tasks", [1000, 10_000, 100_000, ...(kind === "million" ? [1_000_000] : [])])
    report("runs", [1000, 10_000, 100_000])
  }
}
