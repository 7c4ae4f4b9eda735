/** Where a worker listens when others take its port. */
import { createServer, type Server } from "node:net"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Listening from "../../../../src/internal/workers/cluster/listening.ts"
import * as ClusterSettings from "../../../../src/internal/workers/cluster/settings.ts"

const settings = (given: ClusterSettings.Given) =>
  ClusterSettings.load(
    { url: Redacted.make("postgres://ada@db/flows"), host: "127.0.0.1", port: 0, ...given },
    {} as never // its location is not needed where the URL is given
  )

/** Listens as the cluster's server does: with an error whose cause is the system's. */
const listen = (port: number, host = "127.0.0.1") =>
  Effect.acquireRelease(
    Effect.callback<Server, Listening.CannotListen>((resume) => {
      const server = createServer()
      server.once("error", (cause) => {
        const error = Listening.errorIn({ reason: { cause } })
        resume(error === undefined ? Effect.die(cause) : Effect.fail(error))
      })
      server.listen(port, host, () => resume(Effect.succeed(server)))
    }),
    (server) => Effect.sync(() => server.close())
  )

describe("a worker's port", () => {
  it.effect("is chosen again when another process took it before the worker listened", () =>
    Effect.gen(function* () {
      const tried: Array<number> = []
      const { built, settings: own } = yield* Listening.withPort(yield* settings({}), ({ port }) =>
        Effect.gen(function* () {
          tried.push(port)
          if (tried.length < 4) yield* listen(port)
          return yield* listen(port)
        })
      )
      assert.strictEqual(tried.length, 4)
      assert.strictEqual(own.port, tried[3])
      assert.deepStrictEqual(built.address(), { address: "127.0.0.1", family: "IPv4", port: own.port })
    }).pipe(Effect.scoped)
  )

  it.effect("is refused in a sentence, after a bounded number of tries", () =>
    Effect.gen(function* () {
      let tries = 0
      const error = yield* Effect.flip(
        Listening.withPort(yield* settings({}), ({ port }) => {
          tries++
          return Effect.andThen(listen(port), listen(port))
        })
      )
      assert.strictEqual(tries, 10)
      assert.match(error.message, /^The worker can't listen at 127\.0\.0\.1:\d+: the address is already in use/)
    }).pipe(Effect.scoped)
  )

  it.effect("that was given is tried once, and the sentence names the setting", () =>
    Effect.gen(function* () {
      const server = yield* listen(0)
      const address = server.address()
      const port = typeof address === "object" && address !== null ? address.port : 0
      const taken = yield* Effect.flip(Listening.withPort(yield* settings({ port }), ({ port }) => listen(port)))
      assert.strictEqual(
        taken.message,
        `The worker can't listen at 127.0.0.1:${port}: the address is already in use (EADDRINUSE). Set EFFECT_FLOW_PORT to another port, or to 0 for any that is free.`
      )
      const foreign = yield* Effect.flip(
        Listening.withPort(yield* settings({ port, listenHost: "203.0.113.7" }), ({ port }) =>
          listen(port, "203.0.113.7")
        )
      )
      assert.match(foreign.message, /can't listen at 203\.0\.113\.7:\d+: .*Set EFFECT_FLOW_LISTEN_HOST to an address/)
      const elsewhere = yield* Effect.flip(
        Listening.withPort(yield* settings({ listenHost: "203.0.113.7" }), ({ port }) => listen(port))
      )
      assert.match(elsewhere.message, /can't listen at 203\.0\.113\.7: .*Set EFFECT_FLOW_LISTEN_HOST to an address/)
    }).pipe(Effect.scoped)
  )
})
