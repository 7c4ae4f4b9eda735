/**
 * The scope of a run. Tasks and called runs that the flow's body started without awaiting them end with the body: they
 * are interrupted and recorded before the run's end is recorded. Tasks that were made but never run are reported,
 * because their `yield*` was probably forgotten.
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"

/** A task that a body made. Its effect may never be run. */
export class Made {
  readonly #counter: { waiting: number }
  #started = false

  constructor(counter: { waiting: number }) {
    this.#counter = counter
    counter.waiting++
  }

  /** Notes that the task is run, or is not meant to be. */
  start(): void {
    if (!this.#started) this.#counter.waiting--
    this.#started = true
  }
}

/** The scope of a run. */
export class RunScope {
  readonly #fibers = new Set<Fiber.Fiber<unknown, unknown>>()
  #counters: Map<string, { waiting: number }> | undefined
  #isOver = false

  /** Runs a task or a called run as part of this run. Nothing is started once the run is over. */
  owning<A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> {
    return Effect.withFiber((fiber) => {
      if (this.#isOver) return Effect.interrupt
      this.enter(fiber)
      return Effect.ensuring(
        effect,
        Effect.sync(() => this.leave(fiber))
      )
    })
  }

  /** Whether the body has ended: nothing more is started. */
  get isOver(): boolean {
    return this.#isOver
  }

  /** Notes that a fiber runs a task, until `leave`. */
  enter(fiber: Fiber.Fiber<unknown, unknown>): void {
    this.#fibers.add(fiber)
  }

  leave(fiber: Fiber.Fiber<unknown, unknown>): void {
    this.#fibers.delete(fiber)
  }

  /** Interrupts everything that is still running, and waits for its end. */
  get end(): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.#isOver = true
      return this.#fibers.size === 0 ? Effect.void : Fiber.interruptAll([...this.#fibers])
    })
  }

  /** Notes that the body made a task of a step. */
  noteMade(step: string): Made {
    this.#counters ??= new Map()
    let counter = this.#counters.get(step)
    if (counter === undefined) {
      counter = { waiting: 0 }
      this.#counters.set(step, counter)
    }
    return new Made(counter)
  }

  /** The number of tasks of each step that were made but never run. */
  neverRun(): ReadonlyArray<{ readonly step: string; readonly tasks: number }> {
    return [...(this.#counters ?? [])]
      .filter(([, { waiting }]) => waiting > 0)
      .map(([step, { waiting }]) => ({ step, tasks: waiting }))
  }
}

/** The message about tasks that were made but never run. */
export const neverRunMessage = (step: string, tasks: number): string =>
  `${tasks === 1 ? `A task of step "${step}" was` : `${tasks} tasks of step "${step}" were`} made but never run. Put \`yield*\` in front of the call, or pass the task to something that runs it (a join, Effect.all).`

// --- tasks as the body makes them ----------------------------------------------------------------------------------

const made: unique symbol = Symbol("effect-flow/made")

/** Marks a task with the note that it was made. */
export const mark = (task: object, note: Made): void => {
  ;(task as { [made]?: Made })[made] = note
}

/** The depth to which an effect is searched for tasks, more than the combinators around a task in practice. */
const depthLimit = 24

/** Notes that the tasks within an effect are not meant to run: the arm of a choice that was not taken. */
export const forgive = (effect: unknown, depth = 0): void => {
  if (typeof effect !== "object" || effect === null || depth > depthLimit) return
  ;(effect as { readonly [made]?: Made })[made]?.start()
  if (!Effect.isEffect(effect) && !Array.isArray(effect) && Object.getPrototypeOf(effect) !== Object.prototype) return
  for (const key of Reflect.ownKeys(effect)) {
    const held = Object.getOwnPropertyDescriptor(effect, key)?.value
    if (typeof held === "object" && held !== null) forgive(held, depth + 1)
  }
}
