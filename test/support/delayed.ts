/** A TCP proxy on loopback that delays every byte, as a database at a distance does, or loses all for a while. */
import { connect, createServer, type Socket } from "node:net"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

const forward = (from: Socket, to: Socket, delayMs: number, isCut: () => boolean): void => {
  from.on("data", (chunk) => {
    // What a partition swallows is gone: TCP would send it again for minutes, and then give up.
    if (isCut()) return void from.destroy()
    setTimeout(() => to.writable && to.write(chunk), delayMs)
  })
  from.on("end", () => setTimeout(() => to.end(), delayMs))
  from.on("error", () => to.destroy())
  from.on("close", () => setTimeout(() => to.destroy(), delayMs))
}

/** A database through a proxy. */
export interface Proxied {
  readonly url: string
  /** Loses what is sent through the proxy and lets nobody connect, or ends that. */
  readonly cut: (isCut: boolean) => Effect.Effect<void>
}

/**
 * A database through a proxy that ends with the scope.
 *
 * @param delayMs Milliseconds each way.
 * @param host The address to listen at.
 */
export const proxied = (url: string, delayMs: number, host = "127.0.0.1"): Effect.Effect<Proxied, never, Scope.Scope> =>
  Effect.suspend(() => {
    let isCut = false
    const open = Effect.promise(
      () =>
        new Promise<{ readonly port: number; readonly close: () => void }>((resolve) => {
          const { hostname, port } = new URL(url)
          const sockets = new Set<Socket>()
          const server = createServer({ noDelay: true }, (near) => {
            if (isCut) return void near.destroy()
            const far = connect({ host: hostname, port: Number(port), noDelay: true })
            for (const socket of [near, far]) {
              sockets.add(socket)
              socket.on("close", () => sockets.delete(socket))
            }
            forward(near, far, delayMs, () => isCut)
            forward(far, near, delayMs, () => isCut)
          })
          server.listen(0, host, () => {
            const address = server.address()
            resolve({
              port: typeof address === "object" && address !== null ? address.port : 0,
              close: () => {
                server.close()
                for (const socket of sockets) socket.destroy()
              }
            })
          })
        })
    )
    return Effect.map(
      Effect.acquireRelease(open, ({ close }) => Effect.sync(close)),
      ({ port }) => {
        const through = new URL(url)
        through.hostname = host
        through.port = String(port)
        return {
          url: through.href,
          cut: (value: boolean) =>
            Effect.sync(() => {
              isCut = value
            })
        }
      }
    )
  })

/** The URL of a database through such a proxy. */
export const delayed = (url: string, delayMs: number): Effect.Effect<string, never, Scope.Scope> =>
  Effect.map(proxied(url, delayMs), (proxy) => proxy.url)
