/** The arms of a choice: those of `Flow.when` and `Flow.match`. */
import * as Effect from "effect/Effect"
import type { ChoiceArm } from "../../CurrentRun.ts"
import type { Complaint } from "../../Step.ts"

/** An arm of a choice: an effect, or a function that makes it. */
export type Arm<A, E, R> = Effect.Effect<A, E, R> | (() => Effect.Effect<A, E, R>)

/** What an arm yields. */
export type ArmSuccess<T> = T extends Arm<infer A, any, any> ? A : never

/** What an arm fails with. */
export type ArmError<T> = T extends Arm<any, infer E, any> ? E : never

/** The services that an arm needs. */
export type ArmServices<T> = T extends Arm<any, any, infer R> ? R : never

/** The arms as they are, or a sentence at each that no value names. */
export type Arms<A, Names extends string> = [Exclude<keyof A, Names>] extends [never]
  ? A
  : { readonly [K in keyof A]: K extends Names ? A[K] : Complaint<`no value is "${K & string}"`> }

/** An arm as the interpreter takes it: a function; one that was an effect stays known to it, and what is neither is refused when it is taken. */
export const thunk = (arm: Arm<unknown, unknown, unknown>): ChoiceArm =>
  Effect.isEffect(arm) ? Object.assign(() => arm, { effect: arm }) : typeof arm === "function" ? arm : () => arm
