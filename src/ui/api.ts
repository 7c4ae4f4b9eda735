/**
 * A client of the server's API, typed by the server's own definitions. Failures are `ApiError`s with the server's
 * message.
 */
import type {
  About,
  ArtifactView,
  CardView,
  ColumnsView,
  CompareView,
  LogView,
  ModelView,
  NamesView,
  PlaceView,
  RunDetail,
  RunView,
  ScoreView,
  SeriesView,
  StatisticsView,
  TableView,
  TaskDetail,
  TaskView,
  TensorsView,
  UseView,
  WhyView,
  WorkersView
} from "../internal/server/shapes.ts"
import type { RefRecord } from "../RunRecord.ts"
import { ApiError } from "./apiError.ts"
import { splitTask } from "./router.ts"

export type * from "../internal/server/shapes.ts"
export { ApiError } from "./apiError.ts"
export { useGrowing, useQuery } from "./query.ts"

type Query = Readonly<Record<string, string | number | undefined>>

const url = (parts: ReadonlyArray<string>, query: Query = {}): string => {
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) if (value !== undefined) search.set(name, String(value))
  const text = search.toString()
  return `/api/${parts.map(encodeURIComponent).join("/")}${text === "" ? "" : `?${text}`}`
}

const get = async <A>(signal: AbortSignal | undefined, parts: ReadonlyArray<string>, query?: Query): Promise<A> => {
  const response = await reach(url(parts, query), signal === undefined ? {} : { signal })
  return response.json()
}

const reach = async (address: string, init: RequestInit): Promise<Response> => {
  let response: Response
  try {
    response = await fetch(address, init)
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === "AbortError") throw cause
    throw new ApiError(
      "The server can't be reached. If it was stopped, start it again and this page will reconnect.",
      0
    )
  }
  if (response.ok) return response
  const body = await response.json().catch(() => undefined)
  throw new ApiError(
    typeof body?.message === "string" ? body.message : `The server answered with ${response.status}.`,
    response.status
  )
}

type Signal = AbortSignal | undefined

/** A digest, and what is known of the ref with it that is looked at. */
export type Looked = Pick<RefRecord, "digest"> &
  Partial<Pick<RefRecord, "extension" | "format" | "mediaType" | "schema">>

/** Names what is looked at among all questions of the page. */
export const keyOf = ({ digest, extension = "", format = "", mediaType = "", schema = "" }: Looked): string =>
  `artifact ${digest} ${format} ${mediaType} ${extension} ${schema}`

export const about = (signal?: Signal) => get<About>(signal, ["about"])
export const names = (signal?: Signal) => get<NamesView>(signal, ["names"])
export const workers = (signal?: Signal) => get<WorkersView>(signal, ["workers"])
export const runs = (query: Query, signal?: Signal) =>
  get<{ readonly runs: ReadonlyArray<RunView>; readonly next?: string }>(signal, ["runs"], query)
export const search = (text: string, signal?: Signal) => get<ReadonlyArray<PlaceView>>(signal, ["search"], { text })
export const find = (path: string, signal?: Signal) => get<{ readonly url: string }>(signal, ["find"], { path })
export const run = (id: string, signal?: Signal) => get<RunDetail>(signal, ["runs", id])
export const tasks = (id: string, after: number, signal?: Signal) =>
  get<{ readonly tasks: ReadonlyArray<TaskView>; readonly next?: number }>(signal, ["runs", id, "tasks"], {
    after,
    limit: 2500
  })
export const task = (id: string, of: string, signal?: Signal) =>
  get<TaskDetail>(signal, ["runs", id, "tasks", ...splitTask(of)])
export const why = (id: string, of: string, signal?: Signal) =>
  get<WhyView>(signal, ["runs", id, "tasks", ...splitTask(of), "why"])
export const logs = (id: string, query: Query, signal?: Signal) =>
  get<{ readonly lines: ReadonlyArray<LogView>; readonly next?: number }>(signal, ["runs", id, "logs"], query)
/** The points after a place, or all of them. */
export const metrics = (id: string, of: string | undefined, after: number, signal?: Signal) =>
  get<ReadonlyArray<SeriesView>>(signal, ["runs", id, "metrics"], { task: of, after })
export const labels = (id: string, signal?: Signal) =>
  get<Readonly<Record<string, string>>>(signal, ["runs", id, "labels"])
/** The cards that were written after a place, or all of them. */
export const cards = (id: string, of: string | undefined, after: number, signal?: Signal) =>
  get<ReadonlyArray<CardView>>(signal, ["runs", id, "cards"], { task: of, after })
export const compare = (left: string, right: string, signal?: Signal) =>
  get<CompareView>(signal, ["compare", left, right])
/** An artifact, as the ref says that is looked at: others may have the same bytes and another format. */
export const artifact = ({ digest, ...ref }: Looked, signal?: Signal) =>
  get<ArtifactView>(signal, ["artifacts", digest], {
    format: ref.format,
    mediaType: ref.mediaType,
    extension: ref.extension,
    schema: ref.schema
  })
export const uses = (digest: string, signal?: Signal) =>
  get<ReadonlyArray<UseView>>(signal, ["artifacts", digest, "uses"])
export const table = (digest: string, query: Query, signal?: Signal) =>
  get<TableView>(signal, ["artifacts", digest, "table"], query)
export const columns = (digest: string, signal?: Signal) => get<ColumnsView>(signal, ["artifacts", digest, "columns"])
export const tensors = (digest: string, signal?: Signal) => get<TensorsView>(signal, ["artifacts", digest, "tensors"])
export const verify = (digest: string, signal?: Signal) =>
  get<{ readonly size: number }>(signal, ["artifacts", digest, "verify"])

export const statistics = (digest: string, signal?: Signal) =>
  get<StatisticsView>(signal, ["artifacts", digest, "statistics"])
export const model = (digest: string, signal?: Signal) => get<ModelView>(signal, ["artifacts", digest, "model"])
export const score = (digest: string, text: string, signal?: Signal) =>
  get<ScoreView>(signal, ["artifacts", digest, "score"], { text })

export const logUrl = (run: string, task: string | undefined): string => url(["runs", run, "log.txt"], { task })
export const csvUrl = (digest: string, query: Query): string => url(["artifacts", digest, "csv"], query)
export const contentUrl = (digest: string, name?: string): string => url(["artifacts", digest, "content"], { name })

/** The first bytes of an artifact, up to `end`. */
export const bytes = async (digest: string, start: number, end: number, signal?: Signal): Promise<Uint8Array> => {
  if (end <= start) return new Uint8Array(0)
  const response = await reach(contentUrl(digest), {
    headers: { range: `bytes=${start}-${end - 1}` },
    ...(signal === undefined ? {} : { signal })
  })
  return new Uint8Array(await response.arrayBuffer())
}
