/**
 * Secrets are not artifacts. Whatever would store one is refused when it is made; and a program that reads a secret in
 * every way that it may leaves it nowhere.
 */
import { readdirSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Artifact from "../src/Artifact.ts"
import * as Card from "../src/Card.ts"
import * as Flow from "../src/Flow.ts"
import { FlowError } from "../src/FlowError.ts"
import * as Run from "../src/Run.ts"
import * as Step from "../src/Step.ts"
import * as Storage from "../src/Storage.ts"
import { temporaryDirectory } from "./support/directory.ts"

const secret = "hunter2-and-a-secret"

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

class Account extends Context.Service<Account, { readonly token: Redacted.Redacted }>()("test/Account") {}
class Denied extends Schema.TaggedError<Denied>()("Denied", { status: Schema.Int }) {}

const fromLayer = Step.make("fromLayer", {
  output: { length: Schema.Int },
  run: Effect.fnUntraced(function* () {
    const { token } = yield* Account
    yield* Effect.log("the account is", token, { nested: { token } })
    yield* Effect.logInfo("with annotations").pipe(Effect.annotateLogs({ token: String(token) }))
    return { length: Redacted.value(token).length }
  })
})
const fromConfig = Step.make("fromConfig", {
  output: { length: Schema.Int },
  error: Denied,
  run: Effect.fnUntraced(function* () {
    const token = yield* Effect.orDie(Config.Redacted("TOKEN"))
    console.log("printed", token)
    yield* Card.append(Card.markdown(`The token is ${token}.`))
    yield* Card.append(Card.table({ columns: ["token"], rows: [[String(token)]] }))
    yield* Run.metric("length", Redacted.value(token).length)
    if (Redacted.value(token).length > 0) return yield* new Denied({ status: 401 })
    return { length: 0 }
  })
})
const dies = Step.make("dies", {
  run: Effect.fnUntraced(function* () {
    const token = yield* Effect.orDie(Config.Redacted("TOKEN"))
    return yield* Effect.die(new Error(`could not log in with ${token}`, { cause: { token } }))
  })
})

describe("a secret that is read as it should be", () => {
  it.live("is nowhere in the store, in records, logs and cards", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const token = Effect.orDie(Config.Redacted("TOKEN"))
      const account = Layer.effect(
        Account,
        Effect.map(token, (token) => ({ token }))
      )
      const body = Flow.make("Secrets", {
        steps: [fromLayer, fromConfig, dies],
        run: Effect.fnUntraced(function* () {
          const { length } = yield* fromLayer()
          yield* Effect.exit(fromConfig())
          yield* Effect.exit(dies())
          return { length: yield* length }
        })
      })
      const flow = Flow.provide(body, account)
      const environment = ConfigProvider.layer(ConfigProvider.fromUnknown({ TOKEN: secret }))
      const on = Effect.provide(Layer.merge(Storage.layerLocal({ directory }), environment))
      const { output } = yield* Flow.run(flow, {}).pipe(on)
      assert.strictEqual(output.length, secret.length)
      const files = readdirSync(directory, { recursive: true, encoding: "utf8" }).map((name) => join(directory, name))
      assert.isNotEmpty(files)
      for (const file of files) {
        if (statSync(file).isFile()) assert.isFalse(readFileSync(file).includes(secret), `the secret is in ${file}`)
      }
    })
  )
})
