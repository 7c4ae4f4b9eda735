/** The metrics and cards of a run or a task, which grow while it runs. */
import * as Api from "../api.ts"
import { grown, lastOf } from "./series.ts"

/** Metrics of a run, or of one task of it. With `run` undefined, nothing is asked. */
export const useMetrics = (run: string | undefined, task: string | undefined) =>
  Api.useGrowing<Api.SeriesView>(run === undefined ? undefined : `${run}/${task ?? ""}`, {
    ask: (after, signal) => Api.metrics(run ?? "", task, after, signal),
    add: grown,
    lastOf
  })

/** Cards of a run, or of one task of it. With `run` undefined, nothing is asked. */
export const useCards = (run: string | undefined, task: string | undefined) =>
  Api.useGrowing<Api.CardView>(run === undefined ? undefined : `${run}/${task ?? ""}`, {
    ask: (after, signal) => Api.cards(run ?? "", task, after, signal),
    // A card replaces the earlier one of its task.
    add: (before, news) => [...new Map([...before, ...news].map((card) => [card.task, card])).values()],
    lastOf: (cards) => cards.reduce((last, { sequence }) => Math.max(last, sequence), 0)
  })
