/**
 * What the compiler asks of `Step.merge`: every name that one state wrote and another has, too, must be resolved, and no
 * other name may be.
 */
import type { Value as RefValue } from "../../Ref.ts"
import type { WrittenOf } from "../../State.ts"

/** The names that one state wrote and another has, too. */
type Conflicts<B> = {
  [K in keyof B]: Extract<WrittenOf<B[K]>, { [J in Exclude<keyof B, K>]: keyof B[J] }[Exclude<keyof B, K>]>
}[keyof B]

/** The states that have a name. */
type Having<B, N> = { [K in keyof B]: N extends keyof B[K] ? K : never }[keyof B]

/** The names that at least one of the states has. */
export type NamesIn<B> = { [K in keyof B]: keyof B[K] }[keyof B]

/** The value of a name in any of the states. */
export type ValueIn<B, N> = { [K in keyof B]: N extends keyof B[K] ? RefValue<B[K][N]> : never }[keyof B]

/** What `merge` takes: the states as they are, or a sentence that names what must be resolved. */
export type Mergeable<B, C> = [Exclude<Conflicts<B>, keyof C>] extends [never]
  ? B
  : `merge must resolve "${Exclude<Conflicts<B>, keyof C> & string}"`

/** The second argument of `merge`: for each name in conflict, a branch that has it. */
export type Resolution<B, C> = [Exclude<keyof C, Conflicts<B>>] extends [never]
  ? [{ [N in keyof C]: C[N] extends Having<B, N> ? never : N }[keyof C]] extends [never]
    ? C
    : Choices<B>
  : Choices<B>
type Choices<B> = [Conflicts<B>] extends [never]
  ? { readonly [name: string]: never }
  : { readonly [N in Conflicts<B> & string]: Having<B, N> & string } & {} // `& string` spells the branches out in messages
