/**
 * Copies runs from one store to another, with everything that is kept of them: tasks, artifacts, logs, metrics, cards,
 * checkpoints and tags. A run appears in the other store at the end, when everything else is there. So a copy that was cut off is
 * repeated by the same call, which finds the artifacts that were already copied. Of two processes that copy a run into one
 * store at the same time, the one that began later does it.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { ArtifactError, ArtifactStore } from "./ArtifactStore.ts"
import * as Contents from "./internal/history/contents.ts"
import { isCrashed, placeOf } from "./internal/history/reading.ts"
import * as Runs from "./internal/history/runs.ts"
import * as Location from "./internal/store/location.ts"
import * as Transfer from "./internal/store/transfer.ts"
import { bytes as bytesText, plural } from "./internal/units.ts"
import type { RunRecord } from "./RunRecord.ts"
import { type Change, RunStore, StoreError } from "./RunStore.ts"

/** What became of one run. */
export interface CopiedRun {
  readonly id: string
  readonly flow: string
  /** `present` if the other store had the run already. */
  readonly outcome: "copied" | "present"
  readonly tasks: number
  /** How many artifacts were transferred. Those that the other store had are not counted. */
  readonly artifacts: number
  /** The size of the transferred artifacts, in bytes. */
  readonly bytes: number
}

/** How runs are copied. */
export interface Options<E> {
  /** The other store. */
  readonly to: Layer.Layer<RunStore | ArtifactStore, E>
  /** Called for each run, once all of it is in the other store. */
  readonly onRun?: (run: CopiedRun) => void
}

type Store = RunStore["Service"]
type Artifacts = ArtifactStore["Service"]

/**
 * Copies a run to another store, together with the runs that it depends on: those that it called, that it resumed, and
 * whose tasks it took over or found in the cache. They keep their ids. A run that the other store has is left as it is.
 *
 * @param run A record, an id, a unique prefix of an id, or "latest".
 * @param options.to The other store.
 * @returns One entry for each run, in the order in which they were copied. Fails with `RunNotFound` if there is no such
 * run, with `StoreError` if the run is still running or a store fails, and with `ArtifactError` if an artifact is missing
 * or damaged. Then the other store has no part of the run that a reader sees.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Copy, Storage } from "effect-flow"
 *
 * const copied = Copy.run("latest", { to: Storage.layerLocal({ directory: "/archive/.effect-flow" }) }).pipe(
 *   Effect.provide(Storage.layerLocal())
 * )
 * ```
 */
export const run = Effect.fnUntraced(function* <E>(
  run: Runs.Named,
  options: Options<E>
): Effect.fn.Return<
  ReadonlyArray<CopiedRun>,
  E | Runs.RunNotFound | StoreError | ArtifactError,
  RunStore | ArtifactStore
> {
  const from = { runs: yield* RunStore, artifacts: yield* ArtifactStore }
  const root = yield* Runs.named(run)
  const all = yield* standingOn(from.runs, root)
  yield* Effect.forEach(all, hasStopped, { discard: true })
  return yield* Effect.scoped(
    Effect.gen(function* () {
      const context = yield* Layer.build(options.to)
      const to = yield* Effect.provideContext(Effect.all({ runs: RunStore, artifacts: ArtifactStore }), context)
      if (Location.sharesBlobs(from.artifacts.location, to.artifacts.location)) {
        return yield* new StoreError({
          message: `Both stores keep their artifacts in ${Location.blobsOf(to.artifacts.location)}, where the garbage collection of one removes what only the other needs. Give the other store a place of its own, such as another prefix.`
        })
      }
      const copied: Array<CopiedRun> = []
      for (const each of all) {
        const result = yield* copyOne(each, from, to)
        options.onRun?.(result)
        copied.push(result)
      }
      return copied
    })
  )
})

/** A run that goes on has no end that could be copied. */
const hasStopped = Effect.fnUntraced(function* (run: RunRecord) {
  const now = yield* Clock.currentTimeMillis
  if (run.status !== "running" || isCrashed(run, { now, host: yield* Contents.thisHost })) return
  return yield* new StoreError({
    message: `Run ${run.id} of flow "${run.flow}" is still running. Copy it once it has ended, or cancel it first.`
  })
})

/** A run and the runs that it depends on. Each comes after those that it depends on itself. */
const standingOn = Effect.fnUntraced(function* (store: Store, root: RunRecord) {
  const seen = new Set<string>()
  const runs: Array<RunRecord> = []
  const pending = [{ run: root, isRead: false }]
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { isRead, run } = next
    if (isRead) runs.push(run)
    if (isRead || seen.has(run.id)) continue
    seen.add(run.id)
    pending.push({ run, isRead: true })
    const called = yield* store.runs({ parent: run.id })
    const named = new Set(run.origin === undefined ? [] : [run.origin])
    for (const how of ["takenOver", "cached"] as const) {
      for (const { source } of yield* store.tasks({ run: run.id, how, refs: false })) {
        if (source !== undefined) named.add(placeOf(source).run)
      }
    }
    // A run that was removed meanwhile is left out: its artifacts come with the tasks that stand for it.
    const sources = yield* Effect.forEach(
      [...named].filter((id) => !seen.has(id)),
      (id) => store.runs({ id })
    )
    for (const other of [...called, ...sources.flat()])
      if (!seen.has(other.id)) pending.push({ run: other, isRead: false })
  }
  return runs
})

