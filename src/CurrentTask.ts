/**
 * What a step's body may ask about the task it runs in. The executor provides it, in whichever thread or process the body
 * runs. Library code that also works outside a flow asks with `Effect.serviceOption(CurrentTask)`.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { Component } from "./internal/card/data.ts"
import type { StoreError } from "./RunStore.ts"
import type { TagError } from "./Tags.ts"

/** The task that a step's body runs in. */
export class CurrentTask extends Context.Service<
  CurrentTask,
  {
    readonly flow: string
    readonly run: string
    readonly step: string
    /** The task's id within the run, `train/3`. */
    readonly task: string
    /** From 1. */
    readonly attempt: number
    /** The run's tags when the task started, sorted. */
    readonly tags: ReadonlyArray<string>
    /** Adds tags to the run; durable when it returns. */
    readonly addTags: (...tags: ReadonlyArray<string>) => Effect.Effect<void, TagError | StoreError>
    /** Removes tags from the run. */
    readonly removeTags: (...tags: ReadonlyArray<string>) => Effect.Effect<void, StoreError>
    /** A directory for this attempt alone, made at the first call and removed when the attempt ends. */
    readonly scratch: Effect.Effect<string>
    /** Adds a point to a metric's series; kept with the run, in batches. `step` counts up by itself where none is given. */
    readonly metric: (name: string, value: number, step?: number) => Effect.Effect<void>
    /** Replaces the task's card; kept with the run, a few times a second at most. A step calls `Card.append`. */
    readonly card: (components: ReadonlyArray<Component>) => Effect.Effect<void>
  }
>()("effect-flow/CurrentTask") {}
