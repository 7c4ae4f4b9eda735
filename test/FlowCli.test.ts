/** A flow file's command line as its user meets it: as a process, with its output, its exit codes and its signals. */
import { readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { TestFlow } from "./cli/fixtures/flow.ts"
import { line } from "./cli/line.ts"
import { flowFile, run, start } from "./cli/process.ts"
import { temporaryDirectory } from "./support/directory.ts"

const id = /run ([0-9a-z]{26})/
const runOf = (text: string): string => id.exec(text)?.[1] ?? assert.fail(`no run in:\n${text}`)
const time = "\\d\\d:\\d\\d:\\d\\d\\.\\d{3}"

describe("FlowCli.main", { concurrent: true }, () => {
  it.live("runs the flow without a verb, with parameters as flags; the log on stderr, the result on stdout", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const ended = yield* run(flowFile, ["--x", "20", "--mode=warn", "--directory", directory])
      assert.strictEqual(ended.code, 0)
      assert.deepStrictEqual(JSON.parse(ended.stdout), { mode: "warn", wait: 0, y: 40, z: 41 })
      const wanted = [
        `TestFlow · run [0-9a-z]{26}`,
        `${time} \\[first/1\\] started`,
        `${time} \\[first/1\\] x is 20`,
        `${time} \\[first/1\\] succeeded in [\\d.]+ m?s`,
        `${time} \\[second/2\\] started`,
        `${time} \\[second/2\\] WARN a warning`,
        `${time} \\[second/2\\] WARN of two lines`,
        `${time} \\[second/2\\] succeeded in [\\d.]+ m?s`,
        `succeeded in \\d.* · artifacts in ${directory} · 2 tasks`
      ]
      assert.match(ended.stderr, new RegExp(`^${wanted.join("\n")}\n$`))
    })
  )

  it.live(
    "ends with 1 and one paragraph, without a stack, where a step fails; its commands show the log and go on",
    () =>
      Effect.gen(function* () {
        const directory = yield* temporaryDirectory
        const failed = yield* run(flowFile, ["run", "--mode", "throw", "--directory", directory], { by: "tsx" })
        assert.strictEqual(failed.code, 1)
        assert.strictEqual(failed.stdout, "")
        const run1 = runOf(failed.stderr)
        const paragraph = failed.stderr.trimEnd().split("\n").at(-1) ?? ""
        const file = "test/cli/fixtures/flow.ts"
        assert.strictEqual(
          paragraph,
          `second/2 failed: TypeError: thrown in second. Its log: npx tsx ${file} logs ${run1}/second/2 --directory ${directory} · ` +
            `Fix the cause, then resume with: npx tsx ${file} resume ${run1} --directory ${directory}`
        )
        assert.notInclude(failed.stderr, "    at ")
        const here = line(TestFlow, flowFile, directory)
        const logged = yield* here("logs", `${run1}/second/2`)
        assert.strictEqual(logged.code, 0)
        assert.include(logged.stdout, "failed: TypeError: thrown in second")
        assert.match(logged.stdout, /at .*fixtures[\\/]flow\.ts:\d+/)
        assert.notInclude(logged.stdout, "node_modules")
        const resumed = yield* here("resume", run1, "--mode", "ok")
        assert.strictEqual(resumed.code, 0)
        assert.include(resumed.stderr, `resumes ${run1}`)
        assert.include(resumed.stderr, `[first/1] taken over from ${run1}/first/1`)
        assert.deepStrictEqual(JSON.parse(resumed.stdout), { mode: "ok", wait: 0, y: 6, z: 7 })
      })
  )

  it.live("refuses what it can't understand with a sentence and 2, and runs nothing", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const ended = yield* run(flowFile, ["--x", "many", "--directory", directory])
      assert.deepStrictEqual(
        { code: ended.code, stdout: ended.stdout, stderr: ended.stderr },
        {
          code: 2,
          stdout: "",
          stderr: `--x can't be "many": expected a number.\nSee node test/cli/fixtures/flow.ts --help\n`
        }
      )
    })
  )

  it.live("interrupts the run at the first signal, records that, and ends with 130", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      for (const signal of ["SIGINT", "SIGTERM"] as const) {
        const running = yield* start(flowFile, ["--wait-for", "60000", "--directory", directory])
        yield* running.says("[second/2] started")
        running.child.kill(signal)
        const ended = yield* running.ended
        assert.strictEqual(ended.code, 130)
        assert.match(ended.stderr, /\[second\/2\] interrupted after/)
        assert.match(
          ended.stderr,
          /\ninterrupted after .* · 2 tasks\nThe run was interrupted\. Resume it with: node .* resume/
        )
      }
      const listed = yield* line(TestFlow, flowFile, directory)("runs", "--json")
      assert.deepStrictEqual(
        (JSON.parse(listed.stdout) as ReadonlyArray<{ readonly status: string }>).map(({ status }) => status),
        ["interrupted", "interrupted"]
      )
    })
  )

  it.live("leaves at once at the second signal, whatever a step is at, and the run is recorded as interrupted", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const running = yield* start(flowFile, ["--mode", "stuck", "--wait-for", "60000", "--directory", directory], {})
      yield* running.says("[second/2] started")
      running.child.kill("SIGINT")
      yield* running.says("Press Ctrl-C again to exit without waiting.")
      running.child.kill("SIGINT")
      const ended = yield* running.ended
      assert.strictEqual(ended.code, 130)
      assert.include(ended.stderr, "interrupted by Ctrl-C (SIGINT)")
      const listed = yield* line(TestFlow, flowFile, directory)("runs")
      assert.match(listed.stdout, /interrupted/)
    })
  )

  it.live("shows a run that was killed as crashed, and resumes it; another run goes on beside it", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const killed = yield* start(flowFile, ["--wait-for", "60000", "--directory", directory])
      const beside = yield* start(flowFile, ["--x", "5", "--directory", directory])
      yield* killed.says("[second/2] started")
      const besideEnded = yield* beside.ended
      assert.strictEqual(besideEnded.code, 0)
      // What started is durable within a twentieth of a second; the neighbour's run took longer than that.
      killed.child.kill("SIGKILL")
      const run1 = runOf((yield* killed.ended).stderr)
      const here = line(TestFlow, flowFile, directory)
      const listed = yield* here("runs", "--status", "crashed")
      assert.match(listed.stdout, new RegExp(`^RUN .*\n${run1} +crashed`))
      const resumed = yield* here("resume", run1, "--wait-for", "0")
      assert.strictEqual(resumed.code, 0)
      assert.include(resumed.stderr, `taken over from ${run1}/first/1`)
      assert.deepStrictEqual(JSON.parse(resumed.stdout), { mode: "ok", wait: 0, y: 6, z: 7 })
    })
  )

  it.live("does nothing where its module is imported: by another program, or by a worker thread", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const ended = yield* run(`${import.meta.dirname}/cli/fixtures/importing.ts`, ["--directory", directory], {})
      assert.deepStrictEqual(
        { code: ended.code, stdout: ended.stdout, stderr: ended.stderr },
        { code: 0, stdout: "imported TestFlow\nimported TestFlow in a thread\n", stderr: "" }
      )
      const threads = yield* run(flowFile, ["--executor", "threads", "--quiet", "--directory", directory], {})
      assert.deepStrictEqual(
        { code: threads.code, stdout: threads.stdout, stderr: threads.stderr },
        { code: 0, stdout: '{"mode":"ok","wait":0,"y":6,"z":7}\n', stderr: "" }
      )
    })
  )

  it.live("says what to do where a loader makes CommonJS of the flow's file", () =>
    Effect.gen(function* () {
      // Beside the other flow, where it finds the package; not kept, because the compiler would refuse it.
      const name = `common-${process.pid}.cts`
      const file = yield* Effect.acquireRelease(
        Effect.sync(() => {
          const path = join(import.meta.dirname, "cli", "fixtures", name)
          writeFileSync(path, readFileSync(flowFile))
          return path
        }),
        (path) => Effect.sync(() => rmSync(path))
      )
      const ended = yield* run(file, [], { by: "tsx" })
      assert.strictEqual(ended.code, 2)
      assert.strictEqual(
        ended.stderr,
        `${name} runs as CommonJS, and with it a second copy of Effect. Add "type": "module" to its package.json, or name it .mts.\n`
      )
    })
  )

  it.live("is quiet, or writes its log as JSON, as it is told", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const ended = yield* run(flowFile, ["--log", "json", "--mode", "fail", "--directory", directory])
      assert.strictEqual(ended.code, 1)
      const events = ended.stderr
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line) as { readonly event: string; readonly message?: string })
      assert.deepStrictEqual(
        events.map(({ event }) => event),
        [
          "run-started",
          "task-started",
          "log",
          "task-finished",
          "task-started",
          "task-started",
          "task-finished",
          "run-finished",
          "message"
        ]
      )
      assert.match(events.at(-1)?.message ?? "", /^second\/2 failed after 2 attempts: The mode is "fail"\./)
    })
  )
})
