/**
 * An HTTP service around a flow in one file: it starts, follows, cancels and lists runs and returns their results. If a
 * process is killed, another process of the service resumes its runs; see server.md.
 *
 *     npx tsx examples/server.ts                     the service, on port 3000
 *     npx tsx examples/server.ts client order-17     starts a run there, and follows it to its result
 */
import { createServer } from "node:http"
import { pathToFileURL } from "node:url"
import { NodeHttpServer, NodeRuntime } from "@effect/platform-node"
import { Config, Console, Effect, Layer, Schedule, Schema, Stream } from "effect"
import { FetchHttpClient, HttpRouter } from "effect/http"
import { HttpApi, HttpApiBuilder, HttpApiClient, HttpApiEndpoint, HttpApiGroup, HttpApiSchema } from "effect/http-api"
import { Flow, Run, type RunStore, Step, Storage } from "effect-flow"

// --- the flow --------------------------------------------------------------------------------------------------------

const count = Step.make("count", {
  description: "Counts the words of a page",
  input: { page: Schema.String },
  output: { words: Schema.Int },
  run: Effect.fnUntraced(function* ({ page }) {
    yield* Effect.sleep("500 millis") // as if there were more to do
    const words = page.split(/\s+/).filter((word) => word !== "").length
    yield* Effect.log(`${words} words`)
    return { words }
  })
})

const sum = Step.join(
  "sum",
  { pages: Step.many(count) },
  {
    output: { words: Schema.Int },
    run: ({ pages }) => Effect.succeed({ words: pages.reduce((sum, { words }) => sum + words, 0) })
  }
)

export const WordsFlow = Flow.make("WordsFlow", {
  description: "Counts the words of some pages, one after the other.",
  parameters: { pages: Schema.Array(Schema.String) },
  steps: [count, sum],
  run: Effect.fnUntraced(function* ({ pages }) {
    return yield* sum({ pages: yield* Step.forEach(pages, (page) => count({ page }), { concurrency: 1 }) })
  })
})

// --- the service -----------------------------------------------------------------------------------------------------

/** The request is not possible. The message says why. */
class Refused extends Schema.TaggedError<Refused>()("Refused", { message: Schema.String }, { httpApiStatus: 409 }) {}

/** There is no such run. */
class Unknown extends Schema.TaggedError<Unknown>()("Unknown", { message: Schema.String }, { httpApiStatus: 404 }) {}

const Shown = Schema.Struct({
  id: Schema.String,
  status: Schema.Literals(["running", "succeeded", "failed", "interrupted", "crashed"]),
  words: Schema.optionalKey(Schema.Int),
  error: Schema.optionalKey(Schema.String)
})

const params = { id: Schema.String }

const runs = HttpApiGroup.make("runs").add(
  // A client without a response repeats the request with the same id, and the run is started only once.
  HttpApiEndpoint.put("start", "/runs/:id", {
    params,
    payload: Schema.Struct({ pages: Schema.Array(Schema.String) }),
    success: Schema.Struct({ id: Schema.String }),
    error: Refused
  }),
  HttpApiEndpoint.get("list", "/runs", { success: Schema.Array(Shown) }),
  HttpApiEndpoint.get("get", "/runs/:id", { params, success: Shown, error: [Refused, Unknown] }),
  HttpApiEndpoint.get("events", "/runs/:id/events", {
    params,
    query: { after: Schema.optionalKey(Schema.String) },
    success: HttpApiSchema.StreamSse({ data: Run.Event })
  }),
  HttpApiEndpoint.delete("cancel", "/runs/:id", { params, success: Shown, error: [Refused, Unknown] })
)

class Api extends HttpApi.make("words").add(runs) {}

/** The service's view of a run. */
const show = Effect.fnUntraced(function* (id: string) {
  const { run, status } = yield* Run.current(id)
  const output = yield* Run.output(run, WordsFlow)
  return {
    id,
    status,
    ...(output === undefined ? {} : { words: yield* output.words }),
    ...(run.error === undefined ? {} : { error: run.error.message })
  }
})

const refuse = ({ message }: { readonly message: string }) => new Refused({ message })