interface Stores {
  readonly runs: Store
  readonly artifacts: Artifacts
}

const copyOne = Effect.fnUntraced(function* (run: RunRecord, from: Stores, to: Stores) {
  const find = Effect.map(to.runs.runs({ id: run.id }), ([present]) => present)
  const present = yield* find
  if (present !== undefined) return yield* leave(run, present)
  return yield* Effect.catchIf(
    transfer(run, from, to),
    (error): error is StoreError => error.reason === "lost",
    (error) => Effect.flatMap(find, (copied) => (copied === undefined ? Effect.fail(error) : leave(run, copied))) // by another process
  )
})

const transfer = Effect.fnUntraced(function* (run: RunRecord, from: Stores, to: Stores) {
  const artifacts = yield* copyArtifacts(run, from, to)
  const driver = yield* to.runs.receive(run.id)
  let tasks = 0
  const write = (changes: ReadonlyArray<Change>) => {
    for (const { _tag } of changes) if (_tag === "Task") tasks++
    return to.runs.write(changes, driver)
  }
  yield* Contents.forEachPart(from.runs, run, write)
  // Until its tasks were there, garbage collection could remove what nothing referred to.
  const again = yield* copyArtifacts(run, from, to)
  yield* to.runs.write(Contents.recordOf(yield* unchanged(run, from.runs)), driver)
  const copied: CopiedRun = {
    id: run.id,
    flow: run.flow,
    outcome: "copied",
    tasks,
    artifacts: artifacts.artifacts + again.artifacts,
    bytes: artifacts.bytes + again.bytes
  }
  return copied
})

/** The run as it is now, which still is as it was when its tasks were about to be read. */
const unchanged = Effect.fnUntraced(function* (run: RunRecord, store: Store) {
  const [now] = yield* store.runs({ id: run.id })
  if (now === undefined) {
    return yield* new StoreError({
      message: `Run ${run.id} of flow "${run.flow}" was removed from its store while it was being copied. Nothing of it is in the other store.`
    })
  }
  // A run that ended stays as it is. One that crashed may be continued by another process, or turn out to be alive.
  yield* hasStopped(now)
  if (run.status !== "running" || (now.status === "running" && now.pid === run.pid && now.host === run.host)) return now
  return yield* new StoreError({
    message: `Run ${run.id} of flow "${run.flow}" went on while it was being copied. Copy it again.`
  })
})

/** A run that the other store has already. */
const leave = (run: RunRecord, present: RunRecord): Effect.Effect<CopiedRun, StoreError> =>
  Effect.as(sameRun(run, present), {
    id: run.id,
    flow: run.flow,
    outcome: "present",
    tasks: 0,
    artifacts: 0,
    bytes: 0
  })

/** An id stands for one run. */
const sameRun = (run: RunRecord, present: RunRecord) =>
  present.flow === run.flow && present.startedAt === run.startedAt
    ? Effect.void
    : Effect.fail(
        new StoreError({
          message: `The other store already has a different run with the id ${run.id}: one of flow "${present.flow}", started at ${new Date(present.startedAt).toISOString()}. To copy this run, it would need an id that the other store does not use.`
        })
      )

/** How many artifacts are transferred at a time. */
const atOnce = 8

const copyArtifacts = Effect.fnUntraced(function* (run: RunRecord, from: Stores, to: Stores) {
  const wanted = yield* Contents.artifactsOf(from.runs, run)
  const present = yield* to.artifacts.touch(wanted)
  const missing = wanted.filter(({ digest }) => !present.has(digest))
  yield* Effect.forEach(
    missing,
    (artifact) =>
      Effect.mapError(Transfer.transfer(from.artifacts, to.artifacts, artifact), (error) =>
        refused(run, artifact.name, error)
      ),
    { concurrency: atOnce, discard: true }
  )
  return { artifacts: missing.length, bytes: missing.reduce((sum, { size }) => sum + size, 0) }
})

const refused = (run: RunRecord, name: string, { digest, message, reason }: ArtifactError): ArtifactError =>
  new ArtifactError({
    reason,
    message: `Run ${run.id} can't be copied without ${name}: ${message}`,
    artifact: name,
    ...(digest === undefined ? {} : { digest })
  })

/**
 * What was copied, a line for each run.
 *
 * @example
 * ```ts
 * yield* Console.log(Copy.toText(yield* Copy.run("latest", { to: Storage.layerLocal({ directory: "/archive/.effect-flow" }) })))
 * ```
 */
export const toText = (copied: ReadonlyArray<CopiedRun>): string =>
  copied
    .map(({ artifacts, bytes, flow, id, outcome, tasks }) =>
      outcome === "present"
        ? `${id} of ${flow} was there already.`
        : `${id} of ${flow}: ${plural(tasks, "task")} and ${plural(artifacts, "new artifact")} (${bytesText(bytes)}) copied.`
    )
    .join("\n")
