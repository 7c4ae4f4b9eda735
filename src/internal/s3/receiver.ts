/**
 * Reads ranges of objects straight into arrays of the caller's, over connections of its own.
 *
 * `node:http` allocates an array for every packet and copies it into another: for a gigabyte, that takes four times the
 * processor time of receiving it, and a hundred megabytes of garbage. A socket can read into a given array (`onread`), but
 * Node's HTTP client can't be told to. So this speaks as much of HTTP/1.1 as the answer to a ranged read takes: a head that
 * states a length, and that many bytes. It yields nothing where a server answers in any other way, and `transport.ts` asks
 * again.
 */
import * as Net from "node:net"
import * as Tls from "node:tls"
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import { closed, longestMs, type Outgoing, stalled } from "./exchange.ts"

/** An answer whose body lies where the caller wanted it. */
export interface Received {
  readonly status: number
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body: Uint8Array
}

export interface Receiver {
  /**
   * Sends a request without a body.
   *
   * @param into Where a body of a length goes; it is called once the head is there.
   * @returns Nothing if the answer has to be read in another way. Fails with what the system or the connection reports.
   */
  readonly receive: (
    request: Outgoing,
    into: (length: number) => Uint8Array
  ) => Effect.Effect<Received | undefined, unknown>
  readonly close: () => void
}

/** How many connections there are at most. */
const connections = 64

/** A connection that nothing used for so long is closed, before the server does it in the middle of a request. */
const idleMs = 4000

/** No head is longer; with it comes the beginning of the body. */
const headBytes = 16 * 1024

/** The longest answer to be read that is no success, in bytes. */
const refusalBytes = 64 * 1024

/** What a connection is busy with. */
interface Exchange {
  readonly into: (length: number) => Uint8Array
  readonly largestBytes: number
  readonly end: (received: Received | undefined) => void
  readonly fail: (cause: unknown) => void
}

/** @param stallMs After so long without a byte in either direction, a connection is taken for dead. */
export const make = (stallMs: number): Receiver => {
  const turns = Semaphore.makeUnsafe(connections)
  const idle = new Map<string, Array<Connection>>()
  const free = (url: URL): Connection => {
    const waiting = idle.get(url.origin)
    for (let next = waiting?.pop(); next !== undefined; next = waiting?.pop()) if (next.isOpen()) return next
    return connect(url, (connection) => {
      const others = idle.get(url.origin)
      if (others === undefined) idle.set(url.origin, [connection])
      else others.push(connection)
    })
  }
  return {
    receive: (request, into) =>
      turns.withPermit(
        Effect.callback((resume) => {
          const connection = free(request.url)
          const limitMs = longestMs(request, stallMs)
          const limit = setTimeout(() => fail(stalled(limitMs)), limitMs)
          limit.unref()
          const fail = (cause: unknown): void => {
            clearTimeout(limit)
            connection.destroy()
            resume(Effect.fail(cause))
          }
          connection.begin(request, stallMs, {
            into,
            largestBytes: request.answerBytes ?? 0,
            fail,
            end: (received) => {
              clearTimeout(limit)
              resume(Effect.succeed(received))
            }
          })
          return Effect.sync(() => {
            clearTimeout(limit)
            connection.destroy()
          })
        })
      ),
    close: () => {
      for (const waiting of idle.values()) for (const connection of waiting) connection.destroy()
      idle.clear()
    }
  }
}

/** A connection, which serves one exchange after the other. */
interface Connection {
  readonly begin: (request: Outgoing, stallMs: number, exchange: Exchange) => void
  readonly isOpen: () => boolean
  readonly destroy: () => void
}

