/**
 * A state is what a task yields: its refs, inputs and outputs together. An output shadows an input of the same name, so
 * state flows on as it does in Metaflow, at no cost: `inputs.train.df` exists in a join because `train` was given it.
 *
 * A state also carries what `Step.merge` and the graph need, and what users never look at. In its type, the refs that the task
 * wrote itself are marked under a symbol; at run time, another symbol holds the tasks that the refs came from.
 */
import type * as Artifact from "./Artifact.ts"
import type * as Address from "./Ref.ts"

/** Flattens an intersection, so that an editor shows one object. */
export type Simplify<T> = { readonly [K in keyof T]: T[K] } & {}

/** @internal */
export const origin: unique symbol = Symbol.for("effect-flow/State/origin")

/** At run time: the tasks that this state came from, and for each ref the task that handed it on. */
export interface Origin {
  readonly tasks: ReadonlyArray<string>
  readonly via: { readonly [name: string]: string }
}

/** The values of fields, by name. */
export type Values<F extends Artifact.Fields> = { readonly [K in keyof F]: Artifact.Value<F[K]> }

/** Values by name, each as a value or as a ref of one. */
export type Given<V> = { readonly [K in keyof V]: V[K] | Address.Ref<V[K]> }

/** Exists in types alone, and only in this module, so that no editor offers it. */
declare const wrote: unique symbol

/**
 * A ref that the state's own task wrote, rather than one it was given. It is an ordinary `Ref` and reads as one; the mark
 * tells `Step.merge` which names must be resolved.
 */
export interface Ref<out A> extends Address.Ref<A> {
  readonly [wrote]: true
}

/** The refs of a task of a step with these inputs and outputs. */
export type State<I extends Artifact.Fields, O extends Artifact.Fields> = Simplify<{
  readonly [K in keyof I | keyof O]: K extends keyof O
    ? Ref<Artifact.Value<O[K]>>
    : K extends keyof I
      ? Address.Ref<Artifact.Value<I[K]>>
      : never
}>

/** Refs of a step's inputs and outputs, written by any task. */
export type Refs<I extends Artifact.Fields, O extends Artifact.Fields> = {
  readonly [K in keyof I | keyof O]: Address.Ref<
    Artifact.Value<K extends keyof O ? O[K] : K extends keyof I ? I[K] : never>
  >
}

/** The names that a state's task wrote. */
export type WrittenOf<S> = { [K in keyof S]: typeof wrote extends keyof S[K] ? K : never }[keyof S]

/** Any state. */
export type Any = { readonly [name: string]: Address.Ref<unknown> }

/** @internal */
export const originOf = (state: object): Origin | undefined => (state as { readonly [origin]?: Origin })[origin] // set by `make`, and in no state's type

/** @internal */
export const make = (refs: { readonly [name: string]: Address.Ref<unknown> }, from: Origin): Any =>
  Object.defineProperty({ ...refs }, origin, { value: from, enumerable: false })
