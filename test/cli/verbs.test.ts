/** Every verb, over runs of a small flow in a directory. */
import { execFileSync } from "node:child_process"
import { existsSync, linkSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { readFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as Artifact from "../../src/Artifact.ts"
import * as Card from "../../src/Card.ts"
import * as Executor from "../../src/Executor.ts"
import * as Flow from "../../src/Flow.ts"
import * as Parquet from "../../src/Parquet.ts"
import { RunStore } from "../../src/RunStore.ts"
import * as Step from "../../src/Step.ts"
import * as Storage from "../../src/Storage.ts"
import * as Records from "../conformance/records.ts"
import { temporaryDirectory } from "../support/directory.ts"
import { TestFlow } from "./fixtures/flow.ts"
import { type Ended, line } from "./line.ts"
import { flowFile } from "./process.ts"

const directory = mkdtempSync(join(tmpdir(), "effect-flow-"))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

const here = line(TestFlow, flowFile, directory)
const bin = line(undefined, "", directory)
const runOf = (ended: Ended): string => /run ([0-9a-z]{26})/.exec(ended.stderr)?.[1] ?? assert.fail(ended.stderr)

/** A run that succeeded, one that failed at its second attempt, and one that resumed that. */
let ok: string
let failed: string
let resumed: string
beforeAll(() =>
  Effect.runPromise(
    Effect.gen(function* () {
      ok = runOf(yield* here("--mode", "retry", "--tag", "good", "--tag", "a b"))
      failed = runOf(yield* here("--mode", "fail", "--x", "4"))
      resumed = runOf(yield* here("resume", "--mode", "ok"))
    })
  )
)

const succeeds = (ended: Ended): string => {
  assert.strictEqual(ended.code, 0, ended.stderr)
  return ended.stdout
}
const refuses = (ended: Ended, code: number, message: string) =>
  assert.deepStrictEqual(ended, { code, stdout: "", stderr: `${message}\n` })
const json = (ended: Ended) => JSON.parse(succeeds(ended))

describe("runs", () => {
  it.live("lists the flow's runs, newest first, and finds some by status, tag and time", () =>
    Effect.gen(function* () {
      const lines = succeeds(yield* here("runs")).split("\n")
      assert.match(lines[0] ?? "", /^RUN +STATUS +STARTED +TOOK +TASKS +TAGS$/)
      assert.match(lines[1] ?? "", new RegExp(`^${resumed}  succeeded  .* 2 +resumes ${failed}$`))
      assert.match(lines[2] ?? "", new RegExp(`^${failed}  failed  .* 2$`))
      assert.match(lines[3] ?? "", new RegExp(`^${ok}  succeeded  .* 2  a b, good$`))
      const ids = (ended: Ended) => json(ended).map((run: { id: string }) => run.id)
      assert.deepStrictEqual(ids(yield* here("runs", "--json")), [resumed, failed, ok])
      assert.deepStrictEqual(ids(yield* here("runs", "--json", "--limit", "1")), [resumed])
      assert.deepStrictEqual(ids(yield* here("runs", "--json", "--limit", "0")), [resumed, failed, ok])
      assert.deepStrictEqual(ids(yield* here("runs", "--json", "--status", "succeeded")), [resumed, ok])
      assert.deepStrictEqual(ids(yield* here("runs", "--json", "--tag", "good", "--tag", "a b")), [ok])
      assert.deepStrictEqual(ids(yield* here("runs", "--json", "--since", "2999-01-01")), [])
      assert.deepStrictEqual(ids(yield* bin("runs", "--json", "--flow", "OtherFlow")), [])
      assert.match(succeeds(yield* bin("runs")), /^RUN +FLOW +STATUS.*\n.* TestFlow +succeeded/)
      assert.strictEqual(
        (yield* here("runs", "--status", "crashed")).stderr,
        `There is no such run of flow "TestFlow" in ${directory}.\n`
      )
    })
  )

  it.live("makes no store where there is none", () =>
    Effect.gen(function* () {
      refuses(
        yield* line(undefined, "", "")("runs"),
        2,
        '--directory can\'t be empty. Name a directory: "." is the working directory.'
      )
      const absent = join(directory, "absent")
      refuses(
        yield* line(TestFlow, flowFile, absent)("runs"),
        1,
        `There is no store in ${absent}. Run the flow first (npx tsx flow.ts run --directory ${absent}), or select another directory with --directory.`
      )
      refuses(
        yield* line(undefined, "", absent)("show", "latest"),
        1,
        `There is no store in ${absent}. Select another directory with --directory.`
      )
      assert.match((yield* line(TestFlow, flowFile, absent)("resume")).stderr, /^There is no store in .*\n$/)
      assert.isFalse(existsSync(absent))
    })
  )
})

describe("show", () => {
  it.live("shows no task as running or waiting in a run that crashed", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const attempts = [{ number: 1, status: "running" as const, startedAt: 1000 }]
      yield* Effect.provide(
        Effect.flatMap(RunStore, (runs) =>
          runs.write([
            Records.putRun(Records.run("crashed")),
            Records.putTask(Records.task("crashed", 1, { status: "running", attempts })),
            Records.putTask(Records.task("crashed", 2, { status: "running" }))
          ])
        ),
        Storage.layerLocal({ directory })
      )
      const elsewhere = line(undefined, "", directory)
      assert.match(succeeds(yield* elsewhere("show", "crashed")), /\nstep\/1 +crashed .*\nstep\/2 +crashed /)
      assert.match(succeeds(yield* elsewhere("show", "crashed/step/2")), /^step\/2 · crashed\n/)
    })
  )

  it.live("tells a task that waits for its place from one that runs", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const gate = yield* Deferred.make<void>()
      const slow = Step.make("slow", { input: { x: Schema.Int }, run: () => Deferred.await(gate) })
      const flow = Flow.make("OneByOne", {
        steps: [slow],
        run: () => Effect.asVoid(Step.forEach([1, 2], (x) => slow({ x })))
      })
      const run = Flow.run(flow, {}).pipe(
        Effect.provide(Executor.layerFibers({ concurrency: 1 })),
        Effect.provide(Storage.layerLocal({ directory }))
      )
      const going = yield* Effect.forkChild(run)
      const elsewhere = line(flow, "", directory)
      let shown = yield* elsewhere("show")
      while (!/slow\/2/.test(shown.stdout)) {
        yield* Effect.sleep("20 millis")
        shown = yield* elsewhere("show")
      }
      assert.match(shown.stdout, /\nslow\/1 +running .*\nslow\/2 +waiting /)
      assert.match(succeeds(yield* elsewhere("show", "latest/slow/2")), /^slow\/2 · waiting\n/)
      yield* Deferred.succeed(gate, undefined)
      yield* Fiber.join(going)
      assert.match(succeeds(yield* elsewhere("show")), /\nslow\/1 +succeeded .*\nslow\/2 +succeeded /)
    })
  )

  it.live("lists the runs that a run called", () =>
    Effect.gen(function* () {
      const store = yield* temporaryDirectory
      const child = Flow.make("Child", {
        parameters: { x: Schema.Int },
        steps: [],
        run: ({ x }) => (x < 2 ? Effect.succeed(x) : Effect.fail(x))
      })
      const parent = Flow.make("Parent", {
        steps: [],
        run: () => Effect.forEach([1, 2], (x) => Effect.exit(Flow.call(child, { x }))).pipe(Effect.asVoid)
      })
      yield* Effect.provide(Flow.run(parent, {}), Storage.layerLocal({ directory: store }))
      const elsewhere = line(parent, "", store)
      const text = succeeds(yield* elsewhere("show"))
      assert.match(text, /\ncalls Child · run \w{26} · succeeded in .+\ncalls Child · run \w{26} · failed in .+\n$/)
      assert.notInclude(text, "It has no tasks.")
      assert.deepStrictEqual(
        json(yield* elsewhere("show", "--json")).calls.map(({ status }: { readonly status: string }) => status),
        ["succeeded", "failed"]
      )
      assert.deepStrictEqual(json(yield* here("show", ok, "--json")).calls, [])
      for (const [verb, what] of [
        ["logs", "logs"],
        ["why", "tasks"]
      ] as const) {
        const { stderr } = yield* elsewhere(verb, "latest")
        const said = `The run called other runs, such as \\w{26} of flow "Child"\\. They have ${what} of their own; .* show \\w{26} lists them\\.\\n`
        assert.match(stderr, new RegExp(said))
        assert.notInclude((yield* here(verb, ok)).stderr, "called other runs")
      }
    }).pipe(Effect.scoped)
  )

  it.live("shows a run's facts, its tasks and what failed", () =>
    Effect.gen(function* () {
      const text = succeeds(yield* here("show", failed.slice(0, 20) + failed.slice(20)))
      assert.match(text, new RegExp(`^TestFlow · run ${failed} · failed in .*\n`))
      assert.match(text, /\n {2}x +4\n/)
      assert.match(text, /\n {2}mode +"fail"\n/)
      assert.match(text, /\nfirst\/1 +succeeded +[\d.]+ m?s +1 B\n/)
      assert.match(text, /\nsecond\/2 +failed +2 attempts +[\d.]+ m?s +0 B +← first\/1\n/)
      assert.match(text, /\nsecond\/2 failed: The mode is "fail"\.\n$/)
      assert.include(succeeds(yield* here("show")), `first/1   succeeded  taken over from ${failed}/first/1`)
    })
  )

  it.live("shows tasks of a step, or one task", () =>
    Effect.gen(function* () {
      const one = succeeds(yield* here("show", `${ok}/second/2`))
      assert.strictEqual(one, succeeds(yield* here("show", `${ok}/second`)))
      assert.match(one, /^second\/2 · succeeded in /)
      assert.match(one, /\n {2}follows +first\/1\n/)
      assert.match(one, new RegExp(`\n  in +y +json +1 B +sha256 [0-9a-f]{12}… +← ${ok}/first/1\n`))
      assert.match(
        one,
        /\n {2}attempt 1 failed in [\d.]+ m?s: The mode is "retry"\.\n {2}attempt 2 succeeded in [\d.]+ m?s\n/
      )
    })
  )

  it.live("draws the run, and gives it as data", () =>
    Effect.gen(function* () {
      assert.match(
        succeeds(yield* here("show", ok, "--format", "mermaid")),
        /^flowchart TD\n.*first\/1[\s\S]*-->\|"y"\|/
      )
      assert.match(succeeds(yield* here("show", ok, "--format", "dot")), /^digraph /)
      const data = json(yield* here("show", ok, "--json"))
      assert.strictEqual(data.run.status, "succeeded")
      assert.deepStrictEqual(
        data.tasks.map((task: { id: string }) => task.id),
        ["first/1", "second/2"]
      )
      assert.deepStrictEqual(
        data.metrics.map(({ name, value }: { name: string; value: number }) => [name, value]),
        [
          ["y", 6],
          ["y", 6]
        ]
      )
    })
  )

  it.live("says what there is where something is not there", () =>
    Effect.gen(function* () {
      refuses(yield* here("show", "zzz"), 1, 'There is no run "zzz" of flow "TestFlow".')
      refuses(yield* here("show", `${ok}/third`), 1, `Run ${ok} has no task "third". Its steps: first, second.`)
      refuses(
        yield* here("show", `${ok}/second/two`),
        2,
        `"${ok}/second/two" is not the name of a run or task. Write RUN, RUN/STEP or RUN/STEP/ID, for example latest/train/3.`
      )
      assert.match((yield* here("show", "01")).stderr, /^Several runs of flow "TestFlow" start with "01": /)
    })
  )
})

