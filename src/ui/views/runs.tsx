/** The runs of a store: newest first or sorted otherwise, with filters and live updates. */
import type * as Api from "../api.ts"
import { useTitle } from "../hooks.ts"
import { sortKeys } from "../model/runList.ts"
import { Command, Empty, Failure, Loading } from "../parts/basic.tsx"
import { navigate, useParameter } from "../router.ts"
import { FilterBar } from "./runFilters.tsx"
import { RunTable, Strip } from "./runTable.tsx"
import { isNewestFirst, isPeriod, isSortKey, statuses, useFilters, useRunList } from "./useRunList.ts"

export const Runs = ({ about }: { readonly about: Api.About }) => {
  useTitle("")
  const filters = useFilters()
  const { error, list, more, reload } = useRunList(filters)
  const [period] = useParameter("within")
  const [status] = useParameter("status")
  const [sort] = useParameter("sort")
  return (
    <div className="runs">
      <div className="runs-head">
        <h1>Runs</h1>
        <FilterBar sort={filters.sort} />
        {list === undefined || list.runs.length < 2 || !isNewestFirst(filters.sort) ? null : <Strip runs={list.runs} />}
      </div>
      {period === undefined || isPeriod(period) ? null : (
        <p className="notice warn" role="alert">
          There is no time “{period}”. It can be 1h, 24h, 7d or 30d. Runs of any time are shown.
        </p>
      )}
      {status === filters.status ? null : (
        <p className="notice warn" role="alert">
          There is no status “{status}”. It can be {statuses.slice(0, -1).join(", ")} or {statuses.at(-1)}. Runs of any
          status are shown.
        </p>
      )}
      {sort === undefined || isSortKey(sort) ? null : (
        <p className="notice warn" role="alert">
          Runs can't be sorted by “{sort}”, but by {sortKeys.slice(0, -1).join(", ")} or {sortKeys.at(-1)}. The newest
          are shown first.
        </p>
      )}
      {error === undefined ? null : <Failure error={error} retry={reload} />}
      {list === undefined ? (
        error === undefined ? (
          <Loading what="the runs" />
        ) : null
      ) : list.runs.length === 0 ? (
        filters.isFiltered ? (
          <Empty title="No run matches">
            <p>
              <button type="button" onClick={() => navigate("/")}>
                Show all runs
              </button>
            </p>
          </Empty>
        ) : (
          <Empty title="No run yet">
            <p>Start a flow that writes to this store, and it will appear here.</p>
            {about.flow === undefined ? (
              <p>
                With its file: <code>effect-flow run --module FILE</code>, where FILE exports the flow.
              </p>
            ) : (
              <Command>{`${about.command} run`}</Command>
            )}
            {about.store === "" ? null : <p className="muted">This page shows {about.store}.</p>}
          </Empty>
        )
      ) : (
        <RunTable list={list} more={more} sort={filters.sort} />
      )}
    </div>
  )
}
