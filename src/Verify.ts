/**
 * Checks a whole store: every artifact against its digest, every record, and whether each artifact that a run refers to
 * is there. What another copy can repair is repaired on request; for the rest, each fault says what to do.
 */
import * as Effect from "effect/Effect"
import { MinimumLogLevel } from "effect/References"
import { type ArtifactError, type ArtifactFault, ArtifactStore } from "./ArtifactStore.ts"
import * as References from "./internal/artifact/references.ts"
import { plural } from "./internal/units.ts"
import type { RefRecord, RunRecord } from "./RunRecord.ts"
import { type RecordFault, RunStore, type StoreError } from "./RunStore.ts"

/** Something in the store that is not as it should be. */
export interface Fault {
  /**
   * `altered`, `unreadable`, `misplaced` and `size` are faults of stored artifacts (`ArtifactStore.ArtifactFault`),
   * `missing` is an artifact that a run refers to and the store does not have, and `record` is a record of the run
   * database.
   */
  readonly kind: ArtifactFault["kind"] | "missing" | "record"
  /** What is wrong, as a sentence. */
  readonly message: string
  /** What to do about it, as a sentence; empty if it is repaired. */
  readonly advice: string
  /** The artifact, if it is one. */
  readonly digest?: string
  /** Ids of the runs it touches, newest first. */
  readonly runs: ReadonlyArray<string>
  readonly repaired: boolean
}

/** What `check` found. */
export interface Report {
  readonly faults: ReadonlyArray<Fault>
  /** How many runs and artifacts were checked. */
  readonly runs: number
  readonly artifacts: number
}

/** An artifact's uses: `RUN/train/3/model` and the runs, newest first. */
interface Use {
  readonly ref: string
  readonly runs: Set<string>
  /** A run whose resumption would execute the task that wrote it; undefined for a literal, which is passed in. */
  readonly writer: string | undefined
}

/**
 * Reads everything in the store and reports each fault once.
 *
 * With `repair`, an artifact is repaired from another intact copy in the store; one without a copy is set apart, so
 * that a resumed run executes the task that wrote it again. Nothing is deleted that is the only copy of its bytes.
 * Fails if the store can't be read at all, or with `repair`, can't be written.
 *
 * @param options.repair Default: false, which changes nothing.
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Storage, Verify } from "effect-flow"
 *
 * const faults = Verify.check({ repair: true }).pipe(
 *   Effect.map((report) => report.faults),
 *   Effect.provide(Storage.layerLocal())
 * )
 * ```
 */
export const check = Effect.fnUntraced(function* (
  options: {
    /** Restores damaged artifacts from other copies in the store, and sets the rest aside. Default: false. */
    readonly repair?: boolean
  } = {}
): Effect.fn.Return<Report, StoreError | ArtifactError, RunStore | ArtifactStore> {
  const store = yield* RunStore
  const artifacts = yield* ArtifactStore
  const records = yield* store.verify
  const { faults: damaged, intact } = yield* artifacts.verify({ repair: options.repair === true })
  const { runs, uses } = yield* usesOf(store)
  const faults: Array<Fault> = records.map(ofRecord)
  const reported = new Set<string>()
  for (const fault of damaged) {
    reported.add(fault.digest)
    faults.push(ofArtifact(fault, uses.get(fault.digest)))
  }
  for (const [digest, use] of uses)
    if (!intact.has(digest) && !reported.has(digest)) faults.push(ofMissing(digest, use))
  return { faults, runs, artifacts: intact.size }
})

/** The artifacts that readable runs refer to. */
const usesOf = Effect.fnUntraced(function* (store: RunStore["Service"]) {
  const uses = new Map<string, Use>()
  const runs = yield* Effect.provideService(store.runs({}), MinimumLogLevel, "None")
  const use = (run: RunRecord, digest: string, ref: string, writer: string | undefined): void => {
    const entry = uses.get(digest)
    if (entry === undefined) uses.set(digest, { ref, runs: new Set([run.id]), writer })
    else entry.runs.add(run.id)
  }
  for (const run of runs) {
    // A damaged task has been reported as a record; its run is read no further.
    const tasks = yield* Effect.catchIf(store.tasks({ run: run.id }), isDamaged, () => Effect.succeed([]))
    for (const task of tasks) {
      for (const ref of [...task.outputs, ...task.inputs]) {
        use(run, ref.digest, nameOf(run, ref), ref.writer)
        for (const [index, part] of (ref.parts ?? []).entries()) {
          use(run, part.digest, `part ${index + 1} of ${nameOf(run, ref)}`, ref.writer)
        }
      }
    }
    for (const { ref, task } of yield* store.checkpoints({ run: run.id }))
      for (const { digest } of References.addressesOf(ref === undefined ? [] : [ref]))
        use(run, digest, `a checkpoint of ${run.id}/${task}`, `${run.id}/${task}`)
    for (const card of yield* store.cards({ run: run.id }))
      use(run, card.digest, `the card of ${run.id}/${card.task}`, `${run.id}/${card.task}`)
  }
  return { runs: runs.length, uses }
})

