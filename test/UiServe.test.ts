/** Starting the page's server: where it listens, what it prints, and what it says when it can't. */
import * as Net from "node:net"
import { assert, describe, it } from "@effect/vitest"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Storage from "../src/Storage.ts"
import * as Ui from "../src/Ui.ts"
import { ask } from "./support/ask.ts"

/** A port that another program has, until the scope ends. */
const taken = Effect.acquireRelease(
  Effect.callback<Net.Server>((resume) => {
    const server = Net.createServer()
    server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
  }),
  (server) => Effect.callback<void>((resume) => void server.close(() => resume(Effect.void)))
).pipe(Effect.map((server) => (server.address() as Net.AddressInfo).port)) // it listens on a port

/** The first line of the answer to a request that is sent as soon as a port accepts connections. */
const answeredAtOnce = (port: number): Effect.Effect<string> =>
  Effect.callback<string>((resume) => {
    const connect = (): void => {
      const socket = Net.connect(port, "127.0.0.1")
      socket.on("error", () => setImmediate(connect))
      socket.on("connect", () => socket.write(`GET /api/about HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`))
      socket.once("data", (data) => {
        socket.destroy()
        resume(Effect.succeed(String(data).split("\r\n")[0] ?? ""))
      })
    }
    connect()
  })

const start = (options: Ui.Options) =>
  Layer.build(Ui.layer(options)).pipe(Effect.provide(Storage.layerMemory), Effect.scoped)
const failure = (options: Ui.Options) =>
  Effect.map(Effect.flip(start(options)), ({ message, reason }) => `${reason}: ${message}`)

describe("Ui.layer", () => {
  it.live("says in a sentence that a port is in use", () =>
    Effect.gen(function* () {
      const port = yield* taken
      assert.match(yield* failure({ port }), new RegExp(`^port: Port ${port} on 127\\.0\\.0\\.1 is in use.*--port 0`))
    }).pipe(Effect.scoped)
  )

  it.live("says in a sentence that a port or a host is none", () =>
    Effect.gen(function* () {
      assert.match(yield* failure({ port: 70_000 }), /^port: 70000 is not a valid port/)
      assert.match(yield* failure({ port: -1 }), /^port: -1 is not a valid port/)
      assert.match(
        yield* failure({ port: 0, host: "203.0.113.7" }),
        /^host: This machine has no address 203\.0\.113\.7/
      )
      assert.match(
        yield* failure({ port: 0, host: "" }),
        /^host: The host is empty, which Node takes for every address/
      )
    })
  )

  it.live("answers a request that arrives as soon as it listens", () =>
    Effect.gen(function* () {
      const port = yield* Effect.scoped(taken)
      const answer = yield* Effect.forkChild(answeredAtOnce(port))
      yield* Layer.build(Ui.layer({ port }))
      assert.strictEqual(yield* Fiber.join(answer), "HTTP/1.1 200 OK")
    }).pipe(Effect.scoped, Effect.provide(Storage.layerMemory))
  )

  it.live("serves as long as it lives, and lets go of its port with pages still open", () =>
    Effect.gen(function* () {
      const port = yield* Effect.gen(function* () {
        const { port, url } = yield* Ui.Server
        assert.strictEqual((yield* ask(url, "/api/about")).status, 200)
        // A page that goes on listening.
        yield* Effect.forkDetach(Effect.ignoreCause(ask(url, "/api/live")))
        yield* Effect.sleep(100)
        return port
      }).pipe(Effect.provide(Ui.layer({ port: 0 })))
      yield* start({ port })
    }).pipe(Effect.provide(Storage.layerMemory))
  )
})

describe("Ui.serve", () => {
  const printed = Effect.fnUntraced(function* (options: Ui.Options) {
    const out: Array<string> = []
    const err: Array<string> = []
    const console = {
      ...globalThis.console,
      log: (text: string) => out.push(text),
      error: (text: string) => err.push(text)
    }
    const fiber = yield* Effect.forkChild(
      Ui.serve(options).pipe(Effect.provideService(Console.Console, console), Effect.provide(Storage.layerMemory))
    )
    yield* Effect.sleep(20).pipe(Effect.repeat({ until: () => out.length > 0 && err.length > 0 }))
    yield* Fiber.interrupt(fiber)
    return { out, err }
  })

  it.live("prints the page's address, on standard output alone", () =>
    Effect.gen(function* () {
      const { err, out } = yield* printed({ port: 0 })
      assert.match(out.join("\n"), /^http:\/\/127\.0\.0\.1:\d+$/)
      assert.notMatch(err.join("\n"), /no password/)
    })
  )

  it.live("says what it means to listen beyond this machine", () =>
    Effect.gen(function* () {
      const { err, out } = yield* printed({ port: 0, host: "0.0.0.0" })
      assert.match(out.join("\n"), /^http:\/\/localhost:\d+$/)
      assert.match(
        err.join("\n"),
        /Anyone who reaches this machine on 0\.0\.0\.0 can read every run, log and artifact.*no password/
      )
    })
  )
})
