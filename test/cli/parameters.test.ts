/** Parameters as flags: what is typed is what the schema decodes. */
import { assert, describe, it } from "@effect/vitest"
import * as Command from "effect/cli/Command"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import * as ChildProcessSpawner from "effect/process/ChildProcessSpawner"
import * as Schema from "effect/Schema"
import * as Stdio from "effect/Stdio"
import * as Terminal from "effect/Terminal"
import * as FastCheck from "fast-check"
import * as Flow from "../../src/Flow.ts"
import { flags, kebab } from "../../src/internal/cli/parameterFlags.ts"

const services = Layer.mergeAll(
  FileSystem.layerNoop({}),
  Path.layer,
  Stdio.layerTest({}),
  Layer.succeed(Terminal.Terminal, {} as never), // nothing is asked
  Layer.succeed(ChildProcessSpawner.ChildProcessSpawner, {} as never) // nothing is started
)

const flowOf = (parameters: Flow.Parameters) => Flow.make("F", { parameters, steps: [], run: () => Effect.void })

/** What a command line makes of words: the parameters that were given, decoded, or why it was refused. */
const parse = Effect.fnUntraced(function* (
  parameters: Flow.Parameters,
  words: ReadonlyArray<string>,
  options: { readonly partial?: boolean; readonly taken?: ReadonlySet<string> } = {}
) {
  const made = yield* flags(flowOf(parameters), options.taken ?? new Set(), { partial: options.partial ?? false })
  let seen: Record<string, unknown> = {}
  const command = Command.make(
    "f",
    { parameters: Object.fromEntries(made.map(({ param, parameter }) => [parameter, param])) },
    (input) =>
      Effect.sync(() => {
        seen = Object.fromEntries(
          Object.entries(input.parameters).flatMap(([name, value]) =>
            Option.isSome(value) ? [[name, value.value]] : []
          )
        )
      })
  )
  return yield* Command.runWith(command, { version: "", renderErrors: false })(words).pipe(
    Effect.map(() => seen as unknown),
    Effect.catch((error) =>
      Effect.succeed(error._tag === "ShowHelp" ? error.errors.map((error) => error.message).join("\n") : error.message)
    ),
    Effect.provide(services)
  )
})

