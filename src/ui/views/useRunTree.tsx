/** The tree of a run: which of the runs that it called are open is in the address, and each of them is followed live. */
import { type ReactNode, useCallback, useEffect, useMemo, useState } from "react"
import { type LoadedRun, openedIn, type RunTree, treeOf } from "../model/runTree.ts"
import { useNames } from "../router.ts"
import { useRecord } from "./useRecord.ts"
import type { RunState } from "./useRun.ts"

export interface RunTreeState {
  readonly tree: RunTree
  readonly opened: ReadonlySet<string>
  readonly toggleCall: (run: string) => void
  /** Follows the runs that are open. It is part of the view, and shows nothing. */
  readonly followers: ReactNode
}

/** The names of the called runs that are open are ids. */
const parameter = "calls"

export const useRunTree = (state: RunState, run: string, children: RunTree["calls"]): RunTreeState => {
  const [opened, toggleCall] = useNames(parameter)
  const [loaded, setLoaded] = useState<ReadonlyMap<string, LoadedRun>>(new Map())
  const report = useCallback(
    (id: string, called: LoadedRun | undefined) =>
      setLoaded((before) => {
        const next = new Map(before)
        if (called === undefined) next.delete(id)
        else next.set(id, called)
        return next
      }),
    []
  )
  const { all } = state.tasks
  const tree = useMemo(() => treeOf(run, all, children, opened, loaded), [run, all, children, opened, loaded])
  const ids = openedIn(children, opened, loaded)
  return {
    tree,
    opened,
    toggleCall,
    followers: ids.map((id) => <Follower key={id} id={id} report={report} />)
  }
}

/** Loads a called run, follows it, and reports what is known of it. */
const Follower = ({
  id,
  report
}: {
  readonly id: string
  readonly report: (id: string, called: LoadedRun | undefined) => void
}) => {
  const { detail, isReady, tasks, version } = useRecord(id)
  // biome-ignore lint/correctness/useExhaustiveDependencies: the list is changed in place, and its version counts the changes
  useEffect(() => {
    if (detail === undefined || !isReady) return
    report(id, { run: detail.run, tasks: tasks.all, calls: detail.children })
  }, [detail, isReady, tasks, version, id, report])
  useEffect(() => () => report(id, undefined), [id, report])
  return null
}
