/**
 * Copies runs from one store to another, with everything that is kept of them: tasks, artifacts, logs, metrics, cards,
 * checkpoints and tags. A run appears in the other store at the end, when everything else is there. So a copy that was cut off is
 * repeated by the same call, which finds the artifacts that were already copied.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { ArtifactError, ArtifactStore } from "./ArtifactStore.ts"
import * as Contents from "./internal/history/contents.ts"
import { isCrashed, placeOf } from "./internal/history/reading.ts"
import * as Runs from "./internal/history/runs.ts"
import * as Location from "./internal/store/location.ts"
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
  const now = yield* Clock.currentTimeMillis
  for (const each of all) {
    if (each.status !== "running" || isCrashed(each, { now, host: yield* Contents.thisHost })) continue
    return yield* new StoreError({
      message: `Run ${each.id} of flow "${each.flow}" is still running. Copy it once it has ended, or cancel it first.`
    })
  }
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

/** A run and the runs that it depends on, which come first. */
const standingOn = Effect.fnUntraced(function* (store: Store, root: RunRecord) {
  const runs = new Map([[root.id, root]])
  const pending = [root]
  for (let run = pending.pop(); run !== undefined; run = pending.pop()) {
    const called = yield* store.runs({ parent: run.id })
    const named = new Set(run.origin === undefined ? [] : [run.origin])
    for (const how of ["takenOver", "cached"] as const) {
      for (const { source } of yield* store.tasks({ run: run.id, how, refs: false })) {
        if (source !== undefined) named.add(placeOf(source).run)
      }
    }
    // A run that was removed meanwhile is left out: its artifacts come with the tasks that stand for it.
    const sources = yield* Effect.forEach(
      [...named].filter((id) => !runs.has(id)),
      (id) => store.runs({ id })
    )
    for (const other of [...called, ...sources.flat()]) {
      if (runs.has(other.id)) continue
      runs.set(other.id, other)
      pending.push(other)
    }
  }
  return [...runs.values()].reverse()
})

interface Stores {
  readonly runs: Store
  readonly artifacts: Artifacts
}

const copyOne = Effect.fnUntraced(function* (run: RunRecord, from: Stores, to: Stores) {
  const [present] = yield* to.runs.runs({ id: run.id })
  if (present !== undefined) {
    yield* sameRun(run, present)
    const skipped: CopiedRun = { id: run.id, flow: run.flow, outcome: "present", tasks: 0, artifacts: 0, bytes: 0 }
    return skipped
  }
  const artifacts = yield* copyArtifacts(run, from, to)
  yield* to.runs.remove([run.id]) // what a copy that was cut off has left
  let tasks = 0
  const write = (changes: ReadonlyArray<Change>) => {
    for (const { _tag } of changes) if (_tag === "Task") tasks++
    return to.runs.write(changes)
  }
  yield* Contents.forEachPart(from.runs, run, write)
  // Until its tasks were there, garbage collection could remove what nothing referred to.
  const again = yield* copyArtifacts(run, from, to)
  yield* to.runs.write(Contents.recordOf(run))
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
    ({ digest, name, size }) =>
      (size <= to.artifacts.inlineLimit
        ? Effect.flatMap(from.artifacts.get(digest), (bytes) => to.artifacts.put([bytes]))
        : Effect.flatMap(from.artifacts.path(digest), to.artifacts.putFile)
      ).pipe(Effect.mapError((error) => refused(run, name, error))),
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
