/**
 * The page's endpoints for artifacts: metadata, a preview by format, bytes by range, and verification. A preview never
 * loads the whole artifact, and bytes are only reachable by digest.
 */
import * as Cache from "effect/Cache"
import * as Effect from "effect/Effect"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import * as Stream from "effect/Stream"
import { type ArtifactError, ArtifactStore } from "../../ArtifactStore.ts"
import type { RefRecord } from "../../RunRecord.ts"
import { RunStore, type StoreError } from "../../RunStore.ts"
import * as Extension from "../artifact/extension.ts"
import { UiAltered, UiApi, UiBroken, UiNotFound } from "./api.ts"
import * as UiColumns from "./columns.ts"
import * as UiModel from "./model.ts"
import * as UiRange from "./range.ts"
import type { ArtifactView, Condition } from "./shapes.ts"
import * as UiStatistics from "./statistics.ts"
import * as UiTable from "./table.ts"
import * as UiTableQuery from "./tableQuery.ts"
import * as UiTensors from "./tensors.ts"

/** Up to this many bytes an artifact is verified before its first byte is sent. */
const verifyFirstLimitBytes = 16 * 1024 * 1024

/**
 * The media types that a browser may show inline. Everything else is sent as a download, so an artifact can never act
 * as a page.
 */