describe("logs", () => {
  it.live("shows what was logged, as it stood there live, and why tasks failed", () =>
    Effect.gen(function* () {
      const time = "\\d\\d:\\d\\d:\\d\\d\\.\\d{3}"
      assert.match(
        succeeds(yield* here("logs", failed)),
        new RegExp(`^${time} \\[first/1\\] x is 4\n${time} \\[second/2\\] failed: The mode is "fail"\\.\n$`)
      )
      assert.match(succeeds(yield* here("logs", `${ok}/first`)), new RegExp(`^${time} \\[first/1\\] x is 3\n$`))
      // A task that was taken over logged where it ran.
      assert.match(succeeds(yield* here("logs", `${resumed}/first/1`)), /\[first\/1\] x is 4\n$/)
      assert.strictEqual((yield* here("logs", `${ok}/second/2`)).stderr, "No log lines.\n")
      const [data] = succeeds(yield* here("logs", ok, "--json")).split("\n")
      assert.strictEqual((JSON.parse(data ?? "") as { message: string }).message, "x is 3")
    })
  )

  it.live("follows a run to its end", () =>
    Effect.gen(function* () {
      const running = yield* Effect.forkChild(here("--x", "9", "--wait-for", "400", "--tag", "followed"))
      let followed = yield* here("logs", "--follow", "nothing")
      while (!followed.stdout.includes("x is 9")) {
        // The run may not have started yet: "latest" is another one then, which has ended.
        followed = yield* here("logs", "--follow")
        yield* Effect.sleep(20)
      }
      assert.strictEqual(followed.code, 0)
      assert.strictEqual(json(yield* here("runs", "--json", "--tag", "followed"))[0].status, "succeeded")
      yield* Fiber.join(running)
      yield* here("tag", "remove", "latest", "followed")
    })
  )
})

