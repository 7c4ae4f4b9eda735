/**
 * React hooks that ask the server. A question is never asked twice at the same time: what arrives in the meantime is
 * asked for once the answer is there, so that slow answers delay the page and change nothing else. Recent answers are
 * kept, so that going back shows a view at once.
 */
import { useCallback, useEffect, useRef, useState } from "react"
import { ApiError } from "./apiError.ts"
import { onConnected } from "./live.ts"

/** The state of a query. */
export interface QueryState<A> {
  readonly data: A | undefined
  readonly error: ApiError | undefined
  readonly reload: () => void
}

const keptLimit = 40
const kept = new Map<string, unknown>()

const keep = (key: string, data: unknown): void => {
  kept.delete(key)
  kept.set(key, data)
  const [oldest] = kept.size > keptLimit ? kept.keys() : []
  if (oldest !== undefined) kept.delete(oldest)
}

const toApiError = (cause: unknown): ApiError => (cause instanceof ApiError ? cause : new ApiError(String(cause), 0))

/** Runs `work` one at a time: a call during one starts another after it. */
const serially = (work: (signal: AbortSignal) => Promise<void>) => {
  const controller = new AbortController()
  const { signal } = controller
  let isBusy = false
  let again = false
  const start = async () => {
    again = true
    if (isBusy) return
    isBusy = true
    while (again && !signal.aborted) {
      again = false
      await work(signal)
    }
    isBusy = false
  }
  return { start: () => void start(), end: () => controller.abort() }
}

/**
 * Asks on mount, whenever `key` changes and when `reload` is called. Existing data stays on the screen meanwhile. A
 * question that failed because the server could not be reached is asked again once it can be. With the key `undefined`,
 * nothing is asked.
 *
 * @param key Names the question among all questions of the page.
 * @param options.isKept Whether to remember the answer after the view was left. Not for large answers.
 */
export const useQuery = <A>(
  key: string | undefined,
  ask: (signal: AbortSignal) => Promise<A>,
  { isKept = true }: { readonly isKept?: boolean } = {}
): QueryState<A> => {
  const [state, setState] = useState<{ key: string | undefined; data?: A; error?: ApiError }>({ key: undefined })
  const latest = useRef(ask)
  latest.current = ask
  const start = useRef<() => void>(undefined)
  useEffect(() => {
    if (key === undefined) return
    let isUnreachable = false
    const asking = serially(async (signal) => {
      try {
        const data = await latest.current(signal)
        if (signal.aborted) return
        isUnreachable = false
        if (isKept) keep(key, data)
        setState({ key, data })
      } catch (cause) {
        if (signal.aborted) return
        const error = toApiError(cause)
        isUnreachable = error.status === 0
        // If the server can't be reached, existing data stays on the screen.
        setState((before) =>
          before.key === key && before.data !== undefined && isUnreachable ? before : { key, error }
        )
      }
    })
    start.current = asking.start
    asking.start()
    const forget = onConnected(() => {
      if (isUnreachable) asking.start()
    })
    return () => {
      start.current = undefined
      forget()
      asking.end()
    }
  }, [key, isKept])
  const reload = useCallback(() => start.current?.(), [])
  const isCurrent = state.key === key
  const data = isCurrent ? state.data : key === undefined ? undefined : (kept.get(key) as A | undefined) // of this question
  return { data, error: isCurrent ? state.error : undefined, reload }
}

/** The shortest time between two questions for what is new. */
const growIntervalMs = 250

/** How a list of items grows. */
export interface Growth<A> {
  /** Asks for the items after a place; 0 for all. */
  readonly ask: (after: number, signal: AbortSignal) => Promise<ReadonlyArray<A>>
  readonly add: (before: ReadonlyArray<A>, news: ReadonlyArray<A>) => ReadonlyArray<A>
  readonly lastOf: (items: ReadonlyArray<A>) => number
}

/** Asks for a list once, and then for what was added to it whenever `reload` is called. */
export const useGrowing = <A>(key: string | undefined, growth: Growth<A>): QueryState<ReadonlyArray<A>> => {
  const [state, setState] = useState<{ key: string | undefined; data?: ReadonlyArray<A>; error?: ApiError }>({
    key: undefined
  })
  const latest = useRef(growth)
  latest.current = growth
  const start = useRef<() => void>(undefined)
  useEffect(() => {
    if (key === undefined) return
    let items: ReadonlyArray<A> | undefined
    let isUnreachable = false
    const asking = serially(async (signal) => {
      try {
        const { add, ask, lastOf } = latest.current
        const news = await ask(items === undefined ? 0 : lastOf(items), signal)
        if (signal.aborted) return
        isUnreachable = false
        if (items === undefined || news.length > 0) {
          items = add(items ?? [], news)
          setState({ key, data: items })
        }
      } catch (cause) {
        if (signal.aborted) return
        const error = toApiError(cause)
        isUnreachable = error.status === 0
        if (!isUnreachable) setState((before) => ({ ...before, key, error }))
      }
      await new Promise((resolve) => setTimeout(resolve, growIntervalMs))
    })
    start.current = asking.start
    asking.start()
    const forget = onConnected(() => {
      if (isUnreachable) asking.start()
    })
    return () => {
      start.current = undefined
      forget()
      asking.end()
    }
  }, [key])
  const reload = useCallback(() => start.current?.(), [])
  const isCurrent = state.key === key
  return { data: isCurrent ? state.data : undefined, error: isCurrent ? state.error : undefined, reload }
}
