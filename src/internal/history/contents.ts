/** Everything that is kept of a run, in the form in which another store takes it. */
import * as Os from "node:os"
import * as Effect from "effect/Effect"
import type { RefRecord, RunRecord } from "../../RunRecord.ts"
import type { Change, RunStore, StoreError } from "../../RunStore.ts"
import * as References from "../artifact/references.ts"

type Store = RunStore["Service"]

/** The name of this host, as runs record theirs. */
export const thisHost: Effect.Effect<string> = Effect.sync(() => Os.hostname())

/** An artifact of a run, with what to call it in a message. */
export interface Artifact {
  readonly digest: string
  readonly size: number
  readonly name: string
}

/** How many records are read, and written, at a time. */
const partSize = 1000

/** Reads a run's records in parts, of those that have a cursor. */
const forEachPage = <A, E>(
  page: (after: number, limit: number) => Effect.Effect<ReadonlyArray<A>, StoreError>,
  cursorOf: (last: A) => number,
  use: (part: ReadonlyArray<A>) => Effect.Effect<void, E>
): Effect.Effect<void, E | StoreError> =>
  Effect.gen(function* () {
    for (let after = 0; ; ) {
      const part = yield* page(after, partSize)
      const last = part.at(-1)
      if (last === undefined) return
      yield* use(part)
      if (part.length < partSize) return
      after = cursorOf(last)
    }
  })

const tasksOf = (store: Store, run: RunRecord) => (after: number, limit: number) =>
  store.tasks({ run: run.id, after, limit })

/** The artifacts that a run refers to, each once: those of its tasks, cards and checkpoints. */
export const artifactsOf = Effect.fnUntraced(function* (store: Store, run: RunRecord) {
  const artifacts = new Map<string, Artifact>()
  const add = (refs: ReadonlyArray<RefRecord>, nameOf: (ref: RefRecord) => string) => {
    for (const ref of refs)
      for (const { digest, size } of References.addressesOf([ref]))
        if (!artifacts.has(digest)) artifacts.set(digest, { digest, size, name: nameOf(ref) })
  }
  yield* forEachPage(
    tasksOf(store, run),
    ({ index }) => index,
    (tasks) =>
      Effect.sync(() => {
        for (const { id, inputs, outputs } of tasks) {
          add(outputs, ({ name }) => `${run.id}/${id}/${name}`)
          add(inputs, ({ name, writer }) => (writer === undefined ? `${run.id}/${id}/${name}` : `${writer}/${name}`))
        }
      })
  )
  for (const { digest, size, task } of yield* store.cards({ run: run.id }))
    if (!artifacts.has(digest)) artifacts.set(digest, { digest, size, name: `the card of ${run.id}/${task}` })
  for (const { ref, task } of yield* store.checkpoints({ run: run.id }))
    add(ref === undefined ? [] : [ref], () => `a checkpoint of ${run.id}/${task}`)
  return [...artifacts.values()]
})

/** Hands on all that is kept of a run but its own record, in parts. */
export const forEachPart = Effect.fnUntraced(function* <E>(
  store: Store,
  run: RunRecord,
  use: (changes: ReadonlyArray<Change>) => Effect.Effect<void, E>
) {
  const described = new Set<string>()
  const schemasOf = Effect.fnUntraced(function* (refs: ReadonlyArray<RefRecord>) {
    const digests = new Set(refs.map(({ schema }) => schema))
    const schemas: Array<{ readonly digest: string; readonly text: string }> = []
    for (const digest of digests) {
      if (described.has(digest)) continue
      described.add(digest)
      const text = yield* store.schema(digest)
      if (text !== undefined) schemas.push({ digest, text })
    }
    return schemas
  })
  yield* forEachPage(
    tasksOf(store, run),
    ({ index }) => index,
    Effect.fnUntraced(function* (tasks) {
      const changes: Array<Change> = []
      for (const task of tasks) {
        changes.push({ _tag: "Task", task, blobs: [], schemas: yield* schemasOf([...task.inputs, ...task.outputs]) })
      }
      yield* use(changes)
    })
  )
  yield* forEachPage(
    (after, limit) => store.logs({ run: run.id, after, limit }),
    ({ sequence }) => sequence,
    (lines) => use([{ _tag: "Logs", lines: lines.map(({ sequence: _, ...line }) => line) }])
  )
  yield* forEachPage(
    (after, limit) => store.metrics({ run: run.id, after, limit }),
    ({ sequence = 0 }) => sequence,
    (points) => use([{ _tag: "Metrics", points: points.map(({ sequence: _, ...point }) => point) }])
  )
  const cards = yield* store.cards({ run: run.id })
  const checkpoints = yield* store.checkpoints({ run: run.id })
  const rest: Array<Change> = cards.map(({ sequence: _, ...card }) => ({ _tag: "Card", card }))
  for (const checkpoint of checkpoints) {
    const { ref, ...opened } = checkpoint
    rest.push({ _tag: "Checkpoint", checkpoint: opened })
    if (ref !== undefined) rest.push({ _tag: "Checkpoint", checkpoint, schemas: yield* schemasOf([ref]) })
  }
  if (rest.length > 0) yield* use(rest)
})

/** A run's own record. A request to cancel is only ever made of a run that is running. */
export const recordOf = (run: RunRecord): ReadonlyArray<Change> => {
  const { cancel, resumedBy: _, ...record } = run
  if (cancel === undefined) return [{ _tag: "Run", run: record }]
  return [
    { _tag: "Run", run: { ...record, status: "running" } },
    { _tag: "Cancel", run: run.id, request: cancel },
    { _tag: "Run", run: record }
  ]
}
