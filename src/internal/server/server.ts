/** The server as a layer: endpoints, the page's files, and the security checks, on Node's HTTP server. */
import { createServer } from "node:http"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Effect from "effect/Effect"
import * as HttpEffect from "effect/http/HttpEffect"
import * as HttpMiddleware from "effect/http/HttpMiddleware"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServer from "effect/http/HttpServer"
import { HttpServerRequest } from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import * as HttpApiMiddleware from "effect/http-api/HttpApiMiddleware"
import * as Layer from "effect/Layer"
import * as Text from "../text.ts"
import { Sentences, UiApi, UiBadRequest } from "./api.ts"
import * as UiArtifacts from "./artifacts.ts"
import * as UiLive from "./live.ts"
import * as UiRuns from "./runs.ts"
import * as UiSecurity from "./security.ts"
import * as UiStatic from "./static.ts"

const live = HttpApiBuilder.group(
  UiApi,
  "live",
  Effect.fnUntraced(function* (handlers) {
    const events = yield* UiLive.make
    const find = yield* UiRuns.makeFind
    return handlers.handleAll({
      runs: () => Effect.succeed(events.runs),
      events: ({ query }) => Effect.succeed(events.channels(query.of.split("\n").filter(Boolean))),
      run: ({ params }) => Effect.map(find(params.run), ({ id }) => events.run(id))
    })
  })
)

const sentences = HttpApiMiddleware.layerSchemaErrorTransform(Sentences, (error, { endpoint }) =>
  error.kind === "Body" || error.kind === "ResponseHeaders"
    ? Effect.fail(error)
    : Effect.fail(
        new UiBadRequest({
          message: sentenceOf(error.kind.toLowerCase(), endpoint.path, error.cause)
        })
      )
)

/** A schema's text as a sentence about the value that a request gives: `status must be running, failed or …`. */
const sentenceOf = (part: string, path: string, cause: { readonly message: string }): string => {
  const [first = "", at = ""] = cause.message.split("\n  at ")
  const name = /^\["([^"]+)"\]/.exec(at)?.[1]
  const expected = /^Expected (.+)$/s.exec(first)?.[1]
  const start = `The ${part === "params" ? "path" : part} of ${path} can't be read`
  if (name !== undefined && first === "Missing key") return `${start}: ${name} is missing.`
  if (name === undefined || expected === undefined) return `${start}: ${Text.oneLine(cause.message)}.`
  const words = [...expected.matchAll(/"([^"]*)"/g)].map(([, word]) => word)
  const wanted = /^"[^"]*"(?: \| "[^"]*")+$/.test(expected)
    ? Text.listed(words)
    : /RegExp \^\[0-9a-f\]/.test(expected)
      ? "a digest of 64 hexadecimal digits"
      : expected.replace("a string representing a finite number", "a number")
  return `${start}: ${name} must be ${wanted}.`
}

const unknownEndpoint = "This address is an unknown endpoint. The page's own requests are under /api/runs."

const json = (status: number, message: string) => HttpServerResponse.jsonUnsafe({ message }, { status })

/** Adds a sentence to error responses without a body, and security headers to every response. */
const finish = (response: HttpServerResponse.HttpServerResponse): HttpServerResponse.HttpServerResponse => {
  const said =
    response.status >= 400 && response.body._tag === "Empty" && response.status !== 416
      ? json(
          response.status,
          response.status === 404
            ? unknownEndpoint
            : response.status < 500
              ? "The address of this request is malformed."
              : "The server failed. See its log."
        )
      : response
  return HttpServerResponse.setHeaders(said, { ...UiSecurity.headers, ...said.headers })
}

/** Refuses requests from other sites, and compresses responses. */
const guard = (listening: string) =>
  HttpRouter.middleware(
    (answer) =>
      Effect.gen(function* () {
        const { headers, method, url } = yield* HttpServerRequest
        yield* HttpEffect.appendPreResponseHandler((_, response) => Effect.succeed(finish(response)))
        const refused = UiSecurity.refusalOf(
          {
            method,
            host: headers.host,
            origin: headers.origin,
            site: headers["sec-fetch-site"],
            mode: headers["sec-fetch-mode"]
          },
          listening
        )
        if (refused !== undefined) return json(refused.status, refused.message)
        const logged = Effect.tapDefect(answer, (defect) =>
          Effect.logError(`The page's server failed at ${url}`, defect)
        )
        // On the local machine, sending is faster than compressing.
        return yield* UiSecurity.isLoopback(listening) ? logged : compress(logged)
      }),
    { global: true }
  )

// The page's own files are compressed in advance, and compressing events would delay them.
const compress = HttpMiddleware.compression({
  algorithms: ["gzip"],
  levels: { gzip: 4 },
  compressible: (contentType) => contentType.startsWith("application/json")
})

const page = HttpRouter.use((router) =>
  Effect.gen(function* () {
    const respond = yield* UiStatic.make
    yield* router.add("GET", "/*", (request) =>
      Effect.succeed(/^\/api(?:[/?]|$)/.test(request.url) ? json(404, unknownEndpoint) : respond(request))
    )
  })
)

/** The server's routes without the socket. */
export const app = (about: UiRuns.ServerInfo, listening: string) =>
  Layer.mergeAll(
    HttpApiBuilder.layer(UiApi).pipe(
      Layer.provide([UiRuns.layer(about), UiArtifacts.layer, live]),
      Layer.provide(sentences)
    ),
    page,
    guard(listening)
  )

/**
 * The server on a port. It listens once the routes are built: Node never answers a request that arrives while nothing
 * handles requests, and the page would wait for it. Open event streams do not delay its shutdown.
 */
export const layer = (about: UiRuns.ServerInfo, address: { readonly host: string; readonly port: number }) =>
  HttpRouter.toHttpEffect(app(about, address.host)).pipe(
    Effect.provideService(HttpRouter.RouterConfig, { maxParamLength: 1000 }),
    Effect.map((routes) => Layer.provideMerge(HttpServer.serve(routes), listen(address))),
    Layer.unwrap,
    Layer.provide(NodeHttpServer.layerHttpServices)
  )

const listen = (address: { readonly host: string; readonly port: number }) => {
  const server = createServer({ keepAliveTimeout: 30_000 })
  return Layer.merge(
    NodeHttpServer.layerServer(() => server, { ...address, exclusive: true, gracefulShutdownTimeout: 100 }),
    Layer.effectDiscard(Effect.addFinalizer(() => Effect.sync(() => server.closeAllConnections())))
  )
}
