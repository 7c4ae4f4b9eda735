/** The context that the parts of a run's interpreter share. */
import type * as Effect from "effect/Effect"
import type { ArtifactStore } from "../../ArtifactStore.ts"
import type { ExecutorService, Outcome } from "../../Executor.ts"
import type { RunEvent } from "../../RunObserver.ts"
import type { TaskRecord } from "../../RunRecord.ts"
import type { RunStore, StoreError } from "../../RunStore.ts"
import type { TagError } from "../../Tags.ts"
import type { Cache } from "./cache.ts"
import type { Definition, FlowDefinition } from "./definition.ts"
import type { Recorder } from "./recorder.ts"
import type { RunScope } from "./runScope.ts"
import type { Seeds } from "./seeds.ts"
import type { ResumeState } from "./takeover.ts"

/** A running run. */
export interface RunContext {
  readonly id: string
  readonly flow: FlowDefinition
  readonly steps: ReadonlyMap<string, Definition>
  readonly artifacts: ArtifactStore["Service"]
  readonly runs: RunStore["Service"]
  readonly executor: ExecutorService
  readonly recorder: Recorder
  readonly observe: (event: RunEvent) => void
  /** Tasks are numbered from 1 in the order in which they are called. */
  readonly nextIndex: () => number
  /** The number of earlier tasks with this key. */
  readonly nextOccurrence: (key: string) => number
  /** The state of the run when its previous driver died. */
  readonly begun: ResumeState | undefined
  /** The origin's finished task with this key, once each. */
  readonly takeOver: (definition: Definition, key: string) => TaskRecord | undefined
  /** The artifact that is missing or damaged, so that the origin's task with this key can't be taken over. */
  readonly lost: (key: string) => string | undefined
  /** The origin's unfinished task with this key and code that has checkpoints, `RUN/train/3`, once each. */
  readonly continues: (definition: Definition, key: string, code: string | undefined) => string | undefined
  /** Whether no task of this step was seen to be taken over from other code: one warning a step is enough. */
  readonly isFirstWithOtherCode: (step: string) => boolean
  /** The earlier run's task that stands for the nth one with this key, if the step is cached. */
  readonly cached: Cache
  readonly seeds: Seeds
  /** Whether the run's spans are recorded. */
  readonly traced: boolean
  /** Whether `--from` asked for this step to be executed whatever stands for it. */
  readonly executesAgain: (definition: Definition) => boolean
  /** The tasks and runs that the body has started. */
  readonly scope: RunScope
  readonly tags: () => ReadonlyArray<string>
  readonly changeTags: (change: {
    readonly add: ReadonlyArray<string>
    readonly remove: ReadonlyArray<string>
  }) => Effect.Effect<void, TagError | StoreError>
  /** Gives a step's body the services of the flow's own layer, built at the first call. */
  readonly withServices: (body: Effect.Effect<Outcome, unknown, any>) => Effect.Effect<Outcome, unknown>
}