describe("the flags of parameters", () => {
  it("are named in kebab case", () => {
    const names = {
      trainFile: "train-file",
      learning_rate: "learning-rate",
      rocAUC: "roc-auc",
      HTMLPage: "html-page",
      x: "x",
      top5Words: "top5-words",
      _hidden: "hidden",
      größeÄndern: "größe-ändern"
    }
    for (const [name, flag] of Object.entries(names)) assert.strictEqual(kebab(name), flag)
  })

  it.effect("give way to the command's own, and to each other", () =>
    Effect.gen(function* () {
      const made = yield* flags(
        flowOf({
          directory: Schema.String,
          trainFile: Schema.String,
          train_file: Schema.String,
          parameterTag: Schema.String,
          tag: Schema.String
        }),
        new Set(["directory", "tag"]),
        { partial: false }
      )
      assert.deepStrictEqual(
        made.map(({ flag }) => flag),
        ["parameter-directory", "train-file", "parameter-train-file", "parameter-tag", "parameter-parameter-tag"]
      )
    })
  )

  it.effect("take what each kind of schema is typed as", () =>
    Effect.gen(function* () {
      const cases: ReadonlyArray<readonly [Schema.Codec<any, any>, ReadonlyArray<string>, unknown]> = [
        [Schema.String, ["--p", "a b"], "a b"],
        [Schema.String, ["--p", "17"], "17"],
        [Schema.NonEmptyString, ["--p", "x"], "x"],
        [Schema.Number, ["--p", "-1.5e3"], -1500],
        [Schema.Number, ["--p", "Infinity"], Number.POSITIVE_INFINITY],
        [Schema.Int, ["--p=12"], 12],
        [Schema.Finite, ["--p", ".5"], 0.5],
        [Schema.FiniteFromString, ["--p", "2.5"], 2.5],
        [Schema.BigInt, ["--p", "12345678901234567890"], 12345678901234567890n],
        [Schema.Boolean, ["--p"], true],
        [Schema.Boolean, ["--no-p"], false],
        [Schema.Boolean, ["--p", "false"], false],
        [Schema.Literals(["a", "b"]), ["--p", "b"], "b"],
        [Schema.Literals([1, 2]), ["--p", "2"], 2],
        [Schema.Literals([1, "one"]), ["--p", "one"], "one"],
        [Schema.Literals([1, "one"]), ["--p", "1"], 1],
        [Schema.Date, ["--p", "2024-02-03"], new Date("2024-02-03")],
        [Schema.DateTimeUtc, ["--p", "2024-02-03T04:05:06Z"], DateTime.makeUnsafe("2024-02-03T04:05:06Z")],
        [Schema.Array(Schema.String), ["--p", '["a","b"]'], ["a", "b"]],
        [Schema.Array(Schema.Date), ["--p", '["2024-02-03"]'], [new Date("2024-02-03")]],
        [Schema.Struct({ a: Schema.Number }), ["--p", '{"a":1}'], { a: 1 }],
        [Schema.Record(Schema.String, Schema.Boolean), ["--p", '{"a":true}'], { a: true }],
        [Schema.NullOr(Schema.Number), ["--p", "null"], null],
        [Schema.NullOr(Schema.Number), ["--p", "3"], 3],
        [Schema.Union([Schema.String, Schema.Number]), ["--p", "3"], 3],
        [Schema.Union([Schema.String, Schema.Number]), ["--p", "three"], "three"],
        [Schema.Option(Schema.Number), ["--p", '{"_tag":"Some","value":1}'], Option.some(1)]
      ]
      for (const [schema, words, value] of cases) {
        assert.deepStrictEqual(yield* parse({ p: schema }, words), { p: value }, words.join(" "))
      }
    })
  )

  it.effect("refuse what does not fit, by the flag's name and what was expected", () =>
    Effect.gen(function* () {
      const message = (schema: Schema.Codec<any, any>, ...words: ReadonlyArray<string>) => parse({ p: schema }, words)
      assert.strictEqual(
        yield* message(Schema.Number, "--p", "1k"),
        'Invalid value for flag --p: "1k". Expected: a number'
      )
      assert.match(
        String(yield* message(Schema.Int, "--p", "1.5")),
        /^Invalid value for flag --p: "1.5". Expected an integer/
      )
      assert.match(String(yield* message(Schema.Date, "--p", "soon")), /^Invalid value for flag --p: "soon"\. /)
      assert.match(
        String(yield* message(Schema.Array(Schema.String), "--p", "a,b")),
        /^Invalid value for flag --p: "a,b"\. Expected: an array \(as JSON text, such as '\["a,b"\]'\)$/
      )
      assert.match(String(yield* message(Schema.Array(Schema.Number), "--p", "3")), / such as '\[3\]'\)$/)
      assert.match(String(yield* message(Schema.Array(Schema.Number), "--p", "x")), /\(as JSON text\)$/)
      assert.match(String(yield* message(Schema.Array(Schema.String), "--p", "[1]")), /\(as JSON text\)$/)
      // The words that stand for NaN and the like in JSON are not what a user types.
      for (const [schema, text] of [
        [Schema.Number, "1e400"],
        [Schema.Number, ""],
        [Schema.NullOr(Schema.Number), "x"]
      ] as const) {
        const told = String(yield* message(schema, "--p", text))
        assert.match(told, /xpected:? a number/)
        assert.notInclude(told, "Infinity")
      }
      assert.match(String(yield* message(Schema.Literals(["a", "b"]), "--p", "c")), /"a" \| "b"/)
      assert.strictEqual(yield* message(Schema.String), "Missing required flag: --p")
      assert.strictEqual(yield* message(Schema.Boolean), "Missing required flag: --p")
    })
  )

  it.effect("may be left out where there is a default or the schema allows it, and all of them on resume", () =>
    Effect.gen(function* () {
      const parameters = {
        a: Flow.parameter(Schema.Number, { default: 3 }),
        b: Schema.optionalKey(Schema.String),
        c: Flow.parameter(Schema.Boolean, { default: true }),
        d: Schema.String.pipe(Schema.withConstructorDefault(Effect.succeed("x")))
      }
      assert.deepStrictEqual(yield* parse(parameters, []), {})
      assert.deepStrictEqual(yield* parse(parameters, ["--no-c", "--b", "y"]), { b: "y", c: false })
      assert.deepStrictEqual(yield* parse({ e: Schema.String }, [], { partial: true }), {})
    })
  )

  it.effect("take durations as people write them", () =>
    Effect.gen(function* () {
      const wait = (text: string) => parse({ wait: Schema.Duration }, ["--wait", text])
      const written: ReadonlyArray<readonly [text: string, milliseconds: number]> = [
        ["90s", 90_000],
        ["1m 30s", 90_000],
        ["1h30min", 5_400_000],
        ["1.5 hours", 5_400_000],
        ["5 minutes", 300_000],
        ["250ms", 250],
        ["Infinity", Number.POSITIVE_INFINITY]
      ]
      for (const [text, milliseconds] of written) {
        const { wait: duration } = (yield* wait(text)) as { readonly wait: Duration.Duration }
        assert.strictEqual(Duration.toMillis(duration), milliseconds, text)
      }
      for (const text of ["5", "soon", "5 apples", "5 minutes x"])
        assert.match(String(yield* wait(text)), /a duration, such as 90s/, text)
      // Whatever form the schema gives them.
      for (const schema of [
        Schema.DurationFromMillis,
        Schema.DurationFromString,
        Schema.DurationFromNanos,
        Schema.DurationFromIsoString
      ]) {
        const { wait: duration } = (yield* parse({ wait: schema }, ["--wait", "1m 30s"])) as {
          readonly wait: Duration.Duration
        }
        assert.strictEqual(Duration.toMillis(duration), 90_000)
        assert.match(String(yield* parse({ wait: schema }, ["--wait", "soon"])), /a duration, such as 90s/)
      }
    })
  )

  it.effect("refuse properties that a structured parameter does not have", () =>
    Effect.gen(function* () {
      const parameters = { o: Schema.Struct({ inner: Schema.Struct({ a: Schema.Int }) }) }
      assert.deepStrictEqual(yield* parse(parameters, ["--o", '{"inner":{"a":1}}']), { o: { inner: { a: 1 } } })
      assert.match(String(yield* parse(parameters, ["--o", '{"inner":{"a":1,"b":2}}'])), /at \["inner"\]\["b"\]/)
    })
  )

  it("carry any value there and back", () =>
    FastCheck.assert(
      FastCheck.asyncProperty(
        FastCheck.record({
          text: FastCheck.string({ unit: "grapheme" }),
          number: FastCheck.double(),
          list: FastCheck.array(FastCheck.string())
        }),
        async (value) => {
          const parameters = { text: Schema.String, number: Schema.Number, list: Schema.Array(Schema.String) }
          const words = [
            `--text=${value.text}`,
            `--number=${Object.is(value.number, -0) ? "-0" : value.number}`,
            `--list=${JSON.stringify(value.list)}`
          ]
          assert.deepStrictEqual(await Effect.runPromise(parse(parameters, words)), value)
        }
      )
    ))
})