const images = new Set(["image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "image/svg+xml"])

/** Turns a store's failure into the API's error. */
export const storeFailed = (error: StoreError): UiBroken => new UiBroken({ message: error.message })

const artifactFailed = (error: ArtifactError): UiNotFound | UiAltered | UiBroken =>
  error.reason === "missing"
    ? new UiNotFound({ message: error.message })
    : error.reason === "altered"
      ? new UiAltered({ message: error.message })
      : new UiBroken({ message: error.message })

const viewerOf = (ref: RefRecord, head: Uint8Array, isModel: boolean): ArtifactView["viewer"] => {
  const mediaType = Extension.mediaTypeOf(ref)
  if (images.has(mediaType)) return "image"
  // The content of a file decides how it is shown: a Parquet file starts and ends with "PAR1".
  const parquet = head[0] === 0x50 && head[1] === 0x41 && head[2] === 0x52 && head[3] === 0x31
  switch (ref.format) {
    case "dataset":
    case "json":
    case "table":
    case "text":
      return ref.format
    case "tensors":
      return isModel ? "model" : "tensors"
    default:
      return parquet
        ? "table"
        : mediaType === "application/json"
          ? "json"
          : mediaType.startsWith("text/")
            ? "text"
            : "bytes"
  }
}

/** The record of an artifact that another one, a dataset, refers to as its part; else the record itself. */
const partOr = (ref: RefRecord, digest: string): RefRecord => {
  const part = ref.digest === digest ? undefined : ref.parts?.find((part) => part.digest === digest)
  if (part === undefined) return ref
  const { parts: _, ...record } = ref
  return { ...record, ...part, format: "table", mediaType: "application/vnd.apache.parquet" }
}

/** A ref as the one that is looked at: of those with equal bytes, the store has told of any. */
const as = (ref: RefRecord, looked: Partial<Pick<RefRecord, "extension" | "format" | "mediaType" | "schema">>) => {
  if (looked.schema === undefined) return ref
  const { extension: _, ...shared } = ref
  return { ...shared, ...looked }
}

/** Handles the `artifacts` group. */
export const layer = HttpApiBuilder.group(
  UiApi,
  "artifacts",
  Effect.fnUntraced(function* (handlers) {
    const runs = yield* RunStore
    const store = yield* ArtifactStore

    const refOf = (digest: string) =>
      Effect.flatMap(Effect.mapError(runs.uses(digest, 1), storeFailed), ([use]) =>
        use === undefined
          ? Effect.fail(
              new UiNotFound({
                message: `No run in this store refers to an artifact ${digest.slice(0, 12)}…. It was never written here, or \`gc\` removed its runs.`
              })
            )
          : Effect.succeed(partOr(use.ref, digest))
      )
    const readWith = (digest: string) => (start: number, end: number) =>
      Effect.mapError(Stream.mkUint8Array(store.stream(digest, { start, end })), artifactFailed)
    const sourceOf = Effect.fnUntraced(function* (digest: string) {
      const context = yield* Effect.context<never>()
      const { size } = yield* refOf(digest)
      const read = readWith(digest)
      return { size, read: (start: number, end: number) => Effect.runPromiseWith(context)(read(start, end)) }
    })

    // Failures are not cached, because the store may recover.
    const cached = <A, E>(cache: Cache.Cache<string, A, E>, digest: string) =>
      Effect.tapError(Cache.get(cache, digest), () => Cache.invalidate(cache, digest))

    // The bytes of a digest never change, so previews can be cached.
    const tables = yield* Cache.make({
      capacity: 32,
      lookup: (digest: string) => Effect.flatMap(sourceOf(digest), UiTable.open)
    })
    const columns = yield* Cache.make({
      capacity: 64,
      lookup: (digest: string) => Effect.flatMap(Cache.get(tables, digest), UiColumns.make)
    })
    const tensors = yield* Cache.make({
      capacity: 32,
      lookup: (digest: string) => Effect.flatMap(sourceOf(digest), (source) => UiTensors.view(source, readWith(digest)))
    })
    const loaded = yield* Cache.make({
      capacity: 3,
      timeToLive: "5 minutes",
      lookup: (digest: string) => Effect.flatMap(Cache.get(tables, digest), UiTableQuery.load)
    })
    const small = yield* Cache.make({
      capacity: 16,
      timeToLive: "5 minutes",
      lookup: (digest: string) => Effect.flatMap(Cache.get(tables, digest), UiTableQuery.load)
    })
    const inMemory = (table: UiTable.OpenTable, digest: string) =>
      cached(UiTableQuery.isSmall(table) ? small : loaded, digest)
    const matching = yield* Cache.make({
      capacity: 24,
      timeToLive: "5 minutes",
      lookup: (key: string) => {
        const { digest, ...question }: UiTableQuery.Question & { readonly digest: string } = JSON.parse(key)
        return Effect.flatMap(Cache.get(tables, digest), (table) =>
          Effect.map(inMemory(table, digest), (loaded) => UiTableQuery.rowsOf(loaded, question))
        )
      }
    })
    const statistics = yield* Cache.make({
      capacity: 64,
      lookup: (digest: string) => Effect.flatMap(Cache.get(tables, digest), UiStatistics.make)
    })
    const models = yield* Cache.make({
      capacity: 8,
      lookup: (digest: string) =>
        Effect.flatMap(Effect.mapError(store.get(digest), artifactFailed), (bytes) => UiModel.open(bytes))
    })

    return handlers.handleAll({
      describe: Effect.fnUntraced(function* ({ params: { digest }, query }) {
        const ref = as(yield* refOf(digest), query)
        const text = yield* Effect.mapError(runs.schema(ref.schema), storeFailed)
        const head =
          ref.format === "file" || ref.format === "bytes" ? yield* readWith(digest)(0, Math.min(4, ref.size)) : none
        const view: ArtifactView = {
          ref,
          viewer: viewerOf(ref, head, text?.includes(`"effect-flow/nbow/`) === true),
          ...(text === undefined ? {} : { schema: JSON.parse(text) }),
          ...(ref.writer === undefined ? {} : { writer: ref.writer })
        }
        return view
      }),

      uses: ({ params, query }) =>
        Effect.mapBoth(runs.uses(params.digest, query.limit ?? 200), {
          onFailure: storeFailed,
          onSuccess: (uses) => uses.map(({ ref, run, side, task }) => ({ run, task, side, name: ref.name }))
        }),

      table: Effect.fnUntraced(function* ({ params: { digest }, query }) {
        const table = yield* cached(tables, digest)
        const { cut = 300, limit = 100, offset = 0 } = query
        const question = questionOf(query)
        if (UiTableQuery.isPlain(question)) {
          return UiTableQuery.isSmall(table)
            ? UiTableQuery.plainPage(table, yield* inMemory(table, digest), offset, limit, cut)
            : yield* UiTable.page(table, offset, limit, cut)
        }
        const rows = yield* cached(matching, JSON.stringify({ digest, ...question }))
        return UiTableQuery.page(table, yield* inMemory(table, digest), rows, offset, limit, cut)
      }),

      statistics: ({ params }) => cached(statistics, params.digest),

      csv: Effect.fnUntraced(function* ({ params: { digest }, query }) {
        const table = yield* cached(tables, digest)
        const ref = yield* refOf(digest)
        const rows = yield* cached(matching, JSON.stringify({ digest, ...questionOf(query) }))
        const names = query.columns?.split("\n").filter(Boolean) ?? table.columns.map(({ name }) => name)
        const lines = UiTableQuery.csv(yield* inMemory(table, digest), rows, names)
        return HttpServerResponse.stream(Stream.encodeText(Stream.fromIterable(lines)), {
          headers: downloadHeaders(`${query.name ?? ref.name}.csv`, "text/csv; charset=utf-8")
        })
      }),

      model: ({ params }) => Effect.map(cached(models, params.digest), ({ view }) => view),

      score: ({ params, query }) => Effect.flatMap(cached(models, params.digest), ({ score }) => score(query.text)),

      columns: ({ params }) => cached(columns, params.digest),

      tensors: ({ params }) => cached(tensors, params.digest),

      verify: Effect.fnUntraced(function* ({ params: { digest } }) {
        const { size } = yield* refOf(digest)
        yield* Effect.mapError(Stream.runDrain(store.stream(digest, undefined, { reuse: true })), artifactFailed)
        return { size }
      }),

      content: Effect.fnUntraced(function* ({ params: { digest }, query, request }) {
        const ref = yield* refOf(digest)
        const etag = `"${digest}"`
        const headers = { ...contentHeaders(ref, query.name ?? ref.name), etag }
        if (request.headers["if-none-match"] === etag) return HttpServerResponse.empty({ status: 304, headers })
        const range = UiRange.parse(request.headers.range, ref.size)
        if (range === "unsatisfiable") {
          return HttpServerResponse.empty({ status: 416, headers: { "content-range": `bytes */${ref.size}` } })
        }
        if (range !== undefined) {
          return HttpServerResponse.stream(store.stream(digest, range), {
            status: 206,
            contentLength: range.end - range.start,
            headers: { ...headers, "content-range": `bytes ${range.start}-${range.end - 1}/${ref.size}` }
          })
        }
        if (ref.size <= verifyFirstLimitBytes) {
          const bytes = yield* Effect.mapError(store.get(digest), artifactFailed)
          return HttpServerResponse.uint8Array(bytes, { headers, contentType: headers["content-type"] })
        }
        return HttpServerResponse.stream(store.stream(digest), { contentLength: ref.size, headers })
      })
    })
  })
)

const none = new Uint8Array(0)

const questionOf = (query: {
  readonly sort?: string
  readonly order?: "up" | "down"
  readonly where?: ReadonlyArray<Condition>
  readonly search?: string
}): UiTableQuery.Question => ({
  sort: query.sort,
  descending: query.order === "down",
  where: query.where ?? [],
  search: query.search ?? ""
})

/** Headers of a text that a browser saves as a file and never shows. */
export const downloadHeaders = (file: string, contentType: string) => ({
  "content-type": contentType,
  "content-disposition": disposition("attachment", safe(file)),
  "content-security-policy": "default-src 'none'; sandbox",
  "cache-control": "private, no-cache"
})

const contentHeaders = (ref: RefRecord, name: string) => {
  const mediaType = Extension.mediaTypeOf(ref)
  const shown = images.has(mediaType)
  const file = fileName(name, ref)
  return {
    "accept-ranges": "bytes",
    "content-type": shown ? mediaType : ref.format === "json" ? "application/json" : "application/octet-stream",
    "content-disposition": disposition(shown ? "inline" : "attachment", file),
    // This policy keeps an SVG from running scripts and loading anything, even when it is opened on its own.
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "cache-control": "private, no-cache"
  }
}

/** A header has ASCII letters only; browsers take the second name, which says all of them. */
const disposition = (how: "attachment" | "inline", file: string): string =>
  `${how}; filename="${file.replace(/[^\x20-\x7e]/g, "_")}"; filename*=UTF-8''${encodeURIComponent(file)}`

/** A part of a file's name that is safe in shells and leads nowhere. */
const safe = (name: string): string => name.replace(/[^\p{L}\p{M}\p{N}._-]/gu, "_").replace(/^\.+/, "_")

const fileName = (name: string, ref: RefRecord): string => {
  const short = Array.from(safe(name)).slice(0, 100).join("") || ref.digest.slice(0, 12)
  const ending = Extension.of(ref)
  return short.endsWith(ending) ? short : short + ending
}
