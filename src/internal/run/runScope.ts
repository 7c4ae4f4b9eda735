/**
 * What a run owns. Tasks and called runs that the flow's body started and did not await end with the body: they are
 * interrupted, and recorded, before the run's record says that it is over. And a task that was made and never run is
 * noticed: its `yield*` was forgotten.
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"

/** What a run owns while its body goes on. */
export interface RunScope {
  /** Runs a task, or another run, as part of this one. Once the run is over, nothing of it is started any more. */
  readonly owning: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  /** Interrupts what is still under way, and waits until it has ended. */
  readonly end: Effect.Effect<void>
  /** Notes that the body made a task of a step. The function that it returns notes that the task was started. */
  readonly noteMade: (step: string) => () => void
  /** How many tasks of each step were made and never run. */
  readonly neverRun: () => ReadonlyMap<string, number>
}

/** The scope of a run that begins. */
export const make = (): RunScope => {
  const fibers = new Set<Fiber.Fiber<unknown, unknown>>()
  const waiting = new Map<string, number>()
  let over = false
  const count = (step: string, by: number) => void waiting.set(step, (waiting.get(step) ?? 0) + by)
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
    end: Effect.suspend(() => {
      over = true
      return fibers.size === 0 ? Effect.void : Fiber.interruptAll([...fibers])
    }),
    noteMade: (step) => {
      count(step, 1)
      let started = false
      return () => {
        if (!started) count(step, -1)
        started = true
      }
    },
    neverRun: () => new Map([...waiting].filter(([, tasks]) => tasks > 0))
  }
}

/** What a run says at its end of tasks that were made and never run. */
export const neverRunMessage = (step: string, tasks: number): string =>
  `${tasks === 1 ? `A task of step "${step}" was` : `${tasks} tasks of step "${step}" were`} made and never run. Put \`yield*\` in front of the call, or give the task to what runs it (a join, Effect.all).`

// --- tasks as the body makes them ----------------------------------------------------------------------------------

const starts = new WeakMap<object, () => void>()

/** Remembers how to note that a task was started. */
export const remember = (task: object, started: () => void): void => void starts.set(task, started)

/** How deep an effect is searched for tasks: as many combinators around a task as anyone writes. */
const depthLimit = 24

/** Notes that the tasks within an effect are not meant to run: the arm of a choice that was not taken. */
export const forgive = (effect: unknown, depth = 0): void => {
  if (typeof effect !== "object" || effect === null || depth > depthLimit) return
  starts.get(effect)?.()
  if (!Effect.isEffect(effect) && !Array.isArray(effect) && Object.getPrototypeOf(effect) !== Object.prototype) return
  for (const key of Reflect.ownKeys(effect)) {
    const held = Object.getOwnPropertyDescriptor(effect, key)?.value
    if (typeof held === "object" && held !== null) forgive(held, depth + 1)
  }
}