describe("schema", () => {
  it.live("prints a file's columns and the declaration that reads it", () =>
    Effect.gen(function* () {
      const file = join(directory, "a.parquet")
      const Sums = Artifact.table({ id: Schema.Int, note: Schema.NullOr(Schema.String) })
      yield* Parquet.write(file, Sums, { numRows: 2, columns: { id: [1, 2], note: ["x", null] } })
      const printed = succeeds(yield* here("schema", file))
      assert.match(printed, /id +INT64/)
      assert.include(printed, "2 rows, 1 row group")
      assert.include(printed, "Artifact.table({\n  id: Schema.BigInt,\n  note: Schema.NullOr(Schema.String)\n})")
      const found = json(yield* here("schema", file, "--json"))
      assert.strictEqual(found.columns[1].nullCount, 1)
      refuses(yield* here("schema", "nowhere.parquet"), 1, "nowhere.parquet: there is no such file.")
    })
  )
})

describe("dump", () => {
  it.live("prints a value, and writes its bytes", () =>
    Effect.gen(function* () {
      assert.strictEqual(succeeds(yield* here("dump", `${ok}/first/y`)), "6\n")
      assert.strictEqual(succeeds(yield* here("dump", `${ok}/second/2/mode`)), '"retry"\n')
      const file = join(directory, "y.json")
      const ended = yield* here("dump", `${resumed}/first/y`, "--out", file)
      assert.strictEqual(ended.stdout, "")
      assert.match(ended.stderr, /y\.json: 1 B of application\/json, SHA-256 [0-9a-f]{64}\n$/)
      assert.strictEqual(readFileSync(file, "utf8"), "8")
    })
  )

  it.live("writes to a pipe that has the name, and not a file in its place", () =>
    Effect.gen(function* () {
      const pipe = join(directory, "pipe")
      execFileSync("mkfifo", [pipe])
      const read = yield* Effect.forkChild(Effect.promise(() => readFile(pipe, "utf8")))
      assert.match((yield* here("dump", `${resumed}/first/y`, "--out", pipe)).stderr, /pipe: 1 B of/)
      assert.strictEqual(yield* Fiber.join(read), "8")
      assert.isTrue(statSync(pipe).isFIFO())
      assert.match(
        (yield* here("dump", `${ok}/first/y`, "--out", directory)).stderr,
        /can't be written: it is a directory, not a file \(EISDIR\)\.\n$/
      )
      refuses(yield* here("dump", `${ok}/first/y`, "--out", ""), 2, "--out is empty. Name a file, or - for stdout.")
    })
  )

  it.live("says what there is where something is not there", () =>
    Effect.gen(function* () {
      refuses(yield* here("dump", `${ok}/first/q`), 1, `Task ${ok}/first/1 has no artifact "q". It has: y, x.`)
      refuses(
        yield* here("dump", `${failed}/second/z`),
        1,
        `Task ${failed}/second/2 has no artifact "z": it is failed. It has: mode, wait, y.`
      )
      refuses(
        yield* here("dump", ok),
        2,
        `"${ok}" is not the name of an artifact. Write RUN/STEP/ARTIFACT or RUN/STEP/ID/ARTIFACT, for example latest/train/model.`
      )
      const nowhere = join(directory, "no", "where")
      assert.match(
        (yield* here("dump", `${ok}/first/y`, "--out", nowhere)).stderr,
        /can't be written: there is no such file or directory/
      )
    })
  )
})

