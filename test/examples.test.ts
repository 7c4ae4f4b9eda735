/**
 * The tutorial's flow on files that are wrong in every way that files can be: a sentence that says where, exit code 1, and
 * a run that is recorded as failed. And a store that is in a bad state.
 */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Artifact, Flow, Parquet, Step } from "effect-flow"
import { BranchNLPFlow } from "../examples/branch.ts"
import { type Ended, line } from "./cli/line.ts"
import { run as process } from "./cli/process.ts"

const directory = mkdtempSync(join(tmpdir(), "effect-flow-"))
afterAll(() => rmSync(directory, { recursive: true, force: true }))
const at = (name: string) => join(directory, name)
const store = at("store")
const example = join(import.meta.dirname, "..", "examples", "branch.ts")
const branch = line(BranchNLPFlow, example, store)

const text = Schema.String
const binary = Schema.Literals([0, 1])
const write = <F extends Artifact.TableFields>(
  name: string,
  fields: F,
  columns: Artifact.Columns<F>,
  numRows: number
) => Parquet.write(at(name), Artifact.table(fields), { numRows, columns })

/** Reviews of a few words each, some of which tell the label. */
const reviews = (count: number) => {
  const words = [
    "soft",
    "scratchy",
    "lovely",
    "cheap",
    "dress",
    "sweater",
    "wide",
    "narrow",
    "blue",
    "stiff",
    "elegant"
  ]
  const rows = Array.from({ length: count }, (_, row) => ({
    review: [3, 5, 7, 11].map((prime) => words[(row * prime + (row % 13)) % words.length]).join(` w${row % 97} `),
    labels: (row % 4 === 0 ? 0 : 1) as 0 | 1
  }))
  return { review: rows.map(({ review }) => review), labels: rows.map(({ labels }) => labels) }
}

const good = { columns: reviews(60) }
const [train, valid] = [at("train.parquet"), at("valid.parquet")]
beforeAll(() =>
  Effect.runPromise(
    Effect.gen(function* () {
      const { labels, review } = good.columns
      yield* write("train.parquet", { review: text, labels: binary }, good.columns, 60)
      yield* write("valid.parquet", { review: text, labels: binary }, good.columns, 60)
      mkdirSync(at("folder.parquet"))
      writeFileSync(at("text.parquet"), "review,labels\nnice,1\n")
      writeFileSync(at("cut.parquet"), readFileSync(train))
      truncateSync(at("cut.parquet"), 200)
      yield* write("columns.parquet", { review: text, stars: binary }, { review, stars: labels }, 60)
      yield* write("type.parquet", { review: text, labels: text }, { review, labels: labels.map(String) }, 60)
      const gap = review.map((value, row) => (row === 41 ? null : value))
      yield* write("null.parquet", { review: Schema.NullOr(text), labels: binary }, { review: gap, labels }, 60)
      const stars = labels.map((label, row) => (row === 17 ? 2 : label))
      yield* write("labels.parquet", { review: text, labels: Schema.Int }, { review, labels: stars }, 60)
      yield* write("empty.parquet", { review: text, labels: binary }, { review: [], labels: [] }, 0)
      yield* write(
        "one.parquet",
        { review: text, labels: binary },
        { review, labels: labels.map(() => 1 as const) },
        60
      )
      yield* write(
        "stop.parquet",
        { review: text, labels: binary },
        { review: review.map(() => "of the and"), labels },
        60
      )
    })
  )
)

/** What a failed run says last, without its commands. */
const reason = (ended: Ended): string => {
  assert.strictEqual(ended.code, 1, ended.stderr)
  assert.notInclude(ended.stderr, "    at ")
  const paragraph = ended.stderr.trimEnd().split("\n").at(-1) ?? ""
  assert.match(paragraph, / Its log: .* · Fix the cause, then resume with: .*resume [0-9a-z]{26}/)
  return paragraph.replace(/ Its log: .*$/, "")
}

