/**
 * What the parts of a run's interpreter share. A class, and most of what it keeps made at its first use: an app may have
 * thousands of runs at once, and most of them use little of it.
 */
import * as Effect from "effect/Effect"
import type { ArtifactStore } from "../../ArtifactStore.ts"
import type { ExecutorService, Outcome } from "../../Executor.ts"
import type { RunEvent } from "../../RunObserver.ts"
import type { RunRecord, TaskRecord } from "../../RunRecord.ts"
import type { RunStore, StoreError } from "../../RunStore.ts"
import type * as Tags from "../../Tags.ts"
import * as Cache from "./cache.ts"
import type { Definition, FlowDefinition } from "./definition.ts"
import type { Recorder } from "./recorder.ts"
import type { Origin } from "./resume.ts"
import { RunScope } from "./runScope.ts"
import type { Seeds } from "./seeds.ts"
import type { Lazy } from "./services.ts"
import * as TagChange from "./tagChange.ts"
import type { ResumeState } from "./takeover.ts"

/** What a run is made of. */
interface Parts
  extends Pick<
    RunContext,
    "flow" | "artifacts" | "runs" | "executor" | "recorder" | "observe" | "seeds" | "traced" | "begun"
  > {
  /** The run that this one resumes. */
  readonly origin: Origin | undefined
  /** The step that `--from` asked for, which is executed whatever stands for it. */
  readonly from: string | undefined
  /** The services of the flow's own layer. */
  readonly services: Lazy | undefined
}

/** A running run. */
export class RunContext {
  /** Its record so far. */
  record: RunRecord
  readonly flow: FlowDefinition
  readonly artifacts: ArtifactStore["Service"]
  readonly runs: RunStore["Service"]
  readonly executor: ExecutorService
  readonly recorder: Recorder
  readonly observe: (event: RunEvent) => void
  readonly seeds: Seeds
  /** Whether its spans are recorded. */
  readonly traced: boolean
  /** Its state when its previous driver died. */
  readonly begun: ResumeState | undefined
  /** The tasks and runs that the body has started. */
  readonly scope = new RunScope()
  readonly #origin: Origin | undefined
  readonly #from: string | undefined
  readonly #services: Lazy | undefined
  #count: number
  #occurrences: Map<string, number> | undefined
  #otherCode: Set<string> | undefined
  #cached: Cache.Cache | undefined

  constructor(record: RunRecord, parts: Parts) {
    this.record = record
    this.flow = parts.flow
    this.artifacts = parts.artifacts
    this.runs = parts.runs
    this.executor = parts.executor
    this.recorder = parts.recorder
    this.observe = parts.observe
    this.seeds = parts.seeds
    this.traced = parts.traced
    this.begun = parts.begun
    this.#origin = parts.origin
    this.#from = parts.from
    this.#services = parts.services
    this.#count = parts.begun?.lastIndex ?? 0
  }

  get id(): string {
    return this.record.id
  }

  get steps(): ReadonlyMap<string, Definition> {
    return this.flow.definitions
  }

  /** Tasks are numbered from 1 in the order in which they are called. */
  nextIndex(): number {
    return ++this.#count
  }

  /** The number of earlier tasks with this key. */
  nextOccurrence(key: string): number {
    this.#occurrences ??= new Map()
    const occurrence = this.#occurrences.get(key) ?? 0
    this.#occurrences.set(key, occurrence + 1)
    return occurrence
  }

  /** The origin's finished task with this key, once each. */
  takeOver(definition: Definition, key: string): TaskRecord | undefined {
    return this.executesAgain(definition) ? undefined : this.#origin?.takeOver(definition, key)
  }

  /** The artifact that is missing or damaged, so that the origin's task with this key can't be taken over. */
  lost(key: string): string | undefined {
    return this.#origin?.lost(key)
  }

  /** The origin's unfinished task with this key and code that has checkpoints, `RUN/train/3`, once each. */
  continues(definition: Definition, key: string, code: string | undefined): string | undefined {
    return this.executesAgain(definition) ? undefined : this.#origin?.continues(definition, key, code)
  }

  /** Whether no task of this step was seen to be taken over from other code: one warning a step is enough. */
  isFirstWithOtherCode(step: string): boolean {
    this.#otherCode ??= new Set()
    return !this.#otherCode.has(step) && this.#otherCode.add(step) !== undefined
  }

  /** The earlier run's task that stands for the nth one with this key, if the step is cached. */
  get cached(): Cache.Cache {
    this.#cached ??= Cache.make(this.runs, this.flow.flowName, this.id)
    return this.#cached
  }

  /** Whether `--from` asked for this step to be executed whatever stands for it. */
  executesAgain(definition: Definition): boolean {
    return definition.name === this.#from
  }

  get tags(): ReadonlyArray<string> {
    return this.record.tags
  }

  changeTags(change: Tags.Change): Effect.Effect<void, Tags.TagError | StoreError> {
    const save: RunStore["Service"]["write"] = (changes) => this.recorder.write(changes)
    return Effect.map(TagChange.write(this.runs, this.id, change, save), (tags) => {
      this.record = { ...this.record, tags }
    })
  }

  /** Gives the body of a step the services of the flow's own layer, which is built when the first body that uses it asks. */
  withServices({ layer }: Definition, body: Effect.Effect<Outcome, unknown, any>): Effect.Effect<Outcome, unknown> {
    return this.#services === undefined || layer === false
      ? (body as Effect.Effect<Outcome, unknown>) // its services are the flow body's own
      : Effect.flatMap(this.#services, (context) => Effect.provideContext(body, context))
  }
}
