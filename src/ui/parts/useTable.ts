/** What a table shows is part of the address: sorting, conditions, search, and which columns. Rows are loaded in pages. */
import { useCallback, useEffect, useMemo, useRef, useState } from "react"
import * as Api from "../api.ts"
import { setParameters, useNames, useParameter } from "../router.ts"

export const pageSize = 200

/** Which rows, and in which order. */
export interface Question {
  readonly sort: string | undefined
  readonly order: "up" | "down"
  readonly where: ReadonlyArray<Api.Condition>
  readonly search: string
}

const conditionsOf = (text: string | undefined): ReadonlyArray<Api.Condition> => {
  if (text === undefined) return []
  try {
    const value: unknown = JSON.parse(text)
    return Array.isArray(value) ? value : [] // the server checks each condition
  } catch {
    return []
  }
}

/** The question in the address. A compact table, a preview inside of another view, keeps its own. */
export const useQuestion = (compact: boolean) => {
  const [sort] = useParameter("sort")
  const [order] = useParameter("order")
  const [where] = useParameter("where")
  const [search] = useParameter("find")
  const [hidden, toggleHidden] = useNames("hide")
  const [own, setOwn] = useState<Question>({ sort: undefined, order: "up", where: [], search: "" })
  const shared = useMemo(
    (): Question => ({
      sort,
      order: order === "down" ? "down" : "up",
      where: conditionsOf(where),
      search: search ?? ""
    }),
    [sort, order, where, search]
  )
  const question = compact ? own : shared
  const ask = useCallback(
    (changes: Partial<Question>) => {
      if (compact) {
        setOwn((before) => ({ ...before, ...changes }))
        return
      }
      const next = { ...question, ...changes }
      setParameters({
        sort: next.sort,
        order: next.sort === undefined || next.order === "up" ? undefined : "down",
        where: next.where.length === 0 ? undefined : JSON.stringify(next.where),
        find: next.search
      })
    },
    [compact, question]
  )
  return { question, ask, hidden: compact ? none : hidden, toggleHidden }
}

const none: ReadonlySet<string> = new Set()

/** The question as parameters of a request. */
export const toQuery = ({ order, search, sort, where }: Question) => ({
  sort,
  order: sort === undefined ? undefined : order,
  where: where.length === 0 ? undefined : JSON.stringify(where),
  search: search === "" ? undefined : search
})

interface Page {
  readonly values: Api.TableView["values"]
  readonly at: ReadonlyArray<number> | undefined
}

/** The rows that a question finds, loaded as they are scrolled to. */
export const useRows = (digest: string, question: Question, first: Api.TableView, from: number, to: number) => {
  const [pages, setPages] = useState<ReadonlyMap<number, Page>>(
    () => new Map([[0, { values: first.values, at: first.at }]])
  )
  const [error, setError] = useState<Api.ApiError>()
  const requested = useRef(new Set([0]))
  const load = useCallback(
    (at: number) => {
      if (requested.current.has(at)) return
      requested.current.add(at)
      Api.table(digest, { offset: at * pageSize, limit: pageSize, ...toQuery(question) }).then(
        ({ at: rows, values }) => setPages((before) => new Map(before).set(at, { values, at: rows })),
        (cause) => {
          requested.current.delete(at)
          if (cause instanceof Api.ApiError) setError(cause)
        }
      )
    },
    [digest, question]
  )
  useEffect(() => {
    // Wait briefly, so that fast scrolling does not load rows that are only passed.
    const timer = setTimeout(() => {
      for (let at = from; at <= to; at++) load(at)
    }, 60)
    return () => clearTimeout(timer)
  }, [from, to, load])
  const rowAt = (index: number) => {
    const page = pages.get(Math.floor(index / pageSize))
    const place = index % pageSize
    return { row: page?.values[place], number: page?.at === undefined ? index : page.at[place] }
  }
  return { rowAt, error }
}