describe("why and diff", () => {
  it.live("say what made a difference", () =>
    Effect.gen(function* () {
      const why = succeeds(yield* here("why", resumed))
      assert.include(why, `first/1   taken over from ${failed}/first/1`)
      assert.match(why, /second\/2 {2}executed: input mode differs[\s\S]*- "fail"\n +\+ "ok"/)
      assert.notInclude(succeeds(yield* here("why", `${resumed}/second`)), "first/1   ")
      assert.strictEqual(json(yield* here("why", "--json", resumed)).tasks[0].how, "takenOver")
      assert.match(succeeds(yield* here("diff", ok, failed)), /x/)
      assert.deepStrictEqual(
        json(yield* here("diff", ok, failed, "--json"))
          .parameters.map(({ name }: { name: string }) => name)
          .sort(),
        ["mode", "x"]
      )
    })
  )
})

describe("tag", () => {
  it.live("adds, removes, replaces and lists", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* here("tag", "add", ok, "süß", "x")).stderr, `${ok} is tagged a b, good, süß, x.\n`)
      assert.strictEqual((yield* here("tag", "remove", ok, "x", "good")).stderr, `${ok} is tagged a b, süß.\n`)
      const listed = yield* here("tag", "list", ok)
      assert.strictEqual(listed.stdout, "a b\nsüß\n")
      assert.match(listed.stderr, /^user: .*\n/)
      assert.strictEqual((yield* here("tag", "replace", ok)).stderr, `${ok} has no tags now.\n`)
      assert.strictEqual((yield* here("tag", "replace", ok, "good", "a b")).stderr, `${ok} is tagged a b, good.\n`)
      refuses(yield* here("tag", "add", ok, ""), 2, "A tag can't be empty.")
      assert.deepStrictEqual(json(yield* here("tag", "list", ok, "--json")).tags, ["a b", "good"])
    })
  )
})

