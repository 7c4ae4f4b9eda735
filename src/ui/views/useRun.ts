/** Loads a run with its tasks, metrics and cards, then follows live events. */
import { useEffect, useMemo, useRef, useState } from "react"
import * as Api from "../api.ts"
import { useCards, useMetrics } from "../model/observations.ts"
import type { Labels } from "../model/series.ts"
import { type RunRecordState, useRecord } from "./useRecord.ts"

export interface RunState extends RunRecordState {
  readonly metrics: ReadonlyArray<Api.SeriesView>
  readonly labels: Labels
  readonly cards: ReadonlyArray<Api.CardView>
}

export const useRun = (name: string, onLogs: (tasks: ReadonlyArray<string>) => void): RunState => {
  /** Set below: what is heard is about what is asked for then. */
  const reload = useRef({ metrics: () => {}, cards: () => {}, logs: onLogs })
  const record = useRecord(name, {
    onStale: () => {
      reload.current.metrics()
      reload.current.cards()
      reload.current.logs([""])
    },
    onEvent: (event) => {
      if (event._tag === "Logs") reload.current.logs(event.tasks)
      if (event._tag === "Metrics") reload.current.metrics()
      if (event._tag === "Cards") reload.current.cards()
    }
  })
  const run = record.detail?.run
  const shown = record.isReady ? run?.id : undefined
  const metrics = useMetrics(shown, undefined)
  const cards = useCards(shown, undefined)
  reload.current = { metrics: metrics.reload, cards: cards.reload, logs: onLogs }
  // Labels depend on which tasks there are. They are asked for when another task has metrics, and at the end.
  const measured = useMemo(() => new Set(metrics.data?.map(({ task }) => task)).size, [metrics.data])
  const answer = Api.useQuery(
    shown === undefined || metrics.data === undefined ? undefined : `labels ${shown} ${measured} ${run?.status}`,
    (signal) => Api.labels(shown ?? "", signal),
    { isKept: false }
  )
  const [labels, setLabels] = useState<Labels>({})
  useEffect(() => {
    if (answer.data !== undefined) setLabels(answer.data)
  }, [answer.data])
  return { ...record, metrics: metrics.data ?? none, labels, cards: cards.data ?? none }
}

const none: ReadonlyArray<never> = []
