/** Loads a run with its tasks, metrics and cards, then follows live events. */
import { useCallback, useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react"
import * as Api from "../api.ts"
import { onConnected, useLive } from "../live.ts"
import { useCards, useMetrics } from "../model/observations.ts"
import type { Labels } from "../model/series.ts"
import { Tasks } from "../model/tasks.ts"

export interface RunState {
  readonly detail: Api.RunDetail | undefined
  readonly error: Api.ApiError | undefined
  readonly tasks: Tasks
  readonly version: number
  /** Whether all tasks are loaded. */
  readonly complete: boolean
  /** Whether the run was removed from the store while the page was open. */
  readonly isRemoved: boolean
  readonly metrics: ReadonlyArray<Api.SeriesView>
  readonly labels: Labels
  readonly cards: ReadonlyArray<Api.CardView>
}

/** The tasks of the runs that were last looked at, so that going back shows them at once. */
const visited = new Map<string, Tasks>()
const visitedLimit = 4

const tasksOf = (name: string): Tasks => {
  const tasks = visited.get(name) ?? new Tasks()
  visited.delete(name)
  // `latest` is another run tomorrow.
  if (name !== "latest") visited.set(name, tasks)
  const [oldest] = visited.size > visitedLimit ? visited.keys() : []
  if (oldest !== undefined) visited.delete(oldest)
  return tasks
}

export const useRun = (name: string, onLogs: (tasks: ReadonlyArray<string>) => void): RunState => {
  const tasks = useMemo(() => tasksOf(name), [name])
  const version = useSyncExternalStore(tasks.subscribe, () => tasks.version)
  const detail = Api.useQuery(`run ${name}`, (signal) => Api.run(name, signal))
  const [heard, setHeard] = useState<Api.RunView>()
  const [broken, setBroken] = useState<Api.ApiError>()
  const [complete, setComplete] = useState(false)
  const [isRemoved, setRemoved] = useState(false)
  const [ready, setReady] = useState(false)
  const id = detail.data?.run.id
  const shown = ready ? id : undefined
  const metrics = useMetrics(shown, undefined)
  const cards = useCards(shown, undefined)
  // Labels depend on which tasks there are. They are asked for when another task has metrics, and at the end.
  const measured = useMemo(() => new Set(metrics.data?.map(({ task }) => task)).size, [metrics.data])
  const status = (heard ?? detail.data?.run)?.status
  const labels = Api.useQuery(
    shown === undefined || metrics.data === undefined ? undefined : `labels ${shown} ${measured} ${status}`,
    (signal) => Api.labels(shown ?? "", signal),
    { isKept: false }
  )
  const [known, setKnown] = useState<Labels>({})
  useEffect(() => {
    if (labels.data !== undefined) setKnown(labels.data)
  }, [labels.data])
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
    const forget = onConnected(() => void load())
    return () => {
      forget()
      loading.current++
    }
  }, [load])

  const opened = useRef(false)
  useLive(id, {
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
          return metrics.reload()
        case "Cards":
          return cards.reload()
        case "Removed":
          return setRemoved(true)
        case "Broken":
          return setBroken(new Api.ApiError(event.message, 500))
      }
    }
  })

  const run = heard !== undefined && heard.id === id ? heard : detail.data?.run
  return {
    detail: detail.data === undefined || run === undefined ? undefined : { ...detail.data, run },
    error: isRemoved ? undefined : (detail.error ?? broken),
    tasks,
    version,
    complete,
    isRemoved,
    metrics: metrics.data ?? none,
    labels: known,
    cards: cards.data ?? none
  }
}

const none: ReadonlyArray<never> = []
