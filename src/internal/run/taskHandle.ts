/**
 * `CurrentTask` as a body gets it: a plain record, which can be taken apart and passed on. Its scratch directory, counters
 * and card are made at first use, because a trivial task asks for none of them.
 */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import type { ArtifactStore } from "../../ArtifactStore.ts"
import type { CurrentTask } from "../../CurrentTask.ts"
import type { TaskDescription } from "../../Executor.ts"
import type { StoreError } from "../../RunStore.ts"
import type { TagError } from "../../Tags.ts"
import type { Component } from "../card/data.ts"
import * as CardSink from "../card/sink.ts"
import type { TaskSink } from "./taskSink.ts"

/** The handle behind a record that a body got as `CurrentTask`. */
const handleKey: unique symbol = Symbol("effect-flow/TaskHandle")

/** One attempt, for what runs it. */
export interface TaskHandle {
  /** `CurrentTask`, as the body gets it. */
  readonly service: CurrentTask["Service"]
  readonly sink: TaskSink
  /** Sends the last card and removes the scratch directory. */
  readonly close: Effect.Effect<void>
}

/** The handle of the task that a body runs in, by its `CurrentTask`; none where that was made by someone else. */
export const handleOf = (service: CurrentTask["Service"]): TaskHandle | undefined =>
  (service as { readonly [handleKey]?: TaskHandle })[handleKey]

/** The handle of an attempt. */
export const make = (task: TaskDescription, sink: TaskSink, store: ArtifactStore["Service"]): TaskHandle => {
  let counters: Map<string, number> | undefined
  let card: ReturnType<typeof CardSink.make> | undefined
  let scratch: Promise<string> | undefined
  const handle: TaskHandle = {
    sink,
    service: {
      flow: task.flow,
      run: task.run,
      step: task.step,
      task: task.task,
      attempt: task.attempt,
      tags: task.tags,
      addTags: (...add: ReadonlyArray<string>): Effect.Effect<void, TagError | StoreError> =>
        sink.tags({ add, remove: [] }),
      removeTags: (...remove: ReadonlyArray<string>): Effect.Effect<void, StoreError> =>
        Effect.catchTag(sink.tags({ add: [], remove }), "TagError", Effect.die),
      scratch: Effect.promise(() => {
        scratch ??= mkdtemp(join(tmpdir(), `effect-flow-${task.step}-`))
        return scratch
      }),
      metric: (name: string, value: number, step?: number): Effect.Effect<void> =>
        Effect.clockWith((clock) => {
          counters ??= new Map()
          const count = step ?? counters.get(name) ?? 0
          counters.set(name, count + 1)
          sink.metric({ name, value, step: count, at: clock.currentTimeMillisUnsafe() })
          return Effect.void
        }),
      card: (components: ReadonlyArray<Component>): Effect.Effect<void> =>
        Effect.suspend(() => {
          card ??= CardSink.make(store, sink.card)
          return card.set(components)
        }),
      get [handleKey]() {
        return handle
      }
    } as CurrentTask["Service"],
    close: Effect.suspend(() => {
      const sent = card === undefined ? Effect.void : card.flush
      return scratch === undefined
        ? sent
        : Effect.andThen(
            sent,
            Effect.promise(async () => rm((await scratch) ?? "", { recursive: true, force: true }))
          )
    })
  }
  return handle
}