/** The answer where a run that may not exist was asked for. */
const refuseOrUnknown = ({ _tag, message }: { readonly _tag: string; readonly message: string }) =>
  _tag === "RunNotFound" ? new Unknown({ message }) : new Refused({ message })

const handlers = HttpApiBuilder.group(Api, "runs", (handlers) =>
  Effect.succeed(
    handlers.handleAll({
      start: ({ params, payload }) =>
        Flow.start(WordsFlow, payload, { id: params.id }).pipe(
          Effect.map(({ id }) => ({ id })),
          Effect.mapError(refuse)
        ),
      list: () =>
        Run.list({ flow: "WordsFlow", limit: 50 }).pipe(
          Effect.flatMap((runs) => Effect.forEach(runs, ({ id }) => show(id))),
          Effect.orDie
        ),
      get: ({ params }) => Effect.mapError(show(params.id), refuseOrUnknown),
      events: ({ params, query }) =>
        Effect.map(Effect.context<RunStore.RunStore>(), (services) =>
          Run.events(params.id, query).pipe(Stream.orDie, Stream.provideContext(services))
        ),
      cancel: ({ params }) =>
        Run.cancel(params.id, { reason: "The client asked for it." }).pipe(
          Effect.andThen(show(params.id)),
          Effect.mapError(refuseOrUnknown)
        )
    })
  )
)

/** The service: it handles HTTP, resumes crashed runs, and on SIGTERM gives runs 30 seconds to finish. */
export const service = (options: { readonly port: number; readonly directory: string }) =>
  HttpRouter.serve(HttpApiBuilder.layer(Api).pipe(Layer.provide(handlers))).pipe(
    Layer.provide(NodeHttpServer.layer(createServer, { port: options.port })),
    Layer.merge(Flow.supervise([WordsFlow], { every: "5 seconds" })),
    // Opened before the server listens, because requests during the build would get no response.
    Layer.provide([
      Storage.layerLocal({ directory: options.directory }),
      Flow.layerOnStop("finish", { within: "30 seconds" })
    ])
  )

// --- a client --------------------------------------------------------------------------------------------------------

/** Starts a run, follows it to its end, even across restarts of the service, and yields its result. */
export const follow = Effect.fnUntraced(function* (url: string, id: string, pages: ReadonlyArray<string>) {
  const client = yield* HttpApiClient.make(Api, { baseUrl: url })
  const again = Schedule.max([Schedule.spaced("200 millis"), Schedule.recurs(100)])
  yield* client.runs.start({ params: { id }, payload: { pages } })
  let last: Run.Event | undefined
  const events = Effect.suspend(() =>
    Stream.unwrap(client.runs.events({ params: { id }, query: last === undefined ? {} : { after: last.cursor } })).pipe(
      Stream.runForEach((event) => {
        last = event
        return event._tag === "Logged" ? Console.log(`${event.task}: ${event.message}`) : Effect.void
      }),
      // The service may have closed the connection because it is stopping. Another process continues the run.
      Effect.filterOrFail(
        () => last?._tag === "RunFinished",
        () => new Refused({ message: "The service stopped." })
      )
    )
  )
  yield* Effect.retry(events, again)
  return yield* Effect.retry(client.runs.get({ params: { id } }), again)
})

const main = Effect.gen(function* () {
  const port = yield* Config.withDefault(Config.Port("PORT"), 3000)
  const [verb, id = "order-1"] = process.argv.slice(2)
  if (verb === "client") {
    const pages = ["one page", "another page of words", "and a third", "the last one"]
    return yield* Console.log(yield* follow(`http://localhost:${port}`, id, pages))
  }
  if (verb !== undefined) {
    process.exitCode = 2
    return yield* Console.error("usage: server.ts [client [ID]], with PORT and DIRECTORY in the environment")
  }
  const directory = yield* Config.withDefault(Config.String("DIRECTORY"), ".effect-flow")
  return yield* Layer.launch(service({ port, directory }))
})

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  NodeRuntime.runMain(Effect.provide(main, FetchHttpClient.layer))
}
