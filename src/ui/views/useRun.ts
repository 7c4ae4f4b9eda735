/** Loads a run with its tasks, metrics and cards, then follows live events. */
import { useCallback, useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react"
import * as Api from "../api.ts"
import { useLive } from "../live.ts"
import { Tasks } from "../model/tasks.ts"

export interface RunState {
  readonly detail: Api.RunDetail | undefined
  readonly error: Api.ApiError | undefined
  readonly tasks: Tasks
  readonly version: number
  /** Whether all tasks are loaded. */
  readonly complete: boolean
  readonly metrics: ReadonlyArray<Api.SeriesView>
  readonly cards: ReadonlyArray<Api.CardView>
}

export const useRun = (name: string, onLogs: (tasks: ReadonlyArray<string>) => void): RunState => {
  const tasks = useMemo(() => new Tasks(), [])
  const version = useSyncExternalStore(tasks.subscribe, () => tasks.version)
  const detail = Api.useQuery(name, (signal) => Api.run(name, signal))
  const [heard, setHeard] = useState<Api.RunView>()
  const [broken, setBroken] = useState<Api.ApiError>()
  const [complete, setComplete] = useState(false)
  const [ready, setReady] = useState(false)
  const id = detail.data?.run.id
  const metrics = Api.useQuery(ready && id !== undefined ? id : undefined, (signal) =>
    Api.metrics(id ?? "", undefined, signal)
  )
  const cards = Api.useQuery(ready && id !== undefined ? id : undefined, (signal) =>
    Api.cards(id ?? "", undefined, signal)
  )
  const loading = useRef(0)
  const latestLogs = useRef(onLogs)
  latestLogs.current = onLogs

  const load = useCallback(async () => {
    const round = ++loading.current
    let after: number | undefined = 0
    try {
      while (after !== undefined && round === loading.current) {
        const page: Awaited<ReturnType<typeof Api.tasks>> = await Api.tasks(name, after)
        tasks.take(page.tasks)
        after = page.next
        setReady(true)
      }
      if (round === loading.current) setComplete(true)
    } catch (cause) {
      if (cause instanceof Api.ApiError && cause.status !== 0) setBroken(cause)
    }
  }, [name, tasks])

  useEffect(() => {
    void load()
    return () => {
      loading.current++
    }
  }, [load])

  const reloadMetrics = useThrottled(metrics.reload, 250)
  const reloadCards = useThrottled(cards.reload, 120)
  const opened = useRef(false)
  useLive(id === undefined ? undefined : `/api/live/${encodeURIComponent(id)}`, {
    onOpen: () => {
      setBroken(undefined)
      // Events between the first load and now, or during a lost connection, were missed, so reload.
      if (opened.current || detail.data?.run.status === "running") {
        void load()
        detail.reload()
        metrics.reload()
        cards.reload()
        latestLogs.current([""])
      }
      opened.current = true
    },
    onEvent: (event) => {
      switch (event._tag) {
        case "Runs": {
          const run = event.runs.find((one) => one.id === id)
          if (run === undefined) return
          setHeard(run)
          if (run.status !== "running") detail.reload()
          return
        }
        case "Tasks":
          return tasks.take(event.tasks)
        case "Logs":
          return latestLogs.current(event.tasks)
        case "Metrics":
          return reloadMetrics()
        case "Cards":
          return reloadCards()
        case "Broken":
          return setBroken(new Api.ApiError(event.message, 500))
      }
    }
  })

  const run = heard !== undefined && heard.id === id ? heard : detail.data?.run
  return {
    detail: detail.data === undefined || run === undefined ? undefined : { ...detail.data, run },
    error: detail.error ?? broken,
    tasks,
    version,
    complete,
    metrics: metrics.data ?? none,
    cards: cards.data ?? none
  }
}

const none: ReadonlyArray<never> = []

/** Acts immediately, and then at most once per interval. The last call is never dropped. */
const useThrottled = (act: () => void, intervalMs: number): (() => void) => {
  const latest = useRef(act)
  latest.current = act
  const state = useRef<{ at: number; timer: ReturnType<typeof setTimeout> | undefined }>({ at: 0, timer: undefined })
  useEffect(() => () => clearTimeout(state.current.timer), [])
  return useCallback(() => {
    const now = performance.now()
    const { at, timer } = state.current
    if (timer !== undefined) return
    const wait = Math.max(0, at + intervalMs - now)
    state.current.timer = setTimeout(() => {
      state.current = { at: performance.now(), timer: undefined }
      latest.current()
    }, wait)
  }, [intervalMs])
}
