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

interface Answered<A> {
  readonly key: string | undefined
  readonly data?: A
  readonly error?: ApiError
}

/**
 * What all questions share: they are asked on mount, whenever `key` changes and when `reload` is called. Existing data stays
 * on the screen meanwhile. A question that failed because the server could not be reached is asked again once it can be.
 * With the key `undefined`, nothing is asked.
 *
 * @param ask Gets the data of this key that there is. It may yield the same again, which changes nothing.
 * @param pauseMs The shortest time between an answer and the next question.
 */
const useAsked = <A>(
  key: string | undefined,
  ask: (before: A | undefined, signal: AbortSignal) => Promise<A>,
  pauseMs: number
): QueryState<A> => {
  const [state, setState] = useState<Answered<A>>({ key: undefined })
  const latest = useRef(ask)
  latest.current = ask
  const start = useRef<() => void>(undefined)
  useEffect(() => {
    if (key === undefined) return
    let data: A | undefined
    let isUnreachable = false
    const asking = serially(async (signal) => {
      try {
        const answer = await latest.current(data, signal)
        if (signal.aborted) return
        isUnreachable = false
        data = answer
        setState((before) =>
          before.key === key && before.data === answer && before.error === undefined ? before : { key, data: answer }
        )
      } catch (cause) {
        if (signal.aborted) return
        const error = toApiError(cause)
        isUnreachable = error.status === 0
        // If the server can't be reached, existing data stays on the screen.
        if (data === undefined || !isUnreachable) setState({ key, error, ...(data === undefined ? {} : { data }) })
      }
      if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs))
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
  }, [key, pauseMs])
  const reload = useCallback(() => start.current?.(), [])
  const { data, error } = state.key === key ? state : ({ key } satisfies Answered<A>)
  return { data, error, reload }
}

/**
 * Asks a question, as `useAsked` says, and shows the answer that was kept until there is a new one.
 *
 * @param key Names the question among all questions of the page.
 * @param options.isKept Whether to remember the answer after the view was left. Not for large answers.
 */
export const useQuery = <A>(
  key: string | undefined,
  ask: (signal: AbortSignal) => Promise<A>,
  { isKept = true }: { readonly isKept?: boolean } = {}
): QueryState<A> => {
  const asked = useAsked<A>(
    key,
    async (_, signal) => {
      const data = await ask(signal)
      if (isKept && key !== undefined && !signal.aborted) keep(key, data)
      return data
    },
    0
  )
  const isOpen = key !== undefined && asked.data === undefined && asked.error === undefined
  return isOpen ? { ...asked, data: kept.get(key) as A | undefined } : asked // of this question
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
export const useGrowing = <A>(key: string | undefined, { add, ask, lastOf }: Growth<A>): QueryState<ReadonlyArray<A>> =>
  useAsked<ReadonlyArray<A>>(
    key,
    async (before, signal) => {
      const news = await ask(before === undefined ? 0 : lastOf(before), signal)
      return before !== undefined && news.length === 0 ? before : add(before ?? [], news)
    },
    growIntervalMs
  )
