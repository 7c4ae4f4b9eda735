/** What stands on the screen while a run goes on. */
import { assert, describe, it } from "@effect/vitest"
import * as Reporter from "../../src/internal/cli/live/reporter.ts"
import type { RunRecord, TaskRecord } from "../../src/RunRecord.ts"
import { ref, run, task } from "../conformance/records.ts"
import * as Terminal from "./terminal.ts"

const start = new Date(2026, 10, 24, 16, 5, 9).getTime()

const aRun = (more: Partial<RunRecord> = {}) => run("r1", { flow: "F", status: "running", startedAt: start, ...more })
const aTask = (index: number, more: Partial<TaskRecord> = {}) =>
  task("r1", index, {
    id: `train/${index}`,
    step: "train",
    status: "running",
    how: "executed",
    startedAt: start + 1000,
    attempts: [{ number: 1, status: "running", startedAt: start + 1000 }],
    inputs: [],
    outputs: [],
    ...more
  })
const done = (index: number, more: Partial<TaskRecord> = {}) =>
  aTask(index, {
    status: "succeeded",
    finishedAt: start + 3500,
    outputs: [{ ...ref("model", "d"), size: 1500 }],
    ...more
  })
const log = (message: string, more: object = {}) => ({
  _tag: "Logged" as const,
  line: { run: "r1", task: "train/1", attempt: 1, at: start + 2000, level: "Info", message, ...more }
})

/** A reporter on a terminal whose clock is set by hand. */
const setUp = (columns = 80, rows = 24, environment = {}) => {
  const screen = Terminal.make(columns, rows)
  let now = start
  const reporter = Reporter.make({
    mode: Reporter.modeFor(screen, { quiet: false, log: "text" }, environment),
    stream: screen,
    environment: { NO_COLOR: "1", ...environment },
    store: ".effect-flow",
    now: () => now
  })
  return {
    screen,
    reporter,
    observe: reporter.observe,
    /** As if this much later; a frame is drawn then, at the next event. */
    at: (milliseconds: number) => {
      now = start + milliseconds
    }
  }
}