describe("cancel", () => {
  it.live("ends a run of another process, and says why it can't", () =>
    Effect.gen(function* () {
      const running = yield* Effect.forkChild(here("--x", "9", "--wait-for", "60000", "--tag", "cancelled"))
      const find = Effect.map(here("runs", "--tag", "cancelled"), ({ stdout }) => /[0-9a-z]{26}/.exec(stdout)?.[0])
      let found = yield* find
      while (found === undefined) found = yield* Effect.andThen(Effect.sleep(20), find)
      const id = found
      const said = yield* here("cancel", id, "--reason", "it takes too long")
      assert.deepStrictEqual([said.code, said.stderr], [0, `Run ${id} of flow "TestFlow" was cancelled.\n`])
      const ended = yield* Fiber.join(running)
      assert.strictEqual(ended.code, 130)
      assert.match(ended.stderr, /The run was cancelled by \S+ \(process \d+ on \S+\): it takes too long\. Resume it/)
      const again = yield* here("cancel", id)
      assert.deepStrictEqual(
        [again.code, again.stderr],
        [1, `Run ${id} of flow "TestFlow" has already ended, so it can't be cancelled: it was interrupted.\n`]
      )
      yield* here("tag", "remove", id, "cancelled")
    })
  )
})

describe("copy", () => {
  it.live("copies runs to another store", () =>
    Effect.gen(function* () {
      const other = join(directory, "other")
      assert.match(
        succeeds(yield* here("copy", ok, "--to", other)),
        new RegExp(`^${ok} of TestFlow: \\d+ tasks and \\d+ new artifacts? \\(.*\\) copied\\.\n$`)
      )
      assert.strictEqual(succeeds(yield* here("copy", ok, "--to", other)), `${ok} of TestFlow was there already.\n`)
      const there = line(TestFlow, flowFile, other)
      assert.deepStrictEqual(
        json(yield* there("show", ok, "--json")).tasks,
        json(yield* here("show", ok, "--json")).tasks
      )
      refuses(yield* here("copy", "nowhere", "--to", other), 1, 'There is no run "nowhere" of flow "TestFlow".')
      refuses(
        yield* here("copy", ok, "--to", "postgres://flow@127.0.0.1:1/flow"),
        2,
        "A store in Postgres keeps large artifacts in a bucket, or in a directory that all its users share: name it with --to-blobs, or in EFFECT_FLOW_BLOBS."
      )
      refuses(
        yield* here("copy", ok, "--to", directory),
        2,
        `${directory} is the store that the runs are in. Name another one with --to.`
      )
    })
  )
})

