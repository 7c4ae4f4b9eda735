/**
 * What the compiler asks of a flow's steps and body: no two steps of one name, an effect of what the flow declares, every
 * task run, and no secret. Each refusal is a sentence, because the compiler shows it in its message.
 */
import type * as Effect from "effect/Effect"
import type { CurrentRun } from "../../CurrentRun.ts"
import type { Ref } from "../../Ref.ts"
import type { Body, IsAny } from "../../Step.ts"
import type { IsNo, NoSecret, SecretMessage } from "../schema/secretTypes.ts"
import type { StorableSchema } from "../schema/storableSchema.ts"
import type { Holder, PairHolder, PlaceOf, Unrecordable, UnrecordableMessage } from "./recordable.ts"

/** Rejects, in a sentence, a second step of one name. */
export type Duplicate<S extends ReadonlyArray<unknown>, Seen = never> = S extends readonly [
  infer Head extends { readonly stepName: string },
  ...infer Rest
]
  ? Head["stepName"] extends Seen
    ? { readonly steps: `two steps are named "${Head["stepName"]}"` }
    : Duplicate<Rest, Seen | Head["stepName"]>
  : unknown

/** Schemas of what a flow's body yields, by name. */
export type OutputSchemas = { readonly [name: string]: StorableSchema }

/** What a body has to yield for a flow's `output`: a value of each schema, or a ref of one. */
export type DeclaredOutput<O extends OutputSchemas> = keyof O extends never
  ? unknown
  : { readonly [K in keyof O]: O[K]["Type"] | Ref<O[K]["Type"]> }

/**
 * What a flow's body returns: an effect, or a sentence that says why `Returned` is not one, or yields what it never ran.
 * `Returned` is unknown while the compiler infers the body. See `Step.BodyResult`.
 */
export type BodyResult<Returned, Out, E, R, O extends OutputSchemas = {}, Given = never> = unknown extends Returned
  ? Body<Out, E, R>
  : [Returned] extends [Body<infer A, any, any>]
    ? [Ran<A>] extends [never]
      ? "forgotten yield*: the flow yields a task that it never ran"
      : [NoSecret<{ readonly output: A; readonly parameters: Given }>] extends [never]
        ? SecretMessage
        : [YieldsDeclared<A, O>] extends [never]
          ? "the body does not yield what the flow declares in `output`"
          : [Recordable<Undeclared<A, O>>] extends [never]
            ? UnrecordableMessage<PlaceOf<Undeclared<A, O>>>
            : Body<Out, E, R>
    : [Returned] extends [never]
      ? Returned
      : "a flow's body must return an Effect"

type YieldsDeclared<A, O extends OutputSchemas> = [A] extends [DeclaredOutput<O>] ? true : never

/** What a body yields besides what the flow has schemas for. */
type Undeclared<A, O> = keyof O extends never ? A : A extends unknown ? Omit<A, keyof O> : never

type Recordable<A> = IsNo<Unrecordable<A>>

type Ran<A> = IsNo<Forgotten<A>>

/** The tasks in a flow's output, up to three levels deep: effects that only a flow's body can run. */
type Forgotten<A, Depth extends ReadonlyArray<unknown> = []> = Depth["length"] extends 4
  ? never
  : unknown extends A
    ? never
    : A extends null | undefined // without strict null checks, they extend everything
      ? never
      : A extends Effect.Effect<any, any, infer R>
        ? IsAny<R> extends true
          ? never
          : CurrentRun extends R
            ? true
            : never
        : A extends Holder<infer Item>
          ? Forgotten<Item, [...Depth, 0]>
          : A extends PairHolder<infer Key, infer Item>
            ? Forgotten<Key | Item, [...Depth, 0]>
            : A extends (...given: never) => unknown
              ? never
              : A extends object
                ? { [K in keyof A]-?: Forgotten<A[K], [...Depth, 0]> }[keyof A]
                : never
