/**
 * Loads, while a task's outputs are being stored, what steps that come after it need: the process would only wait
 * meanwhile. An artifact says what it takes to make a value of it (`Artifact.prepare`), and a step that has it among its
 * outputs and had no task yet is taken to be coming. So a run that executes nothing loads nothing.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Definition } from "./definition.ts"

/** What is still to be loaded for one run. */
export interface Preparation {
  /** A step has a task: what it needs is loaded by itself. */
  readonly reached: (definition: Definition) => void
  /** Loads what the other steps need, in the background. Called when a body has ended and its outputs are about to be stored. */
  readonly begin: Effect.Effect<void>
}

/** The preparation of a run of these steps. */
export const make = (steps: ReadonlyMap<string, Definition>, scope: Scope.Scope): Preparation => {
  const waiting = new Map<string, Effect.Effect<void>>()
  for (const { name, output } of steps.values()) {
    for (const { artifact } of output) if (artifact.prepare !== undefined) waiting.set(name, artifact.prepare)
  }
  return {
    reached: ({ name }) => {
      waiting.delete(name)
    },
    begin: Effect.suspend(() => {
      if (waiting.size === 0) return Effect.void
      const effects = new Set(waiting.values())
      waiting.clear()
      const all = Effect.forEach(effects, (effect) => Effect.ignoreCause(effect), { discard: true })
      return Effect.asVoid(Effect.forkIn(all, scope))
    })
  }
}
