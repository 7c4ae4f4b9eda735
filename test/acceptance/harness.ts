/**
 * Helpers for behaviours: run, resume or modify a graph without its types, read its tasks and those of called runs from
 * the store, and advance the test clock.
 */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { TestClock } from "effect/testing"
import { type ArtifactError, ArtifactStore } from "../../src/ArtifactStore.ts"
import * as Flow from "../../src/Flow.ts"
import type { Definition } from "../../src/internal/run/definition.ts"
import type { Ref } from "../../src/Ref.ts"
import type { RefRecord, TaskRecord } from "../../src/RunRecord.ts"
import { RunStore } from "../../src/RunStore.ts"
import { withFlow } from "../../src/testing.ts"
import type { Case } from "./case.ts"

/** The services of a behaviour. */
export type Stores = ArtifactStore | RunStore

/** A behaviour, tested with every graph that it applies to. */
export interface Behaviour {
  readonly name: string
  readonly applies?: (graph: Case) => boolean
  /** Whether it may run on any executor: it runs the graph's flow as its module exports it. */
  readonly anywhere?: boolean
  readonly run: (graph: Case) => Effect.Effect<void, unknown, Stores>
}

/** What a run of a graph leaves. */
export interface Ran {
  readonly id: string
  readonly output: { readonly last: { readonly x: Ref<number>; readonly trail: Ref<ReadonlyArray<string>> } }
}

type Erased<A> = Effect.Effect<A, unknown, Stores>

/** Runs a graph, or another flow in its place. */
export const runOf = (graph: Case, flow: Flow.Any = graph.flow, parameters: object = graph.parameters ?? {}) =>
  Flow.run(flow, parameters as never) as Erased<Ran> // every graph yields its last state

/** Resumes the latest run of a graph. One that was cut short looks alive: its process is this one. */
export const resumeOf = (graph: Case, options: object = {}, flow: Flow.Any = graph.flow) =>
  Flow.resume(flow, { evenIfRunning: true, ...options }) as Erased<Ran> // as above

/** What came out at the end. */
export const lastOf = (ran: Ran): Erased<{ readonly x: number; readonly trail: ReadonlyArray<string> }> =>
  Effect.all({ x: ran.output.last.x, trail: ran.output.last.trail })

/** That a run came to what the graph comes to. */
export const assertLast = (ran: Ran, expected: Pick<Case, "x" | "trail">) =>
  Effect.map(lastOf(ran), (last) => assert.deepStrictEqual(last, { x: expected.x, trail: expected.trail }))

/** The tasks of a run and of the runs that it called, in order, by ids that name their run. */
export const tasksOf: (run: string) => Effect.Effect<ReadonlyArray<TaskRecord>, unknown, RunStore> = Effect.fnUntraced(
  function* (run) {
    const store = yield* RunStore
    const own = yield* store.tasks({ run })
    const children = yield* store.runs({ parent: run })
    return [...own, ...(yield* Effect.forEach(children, (child) => tasksOf(child.id))).flat()]
  }
)

/** A task by `RUN/train/3`, from within a run. */
export const fullId = (run: string, task: string) => (task.split("/").length > 2 ? task : `${run}/${task}`)

export const stepOf = (task: string): string => task.split("/").at(-2) ?? ""

/** How many there are of each, sorted by name. */
export const tally = (names: Iterable<string>): { readonly [name: string]: number } => {
  const counts: Record<string, number> = {}
  for (const name of [...names].sort()) counts[name] = (counts[name] ?? 0) + 1
  return counts
}

/** The same counts, sorted by name. */
export const sorted = (counts: { readonly [name: string]: number }) =>
  Object.fromEntries(Object.entries(counts).sort(([a], [b]) => (a < b ? -1 : 1)))

/** A stored value, from its bytes. */
export const valueOf = (record: RefRecord) =>
  Effect.flatMap(ArtifactStore, (store) =>
    Effect.map(store.get(record.digest), (bytes) => JSON.parse(new TextDecoder().decode(bytes)) as unknown)
  )

/** Stored values by the names under which a task knows them. */
export const valuesOf = (
  records: ReadonlyArray<RefRecord>
): Effect.Effect<{ readonly [name: string]: any }, ArtifactError, ArtifactStore> =>
  Effect.map(
    Effect.forEach(records, (record) => Effect.map(valueOf(record), (value) => [record.name, value] as const)),
    (entries) => Object.fromEntries(entries)
  )

/** The graph's flow with other options or another body for one of its steps, or for all. Called flows are changed alike. */
export const change = (
  graph: Case,
  step: string | undefined,
  how: (definition: Definition) => Partial<Definition>,
  of: Flow.Any = graph.flow
): Flow.Any => {
  const definitions = new Map(
    [...of.definitions].map(([name, definition]) => [
      name,
      step === undefined || step === name
        ? { ...definition, ...how(definition), replaces: definition.replaces ?? definition }
        : definition
    ])
  )
  const changed = { ...of, definitions }
  return graph.calls === undefined || of === graph.calls
    ? changed
    : withFlow(changed, graph.calls, change(graph, step, how, graph.calls) as never) // it yields the same
}

/** Lets time go on, five seconds at a time, until an effect ends. */
export const inTime = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<Exit.Exit<A, E>, never, R> =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(Effect.exit(effect), { startImmediately: true })
    while (fiber.pollUnsafe() === undefined) {
      yield* TestClock.adjust("5 seconds")
      yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve))) // a store may wait for its file
    }
    return yield* Fiber.join(fiber)
  })

/** How an effect failed: its error, or its defect. */
export const failureOf = Effect.fnUntraced(function* <A, E, R>(effect: Effect.Effect<A, E, R>) {
  const exit = yield* Effect.exit(effect)
  if (Exit.isSuccess(exit)) return assert.fail("it succeeded")
  const [reason] = exit.cause.reasons
  return reason?._tag === "Fail" ? reason.error : reason?._tag === "Die" ? reason.defect : reason?._tag
})

/** How many tasks of a graph there are. */
export const sizeOf = (graph: Case): number => Object.values(graph.tasks).reduce((sum, count) => sum + count, 0)

/** The one step in which a behaviour lets something happen: the graph's most inner place. */
export const victimOf = (graph: Case): string => {
  const { places } = graph
  return (
    places["in a called flow"] ??
    places["in a loop"] ??
    places["in a nested foreach"] ??
    places["in a foreach"] ??
    places["in a choice"] ??
    places["in a branch"] ??
    places["in a join"] ??
    places["at the end"] ??
    "start"
  )
}

/** How many tasks the victim has. */
export const victims = (graph: Case): number => graph.tasks[victimOf(graph)] ?? 0
