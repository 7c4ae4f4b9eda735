/**
 * What a step's body may ask about the task it runs in. The executor provides it, in whichever thread or process the body
 * runs. Library code that also works outside a flow asks with `Effect.serviceOption(CurrentTask)`.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type * as Artifact from "./Artifact.ts"
import type { ArtifactError } from "./ArtifactStore.ts"
import type { Component } from "./internal/card/data.ts"
import type { NoSecret, SecretMessage } from "./internal/schema/secretTypes.ts"
import type { StoreError } from "./RunStore.ts"
import type { TagError } from "./Tags.ts"

/** A value that survives attempts and resumes of the task that saves it. */
export interface Checkpoint<A> {
  /** The last saved value: from an earlier attempt, or from the same task of the run that this run resumes. */
  readonly latest: Option.Option<A>
  /** Replaces the value; durable when it returns. Fails with `ArtifactError` if the value breaks its schema. */
  readonly save: (value: A) => Effect.Effect<void, ArtifactError | StoreError>
}

/** The options of `checkpoint`. */
export interface CheckpointOptions {
  /** Tells the checkpoints of one task apart. Default: `checkpoint`. */
  readonly name?: string
}

/** Rejects the schema of a secret, in a sentence. */
type Storable<F extends Artifact.Field> = [NoSecret<Artifact.Value<F>>] extends [never] ? SecretMessage : unknown

/** The task that a step's body runs in. */
export class CurrentTask extends Context.Service<
  CurrentTask,
  {
    readonly flow: string
    readonly run: string
    readonly step: string
    /** The task's id within the run, `train/3`. */
    readonly task: string
    /** The number of the attempt, counted from 1. */
    readonly attempt: number
    /** The run's tags when the task started, sorted. */
    readonly tags: ReadonlyArray<string>
    /** Adds tags to the run; durable when it returns. */
    readonly addTags: (...tags: ReadonlyArray<string>) => Effect.Effect<void, TagError | StoreError>
    /** Removes tags from the run. */
    readonly removeTags: (...tags: ReadonlyArray<string>) => Effect.Effect<void, StoreError>
    /**
     * Opens a checkpoint: a value that the next attempt continues from, or the next process if this one is killed. A checkpoint
     * of other inputs, of other code of the step, or of another schema is never used, nor is one of a step that is executed
     * again because of `--from`. It is removed when the task succeeds. Until then the run may be resumed from it.
     *
     * @param schema A schema, or any artifact, such as `Artifact.tensors()`.
     */
    readonly checkpoint: <F extends Artifact.Field>(
      schema: F & Storable<F>,
      options?: CheckpointOptions
    ) => Effect.Effect<Checkpoint<Artifact.Value<F>>, StoreError>
    /** Runs an effect when the attempt ends, after its outputs are stored; the last one added runs first. */
    readonly addFinalizer: (finalizer: Effect.Effect<unknown>) => Effect.Effect<void>
    /** A directory for this attempt alone, made at the first call and removed when the attempt ends. */
    readonly scratch: Effect.Effect<string>
    /** Adds a point to a metric's series; kept with the run, in batches. Without a `step`, it counts up by itself. */
    readonly metric: (name: string, value: number, step?: number) => Effect.Effect<void>
    /** Replaces the task's card; kept with the run, a few times a second at most. A step calls `Card.append`. */
    readonly card: (components: ReadonlyArray<Component>) => Effect.Effect<void>
  }
>()("effect-flow/CurrentTask") {
  /**
   * Opens a checkpoint of the current task: a value that survives its attempts and resumes.
   *
   * @param schema A schema, or any artifact, such as `Artifact.tensors()`.
   * @param options.name Tells the checkpoints of one task apart. Default: `checkpoint`.
   * @returns The latest value, if there is one, and how to save the next. Fails with `StoreError` if the store fails. A schema
   *   whose values can't be stored, or are secrets, is a defect: `FlowError`.
   *
   * @example
   * ```ts
   * const { latest, save } = yield* CurrentTask.checkpoint(Schema.Struct({ page: Schema.Int, total: Schema.Number }))
   * let { page, total } = Option.getOrElse(latest, () => ({ page: 0, total: 0 }))
   * while (page < 100) {
   *   total += yield* fetchPage(page++)
   *   yield* save({ page, total })
   * }
   * ```
   */
  static checkpoint<F extends Artifact.Field>(
    schema: F & Storable<F>,
    options?: CheckpointOptions
  ): Effect.Effect<Checkpoint<Artifact.Value<F>>, StoreError, CurrentTask> {
    return Effect.flatMap(CurrentTask, (task) => task.checkpoint(schema, options))
  }
}
