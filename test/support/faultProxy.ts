/**
 * A proxy between client and server that goes wrong as networks and servers do: it cuts connections before or after the
 * server has done its work, answers in the server's place, stalls, trickles, truncates, and changes bytes.
 */
import * as Http from "node:http"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

/** What goes wrong with one request. */
export type Fault =
  | "none"
  /** The connection is cut before the server gets the request. */
  | "cut"
  /** The server does what it is asked, and its answer is lost. */
  | "lost"
  /** The answer is that of a server that is overloaded. */
  | "503"
  | "429"
  | "500"
  /** The answer is that the credentials have expired. */
  | "expired"
  /** Nothing comes. */
  | "stall"
  /** Half of the answer comes, then nothing. */
  | "half"
  /** Half of the answer comes, then the connection is cut. */
  | "truncated"
  /** The answer comes slowly. */
  | "slow"
  /** A byte of the answer's body is another one. */
  | "wrong"
  /** A byte of the request's body is another one. */
  | "wrongRequest"

export const faults: ReadonlyArray<Fault> = [
  "cut",
  "lost",
  "503",
  "429",
  "500",
  "stall",
  "half",
  "truncated",
  "slow",
  "wrong",
  "wrongRequest"
]

export interface FaultProxy {
  readonly endpoint: string
  /** How many requests met each fault. */
  readonly counts: ReadonlyMap<Fault, number>
  /** How many requests arrived. */
  readonly requests: () => number
}

/**
 * Starts a proxy; it ends with the scope.
 *
 * @param target The server's URL.
 * @param choose What goes wrong with a request.
 */
export const make = (
  target: string,
  choose: (request: { readonly method: string; readonly url: string }) => Fault
): Effect.Effect<FaultProxy, never, Scope.Scope> =>
  Effect.gen(function* () {
    const counts = new Map<Fault, number>()
    let requests = 0
    const server = Http.createServer((request, response) => {
      requests++
      const fault = choose({ method: request.method ?? "", url: request.url ?? "" })
      counts.set(fault, (counts.get(fault) ?? 0) + 1)
      void pass(target, request, response, fault).catch(() => response.destroy())
    })
    yield* Effect.acquireRelease(
      Effect.promise(() => new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))),
      () =>
        Effect.promise(
          () =>
            new Promise<void>((resolve) => {
              server.close(() => resolve())
              server.closeAllConnections()
            })
        )
    )
    const address = server.address()
    const port = typeof address === "object" && address !== null ? address.port : 0
    return { endpoint: `http://127.0.0.1:${port}`, counts, requests: () => requests }
  })

const pass = async (
  target: string,
  request: Http.IncomingMessage,
  response: Http.ServerResponse,
  fault: Fault
): Promise<void> => {
  if (fault === "cut") return void request.socket.destroy()
  const body = Buffer.concat(await request.toArray())
  if (fault === "stall") return
  if (fault === "503" || fault === "429" || fault === "500" || fault === "expired") {
    response.writeHead(fault === "expired" ? 400 : Number(fault), { "content-type": "application/xml" })
    return void response.end(`<?xml version="1.0"?><Error><Code>${codes[fault]}</Code></Error>`)
  }
  const answer = await forward(target, request, fault === "wrongRequest" ? altered(body) : body)
  if (fault === "lost") return void request.socket.destroy()
  const bytes =
    fault === "wrong" && answer.status < 300 && request.method === "GET" ? altered(answer.body) : answer.body
  response.writeHead(answer.status, answer.headers)
  switch (fault) {
    case "half":
      return void response.write(bytes.subarray(0, bytes.length / 2))
    case "truncated":
      response.write(bytes.subarray(0, bytes.length / 2), () => request.socket.destroy())
      return
    case "slow":
      for (let at = 0; at < bytes.length; at += Math.ceil(bytes.length / 10)) {
        response.write(bytes.subarray(at, at + Math.ceil(bytes.length / 10)))
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
      return void response.end()
    default:
      return void response.end(bytes)
  }
}

const codes = { "503": "SlowDown", "429": "TooManyRequests", "500": "InternalError", expired: "ExpiredToken" } as const

/** The same bytes but one, at another place each time. */
const altered = (bytes: Buffer): Buffer => {
  if (bytes.length === 0) return bytes
  const copy = Buffer.from(bytes)
  const at = Math.floor(Math.random() * bytes.length)
  copy[at] = (copy[at] ?? 0) ^ 1
  return copy
}

const forward = (
  target: string,
  { headers, method, url }: Http.IncomingMessage,
  body: Buffer
): Promise<{ readonly status: number; readonly headers: Http.IncomingHttpHeaders; readonly body: Buffer }> =>
  new Promise((resolve, reject) => {
    const sent = Http.request(`${target}${url}`, { method, headers }, (answer) => {
      answer
        .toArray()
        .then(
          (parts) => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(parts) }),
          reject
        )
    })
    sent.on("error", reject)
    sent.end(body)
  })