describe("a live table", () => {
  it("stands below the log, follows the tasks, and is gone at the end", () => {
    const { at, observe, screen } = setUp()
    observe({ _tag: "RunStarted", run: aRun() })
    at(1000)
    observe({ _tag: "TaskStarted", task: aTask(1) })
    at(1500)
    observe({ _tag: "TaskStarted", task: aTask(2) })
    at(2000)
    observe(log("epoch 1/10"))
    assert.deepStrictEqual(screen.lines(), [
      "F · run r1",
      "16:05:10.000 [train/1] started",
      "16:05:10.000 [train/2] started",
      "16:05:11.000 [train/1] epoch 1/10",
      "─".repeat(60),
      "  train/1  running    1.0 s",
      "  train/2  running    1.0 s",
      "  2 tasks · 2 running · 0 succeeded · 2.0 s · 0 B"
    ])
    at(3500)
    observe({ _tag: "TaskFinished", task: done(1) })
    assert.deepStrictEqual(screen.lines().slice(4), [
      "16:05:12.500 [train/1] succeeded in 2.5 s",
      "─".repeat(60),
      "  train/1  succeeded    2.5 s  1.5 kB",
      "  train/2  running      2.5 s",
      "  2 tasks · 1 running · 1 succeeded · 3.5 s · 1.5 kB"
    ])
    at(4000)
    observe({ _tag: "TaskFinished", task: done(2) })
    observe({ _tag: "RunFinished", run: aRun({ status: "succeeded", finishedAt: start + 4000 }) })
    assert.deepStrictEqual(screen.lines().slice(5), [
      "16:05:12.500 [train/2] succeeded in 2.5 s",
      "succeeded in 4.0 s · artifacts in .effect-flow · 2 tasks"
    ])
  })

  it("shows attempts, what was taken over, and failures", () => {
    const { at, observe, screen } = setUp()
    observe({ _tag: "RunStarted", run: aRun({ origin: "r0" }) })
    at(1000)
    observe({
      _tag: "TaskFinished",
      task: done(1, { how: "takenOver", source: "r0/train/1", attempts: [], startedAt: start, finishedAt: start })
    })
    at(2000)
    const error = { tag: "Oops", message: "no luck" }
    const attempts = [
      { number: 1, status: "failed" as const, startedAt: start, finishedAt: start + 500, error },
      { number: 2, status: "running" as const, startedAt: start + 1000 }
    ]
    observe({ _tag: "TaskStarted", task: aTask(2, { attempts }) })
    at(3000)
    observe({ _tag: "TaskFinished", task: done(3, { status: "failed", error, outputs: [] }) })
    assert.deepStrictEqual(screen.lines(), [
      "F · run r1 · resumes r0",
      "16:05:09.000 [train/1] taken over from r0/train/1",
      "16:05:09.500 [train/2] attempt 1 failed: no luck",
      "16:05:10.000 [train/2] attempt 2 started",
      "16:05:12.500 [train/3] failed in 2.5 s: no luck",
      "─".repeat(60),
      "  train/1  taken over              0 ms  1.5 kB",
      "  train/3  failed                 2.5 s     0 B",
      "  train/2  running     attempt 2  2.0 s",
      "  3 tasks · 1 running · 1 succeeded · 1 failed · 3.0 s · 0 B"
    ])
  })

  it("tells what waits for its place from what runs", () => {
    const { at, observe, screen } = setUp()
    observe({ _tag: "RunStarted", run: aRun() })
    at(1000)
    observe({ _tag: "TaskStarted", task: aTask(1) })
    observe({ _tag: "TaskWaiting", task: aTask(2, { attempts: [] }) })
    at(2000)
    observe({ _tag: "TaskWaiting", task: aTask(3, { attempts: [] }) })
    assert.deepStrictEqual(screen.lines(), [
      "F · run r1",
      "16:05:10.000 [train/1] started",
      "─".repeat(60),
      "  train/1  running    1.0 s",
      "  train/2  waiting    1.0 s",
      "  train/3  waiting    1.0 s",
      "  3 tasks · 1 running · 2 waiting · 0 succeeded · 2.0 s · 0 B"
    ])
    at(3000)
    const begun = { number: 1, status: "running" as const, startedAt: start + 1000, beganAt: start + 3000 }
    observe({ _tag: "TaskStarted", task: aTask(2, { attempts: [begun] }) })
    at(3500)
    observe(log("epoch 1/10"))
    assert.deepStrictEqual(screen.lines().slice(1), [
      "16:05:10.000 [train/1] started",
      "16:05:12.000 [train/2] started",
      "16:05:11.000 [train/1] epoch 1/10",
      "─".repeat(60),
      "  train/1  running     2.5 s",
      "  train/2  running    500 ms",
      "  train/3  waiting     2.5 s",
      "  3 tasks · 2 running · 1 waiting · 0 succeeded · 3.5 s · 0 B"
    ])
  })

  it("has room for no more than a third of the screen", () => {
    const { at, observe, screen } = setUp(80, 12)
    observe({ _tag: "RunStarted", run: aRun() })
    for (let index = 1; index <= 10; index++) observe({ _tag: "TaskStarted", task: aTask(index) })
    at(2000)
    observe(log("on"))
    assert.deepStrictEqual(screen.lines().slice(-7), [
      "─".repeat(60),
      "  train/1  running    1.0 s",
      "  train/2  running    1.0 s",
      "  train/3  running    1.0 s",
      "  train/4  running    1.0 s",
      "  … and 6 more running",
      "  10 tasks · 10 running · 0 succeeded · 2.0 s · 0 B"
    ])
  })

  it("is drawn right where the terminal is narrow, or becomes so", () => {
    const { at, observe, screen } = setUp(60)
    observe({ _tag: "RunStarted", run: aRun() })
    at(1000)
    observe({ _tag: "TaskStarted", task: aTask(1) })
    assert.strictEqual(screen.lines().length, 5)
    screen.resize(30)
    assert.strictEqual(screen.lines().length, 7)
    at(2000)
    observe(log("narrow"))
    assert.deepStrictEqual(screen.lines(), [
      "F · run r1",
      "16:05:10.000 [train/1] started",
      "16:05:11.000 [train/1] narrow",
      "─".repeat(29),
      "  train/1  running    1.0 s",
      "  1 task · 1 running · 0 suc…"
    ])
  })

  it("is drawn a few times a second, however much is logged", () => {
    const { at, observe, screen } = setUp()
    observe({ _tag: "RunStarted", run: aRun() })
    for (let i = 0; i < 10_000; i++) {
      at(Math.floor(i / 10)) // over a second
      observe(log(`line ${i}`))
    }
    assert.isAtMost(screen.writes(), 15)
    at(5000)
    observe({ _tag: "RunFinished", run: aRun({ status: "succeeded", finishedAt: start + 5000 }) })
    assert.strictEqual(screen.lines().filter((line) => line.includes("line ")).length, 10_000)
  })
})

