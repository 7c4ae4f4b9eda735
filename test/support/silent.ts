/** A TCP proxy on loopback behind which a server falls silent in the middle, as a suspended machine does. */
import { connect, createServer, type Socket } from "node:net"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"

/** A server through a proxy. */
export interface Silent {
  readonly url: string
  /** From the first chunk on of which this holds, nothing is passed on in either direction, and connections stay open. */
  readonly fallSilentAt: (holds: (chunk: string) => boolean) => void
  /** When it has fallen silent. */
  readonly isSilent: Effect.Effect<void>
}

/** A server through a proxy that ends with the scope. */
export const make = (url: string): Effect.Effect<Silent, never, Scope.Scope> =>
  Effect.gen(function* () {
    const silent = yield* Deferred.make<void>()
    let isSilent = false
    let holds: (chunk: string) => boolean = () => false
    const { hostname, port } = new URL(url)
    const sockets = new Set<Socket>()
    const server = createServer({ noDelay: true }, (near) => {
      const far = connect({ host: hostname, port: Number(port), noDelay: true })
      for (const [from, to] of [
        [near, far],
        [far, near]
      ] as const) {
        sockets.add(from)
        from.on("error", () => to.destroy())
        from.on("close", () => to.destroy())
        from.on("data", (chunk) => {
          if (!isSilent && from === near && holds(chunk.toString("latin1"))) {
            isSilent = true
            Deferred.doneUnsafe(silent, Exit.void)
          }
          if (!isSilent) to.write(chunk)
        })
      }
    })
    yield* Effect.acquireRelease(
      Effect.promise(() => new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))),
      () =>
        Effect.sync(() => {
          server.close()
          for (const socket of sockets) socket.destroy()
        })
    )
    const address = server.address()
    const through = new URL(url)
    through.port = String(typeof address === "object" && address !== null ? address.port : 0)
    return {
      url: through.href,
      fallSilentAt: (condition: (chunk: string) => boolean) => {
        holds = condition
      },
      isSilent: Deferred.await(silent)
    }
  })
