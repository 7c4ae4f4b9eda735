/**
 * `CurrentTask` as a body gets it. A class, and everything it needs made at first use: a trivial task asks for none of it.
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

/** The task that a body runs in. */
export class TaskHandle implements Pick<CurrentTask["Service"], keyof CurrentTask["Service"]> {
  readonly flow: string
  readonly run: string
  readonly step: string
  readonly task: string
  readonly attempt: number
  readonly tags: ReadonlyArray<string>
  readonly sink: TaskSink
  readonly #store: ArtifactStore["Service"]
  #counters: Map<string, number> | undefined
  #card: ReturnType<typeof CardSink.make> | undefined
  #scratch: Promise<string> | undefined

  constructor(task: TaskDescription, sink: TaskSink, store: ArtifactStore["Service"]) {
    this.flow = task.flow
    this.run = task.run
    this.step = task.step
    this.task = task.task
    this.attempt = task.attempt
    this.tags = task.tags
    this.sink = sink
    this.#store = store
  }

  addTags(...add: ReadonlyArray<string>): Effect.Effect<void, TagError | StoreError> {
    return this.sink.tags({ add, remove: [] })
  }

  removeTags(...remove: ReadonlyArray<string>): Effect.Effect<void, StoreError> {
    return Effect.catchTag(this.sink.tags({ add: [], remove }), "TagError", Effect.die)
  }

  get scratch(): Effect.Effect<string> {
    return Effect.promise(() => {
      this.#scratch ??= mkdtemp(join(tmpdir(), `effect-flow-${this.step}-`))
      return this.#scratch
    })
  }

  metric(name: string, value: number, step?: number): Effect.Effect<void> {
    return Effect.clockWith((clock) => {
      this.#counters ??= new Map()
      const count = step ?? this.#counters.get(name) ?? 0
      this.#counters.set(name, count + 1)
      this.sink.metric({ name, value, step: count, at: clock.currentTimeMillisUnsafe() })
      return Effect.void
    })
  }

  card(components: ReadonlyArray<Component>): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.#card ??= CardSink.make(this.#store, this.sink.card)
      return this.#card.set(components)
    })
  }

  /** Sends what waits, removes what was made. */
  get close(): Effect.Effect<void> {
    const card = this.#card
    const scratch = this.#scratch
    const sent = card === undefined ? Effect.void : card.flush
    return scratch === undefined
      ? sent
      : Effect.andThen(
          sent,
          Effect.promise(async () => rm(await scratch, { recursive: true, force: true }))
        )
  }
}
