/**
 * Secrets are not artifacts. Whatever would store one is refused when it is made; and a program that reads a secret in
 * every way that it may leaves it nowhere.
 */
import { readdirSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Artifact from "../src/Artifact.ts"
import { CurrentTask } from "../src/CurrentTask.ts"
import * as Flow from "../src/Flow.ts"
import { FlowError } from "../src/FlowError.ts"
import * as Run from "../src/Run.ts"
import * as Step from "../src/Step.ts"
import * as Storage from "../src/Storage.ts"
import * as Ui from "../src/Ui.ts"
import { run } from "./cli/process.ts"
import { ask } from "./support/ask.ts"
import { temporaryDirectory } from "./support/directory.ts"

const secret = "hunter2-and-a-secret"

const flowFile = join(import.meta.dirname, "support", "secretFlow.ts")

const Token = Schema.Redacted(Schema.String)
const never = () => Effect.die("not run")

describe("a secret is refused where it is declared", () => {
  const made: ReadonlyArray<readonly [string, () => unknown, string]> = [
    ["a parameter", () => Flow.make("F", { parameters: { token: Token as never }, steps: [], run: never }), '"token"'],
    [
      "a part of a parameter",
      () => {
        const Account = Schema.Struct({ user: Schema.String, keys: Schema.Array(Schema.Option(Token)) })
        return Flow.make("F", { parameters: { account: Account as never }, steps: [], run: never })
      },
      '"account.keys.[]"'
    ],
    ["an input", () => Step.make("s", { input: { token: Token as never }, run: never }), '"token"'],
    [
      "a part of an output",
      () => Step.make("s", { output: { a: Schema.Struct({ b: Schema.NullOr(Token) }) as never }, run: never }),
      '"a.b"'
    ],
    [
      "an encoded secret",
      () => Step.make("s", { output: { a: Schema.RedactedFromValue(Schema.String) as never }, run: never }),
      '"a"'
    ],
    [
      "a column",
      () => Step.make("s", { output: { t: Artifact.table({ token: Token }) as never }, run: never }),
      '"t.columns.token"'
    ],
    [
      "an error",
      () => {
        class Denied extends Schema.TaggedError<Denied>()("Denied", { token: Token }) {}
        return Step.make("s", { error: Denied as never, run: never })
      },
      '"token"'
    ],
    [
      "an output of a flow",
      () => Flow.make("F", { output: { token: Token as never }, steps: [], run: never }),
      '"token"'
    ]
  ]
  for (const [what, make, place] of made) {
    it(what, () => {
      const error = catching(make)
      assert.instanceOf(error, FlowError)
      assert.strictEqual(error.reason, "secret")
      assert.include(error.message, place)
      assert.include(error.message, "read it with Config.Redacted in the step or its layer")
    })
  }
})

const catching = (make: () => unknown): unknown => {
  try {
    return make()
  } catch (error) {
    return error
  }
}

describe("a checkpoint", () => {
  it.effect("is refused when it is opened, if it would hold a secret or what can't be stored", () =>
    Effect.gen(function* () {
      const open = (schema: Schema.Top) => {
        const step = Step.make("s", { run: () => Effect.asVoid(CurrentTask.checkpoint(schema as never)) })
        return Effect.exit(Flow.run(Flow.make("F", { steps: [step], run: () => step() }), {}))
      }
      const refused = (exit: Exit.Exit<unknown, unknown>) =>
        Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
      const secret = refused(yield* open(Schema.Struct({ page: Schema.Int, token: Token })))
      assert.instanceOf(secret, FlowError)
      assert.include(
        secret.message,
        'The checkpoint "checkpoint" of s/1 can\'t be stored: "token" is a secret (Redacted)'
      )
      const any = refused(yield* open(Schema.Any))
      assert.instanceOf(any, FlowError)
      assert.include(any.message, "it is Schema.Any")
    }).pipe(Effect.provide(Storage.layerMemory))
  )
})

describe("a secret that no type shows", () => {
  it.effect("is refused under Schema.Unknown, and in what a flow yields, with its place", () =>
    Effect.gen(function* () {
      const hide = Step.make("hide", {
        output: { v: Schema.Unknown },
        run: () => Effect.succeed({ v: { account: [{ token: Redacted.make(secret) }] } })
      })
      const error = yield* Effect.flip(Flow.run(Flow.make("Hide", { steps: [hide], run: () => hide() }), {}))
      assert.include(error.message, "at account.0.token: expected JSON, got a secret (Redacted)")
      assert.include(error.message, "Config.Redacted")
      const yields = Flow.make("Yields", {
        steps: [],
        run: () => Effect.succeed({ a: [Redacted.make(secret) as unknown] })
      })
      const refused = yield* Effect.flip(Flow.run(yields, {}))
      assert.include(refused.message, "(at a.0): it is a secret (Redacted)")
      assert.notInclude(error.message + refused.message, secret)
    }).pipe(Effect.provide(Storage.layerMemory))
  )
})

describe("a secret that is read as it should be", () => {
  for (const executor of ["fibers", "threads"]) {
    it.live(`is nowhere in the store, on the terminal, on the page and in cards, on ${executor}`, () =>
      Effect.gen(function* () {
        const directory = yield* temporaryDirectory
        const { code, stderr, stdout } = yield* run(
          flowFile,
          ["run", "--executor", executor, "--directory", directory],
          { env: { TOKEN: secret } }
        )
        assert.strictEqual(code, 1)
        assert.include(stderr, "could not log in with <redacted>")
        const found: Array<string> = []
        const look = (where: string, content: string | Buffer) => {
          if (content.includes(secret)) found.push(where)
        }
        look("stdout", stdout)
        look("stderr", stderr)
        const files = readdirSync(directory, { recursive: true, encoding: "utf8" }).map((name) => join(directory, name))
        assert.isNotEmpty(files)
        for (const file of files) if (statSync(file).isFile()) look(file, readFileSync(file))
        for (const verb of executor === "threads" ? ["show", "card"] : []) {
          const shown = yield* run(flowFile, [verb, "latest", "--directory", directory])
          assert.strictEqual(shown.code, 0, shown.stderr)
          look(verb, shown.stdout + shown.stderr)
        }
        yield* Effect.gen(function* () {
          const { url } = yield* Ui.Server
          const { id } = yield* Run.get("latest")
          const tasks = yield* Run.tasks(id)
          const ofTasks = tasks.flatMap(({ id: task }) => [`/tasks/${task}`, `/tasks/${task}/why`])
          const digests = tasks.flatMap(({ outputs }) => outputs.map(({ digest }) => `/api/artifacts/${digest}`))
          for (const path of [
            "/api/runs",
            ...["", "/tasks", "/logs", "/metrics", "/cards", ...ofTasks].map((part) => `/api/runs/${id}${part}`),
            ...digests.flatMap((path) => [path, `${path}/content`, `${path}/uses`])
          ]) {
            const { bytes, status } = yield* ask(url, path)
            assert.strictEqual(status, 200, path)
            look(path, bytes)
            if (!path.endsWith("/logs")) continue
            for (const said of ["the account is", "with annotations", "printed", "held by", "written"]) {
              assert.include(bytes.toString(), said)
            }
          }
        }).pipe(Effect.provide(Ui.layer({ port: 0 }).pipe(Layer.provideMerge(Storage.layerLocal({ directory })))))
        assert.deepStrictEqual(found, [])
      })
    )
  }
})
