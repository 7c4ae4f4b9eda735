/**
 * Shows the log lines of remote tasks in the driver of their run. The lines are already in the store. While remote
 * tasks run, the store is polled for new lines, and once more when a task returns with lines not yet shown; a task
 * without lines costs no query.
 */
import * as Effect from "effect/Effect"
import * as FiberHandle from "effect/FiberHandle"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import type { RunStore } from "../../../RunStore.ts"
import type { TaskSink } from "../../run/taskSink.ts"

type Line = Parameters<TaskSink["log"]>[0]

/** The interval between two queries. */
const pause = 300

/** The number of lines read at once. */
const page = 5000

/** Shows the lines of remote attempts. */
export interface Tail {
  /**
   * Follows a remote attempt. Its result has the number of its lines, and all of them are shown before it is returned.
   */
  readonly follow: <A extends { readonly lines: number }, E, R>(
    attempt: { readonly run: string; readonly task: string; readonly attempt: number },
    runs: RunStore["Service"],
    show: (line: Line) => Effect.Effect<void>
  ) => (away: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
}

interface Away {
  readonly show: (line: Line) => Effect.Effect<void>
  shown: number
}

interface Followed {
  readonly away: Map<string, Away>
  /** Shows new lines. */
  readonly poll: Effect.Effect<void>
}

const keyOf = (line: { readonly task: string; readonly attempt: number }) => `${line.task}#${line.attempt}`

/** Makes a tail, which ends with its scope. */
export const make: Effect.Effect<Tail, never, Scope.Scope> = Effect.gen(function* () {
  const followed = new Map<string, Followed>()
  const handle = yield* FiberHandle.make()

  const open = (run: string, runs: RunStore["Service"]): Followed => {
    const away = new Map<string, Away>()
    const mutex = Semaphore.makeUnsafe(1)
    let after: number | undefined
    const poll = Effect.gen(function* () {
      while (true) {
        const lines = yield* runs.logs({ run, limit: page, ...(after === undefined ? {} : { after }) })
        for (const line of lines) {
          after = line.sequence
          const attempt = away.get(keyOf(line))
          if (attempt === undefined) continue
          attempt.shown++
          yield* attempt.show({ at: line.at, level: line.level, message: line.message })
        }
        if (lines.length < page) return
      }
    })
    // Showing lines is not critical, so a failing store is simply queried again.
    const state: Followed = { away, poll: mutex.withPermits(1)(Effect.ignore(poll)) }
    followed.set(run, state)
    return state
  }
  const loop = Effect.gen(function* () {
    while (true) {
      yield* Effect.sleep(pause)
      const busy = [...followed.values()].filter(({ away }) => away.size > 0)
      if (busy.length === 0) return
      for (const { poll } of busy) yield* poll
    }
  })

  return {
    follow: (attempt, runs, show) => (away) =>
      Effect.suspend(() => {
        const state = followed.get(attempt.run) ?? open(attempt.run, runs)
        const key = keyOf(attempt)
        const mine: Away = { show, shown: 0 }
        state.away.set(key, mine)
        return Effect.andThen(FiberHandle.run(handle, loop, { onlyIfMissing: true }), away).pipe(
          Effect.tap((result) => Effect.suspend(() => (mine.shown < result.lines ? state.poll : Effect.void))),
          Effect.ensuring(Effect.sync(() => state.away.delete(key)))
        )
      })
  }
})