describe("examples/branch.ts", () => {
  it.live("trains, beats the baseline, and leaves its artifacts", () =>
    Effect.gen(function* () {
      const ended = yield* branch("--train-file", train, "--valid-file", valid)
      assert.strictEqual(ended.code, 0, ended.stderr)
      const tasks = ["start/1", "baseline/2", "train/3", "join/4", "end/5"]
      for (const task of tasks) assert.match(ended.stderr, new RegExp(`\\[${task}\\] succeeded in `))
      assert.match(ended.stderr, /\[start\/1\] num of rows: 60\n/)
      assert.match(
        ended.stderr,
        /\[train\/3\] epoch 10\/10 loss [\d.]+ accuracy [\d.]+ val_loss [\d.]+ val_accuracy [\d.]+\n/
      )
      assert.match(ended.stderr, /\[join\/4\] Baseline accuracy: \d\d\.\d\d%\n.*\[join\/4\] Baseline AUC: 0\.50\n/)
      assert.match(ended.stderr, /\[end\/5\] Flow is complete\n/)
      assert.deepStrictEqual(Object.keys(JSON.parse(ended.stdout)), ["modelAcc", "modelRocauc"])
      const dumped = yield* branch("dump", "latest/start/valdf", "--rows", "2")
      assert.match(dumped.stdout, /^review +labels\n\S.* [01]\n\S.* [01]\n$/)
      assert.strictEqual(dumped.stderr, "60 rows, 2 columns; showing the first 2\n")
      assert.match((yield* branch("dump", "latest/train/model")).stdout, /F32 +\[\d+, 15\]/)
    })
  )

  const bad: ReadonlyArray<readonly [what: string, train: string, valid: string, message: string]> = [
    ["a missing file", "missing", "valid", "start/1 failed: FILE: there is no such file."],
    ["a directory", "folder", "valid", "start/1 failed: FILE: it is a directory, not a file."],
    [
      "a file that is not Parquet",
      "text",
      "valid",
      "start/1 failed: FILE: it is not Parquet: it does not start with PAR1."
    ],
    [
      "a truncated file",
      "cut",
      "valid",
      "start/1 failed: FILE: it is truncated: it starts as Parquet and its end is missing."
    ],
    [
      "a missing column",
      "columns",
      "valid",
      "start/1 failed: FILE: it has no column labels; its columns are: review, stars."
    ],
    [
      "a column of another type",
      "type",
      "valid",
      "start/1 failed: FILE: column labels is STRING in the file and 0 | 1 in the table; declare it as Schema.String."
    ],
    ["a null", "null", "valid", "start/1 failed: FILE: row 42 of column review: it is null, and String is required."],
    [
      "another label than 0 and 1",
      "labels",
      "valid",
      "start/1 failed: FILE: row 18 of column labels: expected 0 | 1, got 2."
    ],
    ["no rows to train on", "empty", "valid", "train/3 failed: There are no texts to train on."],
    ["no rows to compare on", "train", "empty", "baseline/2 failed: There are no rows to measure."],
    [
      "one class only",
      "train",
      "one",
      "baseline/2 failed: All 60 labels are 1: without rows of both classes there is no ROC curve and no area under it."
    ],
    [
      "a vocabulary that ends empty",
      "stop",
      "valid",
      "train/3 failed: None of the 60 texts has a word of at least two letters that is not a stop word."
    ]
  ]
  for (const [what, trainFile, validFile, message] of bad) {
    it.live(`says so at ${what}, and the run failed`, () =>
      Effect.gen(function* () {
        const [train, valid] = [at(`${trainFile}.parquet`), at(`${validFile}.parquet`)]
        const said = reason(yield* branch("--train-file", train, "--valid-file", valid))
        assert.strictEqual(said, message.replace("FILE", train))
        const [last] = JSON.parse((yield* branch("runs", "--limit", "1", "--json")).stdout) as [{ status: string }]
        assert.strictEqual(last.status, "failed")
        // What was stored before stays sound.
        assert.match((yield* branch("dump", "latest/start/trainFile")).stdout, /^"/)
      })
    )
  }

  it.live("says so at a blob that was altered on disk", () =>
    Effect.gen(function* () {
      const here = line(BranchNLPFlow, example, at("altered"))
      const columns = reviews(20_000)
      yield* write("large.parquet", { review: text, labels: binary }, columns, 20_000) // larger than what the database holds
      const words = ["--train-file", at("large.parquet"), "--valid-file", valid]
      assert.strictEqual((yield* here(...words)).code, 0)
      const shown = JSON.parse((yield* here("show", "latest", "--json")).stdout) as {
        readonly tasks: ReadonlyArray<{
          readonly outputs: ReadonlyArray<{ readonly name: string; readonly digest: string }>
        }>
      }
      const digest = shown.tasks.flatMap(({ outputs }) => outputs).find(({ name }) => name === "df")?.digest
      assert.isDefined(digest)
      const blob = readdirSync(at("altered/blobs"), { recursive: true, withFileTypes: true }).find(
        (entry) => entry.isFile() && entry.name.startsWith(digest ?? "")
      )
      assert.isDefined(blob)
      const path = join(blob?.parentPath ?? "", blob?.name ?? "")
      const bytes = readFileSync(path)
      bytes[100] = (bytes[100] ?? 0) ^ 1
      chmodSync(path, 0o644)
      writeFileSync(path, bytes)
      const altered = new RegExp(`${blob?.name}.*`)
      const dumped = yield* here("dump", "latest/start/df", "--out", at("df.parquet"))
      assert.strictEqual(dumped.code, 1)
      assert.match(dumped.stderr, altered)
      assert.isFalse(existsSync(at("df.parquet")))
      // A new run does not get wrong data: the step that wrote it is executed again, and only then is it read.
      const resumed = yield* here("resume", "--from", "train")
      assert.strictEqual(resumed.code, 0, resumed.stderr)
      assert.match(resumed.stderr, /\[start\/1\] started\n/)
      assert.match((yield* here("why", "latest/start")).stdout, /was missing or damaged in the store/)
    })
  )

  it.live("says so at a store directory that can't be written, as a process", () =>
    Effect.gen(function* () {
      writeFileSync(at("file"), "")
      const ended = yield* process(example, ["--directory", at("file/store")])
      assert.strictEqual(ended.code, 1)
      assert.match(ended.stderr, /^The store directory .*file\/store\S* can't be written: .*\n$/)
    })
  )
})

describe("a flow that is made wrongly", () => {
  const broken = Step.make("broken", {
    output: { y: Schema.Array(Schema.Number) },
    run: () => Effect.succeed({ y: [1, Number.NaN, "3" as never] })
  })
  const flowOf = (steps: ReadonlyArray<Step.Any>) => Flow.make("BrokenFlow", { steps, run: () => broken() })

  it.live("has its step, artifact and path named where an output breaks its schema", () =>
    Effect.gen(function* () {
      const ended = yield* line(flowOf([broken]), example, store)()
      assert.match(reason(ended), /^broken\/1 failed: .*"?y"?.*\b2\b/)
    })
  )

  it.live("is told of a step that it does not list", () =>
    Effect.gen(function* () {
      const ended = yield* line(flowOf([]), example, store)()
      assert.strictEqual(
        reason(ended),
        `The flow's own body failed: Flow "BrokenFlow" runs a task of step "broken", which it does not list. Add it to the flow's steps: [broken].`
      )
    })
  )

  it("can't have two steps of one name", () => {
    assert.throws(() => flowOf([broken, broken]), /lists two steps named "broken"/)
  })
})
