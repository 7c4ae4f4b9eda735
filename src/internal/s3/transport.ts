/**
 * One HTTP exchange: a request whose body is in memory or comes in parts, and an answer that is read into memory.
 * Everything that passes is small, because large objects are transferred in ranges and parts of a few megabytes.
 *
 * It is `node:http` itself and not a client on top of it, for one reason: its timeout counts from the last byte that
 * went either way. Clients that count from the beginning of a request, or only until its headers, give up on slow lines
 * or wait forever on dead ones.
 */
import * as Http from "node:http"
import * as Https from "node:https"
import * as Effect from "effect/Effect"
import { type Body, closed, type Incoming, longestMs, type Outgoing, stalled } from "./exchange.ts"
import * as Receiver from "./receiver.ts"

/** Connections that are kept open for later requests. */
export interface Transport {
  /** Sends a request. Fails with what the system or the connection reports. */
  readonly send: (request: Outgoing) => Effect.Effect<Incoming, unknown>
  readonly close: () => void
}

/**
 * @param stallMs After so long without a byte in either direction, a connection is taken for dead.
 */
export const make = (stallMs: number): Transport => {
  const options = { keepAlive: true, maxSockets: 64, scheduling: "lifo" } as const
  const agents = { http: new Http.Agent(options), https: new Https.Agent(options) }
  const receiver = Receiver.make(stallMs)
  const send: Transport["send"] = (request) =>
    Effect.callback((resume) => {
      const isSecure = request.url.protocol === "https:"
      const sent = (isSecure ? Https : Http).request(request.url, {
        method: request.method,
        headers: request.headers,
        agent: isSecure ? agents.https : agents.http
      })
      let isOver = false
      const fail = (cause: unknown): void => {
        if (isOver) return
        isOver = true
        sent.destroy()
        resume(Effect.fail(cause))
      }
      sent.setTimeout(stallMs, () => fail(stalled(stallMs)))
      const limitMs = longestMs(request, stallMs)
      const limit = setTimeout(() => fail(stalled(limitMs)), limitMs)
      limit.unref()
      sent.on("error", fail)
      sent.on("close", () => {
        clearTimeout(limit)
        fail(closed())
      })
      sent.on("response", (answer) => {
        const length = request.method === "HEAD" ? 0 : Number(answer.headers["content-length"] ?? Number.NaN)
        const body = collector(length)
        answer.on("data", body.add)
        answer.on("error", fail)
        answer.on("end", () => {
          if (!answer.complete || isOver) return
          isOver = true
          // The server may answer before it has read the whole request. What is left of it is not sent.
          if (!sent.writableFinished) sent.destroy()
          resume(
            Effect.succeed({
              status: answer.statusCode ?? 0,
              headers: answer.headers as Incoming["headers"], // those that are read here occur once
              body: body.bytes()
            })
          )
        })
      })
      void write(sent, request.body, () => isOver).catch(fail)
      return Effect.sync(() => {
        isOver = true
        sent.destroy()
      })
    })
  return {
    send: (request) =>
      request.into === undefined
        ? send(request)
        : Effect.flatMap(receiver.receive(request, request.into), (received) =>
            received === undefined ? send(request) : Effect.succeed(received)
          ),
    close: () => {
      receiver.close()
      agents.http.destroy()
      agents.https.destroy()
    }
  }
}

/** No answer is larger: ranges and lists are asked for in smaller pieces. */
const largestAnswer = 16 * 1024 * 1024

const write = async (request: Http.ClientRequest, body: Body, isOver: () => boolean): Promise<void> => {
  if (typeof body === "function") {
    for await (const part of body()) {
      if (isOver()) return
      await until(request, (done) => void request.write(part, done)) // the system has it
    }
  } else {
    for (const part of body) {
      if (isOver()) return
      if (!request.write(part)) await until(request, (done) => void request.once("drain", done))
    }
  }
  if (!isOver()) request.end()
}

/** Waits for something to be done, or for the end of a request. */
const until = (request: Http.ClientRequest, start: (done: () => void) => void): Promise<void> =>
  new Promise((resolve) => {
    const done = (): void => {
      request.off("close", done)
      resolve()
    }
    request.once("close", done)
    start(done)
  })

/** Gathers the body of an answer. */
interface Collector {
  readonly add: (part: Buffer) => void
  readonly bytes: () => Uint8Array
}

/** Gathers the parts of an answer: in one array of the announced length, so that a large one is copied once. */
const collector = (length: number): Collector => {
  if (length > 0 && length <= largestAnswer) {
    const bytes = new Uint8Array(length)
    let at = 0
    return {
      add: (part) => {
        bytes.set(part, at)
        at += part.length
      },
      bytes: () => bytes
    }
  }
  const gathered: Array<Buffer> = []
  return { add: (part) => void gathered.push(part), bytes: () => new Uint8Array(Buffer.concat(gathered)) }
}
