/** A program that reads a secret in every way that it may, and says it wherever it can: none of it may disclose it. */
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Card from "../../src/Card.ts"
import * as Flow from "../../src/Flow.ts"
import * as FlowCli from "../../src/FlowCli.ts"
import * as Run from "../../src/Run.ts"
import * as Step from "../../src/Step.ts"

class Account extends Context.Service<Account, { readonly token: Redacted.Redacted }>()("test/Account") {}
class Denied extends Schema.TaggedError<Denied>()("Denied", { status: Schema.Int }) {}

const fromLayer = Step.make("fromLayer", {
  output: { length: Schema.Int },
  run: Effect.fnUntraced(function* () {
    const { token } = yield* Account
    yield* Effect.log("the account is", token, { nested: { token } })
    yield* Effect.logInfo("with annotations").pipe(Effect.annotateLogs({ token: String(token) }))
    yield* Effect.void.pipe(Effect.withSpan("login", { attributes: { token } }))
    console.error("held by", Option.some(token), new Map([["token", [token]]]), { token })
    process.stdout.write(`written ${token}\n`)
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
    const denied = new Denied({ status: 401 })
    denied.cause = new Error(`refused ${token}`, { cause: { token, all: [Option.some(token)] } })
    if (Redacted.value(token).length > 0) return yield* denied
    return { length: 0 }
  })
})
const dies = Step.make("dies", {
  run: Effect.fnUntraced(function* () {
    const token = yield* Effect.orDie(Config.Redacted("TOKEN"))
    return yield* Effect.die(new Error(`could not log in with ${token}`, { cause: { token } }))
  })
})

const account = Layer.effect(
  Account,
  Effect.map(Effect.orDie(Config.Redacted("TOKEN")), (token) => ({ token }))
)

export const Secrets = Flow.provide(
  Flow.make("Secrets", {
    steps: [fromLayer, fromConfig, dies],
    run: Effect.fnUntraced(function* () {
      const { length } = yield* fromLayer()
      yield* Effect.exit(fromConfig())
      yield* Effect.log("the flow has it, too", yield* Effect.orDie(Config.Redacted("TOKEN")))
      yield* dies()
      return { length: yield* length }
    })
  }),
  account
)

FlowCli.main(Secrets)
