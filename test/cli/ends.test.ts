/** However the process of a run ends, the run is recorded as ended, with its lines and the reason. */
import { spawnSync } from "node:child_process"
import { closeSync, existsSync, openSync } from "node:fs"
import { join } from "node:path"
import { afterAll, assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { Run, Storage } from "effect-flow"
import { temporaryDirectory } from "../support/directory.ts"
import { line } from "./line.ts"
import { run, start } from "./process.ts"

const file = join(import.meta.dirname, "fixtures", "ends.ts")

/** What the store has of the one run. */
const recorded = (directory: string) =>
  Effect.gen(function* () {
    const run = yield* Run.get("latest")
    return { run, tasks: yield* Run.tasks(run), lines: yield* Run.logs(run) }
  }).pipe(Effect.provide(Storage.layerLocal({ directory })))

interface Case {
  readonly name: string
  readonly how: string
  /** Signals, each with what the process says before it is sent. */
  readonly signals?: ReadonlyArray<readonly [after: string, NodeJS.Signals]>
  readonly code: number
  readonly status: "failed" | "interrupted"
  readonly says: RegExp
}

const cases: ReadonlyArray<Case> = [
  { name: "process.exit(0)", how: "exit", code: 1, status: "failed", says: /process\.exit\(0\) was called in step\/1/ },
  {
    name: "a rejected promise",
    how: "reject",
    code: 1,
    status: "failed",
    says: /rejected.* in step\/1 .*nobody awaited me/
  },
  { name: "a throw in a timer", how: "throw", code: 1, status: "failed", says: /in step\/1 .*thrown in a timer/ },
  {
    name: "SIGHUP",
    how: "wait",
    signals: [["printed", "SIGHUP"]],
    code: 130,
    status: "interrupted",
    says: /interrupted by SIGHUP/
  },
  {
    name: "a second Ctrl-C",
    how: "stuck",
    signals: [
      ["stuck", "SIGINT"],
      ["Press Ctrl-C again", "SIGINT"]
    ],
    code: 130,
    status: "interrupted",
    says: /interrupted by Ctrl-C \(SIGINT\)/
  },
  {
    name: "Ctrl-C while a step computes without a pause",
    how: "busy",
    signals: [["busy", "SIGINT"]],
    code: 130,
    status: "interrupted",
    says: /interrupted by Ctrl-C \(SIGINT\)/
  }
]

describe("a run is recorded when its process ends by", { concurrent: true }, () => {
  for (const { code, how, name, says, signals = [], status } of cases) {
    for (const executor of ["fibers", "threads"]) {
      // What ends the process on fibers ends a thread, and fails the task that is on it.
      const task = executor === "threads" && status === "failed" ? "failed" : "interrupted"
      it.live(`${name}, on ${executor}`, () =>
        Effect.gen(function* () {
          const directory = yield* temporaryDirectory
          const running = yield* start(file, ["--how", how, "--directory", directory, "--executor", executor])
          for (const [after, signal] of signals) {
            yield* running.says(after)
            running.child.kill(signal)
          }
          const ended = yield* running.ended
          assert.strictEqual(ended.code, code)
          assert.strictEqual(ended.stdout, "")
          // Where the run ends in its own way, the reason is in its record alone.
          const isSudden = name !== "SIGHUP" && !(how === "busy" && executor === "threads")
          if (isSudden) assert.match(ended.stderr, says)
          assert.notInclude(ended.stderr, "    at ")
          const { lines, run, tasks } = yield* recorded(directory)
          assert.strictEqual(run.status, status)
          assert.match(run.error?.message ?? "", says)
          const shown = yield* line(undefined, "", directory)("show")
          assert.match(shown.stdout, new RegExp(`^The run ${status}: .*${says.source}|${says.source}`, "m"))
          assert.deepStrictEqual(
            lines.slice(0, 3).map(({ message }) => message),
            ["before", "printed", "last words"]
          )
          assert.deepStrictEqual(
            tasks.map(({ attempts, status }) => [status, attempts.map(({ status }) => status)]),
            [[task, [task]]]
          )
        })
      )
    }
  }

  it.live("Ctrl-C while a step computes and the store is locked: it says that the end could not be recorded", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const running = yield* start(file, ["--how", "locked", "--directory", directory])
      yield* running.says("busy")
      running.child.kill("SIGINT")
      const { code, stderr } = yield* running.ended
      assert.match(stderr, /interrupted by Ctrl-C .* Its end could not be recorded: .*locked/s)
      assert.strictEqual(code, 130)
    })
  )

  it.live("nothing: a reader that closes stdout early does not end it", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const running = yield* start(file, ["--how", "ok", "--json", "--directory", directory])
      yield* running.says("printed")
      running.child.stdout?.destroy()
      const ended = yield* running.ended
      assert.strictEqual(ended.code, 0)
      assert.strictEqual((yield* recorded(directory)).run.status, "succeeded")
    })
  )

  // To the device that is always full.
  const full = existsSync("/dev/full") ? openSync("/dev/full", "w") : undefined
  afterAll(() => {
    if (full !== undefined) closeSync(full)
  })
  if (full === undefined) console.info("Skipped: results that can't be written. This machine has no /dev/full.")
  it.skipIf(full === undefined)("a full disk, however little was to be printed", () => {
    for (const words of [["--help"], ["--version"], ["plan", "--how", "ok"]]) {
      const ended = spawnSync(process.execPath, [file, ...words], {
        stdio: ["ignore", full ?? "ignore", "pipe"],
        encoding: "utf8"
      })
      assert.match(ended.stderr, /^Results could not be written to stdout: .*no space left.*\n$/)
      assert.strictEqual(ended.status, 1)
    }
  })

  it.live("its own command line, which ends what the program left running", () =>
    Effect.gen(function* () {
      const ended = yield* run(join(import.meta.dirname, "fixtures", "leftOpen.ts"), ["--help"])
      assert.strictEqual(ended.code, 0)
      assert.include(ended.stdout, "LeftOpenFlow")
    })
  )
})
