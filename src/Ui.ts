/**
 * The web page of a store: live runs, their graphs, logs, artifacts and cards. It is read-only and listens on the
 * loopback address by default.
 *
 * @example
 * ```ts
 * Ui.serve({ port: 4747 }).pipe(Effect.provide(Storage.layerLocal()), NodeRuntime.runMain)
 * ```
 */
import { constants, setPriority } from "node:os"
import * as Console from "effect/Console"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as HttpServer from "effect/http/HttpServer"
import type { ServeError } from "effect/http/HttpServerError"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type { ArtifactStore } from "./ArtifactStore.ts"
import { messageOf } from "./internal/cause.ts"
import { version } from "./internal/run/version.ts"
import * as UiSecurity from "./internal/server/security.ts"
import * as UiServer from "./internal/server/server.ts"
import type { RunStore } from "./RunStore.ts"

/** The page can't be served. The message says why and what to do. */
export class UiError extends Schema.TaggedError<UiError>()("UiError", {
  reason: Schema.Literals(["port", "host", "other"]),
  message: Schema.String
}) {}

/** Options for serving the page. */
export interface Options {
  /** Default: 4747, or any free port if that is in use. 0 selects any free port. */
  readonly port?: number
  /** The address to listen on. Default: 127.0.0.1, which only this machine reaches. */
  readonly host?: string
  /** The store's name on the page, for example its directory. */
  readonly store?: string
  /** The command line for this store, used in the commands that the page suggests. Default: `npx effect-flow`. */
  readonly command?: string
  /** The flow that `command` runs. Default: none, as for `npx effect-flow`. */
  readonly flow?: string
  /**
   * The flags that select this store in any command line and any directory, such as `--directory /data/flows`. Default:
   * none.
   */
  readonly storeFlags?: string
}

/** A running server. */
export class Server extends Context.Service<
  Server,
  {
    /** The page's address, `http://127.0.0.1:4747`. */
    readonly url: string
    readonly port: number
    readonly host: string
  }
>()("effect-flow/Ui/Server") {}

const loopback = "127.0.0.1"
const usual = 4747

/**
 * A server for the page that runs as long as the layer lives. Building it fails with `UiError` if the address can't be
 * listened on.
 *
 * @param options.port The port; 0 takes any free one. Default: 4747.
 * @param options.host The address to listen on. Default: the loopback address, which only this machine reaches.
 *
 * @example
 * ```ts
 * const server = Ui.layer({ port: 0 }).pipe(Layer.provide(Storage.layerLocal()))
 * ```
 */
export const layer = (options: Options = {}): Layer.Layer<Server, UiError, RunStore | ArtifactStore> => {
  const host = options.host ?? loopback
  const about = {
    store: options.store ?? "",
    version,
    command: options.command ?? "npx effect-flow",
    ...(options.flow === undefined ? {} : { flow: options.flow }),
    ...(options.storeFlags === undefined ? {} : { storeFlags: options.storeFlags })
  }
  const on = (port: number): Layer.Layer<Server, ServeError, RunStore | ArtifactStore> =>
    Layer.effect(
      Server,
      Effect.map(HttpServer.HttpServer, ({ address }) => {
        const bound = address._tag === "UnixPathAddress" ? port : address.port
        return { url: `http://${shown(host)}:${bound}`, port: bound, host }
      })
    ).pipe(Layer.provide(UiServer.layer(about, { host, port })))
  if (options.port !== undefined && !(Number.isInteger(options.port) && options.port >= 0 && options.port < 65_536)) {
    const message = `${options.port} is not a valid port. Give a whole number between 0 and 65535 with --port.`
    return Layer.effect(Server, Effect.fail(new UiError({ reason: "port", message })))
  }
  if (host === "") {
    const message = `The host is empty, which Node takes for every address of this machine. Name one with --host, or omit it to listen on ${loopback}.`
    return Layer.effect(Server, Effect.fail(new UiError({ reason: "host", message })))
  }
  const start =
    options.port === undefined
      ? Layer.catchTag(on(usual), "ServeError", (error) => (codeOf(error) === "EADDRINUSE" ? on(0) : failing(error)))
      : on(options.port)
  return Layer.catchTag(start, "ServeError", (error) =>
    Layer.effect(Server, Effect.fail(explain(error, host, options.port ?? usual)))
  )
}

const failing = (error: ServeError): Layer.Layer<Server, ServeError> => Layer.effect(Server, Effect.fail(error))

/** `::` and `0.0.0.0` are not addresses that a browser can open. */
const shown = (host: string): string =>
  host === "0.0.0.0" || host === "::" ? "localhost" : host.includes(":") ? `[${host}]` : host

const codeOf = (error: ServeError): string | undefined =>
  typeof error.cause === "object" && error.cause !== null && "code" in error.cause
    ? String(error.cause.code)
    : undefined

const explain = (error: ServeError, host: string, port: number): UiError => {
  const cause = messageOf(error.cause)
  switch (codeOf(error)) {
    case "EADDRINUSE":
      return new UiError({
        reason: "port",
        message: `Port ${port} on ${host} is in use by another program. Choose another with --port, or use --port 0 for any free port.`
      })
    case "EACCES":
      return new UiError({
        reason: "port",
        message: `This user may not listen on port ${port}. Choose a port above 1023 with --port.`
      })
    case "ENOTFOUND":
    case "EADDRNOTAVAIL":
      return new UiError({
        reason: "host",
        message: `This machine has no address ${host}. Omit --host to listen on ${loopback}.`
      })
    default:
      return new UiError({ reason: "other", message: `The page can't be served on ${host}:${port}: ${cause}.` })
  }
}

/** Lowers this process's priority, so that runs on the same machine come first. */
const yieldToOthers = Effect.sync(() => setPriority(constants.priority.PRIORITY_BELOW_NORMAL)).pipe(
  Effect.ignoreCause // not permitted on some systems
)

/**
 * Serves the page, prints its address, and runs until interrupted. It lowers the priority of the process, so use it in
 * a process of its own.
 *
 * @param options The same as for `layer`.
 *
 * @example
 * ```ts
 * Ui.serve({ port: 4747 }).pipe(Effect.provide(Storage.layerLocal()), NodeRuntime.runMain)
 * ```
 */
export const serve = (options: Options = {}): Effect.Effect<never, UiError, RunStore | ArtifactStore> =>
  Effect.gen(function* () {
    yield* yieldToOthers
    const { host, url } = yield* Server
    yield* Console.log(url)
    if (!UiSecurity.isLoopback(host)) {
      yield* Console.error(
        `Anyone who reaches this machine on ${host} can read every run, log and artifact of this store: there is no password.`
      )
    }
    yield* Console.error("Press Ctrl-C to stop.")
    return yield* Effect.never
  }).pipe(Effect.provide(layer(options)))
