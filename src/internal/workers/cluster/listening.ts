/**
 * Where a worker listens. Its address is registered before it listens there, so a worker that may have any port chooses a
 * free one first. Another process can take that port in between; then the worker chooses again.
 */
import { createServer } from "node:net"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import { ExecutorError } from "../../../Executor.ts"
import { codeOf, reasonOf } from "../../cause.ts"
import type { Settings } from "./settings.ts"

/** A worker's server could not be opened, and not because of the database. */
export class CannotListen extends Data.TaggedError("CannotListen")<{ readonly cause: unknown }> {}

/** The error of a server that could not be opened, looked for in an error and in its causes. */
export const errorIn = (error: unknown): CannotListen | undefined => {
  if (typeof error !== "object" || error === null) return undefined
  const { cause, reason, syscall } = error as { readonly [name: string]: unknown } // looked at below
  if (syscall === "listen" || syscall === "bind") return new CannotListen({ cause: error })
  return errorIn(reason) ?? errorIn(cause)
}

/** The number of ports that are tried, where any will do. */
const portsTried = 10

/** Builds what listens: at the port of the settings, or if that is 0, at one that is free. */
export const withPort = Effect.fnUntraced(function* <A, R>(
  settings: Settings,
  build: (settings: Settings) => Effect.Effect<A, ExecutorError | CannotListen, R>
): Effect.fn.Return<{ readonly settings: Settings; readonly built: A }, ExecutorError, R> {
  const host = settings.listenHost ?? settings.host
  for (let triesLeft = settings.port === 0 ? portsTried : 1; ; triesLeft--) {
    const port = settings.port === 0 ? yield* freePort(host) : settings.port
    const own = { ...settings, port }
    const built = yield* build(own).pipe(
      Effect.catchTag("CannotListen", ({ cause }) =>
        triesLeft > 1 && codeOf(cause) === "EADDRINUSE"
          ? Effect.succeed(undefined)
          : Effect.fail(refused(host, port, cause))
      )
    )
    if (built !== undefined) return { settings: own, built }
  }
})

const refused = (host: string, port: number, cause: unknown) => {
  const remedy =
    codeOf(cause) === "EADDRNOTAVAIL" || port === 0
      ? "Set EFFECT_FLOW_LISTEN_HOST to an address of this machine"
      : "Set EFFECT_FLOW_PORT to another port, or to 0 for any that is free"
  return new ExecutorError({
    reason: "settings",
    message: `The worker can't listen at ${host}${port === 0 ? "" : `:${port}`}: ${reasonOf(cause)}. ${remedy}.`
  })
}

/** Finds a port that is free now. */
const freePort = (host: string) =>
  Effect.callback<number, ExecutorError>((resume) => {
    const server = createServer()
    server.once("error", (error) => resume(Effect.fail(refused(host, 0, error))))
    server.listen(0, host, () => {
      const address = server.address()
      server.close(() => resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : 0)))
    })
  })
