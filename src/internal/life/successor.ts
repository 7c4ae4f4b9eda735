/**
 * The run that stands for another one now. A run that crashed may have been resumed: then what became of it is to be found
 * in the run that resumed it, or in the one that resumed that.
 */
import * as Effect from "effect/Effect"
import type { RunRecord } from "../../RunRecord.ts"
import { RunStore } from "../../RunStore.ts"
import * as Runs from "../history/runs.ts"

/** A run, and how it ended or goes on. */
export interface Current {
  readonly run: RunRecord
  readonly status: Runs.ShownStatus
}

/** Follows a crashed run to the one that resumed it. */
export const follow = Effect.fnUntraced(function* (run: RunRecord) {
  const store = yield* RunStore
  let current = run
  while (true) {
    const status = yield* Runs.status(current)
    const { resumedBy } = current
    if (status !== "crashed" || resumedBy === undefined) return { run: current, status } satisfies Current
    const [next] = yield* store.runs({ id: resumedBy })
    if (next === undefined) return { run: current, status } satisfies Current
    current = next
  }
})

/** What became of the run with this id; nothing if there is none. */
export const find = Effect.fnUntraced(function* (id: string) {
  const [run] = yield* (yield* RunStore).runs({ id })
  return run === undefined ? undefined : yield* follow(run)
})
