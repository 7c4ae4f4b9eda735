/**
 * Shows, where a run is driven, what its tasks log on other machines. Their lines are in the store already; while tasks are
 * away the store is asked for new ones from time to time, and once more when a task returns with lines not yet
 * shown; a task without lines costs no query.
 */
import * as Effect from "effect/Effect"
import * as FiberHandle from "effect/FiberHandle"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import type { RunStore } from "../../../RunStore.ts"
import type { TaskSink } from "../../run/taskSink.ts"

type Line = Parameters<TaskSink["log"]>[0]

/** Milliseconds from question to question. */
const pause = 300

/** How many lines are read at once. */
const page = 5000

/** Shows the lines of attempts that are away. */
export interface Tail {
  /** Follows an attempt while it is away. Its result says how many lines it logged, and they are all shown by then. */
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
  /** Shows what is new. */
  readonly poll: Effect.Effect<void>
}

const keyOf = (line: { readonly task: string; readonly attempt: number }) => `${line.task}#${line.attempt}`

/** A tail; it ends with its scope. */
export const make: Effect.Effect<Tail, never, Scope.Scope> = Effect.gen(function* () {
  const followed = new Map<string, Followed>()
  const handle = yield* FiberHandle.make()

  const open = (run: string, runs: RunStore["Service"]): Followed => {
    const away = new Map<string, Away>()
    const one = Semaphore.makeUnsafe(1)
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
    // Whether lines are shown decides nothing: a store that fails for a moment is asked again.
    const state: Followed = { away, poll: one.withPermits(1)(Effect.ignore(poll)) }
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