describe("plan, gc and card", () => {
  it.live("plans without running", () =>
    Effect.gen(function* () {
      const before = json(yield* here("runs", "--json", "--limit", "0")).length
      assert.strictEqual(
        succeeds(yield* here("plan")),
        "TestFlow\n  first/1 · Doubles a number\n  second/2 ← first/1 (y)\n"
      )
      assert.match(succeeds(yield* here("plan", "--format", "mermaid", "--x", "5")), /^flowchart TD\n/)
      assert.deepStrictEqual(json(yield* here("plan", "--format", "json")).flow, "TestFlow")
      assert.deepStrictEqual(json(yield* here("plan", "--json")).flow, "TestFlow")
      assert.strictEqual(json(yield* here("runs", "--json", "--limit", "0")).length, before)
    })
  )

  it.live("says what it would remove", () =>
    Effect.gen(function* () {
      assert.match(
        succeeds(yield* here("gc", "--keep-runs", "0", "--keep-tag", "good", "--dry-run")),
        /^Would remove \d+ runs/
      )
      assert.isTrue(json(yield* here("gc", "--keep-days", "1", "--dry-run", "--json")).dryRun)
      refuses(
        yield* here("gc", "--keep-runs=-1"),
        2,
        '--keep-runs can\'t be "-1": expected a non-negative number.\nSee npx tsx flow.ts gc --help'
      )
    })
  )

  it.live("has no card to write where no step made one", () =>
    Effect.gen(function* () {
      refuses(
        yield* here("card", ok),
        1,
        `No task of ${ok} has a card. A step makes one with yield* Card.append(Card.markdown("…")).`
      )
    })
  )

  it.live("writes the page of cards beside an old one until it is complete, and to a pipe that has the name", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const step = Step.make("shown", { run: () => Card.append(Card.markdown("Good.")) })
      const flow = Flow.make("Shown", { steps: [step], run: () => step() })
      const shown = line(flow, "", directory)
      const run = runOf(yield* shown())
      const [page, before, pipe] = ["page.html", "before.html", "pipe"].map((name) => join(directory, name)) as [
        string,
        string,
        string
      ]
      writeFileSync(page, "before")
      linkSync(page, before)
      assert.strictEqual((yield* shown("card", run, "--out", page)).stderr, `${page}: 1 card\n`)
      assert.include(readFileSync(page, "utf8"), "Good.")
      assert.strictEqual(readFileSync(before, "utf8"), "before")
      execFileSync("mkfifo", [pipe])
      const read = yield* Effect.forkChild(Effect.promise(() => readFile(pipe, "utf8")))
      assert.strictEqual((yield* shown("card", run, "--out", pipe)).stderr, `${pipe}: 1 card\n`)
      assert.strictEqual(yield* Fiber.join(read), readFileSync(page, "utf8"))
    })
  )
})