/** @param release Is told when an exchange is over and the connection good for another one. */
const connect = (url: URL, release: (connection: Connection) => void): Connection => {
  const head = Buffer.allocUnsafeSlow(headBytes)
  let headLength = 0
  let exchange: Exchange | undefined
  let answer: (Received & { readonly isLast: boolean }) | undefined
  let at = 0

  /** Ends the exchange, if there is one, and says which it was. */
  const take = (): Exchange | undefined => {
    const ended = exchange
    exchange = undefined
    answer = undefined
    headLength = 0
    return ended
  }

  const abandon = (cause: unknown): void => take()?.fail(cause)

  const finish = (received: Received & { readonly isLast: boolean }): void => {
    const ended = take()
    if (received.isLast) socket.destroy()
    else {
      socket.setTimeout(idleMs)
      socket.unref()
      release(connection)
    }
    ended?.end(received)
  }

  /** Reads the head, once it is whole, and the bytes of the body that came with it. */
  const readHead = (current: Exchange): void => {
    const length = head.subarray(0, headLength).indexOf("\r\n\r\n")
    if (length < 0 && headLength < headBytes) return
    const parsed = length < 0 ? undefined : parse(head.toString("latin1", 0, length), current.largestBytes)
    const rest = headLength - length - 4
    if (parsed === undefined || rest > parsed.length) {
      take()?.end(undefined)
      socket.destroy()
      return
    }
    const { headers, isLast, status } = parsed
    const body = status < 300 ? current.into(parsed.length) : new Uint8Array(parsed.length)
    head.copy(body, 0, length + 4, headLength)
    at = rest
    answer = { status, headers, body, isLast }
  }

  const onread: Net.OnReadOpts = {
    buffer: () => answer?.body.subarray(at) ?? head.subarray(headLength),
    callback: (count) => {
      if (exchange === undefined) {
        socket.destroy() // bytes that nobody asked for
        return false
      }
      if (answer === undefined) {
        headLength += count
        readHead(exchange)
      } else at += count
      if (answer !== undefined && at === answer.body.length) finish(answer)
      return !socket.destroyed
    }
  }

  const isSecure = url.protocol === "https:"
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1")
  const options = { host, port: Number(url.port) || (isSecure ? 443 : 80), noDelay: true, keepAlive: true, onread }
  const socket: Net.Socket = isSecure
    ? // A literal address is no name that a certificate could be chosen by.
      Tls.connect({ ...options, ...(Net.isIP(host) === 0 ? { servername: host } : {}) })
    : Net.connect(options)
  socket.on("error", abandon)
  socket.on("close", () => abandon(closed()))
  socket.on("timeout", () => {
    abandon(stalled(socket.timeout ?? 0))
    socket.destroy()
  })

  const connection: Connection = {
    isOpen: () => socket.writable && !socket.destroyed,
    destroy: () => {
      take()
      socket.destroy()
    },
    begin: ({ headers, method, url }, stallMs, next) => {
      exchange = next
      socket.ref()
      socket.setTimeout(stallMs)
      socket.write(headOf(method, url, headers), "latin1")
    }
  }
  return connection
}

const headOf = (method: string, url: URL, headers: Outgoing["headers"]): string => {
  const lines = Object.entries({ host: url.host, ...headers }).map(([name, value]) => `${name}: ${value}`)
  return `${[`${method} ${url.pathname}${url.search} HTTP/1.1`, ...lines].map(oneLine).join("\r\n")}\r\n\r\n`
}

/** No value of a request begins a line of its own. */
const oneLine = (text: string): string => text.replace(/[\r\n]+/g, " ")

/** A head, if it announces a body that can be read as it comes. */
const parse = (text: string, largestBytes: number) => {
  const [first = "", ...lines] = text.split("\r\n")
  const status = Number(/^HTTP\/1\.1 ([2-5]\d\d)( |$)/.exec(first)?.[1])
  const headers: Record<string, string> = {}
  for (const line of lines) {
    const colon = line.indexOf(":")
    if (colon <= 0) return undefined
    const name = line.slice(0, colon).toLowerCase()
    if (name in headers && name === "content-length") return undefined
    headers[name] = line.slice(colon + 1).trim()
  }
  const stated = headers["content-length"] ?? ""
  const length = /^\d{1,15}$/.test(stated) ? Number(stated) : Number.NaN
  const isReadable = headers["transfer-encoding"] === undefined && headers["content-encoding"] === undefined
  return isReadable && length <= (status < 300 ? largestBytes : refusalBytes)
    ? { status, headers, length, isLast: /\bclose\b/i.test(headers.connection ?? "") }
    : undefined
}
