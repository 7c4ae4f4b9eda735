/**
 * What the compiler asks of a step's body: that it returns an effect of the declared outputs, runs no task and no flow, and
 * fails only as the step's error schema says. Each refusal is a sentence, because the compiler shows it in its message.
 */
import type * as Effect from "effect/Effect"
import type * as Artifact from "../../Artifact.ts"
import type { CurrentRun } from "../../CurrentRun.ts"
import type { TaskTimeout } from "../../Executor.ts"
import type { Outside } from "../../RunStore.ts"
import type { Simplify, Values } from "../../State.ts"
import type { NoSecret, SecretMessage } from "../schema/secretTypes.ts"

/**
 * Rejects, in a sentence, an error schema that leaves out a failure of the body.
 *
 * `Covered` is what the schema describes, and what needs no schema because every task can fail with it.
 */
export type CoveredBy<E, Covered> =
  true extends Uncovered<E, Covered> // asked so that a failure with an error of its own passes
    ? { readonly error: `the schema does not cover ${TagOf<Exclude<E, Covered>>}` }
    : unknown
type Uncovered<E, Covered> = E extends Covered ? never : true
type TagOf<E> = E extends { readonly _tag: infer Tag extends string } ? Tag : "a failure of the body"

/** Rejects, in a sentence, a step that does without the flow's layer although its body needs services. */
export type WithoutLayer<R> = [R] extends [never]
  ? unknown
  : {
      // An object, because `false` and a text have nothing in common that the compiler could name.
      readonly layer: {
        readonly [S in `the body needs ${NameOf<R>}, which comes from a layer: leave layer: false out`]: never
      }
    }
type NameOf<R> = R extends { readonly key: infer Name extends string } ? Name : "a service"

/** What a body with these outputs yields. */
export type Yielded<O extends Artifact.Fields> = keyof O extends never ? unknown : Simplify<Values<O>>

/** An effect, by its types alone: the compiler's messages about one speak of these and of nothing else. */
export interface Body<out A, out E, out R> {
  readonly [Effect.TypeId]: Effect.Variance<A, E, R>
}

/**
 * What a body returns: an effect of the outputs, or a sentence that says why `Returned` is not one. `Returned` is unknown
 * while the compiler infers the body; the outputs then say which values are expected. `Stored` is what else is recorded of
 * the step: its inputs and its errors.
 *
 * Each question asks whether a type is `never`, because the compiler then lets a body of generic type pass.
 */
export type BodyResult<Returned, O extends Artifact.Fields, E, R, Stored = never> = unknown extends Returned
  ? Body<Yielded<O>, E, R>
  : [Returned] extends [Body<infer A, any, any>]
    ? [RunsNoTask<R>] extends [never]
      ? "a step can't run tasks: compose them in the flow's body"
      : [RunsNoFlow<R>] extends [never]
        ? "a step can't run a flow: call it from the flow's body with Flow.call"
        : [Declared<A, O>] extends [never]
          ? Undeclared<A, O>
          : [Returns<A, O>] extends [never]
            ? Omitted<A, O>
            : [NoSecret<{ readonly stored: Stored; readonly output: Values<O>; readonly failure: E }>] extends [never]
              ? SecretMessage
              : Body<Yielded<O>, E, R>
    : [Returned] extends [never]
      ? Returned
      : "a step's body must return an Effect"

/** Whether a type is `any`, of which nothing is known. */
export type IsAny<T> = 0 extends 1 & T ? true : false
type RunsNoTask<R> = IsAny<R> extends true ? true : CurrentRun extends R ? never : true
type RunsNoFlow<R> = IsAny<R> extends true ? true : [Extract<R, Outside.RunStore>] extends [never] ? true : never
type Declared<A, O> = [Undeclared<A, O>] extends [never] ? true : never

type Undeclared<A, O> = unknown extends A
  ? never
  : A extends Body<any, any, any>
    ? A extends Error
      ? never
      : "forgotten yield*: the body yields an effect that it never ran"
    : A extends object
      ? A extends ReadonlyArray<unknown> | ((...given: never) => unknown)
        ? never
        : string extends keyof A
          ? never
          : HasMethods<A> extends true
            ? never
            : UndeclaredName<Exclude<keyof A, keyof O>>
      : never
type Returns<A, O> = [Omitted<A, O>] extends [never] ? true : never

/** A sentence for each declared output that the body leaves out. */
type Omitted<A, O> = unknown extends A ? never : A extends unknown ? OmittedName<Exclude<keyof O, keyof A>> : never
type OmittedName<N> = N extends string ? `the body must return output "${N}"` : never
type UndeclaredName<N> = N extends string ? `output "${N}" is not declared` : never

/** Whether it is an object to work with, such as a fiber or a map, and no record of values. */
type HasMethods<A> = true extends { [K in keyof A]: A[K] extends (...given: never) => unknown ? true : never }[keyof A]
  ? true
  : false

/** What a `timeout` adds to a step's failures. */
export type TimeoutError<T> = [T] extends [never] ? never : TaskTimeout
