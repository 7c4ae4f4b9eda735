/**
 * What a run owns. Tasks and called runs that the flow's body started and did not await end with the body: they are
 * interrupted, and recorded, before the run's record says that it is over. And a task that was made and never run is
 * noticed: its `yield*` was forgotten.
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"

/** A task that a body made: an effect that may be run or not. */
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

/** What a run owns while its body goes on. */
export interface RunScope {
  /** Runs a task, or another run, as part of this one. Once the run is over, nothing of it is started any more. */
  readonly owning: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  /** Whether the body has ended: nothing more is started. */
  readonly isOver: () => boolean
  /** Notes that a fiber runs a task, until `leave`. */
  readonly enter: (fiber: Fiber.Fiber<unknown, unknown>) => void
  readonly leave: (fiber: Fiber.Fiber<unknown, unknown>) => void
  /** Interrupts what is still under way, and waits until it has ended. */
  readonly end: Effect.Effect<void>
  /** Notes that the body made a task of a step. */
  readonly noteMade: (step: string) => Made
  /** How many tasks of each step were made and never run. */
  readonly neverRun: () => ReadonlyArray<{ readonly step: string; readonly tasks: number }>
}

/** The scope of a run that begins. */
export const make = (): RunScope => {
  const fibers = new Set<Fiber.Fiber<unknown, unknown>>()
  const counters = new Map<string, { waiting: number }>()
  let over = false
  return {
    owning: (effect) =>
      Effect.withFiber((fiber) => {
        if (over) return Effect.interrupt
        fibers.add(fiber)
        return Effect.ensuring(
          effect,
          Effect.sync(() => fibers.delete(fiber))
        )
      }),
    isOver: () => over,
    enter: (fiber) => void fibers.add(fiber),
    leave: (fiber) => void fibers.delete(fiber),
    end: Effect.suspend(() => {
      over = true
      return fibers.size === 0 ? Effect.void : Fiber.interruptAll([...fibers])
    }),
    noteMade: (step) => {
      let counter = counters.get(step)
      if (counter === undefined) {
        counter = { waiting: 0 }
        counters.set(step, counter)
      }
      return new Made(counter)
    },
    neverRun: () =>
      [...counters].filter(([, { waiting }]) => waiting > 0).map(([step, { waiting }]) => ({ step, tasks: waiting }))
  }
}

/** What a run says at its end of tasks that were made and never run. */
export const neverRunMessage = (step: string, tasks: number): string =>
  `${tasks === 1 ? `A task of step "${step}" was` : `${tasks} tasks of step "${step}" were`} made and never run. Put \`yield*\` in front of the call, or give the task to what runs it (a join, Effect.all).`

// --- tasks as the body makes them ----------------------------------------------------------------------------------

const made: unique symbol = Symbol("effect-flow/made")

/** Marks a task with the note that it was made. */
export const mark = (task: object, note: Made): void => {
  ;(task as { [made]?: Made })[made] = note
}

/** How deep an effect is searched for tasks: as many combinators around a task as anyone writes. */
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