const isDamaged = (error: StoreError): boolean => error.run !== undefined

const nameOf = (run: RunRecord, ref: RefRecord): string =>
  ref.writer === undefined ? `the literal "${ref.name}" of run ${run.id}` : `${ref.writer}/${ref.name}`

const ofRecord = ({ name, reason, run }: RecordFault): Fault => ({
  kind: "record",
  message: `${capitalized(name)}: ${reason}.`,
  advice:
    run === undefined
      ? "Restore the database from a copy. To save what can still be read, open it with sqlite3 and use .recover."
      : "Restore the database from a copy to get this run back. Other runs are not affected.",
  runs: run === undefined ? [] : [run],
  repaired: false
})

const problems: Readonly<Record<ArtifactFault["kind"], string>> = {
  altered: "was altered: its bytes do not have its digest",
  unreadable: "can't be read",
  misplaced: "is intact, but not where readers look for it",
  size: "is recorded with a wrong size"
}

const ofArtifact = (fault: ArtifactFault, use: Use | undefined): Fault => {
  const { digest, kind, reason, repaired, where } = fault
  const why = reason === undefined ? "" : `: ${reason}`
  return {
    kind,
    message: `${capitalized(labelOf(digest, use))} ${problems[kind]}${why} (in ${where}).`,
    advice: repaired
      ? ""
      : kind === "misplaced" || kind === "size"
        ? "Run verify --repair."
        : kind === "unreadable"
          ? `Make the file readable for this user. ${adviceFor(use)}`
          : adviceFor(use),
    digest,
    runs: runsOf(use),
    repaired
  }
}

const ofMissing = (digest: string, use: Use): Fault => ({
  kind: "missing",
  message: `${capitalized(labelOf(digest, use))} is missing from the store.`,
  advice: adviceFor(use),
  digest,
  runs: runsOf(use),
  repaired: false
})

const labelOf = (digest: string, use: Use | undefined): string =>
  use === undefined ? `artifact ${digest}` : `${use.ref} (artifact ${digest})`

const runsOf = (use: Use | undefined): ReadonlyArray<string> => (use === undefined ? [] : [...use.runs])

const adviceFor = (use: Use | undefined): string => {
  const [newest] = runsOf(use)
  if (use === undefined || newest === undefined) return "No readable run refers to it."
  return use.writer === undefined
    ? "Restore it from a copy of the store, or run the flow again with the same value."
    : `Resume run ${newest} to execute the task that wrote it again, or restore it from a copy of the store.`
}

const capitalized = (text: string): string => `${text[0]?.toUpperCase() ?? ""}${text.slice(1)}`

/**
 * A report as text: a paragraph for each fault, and a line that counts them.
 *
 * @example
 * ```ts
 * yield* Console.log(Verify.toText(yield* Verify.check()))
 * ```
 */
export const toText = ({ artifacts, faults, runs }: Report): string => {
  const repaired = faults.filter((fault) => fault.repaired).length
  const lines = faults.flatMap((fault) => [
    fault.message,
    ...(fault.runs.length === 0 ? [] : [`  touches ${listed(fault.runs)}`]),
    `  ${fault.repaired ? "Repaired." : fault.advice}`
  ])
  const count =
    faults.length === 0
      ? "No fault found."
      : `${plural(faults.length, "fault")} found, ${repaired === faults.length ? "all repaired" : `${repaired} repaired`}.`
  return [...lines, `${plural(runs, "run")} and ${plural(artifacts, "intact artifact")} checked. ${count}`].join("\n")
}

/** How many runs a line names. */
const namedRuns = 5

const listed = (runs: ReadonlyArray<string>): string =>
  `${runs.length === 1 ? "run" : "runs"} ${runs.slice(0, namedRuns).join(", ")}${runs.length > namedRuns ? ` and ${runs.length - namedRuns} more` : ""}`
