/**
 * The services of a flow's own layer (`Flow.provide`), built when the first attempt asks for them and shared by all
 * that follow. A failed build is not cached: its resources are released, and the next attempt builds again.
 */
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { ExecutorError } from "../../Executor.ts"
import { explainExit } from "./callback.ts"
import * as Printing from "./printing.ts"

/** Services that are built at the first use. */
export type Lazy<A = unknown, E = unknown> = Effect.Effect<Context.Context<A>, E>

/**
 * Builds a layer at the first use.
 *
 * @param flow The flow's name, for messages.
 * @param scope The scope of the services.
 * @returns The services. Fails as the layer's build fails; a build that is interrupted from inside is a failure, because
 *   nobody interrupted the task that asked for it.
 */
export const lazily = <A, E>(
  flow: string,
  layer: Layer.Layer<A, E>,
  scope: Scope.Scope
): Lazy<A, E | ExecutorError> => {
  const subject = `The layer of flow "${flow}"`
  let building: Fiber.Fiber<Context.Context<A>, E> | undefined
  const build = Effect.gen(function* () {
    const own = yield* Scope.make()
    const context = yield* Effect.context<never>()
    const within = Printing.within()
    // What a finalizer prints is from the same code as what the layer printed before.
    const close = (exit: Exit.Exit<unknown, unknown>) =>
      Effect.callback<void>((resume) =>
        within(() => {
          Effect.runForkWith(context)(Scope.close(own, exit)).addObserver(resume)
        })
      )
    yield* Scope.addFinalizerExit(scope, close)
    return yield* Effect.onExit(Layer.buildWithScope(layer, own), (exit) =>
      Exit.isSuccess(exit) ? Effect.void : Scope.close(own, exit)
    )
  })
  // On a fiber of its own: an attempt that is interrupted while it waits leaves the build to the next one.
  const started = Effect.suspend(() =>
    building === undefined
      ? Effect.map(Effect.forkIn(build, scope), (fiber) => {
          building = fiber
          return fiber
        })
      : Effect.succeed(building)
  )
  return Effect.flatMap(started, (fiber) =>
    Effect.flatMap(Fiber.await(fiber), (exit): Exit.Exit<Context.Context<A>, E | ExecutorError> => {
      if (Exit.isSuccess(exit)) return exit
      if (building === fiber) building = undefined
      return Cause.hasInterruptsOnly(exit.cause) ? Exit.fail(interrupted(subject)) : explainExit(subject, exit)
    })
  )
}

const interrupted = (subject: string) =>
  new ExecutorError({
    reason: "interrupted",
    message: `${subject} was interrupted from inside while it was built: it interrupted itself, or joined a fiber that had been interrupted. Await such a fiber with Fiber.await, which does not interrupt.`
  })
