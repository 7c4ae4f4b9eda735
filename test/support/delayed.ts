/** A TCP proxy on loopback that delays every byte, as a database at a distance does. */
import { connect, createServer, type Socket } from "node:net"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

const forward = (from: Socket, to: Socket, delayMs: number): void => {
  from.on("data", (chunk) => setTimeout(() => to.writable && to.write(chunk), delayMs))
  from.on("end", () => setTimeout(() => to.end(), delayMs))
  from.on("error", () => to.destroy())
  from.on("close", () => setTimeout(() => to.destroy(), delayMs))
}

/**
 * The URL of a database, through a proxy that ends with the scope.
 *
 * @param delayMs Milliseconds each way.
 */
export const delayed = (url: string, delayMs: number): Effect.Effect<string, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.promise(
        () =>
          new Promise<{ readonly port: number; readonly close: () => void }>((resolve) => {
            const { hostname, port } = new URL(url)
            const sockets = new Set<Socket>()
            const server = createServer({ noDelay: true }, (near) => {
              const far = connect({ host: hostname, port: Number(port), noDelay: true })
              for (const socket of [near, far]) {
                sockets.add(socket)
                socket.on("close", () => sockets.delete(socket))
              }
              forward(near, far, delayMs)
              forward(far, near, delayMs)
            })
            server.listen(0, "127.0.0.1", () => {
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
      ),
      ({ close }) => Effect.sync(close)
    ),
    ({ port }) => {
      const through = new URL(url)
      through.hostname = "127.0.0.1"
      through.port = String(port)
      return through.href
    }
  )