describe("a reporter", () => {
  it("chooses its mode by stream, flags and environment", () => {
    const text = { quiet: false, log: "text" } as const
    const modes = [
      Reporter.modeFor({ write: () => {} }, text, {}),
      Reporter.modeFor({ write: () => {}, isTTY: true }, text, {}),
      Reporter.modeFor({ write: () => {}, isTTY: true }, text, { CI: "1" }),
      Reporter.modeFor({ write: () => {}, isTTY: true }, text, { TERM: "dumb" }),
      Reporter.modeFor({ write: () => {}, isTTY: true }, { quiet: false, log: "json" }, {}),
      Reporter.modeFor({ write: () => {}, isTTY: true }, { quiet: true, log: "json" }, {})
    ]
    assert.deepStrictEqual(modes, ["lines", "table", "lines", "lines", "json", "quiet"])
  })

  it("colours for a terminal, unless NO_COLOR forbids it, and where FORCE_COLOR asks for it", () => {
    const written = (isTTY: boolean, environment: Record<string, string>) => {
      let text = ""
      const stream = {
        isTTY,
        write: (part: string) => {
          text += part
        }
      }
      const reporter = Reporter.make({ mode: "lines", stream, environment, store: "s", now: () => start })
      reporter.observe({ _tag: "RunStarted", run: aRun() })
      return text
    }
    assert.strictEqual(written(true, {}), "\x1b[1mF\x1b[22m · run r1\n")
    assert.strictEqual(written(true, { NO_COLOR: "1" }), "F · run r1\n")
    assert.strictEqual(written(false, {}), "F · run r1\n")
    assert.strictEqual(written(false, { FORCE_COLOR: "1" }), "\x1b[1mF\x1b[22m · run r1\n")
    assert.strictEqual(written(true, { TERM: "dumb" }), "F · run r1\n")
  })

  it("tells a called flow's tasks from the caller's", () => {
    const { at, observe, screen } = setUp(80, 24, { TERM: "dumb" })
    observe({ _tag: "RunStarted", run: aRun() })
    observe({ _tag: "RunStarted", run: run("r2", { flow: "Child", parent: "r1", startedAt: start }) })
    observe({ _tag: "TaskStarted", task: aTask(1, { run: "r2" }) })
    at(10)
    observe(log("of the child's body", { run: "r2", task: "" }))
    observe(log("of the body", { task: "" }))
    observe({
      _tag: "RunFinished",
      run: run("r2", { flow: "Child", parent: "r1", status: "succeeded", startedAt: start, finishedAt: start + 10 })
    })
    assert.deepStrictEqual(screen.lines(), [
      "F · run r1",
      "16:05:09.000 [Child] run r2 started",
      "16:05:10.000 [Child/train/1] started",
      "16:05:11.000 [Child] of the child's body",
      "16:05:11.000 [flow] of the body",
      "16:05:09.010 [Child] run r2 succeeded in 10 ms"
    ])
  })

  it("lets no log line move the cursor", () => {
    const { observe, screen } = setUp(80, 24, { TERM: "dumb" })
    observe({ _tag: "RunStarted", run: aRun() })
    observe(log("a\x1b[2Jb\x07c\x1b[31mred\x1b[0m\rd\ttab"))
    assert.strictEqual(screen.lines()[1], "16:05:11.000 [train/1] a\\x1b[2Jb\\x07cred\\x0dd\ttab")
  })
})
