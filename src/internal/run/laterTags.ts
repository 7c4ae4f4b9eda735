/**
 * System tags for which a run does not wait, such as the git commit: asked for when the first task has begun, and recorded
 * when they are there.
 */
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import type { RunEvent } from "../../RunObserver.ts"

type Tags = Readonly<Record<string, string>>

/** What finds the tags. */
export const LaterTags: Context.Reference<Effect.Effect<Tags> | undefined> = Context.Reference<
  Effect.Effect<Tags> | undefined
>("effect-flow/LaterTags", { defaultValue: () => undefined })

/** The tags of one run. */
export interface Gathering {
  /** The run's observer, through which the first task is noticed. */
  readonly observe: (event: RunEvent) => void
  /** From now on, the first task sets out to find the tags, which are then saved. */
  readonly begin: (save: (tags: Tags) => Effect.Effect<void, unknown>, scope: Scope.Scope) => Effect.Effect<void>
  /** Returns when the tags are saved. */
  readonly end: Effect.Effect<void>
}

/** Gathers the tags of a run. */
export const make = (tags: Effect.Effect<Tags> | undefined, observe: (event: RunEvent) => void): Gathering => {
  if (tags === undefined) return { observe, begin: () => Effect.void, end: Effect.void }
  const firstTask = Deferred.makeUnsafe<void>()
  let gathering: Fiber.Fiber<void, unknown> | undefined
  return {
    observe: (event) => {
      if (event._tag === "TaskStarted") Deferred.doneUnsafe(firstTask, Exit.void)
      observe(event)
    },
    begin: (save, scope) =>
      Deferred.await(firstTask).pipe(
        Effect.andThen(tags),
        Effect.flatMap((gathered) => (Object.keys(gathered).length === 0 ? Effect.void : save(gathered))),
        Effect.forkIn(scope),
        Effect.flatMap((fiber) =>
          Effect.sync(() => {
            gathering = fiber
          })
        )
      ),
    end: Effect.suspend(() => {
      if (gathering === undefined) return Effect.void
      Deferred.doneUnsafe(firstTask, Exit.void) // if there was no task
      return Fiber.await(gathering)
    })
  }
}
