/**
 * The API of the web page: typed endpoints over the read side of a store, with cursors for long lists. `shapes.ts`
 * defines the responses.
 */
import * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as HttpApiMiddleware from "effect/http-api/HttpApiMiddleware"
import * as HttpApiSchema from "effect/http-api/HttpApiSchema"
import * as Schema from "effect/Schema"
import * as Shapes from "./shapes.ts"

/** There is no such run, task or artifact. The message says what exists instead. */
export class UiNotFound extends Schema.TaggedError<UiNotFound>()(
  "UiNotFound",
  { message: Schema.String },
  { httpApiStatus: 404 }
) {}

/** The request is malformed. The message says which part. */
export class UiBadRequest extends Schema.TaggedError<UiBadRequest>()(
  "UiBadRequest",
  { message: Schema.String },
  { httpApiStatus: 400 }
) {}

/** The store could not be read. The message is the store's own. */
export class UiBroken extends Schema.TaggedError<UiBroken>()(
  "UiBroken",
  { message: Schema.String },
  { httpApiStatus: 500 }
) {}

/** The bytes do not match their digest: they were changed after they were written. */
export class UiAltered extends Schema.TaggedError<UiAltered>()(
  "UiAltered",
  { message: Schema.String },
  { httpApiStatus: 409 }
) {}

/** Turns a malformed path or query into a sentence. */
export class Sentences extends HttpApiMiddleware.Service<Sentences>()("effect-flow/ui/Sentences", {
  error: UiBadRequest
}) {}

const errors = [UiNotFound, UiBroken, UiAltered, UiBadRequest] as const

const limit = (most: number) => Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: most })))
const natural = Schema.optionalKey(Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)))
const text = Schema.optionalKey(Schema.String)

/** A run's id, a prefix of it that no other run has, or `latest`. */
const run = { run: Schema.String }
const task = { ...run, step: Schema.String, index: Schema.String }
const hexadecimal = Schema.isPattern(/^[0-9a-f]{64}$/)
const digest = { digest: Schema.String.check(hexadecimal) }

/** Which rows of a table, and in which order. `where` is a list of conditions as JSON. */
const question = {
  sort: text,
  order: Schema.optionalKey(Schema.Literals(["up", "down"])),
  where: Schema.optionalKey(Schema.fromJsonString(Schema.Array(Shapes.Condition))),
  search: text
}

const runs = HttpApiGroup.make("runs")
  .add(
    HttpApiEndpoint.get("about", "/about", { success: Shapes.About }),
    HttpApiEndpoint.get("workers", "/workers", { success: Shapes.WorkersView, error: errors }),
    HttpApiEndpoint.get("list", "/runs", {
      query: {
        flow: text,
        status: Schema.optionalKey(Shapes.ShownStatus),
        /** Several tags, separated by line feeds, because a tag may contain any other character. */
        tags: text,
        since: Schema.optionalKey(Schema.Number),
        until: Schema.optionalKey(Schema.Number),
        prefix: text,
        /** Without it the newest run comes first. */
        sort: Schema.optionalKey(Schema.Literals(["started", "duration", "status", "flow"])),
        /** Default: down. */
        order: Schema.optionalKey(Schema.Literals(["up", "down"])),
        /** `next` of the page before, in the same order. */
        before: text,
        limit: limit(500)
      },
      success: Schema.Struct({ runs: Schema.Array(Shapes.RunView), next: Schema.optionalKey(Schema.String) }),
      error: errors
    }),
    HttpApiEndpoint.get("names", "/names", { success: Shapes.NamesView, error: errors }),
    HttpApiEndpoint.get("search", "/search", {
      query: { text: Schema.String.check(Schema.isMaxLength(200)) },
      success: Schema.Array(Shapes.PlaceView),
      error: errors
    }),
    HttpApiEndpoint.get("find", "/find", {
      query: { path: Schema.String.check(Schema.isMaxLength(2000)) },
      success: Schema.Struct({ url: Schema.String }),
      error: errors
    }),
    HttpApiEndpoint.get("get", "/runs/:run", { params: run, success: Shapes.RunDetail, error: errors }),
    HttpApiEndpoint.get("tasks", "/runs/:run/tasks", {
      params: run,
      query: { after: natural, limit: limit(5000) },
      success: Schema.Struct({ tasks: Shapes.TaskViews, next: Schema.optionalKey(Schema.Int) }),
      error: errors
    }),
    HttpApiEndpoint.get("task", "/runs/:run/tasks/:step/:index", {
      params: task,
      success: Shapes.TaskDetail,
      error: errors
    }),
    HttpApiEndpoint.get("why", "/runs/:run/tasks/:step/:index/why", {
      params: task,
      success: Shapes.WhyView,
      error: errors
    }),
    HttpApiEndpoint.get("logs", "/runs/:run/logs", {
      params: run,
      query: { task: text, after: natural, limit: limit(20_000) },
      success: Schema.Struct({ lines: Schema.Array(Shapes.LogView), next: Schema.optionalKey(Schema.Number) }),
      error: errors
    }),
    HttpApiEndpoint.get("logText", "/runs/:run/log.txt", {
      params: run,
      query: { task: text },
      success: HttpApiSchema.StreamUint8Array(),
      error: errors
    }),
    HttpApiEndpoint.get("metrics", "/runs/:run/metrics", {
      params: run,
      /** `after`: only points after this place, for pages that already have the others. */
      query: { task: text, after: natural },
      success: Schema.Array(Shapes.SeriesView),
      error: errors
    }),
    HttpApiEndpoint.get("labels", "/runs/:run/labels", {
      params: run,
      success: Schema.Record(Schema.String, Schema.String),
      error: errors
    }),
    HttpApiEndpoint.get("cards", "/runs/:run/cards", {
      params: run,
      query: { task: text, after: natural },
      success: Schema.Array(Shapes.CardView),
      error: errors
    }),
    HttpApiEndpoint.get("compare", "/compare/:left/:right", {
      params: { left: Schema.String, right: Schema.String },
      success: Shapes.CompareView,
      error: errors
    })
  )
  .middleware(Sentences)
  .prefix("/api")

