/**
 * The implementation of `CurrentTask`. Its members can be destructured. They allocate on first use, because a trivial
 * task uses none of them.
 */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import type { CurrentTask } from "../../CurrentTask.ts"
import type { TaskDescription } from "../../Executor.ts"
import type { Component } from "../card/data.ts"
import * as CardSink from "../card/sink.ts"
import * as Checkpoints from "./checkpoints.ts"
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
  readonly #description: TaskDescription
  readonly #sources: Checkpoints.Sources
  #checkpoints: ReturnType<typeof Checkpoints.make> | undefined
  #counters: Map<string, number> | undefined
  #card: ReturnType<typeof CardSink.make> | undefined
  #scratch: Promise<string> | undefined
  #finalizers: Array<Effect.Effect<unknown>> | undefined

  constructor(task: TaskDescription, sink: TaskSink, sources: Checkpoints.Sources) {
    this.flow = task.flow
    this.run = task.run
    this.step = task.step
    this.task = task.task
    this.attempt = task.attempt
    this.tags = task.tags
    this.sink = sink
    this.#description = task
    this.#sources = sources
  }

  // Getters return functions without a `this`, because a body may destructure `CurrentTask`.

  get addTags(): CurrentTask["Service"]["addTags"] {
    return (...add) => this.sink.tags({ add, remove: [] })
  }

  get removeTags(): CurrentTask["Service"]["removeTags"] {
    return (...remove) => Effect.catchTag(this.sink.tags({ add: [], remove }), "TagError", Effect.die)
  }

  get checkpoint(): CurrentTask["Service"]["checkpoint"] {
    return (schema, options) =>
      Effect.suspend(() => {
        this.#checkpoints ??= Checkpoints.make(this.#description, this.#sources, this.sink)
        return this.#checkpoints(schema, options)
      })
  }

  get addFinalizer(): CurrentTask["Service"]["addFinalizer"] {
    return (finalizer) =>
      Effect.sync(() => {
        this.#finalizers ??= []
        this.#finalizers.push(finalizer)
      })
  }

  get scratch(): Effect.Effect<string> {
    return Effect.promise(() => {
      this.#scratch ??= mkdtemp(join(tmpdir(), `effect-flow-${this.step}-`))
      return this.#scratch
    })
  }

  get metric(): CurrentTask["Service"]["metric"] {
    return (name, value, step) =>
      Effect.clockWith((clock) => {
        const problem = metricProblem(name, value, step)
        if (problem !== undefined) return Effect.die(new TypeError(`A metric of step "${this.step}": ${problem}`))
        this.#counters ??= new Map()
        const count = step ?? this.#counters.get(name) ?? 0
        this.#counters.set(name, count + 1)
        this.sink.metric({ name, value, step: count, at: clock.currentTimeMillisUnsafe() })
        return Effect.void
      })
  }

  get card(): CurrentTask["Service"]["card"] {
    return (components: ReadonlyArray<Component>) =>
      Effect.suspend(() => {
        this.#card ??= CardSink.make(this.#sources.artifacts, (card) => this.sink.card(card))
        return this.#card.set(components)
      })
  }

  /** Sends the last card, runs the finalizers and removes the scratch directory, if the body used them. */
  close(): Effect.Effect<void> | undefined {
    const card = this.#card
    const scratch = this.#scratch
    const finalizers = this.#finalizers
    if (card === undefined && scratch === undefined && finalizers === undefined) return undefined
    return Effect.gen(function* () {
      if (card !== undefined) yield* card.flush
      for (const finalizer of finalizers?.toReversed() ?? [])
        yield* Effect.catchCause(finalizer, (cause) => Effect.logError("A finalizer of the task failed", cause))
      if (scratch !== undefined) yield* Effect.promise(async () => rm(await scratch, { recursive: true, force: true }))
    })
  }
}

/** Points that can't be stored are refused immediately, so that they don't affect other points. */
const metricProblem = (name: unknown, value: unknown, step: unknown): string | undefined => {
  if (typeof name !== "string") return "its name must be a string."
  if (typeof value !== "number") return `the value of "${name}" must be a number, but its type is ${typeof value}.`
  if (step === undefined || Number.isFinite(step)) return undefined
  return `the step of "${name}" must be a number, but it is ${typeof step === "number" ? step : `a ${typeof step}`}.`
}
