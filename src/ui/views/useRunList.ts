/** Loads the list of runs page by page, and follows live events. */
import { useCallback, useEffect, useMemo, useRef, useState } from "react"
import * as Api from "../api.ts"
import { allRuns, onConnected, useLive } from "../live.ts"
import {
  type Filters,
  type RunList,
  refreshed,
  type Sort,
  sortKeys,
  without,
  withPage,
  withUpdates
} from "../model/runList.ts"
import { setParameters, useParameter } from "../router.ts"

const pageSize = 100
const largestPage = 500
const periods = { "1h": 3_600_000, "24h": 86_400_000, "7d": 604_800_000, "30d": 2_592_000_000 } as const

export const isPeriod = (text: string | undefined): text is keyof typeof periods =>
  text !== undefined && Object.hasOwn(periods, text)

/** The statuses that runs can have. */
export const statuses: ReadonlyArray<Api.ShownStatus> = ["running", "succeeded", "failed", "interrupted", "crashed"]

const isStatus = (text: string | undefined): text is Api.ShownStatus => statuses.some((status) => status === text)

export const isSortKey = (text: string | undefined): text is Sort["by"] => sortKeys.some((key) => key === text)

/** What the address says of the list. */
export interface ListLook extends Filters {
  readonly sort: Sort
  readonly isFiltered: boolean
  /** Equal for equal filters and sorts. */
  readonly key: string
}

/** Whether a sort is that of a list that is not sorted otherwise. */
export const isNewestFirst = ({ by, order }: Sort): boolean => by === "started" && order === "down"

/** The address of the list in another order. */
export const sortBy = ({ by, order }: Sort): void =>
  setParameters({
    sort: isNewestFirst({ by, order }) ? undefined : by,
    order: isNewestFirst({ by, order }) ? undefined : order
  })

/** The filters and the order in the address. */
export const useFilters = (): ListLook => {
  const [flow] = useParameter("flow")
  const [status] = useParameter("status")
  const [tag] = useParameter("tag")
  const [period] = useParameter("within")
  const [by] = useParameter("sort")
  const [order] = useParameter("order")
  return useMemo(
    (): ListLook => ({
      flow,
      status: isStatus(status) ? status : undefined,
      tag,
      since: isPeriod(period) ? Date.now() - periods[period] : undefined,
      sort: { by: isSortKey(by) ? by : "started", order: order === "up" ? "up" : "down" },
      isFiltered: [flow, status, tag, period].some((value) => value !== undefined),
      key: [flow, status, tag, period, by, order].join("\n")
    }),
    [flow, status, tag, period, by, order]
  )
}

interface Keyed {
  readonly key: string
  readonly list: RunList
}

/** The list that was last looked at, so that going back shows it at once, as long as it was. */
let left: Keyed | undefined

export const useRunList = (filters: ListLook) => {
  const [keyed, setKeyed] = useState<Keyed | undefined>(left)
  const [error, setError] = useState<Api.ApiError>()
  const busy = useRef(false)
  const list = keyed?.key === filters.key ? keyed.list : undefined
  const latest = useRef(list)
  latest.current = list
  const shown = useRef(filters.key)
  shown.current = filters.key
  useEffect(() => {
    left = keyed
  }, [keyed])

  const ask = useCallback(
    (before: string | undefined, limit: number) =>
      Api.runs({
        flow: filters.flow,
        status: filters.status,
        tags: filters.tag,
        since: filters.since,
        ...(isNewestFirst(filters.sort) ? {} : { sort: filters.sort.by, order: filters.sort.order }),
        before,
        limit
      }).then((page): RunList => ({ runs: page.runs, next: page.next })),
    [filters]
  )
  const fail = useCallback(
    (cause: unknown) => {
      if (!(cause instanceof Api.ApiError)) throw cause
      if (shown.current !== filters.key) return
      // If the server can't be reached, the list stays on the screen.
      if (cause.status !== 0 || latest.current === undefined) setError(cause)
    },
    [filters.key]
  )
  /** Changes the list, unless another one is shown by now: its answer may have come first. */
  const change = useCallback(
    (to: (before: RunList | undefined) => RunList | undefined) =>
      setKeyed((before) => {
        if (shown.current !== filters.key) return before
        const next = to(before?.key === filters.key ? before.list : undefined)
        return next === undefined ? before : { key: filters.key, list: next }
      }),
    [filters.key]
  )
  const reload = useCallback(() => {
    ask(undefined, pageSize).then((page) => {
      setError(undefined)
      change((before) => refreshed(before, page, filters.sort))
    }, fail)
  }, [ask, change, fail, filters])
  /** Loads as many runs again as are loaded: some of them were removed. */
  const reloadAll = useCallback(async () => {
    const wanted = latest.current?.runs.length ?? 0
    let all: RunList | undefined
    try {
      do {
        const limit = Math.min(largestPage, Math.max(pageSize, wanted - (all?.runs.length ?? 0)))
        all = withPage(all, await ask(all?.next, limit), filters.sort)
      } while (all.next !== undefined && all.runs.length < wanted)
      const loaded = all
      change(() => loaded)
    } catch (cause) {
      fail(cause)
    }
  }, [ask, change, fail, filters])
  const more = useCallback(() => {
    if (busy.current || latest.current?.next === undefined) return
    busy.current = true
    ask(latest.current.next, pageSize)
      .then(
        (page) => change((before) => (before === undefined ? undefined : withPage(before, page, filters.sort))),
        fail
      )
      .finally(() => {
        busy.current = false
      })
  }, [ask, change, fail, filters])

  useEffect(() => {
    setError(undefined)
    reload()
    return onConnected(reload)
  }, [reload])
  useLive(allRuns, {
    onOpen: reload,
    onEvent: (event) => {
      if (event._tag === "Broken") setError(new Api.ApiError(event.message, 500))
      if (event._tag === "Runs") {
        change((before) => (before === undefined ? undefined : withUpdates(before, event.runs, filters, filters.sort)))
      }
      if (event._tag === "Removed") {
        change((before) => (before === undefined ? undefined : without(before, event.runs)))
        void reloadAll()
      }
    }
  })
  return { list, error, more, reload }
}