const artifacts = HttpApiGroup.make("artifacts")
  .add(
    HttpApiEndpoint.get("describe", "/artifacts/:digest", {
      params: digest,
      /** As which of those that have these bytes: `[]` may be a list of numbers here and a list of texts there. */
      query: {
        format: text,
        mediaType: text,
        extension: text,
        schema: Schema.optionalKey(Schema.String.check(hexadecimal))
      },
      success: Shapes.ArtifactView,
      error: errors
    }),
    HttpApiEndpoint.get("uses", "/artifacts/:digest/uses", {
      params: digest,
      query: { limit: limit(1000) },
      success: Schema.Array(Shapes.UseView),
      error: errors
    }),
    HttpApiEndpoint.get("table", "/artifacts/:digest/table", {
      params: digest,
      /** `cut`: the number of characters after which a text is cut. */
      query: { offset: natural, limit: limit(1000), cut: limit(1_000_000), ...question },
      success: Shapes.TableView,
      error: errors
    }),
    HttpApiEndpoint.get("columns", "/artifacts/:digest/columns", {
      params: digest,
      success: Shapes.ColumnsView,
      error: errors
    }),
    HttpApiEndpoint.get("statistics", "/artifacts/:digest/statistics", {
      params: digest,
      success: Shapes.StatisticsView,
      error: errors
    }),
    HttpApiEndpoint.get("csv", "/artifacts/:digest/csv", {
      params: digest,
      /** `columns`: their names, separated by line feeds. */
      query: { ...question, columns: text, name: text },
      success: HttpApiSchema.StreamUint8Array(),
      error: errors
    }),
    HttpApiEndpoint.get("model", "/artifacts/:digest/model", {
      params: digest,
      success: Shapes.ModelView,
      error: errors
    }),
    HttpApiEndpoint.get("score", "/artifacts/:digest/score", {
      params: digest,
      query: { text: Schema.String.check(Schema.isMaxLength(20_000)) },
      success: Shapes.ScoreView,
      error: errors
    }),
    HttpApiEndpoint.get("tensors", "/artifacts/:digest/tensors", {
      params: digest,
      success: Shapes.TensorsView,
      error: errors
    }),
    HttpApiEndpoint.get("verify", "/artifacts/:digest/verify", {
      params: digest,
      success: Schema.Struct({ size: Schema.Number }),
      error: errors
    }),
    HttpApiEndpoint.get("content", "/artifacts/:digest/content", {
      params: digest,
      query: { name: text },
      success: HttpApiSchema.StreamUint8Array(),
      error: errors
    })
  )
  .middleware(Sentences)
  .prefix("/api")

const live = HttpApiGroup.make("live")
  .add(
    HttpApiEndpoint.get("runs", "/live", {
      success: HttpApiSchema.StreamSse({ data: Shapes.LiveEvent }),
      error: errors
    }),
    HttpApiEndpoint.get("events", "/events", {
      /** Channels, separated by line feeds: runs' ids, and `*` for the list of runs. */
      query: { of: Schema.String.check(Schema.isMaxLength(20_000)) },
      success: HttpApiSchema.StreamSse({ data: Shapes.ChannelEvent }),
      error: errors
    }),
    HttpApiEndpoint.get("run", "/live/:run", {
      params: run,
      success: HttpApiSchema.StreamSse({ data: Shapes.LiveEvent }),
      error: errors
    })
  )
  .middleware(Sentences)
  .prefix("/api")

/** The endpoints. */
export class UiApi extends HttpApi.make("effect-flow-ui").add(runs).add(artifacts).add(live) {}
