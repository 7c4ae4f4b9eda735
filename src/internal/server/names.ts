/**
 * The steps and artifacts of all runs by name, for the search. They are few, but the runs that they are found in are many:
 * so all runs are looked through once, from the newest to the oldest and a few at a time, and from then on only new ones.
 * Which artifacts a step writes is read from one of its tasks for each part of the runs.
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import type { RunRecord } from "../../RunRecord.ts"
import type { RunStore, StoreError } from "../../RunStore.ts"

/** A step of a flow, and a run that has it. */
export interface NamedStep {
  readonly flow: string
  readonly step: string
  readonly run: string
}

/** An artifact that a step of a flow writes, and a run that has it. */
export interface NamedArtifact extends NamedStep {
  readonly name: string
  readonly format: string
}

/** The names of a store. */
export interface Names {
  /** The steps and artifacts whose names a test holds for, newest runs first. */
  readonly matching: (holds: (name: string) => boolean) => Effect.Effect<
    {
      readonly steps: ReadonlyArray<NamedStep>
      readonly artifacts: ReadonlyArray<NamedArtifact>
    },
    StoreError
  >
  /** Forgets where a name was found, because its run was removed. */
  readonly forget: (name: NamedStep | NamedArtifact) => Effect.Effect<void>
}

/** The runs that are looked at in one go; other requests come in between. */
const runsAtOnce = 200
/** Most searches find no new runs, or few. */
const runsAtFirst = 20
/** How long a search waits for the older runs. It is answered with what is known then. */
const longestWait = "300 millis"

const keyOf = (...parts: ReadonlyArray<string>): string => JSON.stringify(parts)

const placeOf = ({ id, place }: RunRecord): string => place ?? id

/** Makes the names of a store. Runs are first looked through when a name is first asked for. */
export const make = Effect.fnUntraced(function* (
  store: RunStore["Service"]
): Effect.fn.Return<Names, never, Scope.Scope> {
  const scope = yield* Effect.scope
  const turn = yield* Semaphore.make(1)
  const steps = new Map<string, NamedStep>()
  const artifacts = new Map<string, NamedArtifact>()
  /** Runs that were going on when they were looked at, and may have got tasks since. */
  let unfinished: ReadonlyArray<RunRecord> = []
  /** The place of the newest run that was looked at. */
  let newest: string | undefined
  let older: Fiber.Fiber<void> | undefined

  const lookAt = Effect.fnUntraced(function* (runs: ReadonlyArray<RunRecord>) {
    const flows = new Map(runs.map(({ flow, id }) => [id, flow]))
    const seen = new Set<string>()
    const counts = yield* store.taskCounts(runs.map(({ id }) => id))
    const newestFirst = counts.toSorted((a, b) => (a.run < b.run ? 1 : a.run > b.run ? -1 : 0))
    for (const { run, step } of newestFirst) {
      const flow = flows.get(run) ?? ""
      const key = keyOf(flow, step)
      if (seen.has(key)) continue
      seen.add(key)
      const earlierStep = steps.get(key)
      if (earlierStep === undefined || earlierStep.run < run) steps.set(key, { flow, step, run })
      const [task] = yield* store.tasks({ run, step, status: "succeeded", limit: 1, refs: "outputs" })
      for (const { format, name } of task?.outputs ?? []) {
        const earlier = artifacts.get(keyOf(flow, step, name))
        if (earlier !== undefined && earlier.run >= run) continue
        artifacts.set(keyOf(flow, step, name), { flow, step, run, name, format })
      }
    }
  })

  /** Looks at all runs before one, part by part, with pauses as long as the work. */
  const lookBack = Effect.fnUntraced(function* (from: string | undefined) {
    let before = from
    while (before !== undefined) {
      const runs = yield* store.runs({ before, limit: runsAtOnce })
      const [took] = yield* Effect.timed(lookAt(runs))
      before = runs.length < runsAtOnce ? undefined : runs.at(-1)?.id
      yield* Effect.sleep(took)
    }
  })

  /** Looks at the runs since the last time, and at those that were going on then; the oldest of the first time, if it is that. */
  const catchUp = Effect.fnUntraced(function* () {
    const running = yield* store.runs({ status: "running", limit: runsAtOnce })
    yield* lookAt([...unfinished, ...running])
    unfinished = running
    const last = newest
    let before: string | undefined
    for (let limit = runsAtFirst; ; limit = runsAtOnce) {
      const page = yield* store.runs({ limit, ...(before === undefined ? {} : { before }) })
      const fresh = page.filter((run) => last === undefined || placeOf(run) > last)
      yield* lookAt(fresh)
      const [first] = page
      if (before === undefined && first !== undefined) newest = placeOf(first)
      before = page.at(-1)?.id
      if (last === undefined) return page.length < limit ? undefined : before
      if (fresh.length < page.length || page.length < limit) return undefined
    }
  })

  const upToDate = turn.withPermits(1)(
    Effect.gen(function* () {
      const rest = yield* catchUp()
      if (rest === undefined) return
      const startOver = Effect.sync(() => {
        newest = undefined
      })
      older = yield* Effect.forkIn(
        Effect.catch(lookBack(rest), () => startOver),
        scope
      )
    })
  )

  return {
    matching: Effect.fnUntraced(function* (holds) {
      yield* upToDate
      if (older !== undefined) yield* Effect.timeoutOption(Fiber.join(older), longestWait)
      const newestFirst = <A extends NamedStep>(names: Iterable<A>) =>
        [...names].sort((a, b) => (a.run < b.run ? 1 : a.run > b.run ? -1 : 0))
      return {
        steps: newestFirst([...steps.values()].filter(({ step }) => holds(step))),
        artifacts: newestFirst([...artifacts.values()].filter(({ name }) => holds(name)))
      }
    }),
    forget: (name) =>
      Effect.sync(() => {
        if ("name" in name) artifacts.delete(keyOf(name.flow, name.step, name.name))
        else steps.delete(keyOf(name.flow, name.step))
      })
  }
})
