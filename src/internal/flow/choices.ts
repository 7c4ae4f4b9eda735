/**
 * Choices and loops of a flow's body that a plan can draw: they take a ref in the place of its value, so that the plan sees
 * every arm. `Flow` exports them.
 */
import * as Effect from "effect/Effect"
import type { ArtifactError, ArtifactStore } from "../../ArtifactStore.ts"
import { CurrentRun } from "../../CurrentRun.ts"
import type { FlowError } from "../../FlowError.ts"
import type { Ref } from "../../Ref.ts"
import * as Checked from "../checked.ts"
import { type Arm, type ArmError, type ArmServices, type ArmSuccess, type Arms, thunk } from "./arms.ts"

/**
 * Runs one of two arms, chosen by the value of a ref. A plan draws both arms, because it need not know the value.
 *
 * @example
 * ```ts
 * yield* Flow.when(report.passed, { onTrue: deploy(report), onFalse: reject(report) })
 * ```
 */
export const when = <A, E1, R1, B, E2, R2>(
  ref: Ref<boolean>,
  arms: { readonly onTrue: Arm<A, E1, R1>; readonly onFalse: Arm<B, E2, R2> }
): Effect.Effect<A | B, E1 | E2 | ArtifactError, R1 | R2 | ArtifactStore | CurrentRun> =>
  Effect.flatMap(CurrentRun, (run) => {
    const { onFalse, onTrue } = Checked.things(
      "The second argument of Flow.when",
      arms,
      "an object with onTrue and onFalse"
    )
    return run.choose(ref, { true: thunk(onTrue), false: thunk(onFalse) })
  }) as never // erased

/**
 * Runs the arm that the value of a ref names. Every value of the ref's union needs an arm, and a plan draws them all.
 *
 * @example
 * ```ts
 * yield* Flow.match(data.language, { en: english(data), de: german(data) })
 * ```
 */
export const match = <
  V extends string | number | boolean,
  const A extends { readonly [K in `${V}`]: Arm<any, any, any> }
>(
  ref: Ref<V>,
  arms: Arms<A, `${V}`>
): Effect.Effect<
  ArmSuccess<A[keyof A]>,
  ArmError<A[keyof A]> | ArtifactError,
  ArmServices<A[keyof A]> | ArtifactStore | CurrentRun
> =>
  Effect.flatMap(CurrentRun, (run) =>
    run.choose(
      ref,
      Object.fromEntries(
        Object.entries(
          Checked.things("The second argument of Flow.match", arms, "an object with an arm for each value")
        ).map(([value, arm]) => [value, thunk(arm as Arm<unknown, unknown, unknown>)])
      )
    )
  ) as never // erased

/**
 * Repeats tasks: while a condition holds, the body makes the next state from the last one.
 *
 * @param state The first state.
 * @param options.while From the state, a ref or an effect of whether to go on.
 * @param options.body From the state and the number of rounds so far, an effect of the next state.
 * @param options.limit The maximum number of rounds; a loop that needs more fails with `FlowError`. Default: 1,000.
 * @returns The last state.
 *
 * @example
 * ```ts
 * const last = yield* Flow.iterate(first, { while: (state) => state.improved, body: (state) => improve(state) })
 * ```
 */
export const iterate = <S, E1, R1, E2, R2>(
  state: S,
  options: {
    /** From the state, a ref or an effect of whether to go on. */
    readonly while: (state: S) => Effect.Effect<boolean, E1, R1>
    /** From the state and the number of rounds so far, an effect of the next state. */
    readonly body: (state: S, count: number) => Effect.Effect<S, E2, R2>
    /** The maximum number of rounds; a loop that needs more fails with `FlowError`. Default: 1,000. */
    readonly limit?: number
  }
): Effect.Effect<S, E1 | E2 | FlowError, R1 | R2 | CurrentRun> =>
  Effect.flatMap(CurrentRun, (run) => {
    Checked.expect(
      "The options of Flow.iterate",
      options,
      Checked.isPlainObject(options),
      "an object with while and body"
    )
    for (const name of ["while", "body"] as const) {
      const isFine = typeof options[name] === "function"
      Checked.expect(`\`${name}\` of Flow.iterate`, options[name], isFine, "a function of the state")
    }
    const limit = Checked.wholeNumber("`limit` of Flow.iterate", options.limit, 1) ?? 1000
    return run.iterate(state, { ...options, limit })
  }) as never // erased
