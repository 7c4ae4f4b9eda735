/**
 * A page of the list of runs: newest first, or sorted over all runs by start, duration, status or flow. The store sorts by
 * what is recorded; this file adds crashes, which are not recorded but inferred by the reader.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { RunRecord, RunStatus } from "../../RunRecord.ts"
import type { RunPosition, RunQuery, RunSort, RunSortKey, RunStore } from "../../RunStore.ts"
import * as Tags from "../../Tags.ts"
import * as RunOrder from "../store/runOrder.ts"
import { UiBadRequest, type UiBroken } from "./api.ts"
import { storeFailed } from "./artifacts.ts"
import { type RunView, ShownStatus } from "./shapes.ts"

/** The number of running runs that are checked for crashes. */
const runningLimit = 1000

/** What the page asks for. */
export interface ListRequest {
  readonly flow?: string
  readonly status?: ShownStatus
  readonly tags?: string
  readonly since?: number
  readonly until?: number
  readonly prefix?: string
  readonly sort?: RunSortKey
  readonly order?: "up" | "down"
  readonly before?: string
  readonly limit?: number
}

/** A page, and the cursor of the next one if there is one. */
export interface RunPage {
  readonly runs: ReadonlyArray<RunView>
  readonly next?: string
}

const Cursor = Schema.fromJsonString(
  Schema.Struct({ value: Schema.NullOr(Schema.Union([Schema.String, Schema.Number])), place: Schema.String })
)

/** The conditions of a request that the store itself knows, all but its status. */
const conditionsOf = ({ flow, prefix, since, tags, until }: ListRequest): RunQuery => ({
  ...(flow === undefined ? {} : { flow }),
  ...(since === undefined ? {} : { since }),
  ...(until === undefined ? {} : { until }),
  ...(prefix === undefined ? {} : { idPrefix: prefix }),
  ...(tags === undefined ? {} : { tags: tags.split("\n").filter(Boolean).map(Tags.spelling) })
})

/**
 * Makes the function that answers requests.
 *
 * @param viewAll Turns records into what the page shows, and infers crashes.
 */
export const make = (
  store: RunStore["Service"],
  viewAll: (runs: ReadonlyArray<RunRecord>) => Effect.Effect<ReadonlyArray<RunView>, UiBroken>
) => {
  const recorded = (query: RunQuery) => Effect.flatMap(Effect.mapError(store.runs(query), storeFailed), viewAll)

  /** Runs that are recorded as running, and that are shown with a status. */
  const shownAs = (conditions: RunQuery, status: ShownStatus) =>
    Effect.map(recorded({ ...conditions, status: "running", limit: runningLimit }), (runs) =>
      runs.filter((run) => run.status === status)
    )

  const withStatus = (conditions: RunQuery, status: RunStatus | "crashed", limit: number) =>
    status === "crashed" || status === "running"
      ? Effect.map(shownAs(conditions, status), (runs) => runs.slice(0, limit))
      : recorded({ ...conditions, status, limit })

  /** Runs sorted by the status that is shown: all of one status, newest first, after all of another. */
  const byStatus = Effect.fnUntraced(function* (
    conditions: RunQuery,
    { beyond, order }: RunSort,
    wanted: ShownStatus | undefined,
    limit: number
  ) {
    const statuses = wanted === undefined ? [...ShownStatus.literals].sort() : [wanted]
    if (order === "down") statuses.reverse()
    const from = beyond === undefined ? 0 : statuses.indexOf(beyond.value as ShownStatus) // any other value is in no list
    const runs: Array<RunView> = []
    for (const status of from < 0 ? [] : statuses.slice(from)) {
      if (runs.length >= limit) break
      const position = { value: beyond?.place ?? "", place: beyond?.place ?? "" }
      const isFirst = beyond !== undefined && status === beyond.value
      const sort: RunSort = { by: "started", order: "down", ...(isFirst ? { beyond: position } : {}) }
      runs.push(...(yield* withStatus({ ...conditions, sort }, status, limit - runs.length)))
    }
    return runs
  })

  const sorted = Effect.fnUntraced(function* (request: ListRequest, by: RunSortKey, limit: number) {
    const { before, order = "down", status } = request
    const conditions = conditionsOf(request)
    const beyond =
      before === undefined
        ? {}
        : {
            beyond: yield* Effect.mapError(
              Schema.decodeUnknownEffect(Cursor)(before),
              () =>
                new UiBadRequest({
                  message: `The cursor "before" must be the "next" of the previous page, in the same order, but it is "${before.slice(0, 100)}".`
                })
            )
          }
    const sort: RunSort = { by, order, ...beyond }
    if (by === "status") return yield* byStatus(conditions, sort, status, limit)
    return yield* status === undefined
      ? recorded({ ...conditions, sort, limit })
      : withStatus({ ...conditions, sort }, status, limit)
  })

  /** Where a shown run stands in the order of a request. */
  const cursorOf = (run: RunView, by: RunSortKey): RunPosition => {
    const place = run.place ?? run.id
    if (by === "status") return { value: run.status, place }
    // What is shown as the end of a crashed run is inferred, so the store does not sort by it.
    const isEnded = run.status !== "running" && run.status !== "crashed"
    const { finishedAt, ...others } = run
    return RunOrder.positionOf(
      { ...others, status: "running", ...(isEnded && finishedAt !== undefined ? { finishedAt } : {}) },
      by
    )
  }

  return Effect.fnUntraced(function* (request: ListRequest): Effect.fn.Return<RunPage, UiBroken | UiBadRequest> {
    const { before, limit = 100, sort: by, status } = request
    // One more than fits tells whether there is another page.
    const matching =
      by !== undefined
        ? yield* sorted(request, by, limit + 1)
        : yield* status === undefined
            ? recorded({ ...conditionsOf(request), ...(before === undefined ? {} : { before }), limit: limit + 1 })
            : withStatus({ ...conditionsOf(request), ...(before === undefined ? {} : { before }) }, status, limit + 1)
    const runs = matching.slice(0, limit)
    const last = runs.at(-1)
    if (last === undefined || matching.length <= limit) return { runs }
    return { runs, next: by === undefined ? last.id : JSON.stringify(cursorOf(last, by)) }
  })
}
