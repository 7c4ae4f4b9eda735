/**
 * The services of a flow's own layer (`Flow.provide`), built when the first attempt asks for them and shared by all
 * that follow. A failed build is not cached: its resources are released, and the next attempt builds again.
 */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"

/** Services that are built at the first use. */
export type Lazy<A = unknown, E = unknown> = Effect.Effect<Context.Context<A>, E>

/**
 * Builds a layer at the first use.
 *
 * @param scope The scope of the services.
 * @returns The services. Fails as the layer's build fails.
 */
export const lazily = <A, E>(layer: Layer.Layer<A, E>, scope: Scope.Scope): Lazy<A, E> => {
  let building: Fiber.Fiber<Context.Context<A>, E> | undefined
  const build = Effect.gen(function* () {
    const own = yield* Scope.fork(scope)
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
    Effect.onError(Fiber.join(fiber), () =>
      Effect.sync(() => {
        if (building === fiber && fiber.pollUnsafe()?._tag === "Failure") building = undefined
      })
    )
  )
}
