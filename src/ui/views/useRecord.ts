/** Loads what is recorded of a run, itself, its tasks and the runs that it calls, and follows live events. */
import { useCallback, useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react"
import * as Api from "../api.ts"
import { onConnected, useLive } from "../live.ts"
import { callerOf } from "../model/runTree.ts"
import { Tasks } from "../model/tasks.ts"

/** What a view does when something happens to its run. */
export interface Hearing {
  /** Events were missed, so what is on the screen may be stale. */
  readonly onStale?: () => void
  readonly onEvent?: (event: Api.LiveEvent) => void
}

export interface RunRecordState {
  readonly detail: Api.RunDetail | undefined
  readonly error: Api.ApiError | undefined
  readonly tasks: Tasks
  readonly version: number
  /** Whether the first tasks are loaded, and whether all are. */
  readonly isReady: boolean
  readonly complete: boolean
  /** Whether the run was removed from the store while the page was open. */
  readonly isRemoved: boolean
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

export const useRecord = (name: string, hearing: Hearing = {}): RunRecordState => {
  const tasks = useMemo(() => tasksOf(name), [name])
  const version = useSyncExternalStore(tasks.subscribe, () => tasks.version)
  const detail = Api.useQuery(`run ${name}`, (signal) => Api.run(name, signal))
  const [heard, setHeard] = useState<Api.RunView>()
  /** The called runs that were heard of since they were loaded. */
  const [heardCalls, setHeardCalls] = useState<ReadonlyMap<string, Api.RunView>>(new Map())
  const [broken, setBroken] = useState<Api.ApiError>()
  const [complete, setComplete] = useState(false)
  const [isRemoved, setRemoved] = useState(false)
  const [isReady, setReady] = useState(false)
  const id = detail.data?.run.id
  const loading = useRef(0)
  const latestHearing = useRef(hearing)
  latestHearing.current = hearing

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

  const takeRuns = (runs: ReadonlyArray<Api.RunView>): void => {
    const run = runs.find((other) => other.id === id)
    if (run !== undefined) {
      setHeard(run)
      if (run.status !== "running") detail.reload()
    }
    const calls = runs.filter((other) => callerOf(other) === id)
    if (calls.length > 0)
      setHeardCalls((before) => new Map([...before, ...calls.map((call) => [call.id, call] as const)]))
  }

  const opened = useRef(false)
  useLive(id, {
    onOpen: () => {
      setBroken(undefined)
      // Events between the first load and now, or during a lost connection, were missed, so reload.
      if (opened.current || detail.data?.run.status === "running") {
        void load()
        detail.reload()
        latestHearing.current.onStale?.()
      }
      opened.current = true
    },
    onEvent: (event) => {
      if (event._tag === "Runs") takeRuns(event.runs)
      if (event._tag === "Tasks") tasks.take(event.tasks)
      if (event._tag === "Removed") setRemoved(true)
      if (event._tag === "Broken") setBroken(new Api.ApiError(event.message, 500))
      latestHearing.current.onEvent?.(event)
    }
  })

  const run = heard !== undefined && heard.id === id ? heard : detail.data?.run
  const loaded = detail.data
  const whole = useMemo((): Api.RunDetail | undefined => {
    if (loaded === undefined || run === undefined) return undefined
    const calls = new Map(loaded.children.map((call) => [call.id, call]))
    for (const call of heardCalls.values()) {
      // What was loaded later than it was heard of is as new.
      const isEnded = calls.get(call.id)?.endedAt !== undefined
      if (callerOf(call) === run.id && !isEnded) calls.set(call.id, call)
    }
    return { ...loaded, run, children: [...calls.values()] }
  }, [loaded, run, heardCalls])
  return {
    detail: whole,
    error: isRemoved ? undefined : (detail.error ?? broken),
    tasks,
    version,
    isReady,
    complete,
    isRemoved
  }
}
