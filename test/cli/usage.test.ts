/** What the command line is told: flags, modules, mistakes. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { TestFlow } from "./fixtures/flow.ts"
import { type Ended, line } from "./line.ts"
import { flowFile } from "./process.ts"

const directory = mkdtempSync(join(tmpdir(), "effect-flow-"))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

const here = line(TestFlow, flowFile, directory)
const bin = line(undefined, "", directory)
const runOf = (ended: Ended): string => /run ([0-9a-z]{26})/.exec(ended.stderr)?.[1] ?? assert.fail(ended.stderr)

const succeeds = (ended: Ended): string => {
  assert.strictEqual(ended.code, 0, ended.stderr)
  return ended.stdout
}
const refuses = (ended: Ended, code: number, message: string) =>
  assert.deepStrictEqual(ended, { code, stdout: "", stderr: `${message}\n` })

describe("effect-flow", () => {
  it.live("runs, resumes and plans the flow of a module", () =>
    Effect.gen(function* () {
      const ran = yield* bin("run", "--module", flowFile, "--x", "7", "--json")
      assert.deepStrictEqual(JSON.parse(succeeds(ran)), { mode: "ok", wait: 0, y: 14, z: 15 })
      assert.match((yield* bin("resume", "--module", flowFile)).stderr, /taken over from/)
      assert.match(succeeds(yield* bin("plan", "--module", flowFile, "--flow=TestFlow")), /^TestFlow\n/)
      const broken = yield* bin("run", "--module", flowFile, "--mode", "fail")
      assert.include(broken.stderr, `resume ${runOf(broken)} --module ${flowFile} --directory ${directory}`)
    })
  )

  it.live("says what is wrong with a module", () =>
    Effect.gen(function* () {
      const file = (name: string, text: string) => {
        const path = join(directory, name)
        writeFileSync(path, text)
        return path
      }
      refuses(
        yield* bin("run", "--module", "no/flow.ts"),
        2,
        "--module names no/flow.ts, but there is no such file or package."
      )
      const empty = file("empty.mjs", "export const x = 1")
      refuses(
        yield* bin("run", "--module", empty),
        2,
        `${empty} exports no flow. Export one: export const MyFlow = Flow.make(…).`
      )
      const throwing = file("throwing.mjs", 'throw new Error("not today")')
      refuses(yield* bin("run", "--module", throwing), 2, `${throwing} can't be loaded: not today`)
      refuses(
        yield* bin("run", "--module", flowFile, "--flow", "OtherFlow"),
        2,
        `${flowFile} has no flow "OtherFlow"; it has: TestFlow.`
      )
      const thrown = file("thrown.mjs", "throw { reason: 3 }")
      refuses(yield* bin("run", "--module", thrown), 2, `${thrown} can't be loaded: an object without a message`)
      refuses(
        yield* bin("run", "--module", directory),
        2,
        `--module names ${directory}, which is a directory. Name the file in it that exports the flow.`
      )
      refuses(yield* bin("run", "--module", ""), 2, "--module is empty. Name the file that exports the flow.")
      const without = yield* bin("run")
      assert.strictEqual(without.code, 2)
      assert.match(without.stderr, /^"run" needs a flow: name the module that exports it/)
    })
  )
})

describe("usage", () => {
  it.live("is documented by --help: verbs, flags, defaults, descriptions, exit codes", () =>
    Effect.gen(function* () {
      const help = succeeds(yield* here("--help"))
      for (const words of [
        "TestFlow: A flow to try the command line with.",
        "Exit codes: 0 succeeded, 1 failed, 2 wrong usage, 130 interrupted.",
        "--x number",
        "What to double (default: 3)",
        "(choices: ok, warn, fail, retry, throw, stuck)",
        "--wait-for number",
        "--directory dir"
      ])
        assert.include(help, words)
      for (const verb of [
        "run",
        "resume",
        "plan",
        "runs",
        "show",
        "logs",
        "dump",
        "schema",
        "why",
        "diff",
        "tag",
        "cancel",
        "card",
        "ui",
        "copy",
        "gc",
        "verify",
        "workers"
      ])
        assert.match(help, new RegExp(`\n  ${verb} +[A-Z]`))
      assert.include(succeeds(yield* here("resume", "--help")), "--from step")
      assert.strictEqual(succeeds(yield* here("--version")), "flow.ts 0.0.0\n")
      assert.match(succeeds(yield* bin("--completions", "bash")), /complete .*effect-flow/)
      const missing = yield* here("tag")
      assert.deepStrictEqual([missing.code, missing.stdout], [2, ""])
      assert.match(missing.stderr, /\n {2}add +Add tags to a run\n/)
      assert.match(succeeds(yield* bin()), /^DESCRIPTION\n/)
    })
  )

  it.live("is asked for in a sentence for each mistake", () =>
    Effect.gen(function* () {
      const see = (words = "") => `\nSee npx tsx flow.ts${words} --help`
      refuses(yield* here("--mod", "ok"), 2, `There is no flag --mod. Did you mean --mode?${see()}`)
      refuses(yield* here("--xx", "1"), 2, `There is no flag --xx. Did you mean --x?${see()}`)
      refuses(yield* here("lgos"), 2, `There is no verb "lgos". Did you mean logs?${see()}`)
      refuses(
        yield* here("--mode", "odd"),
        2,
        `--mode can't be "odd": expected "ok" | "warn" | "fail" | "retry" | "throw" | "stuck".${see()}`
      )
      refuses(yield* here("diff", "latest"), 2, `The argument <other> is missing.${see(" diff")}`)
      refuses(yield* here("show", "a", "b"), 2, `Unexpected argument "b".${see(" show")}`)
      yield* here("--quiet")
      refuses(yield* here("--tag", " "), 2, "A tag can't be empty.")
      refuses(
        yield* here("resume", "--from", "third"),
        2,
        'Flow "TestFlow" has no step "third" to resume from; it has: first, second.'
      )
      refuses(yield* here("--x"), 2, `--x needs a value: number.${see()}`)
      refuses(
        yield* here("--concurrency", "0"),
        2,
        `--concurrency can't be "0": expected a number of at least 1.${see()}`
      )
      refuses(yield* here("--concurrency", "x"), 2, `--concurrency can't be "x": expected a number.${see()}`)
      refuses(yield* here("--x", "1", "--x", "2"), 2, `--x is given 2 times, but can be given only once.${see()}`)
      refuses(
        yield* here("tag", "latest", "good"),
        2,
        `"tag" is followed by add, remove, replace or list, not by "latest".${see(" tag")}`
      )
      refuses(yield* here("tag", "ad", "latest"), 2, `There is no verb "ad". Did you mean add?${see(" tag")}`)
      refuses(
        yield* here("ui", "--port", "99999"),
        2,
        `--port can't be "99999": expected a number from 0 to 65535.${see(" ui")}`
      )
      refuses(
        yield* here("logs", "--attempt", "0"),
        2,
        `--attempt can't be "0": expected a number of at least 1.${see(" logs")}`
      )
      refuses(
        yield* here("runs", "--since", "then"),
        2,
        `--since can't be "then": expected a date, such as 2026-01-31 or 2026-01-31T09:00.${see(" runs")}`
      )
    })
  )

  it.live("heeds --log-level", () =>
    Effect.gen(function* () {
      const ended = yield* here("--mode", "warn", "--log-level", "warn")
      assert.notInclude(ended.stderr, "x is 3")
      assert.include(ended.stderr, "a warning")
    })
  )
})

describe("a value that starts with a dash", () => {
  it.live("is taken for a flag, and the message says how to write it", () =>
    Effect.gen(function* () {
      const { code, stderr } = yield* here("--mode", "-x")
      assert.strictEqual(code, 2)
      assert.match(stderr, /If -x is the value of --mode, write --mode=-x\./)
      assert.notMatch((yield* here("-x")).stderr, /is the value of/)
      // A flag that takes no value has none; a word of several letters is one mistake, and no letter is a typo of another.
      const see = "\nSee npx tsx flow.ts --help"
      refuses(yield* here("--quiet", "--xx"), 2, `There is no flag --xx. Did you mean --x?${see}`)
      refuses(
        yield* here("--mode", "-5s"),
        2,
        `There is no flag -5. If -5s is the value of --mode, write --mode=-5s.${see}`
      )
    })
  )
})

describe("why", () => {
  it.live("takes a step beside the run", () =>
    Effect.gen(function* () {
      yield* here("--x", "3")
      const all = succeeds(yield* here("why", "latest"))
      const steps = [...all.matchAll(/^(\w+)\/\d+ /gm)].map(([, step]) => step ?? "")
      const [step = ""] = steps
      assert.isAtLeast(steps.length, 2)
      const one = succeeds(yield* here("why", "latest", step))
      assert.strictEqual(one, succeeds(yield* here("why", `latest/${step}`)))
      assert.strictEqual([...one.matchAll(/^(\w+)\/\d+ /gm)].length, 1)
      assert.strictEqual(succeeds(yield* here("why", "latest", `${step}/1`)), one)
    })
  )
})
