/**
 * What a task yields: its refs, inputs and outputs together. An output shadows an input of the same name, so state flows
 * on as it does in Metaflow, at no cost: `inputs.train.df` is there in a join because `train` was given it.
 *
 * A state carries what `Step.merge` and the graph need and no user looks at: in the type alone, under "~wrote", which names
 * the task wrote; at run time, under a symbol, which task handed each ref on.
 */
import type * as Artifact from "./Artifact.ts"
import type { Ref } from "./Ref.ts"

/** Flattens an intersection, so that an editor shows one object. */
export type Simplify<T> = { readonly [K in keyof T]: T[K] } & {}

/** @internal */
export const origin: unique symbol = Symbol.for("effect-flow/State/origin")

/** At run time: the tasks that this state came from, and through which of them each ref was handed on. */
export interface Origin {
  readonly tasks: ReadonlyArray<string>
  readonly via: { readonly [name: string]: string }
}

/** The values of fields, by name. */
export type Values<F extends Artifact.Fields> = { readonly [K in keyof F]: Artifact.Value<F[K]> }

/** Values by name, each as a value or as a ref of one. */
export type Given<V> = { readonly [K in keyof V]: V[K] | Ref<V[K]> }

/** The refs of a task of a step with these inputs and outputs. */
export type State<I extends Artifact.Fields, O extends Artifact.Fields> = Simplify<
  {
    readonly [K in keyof I | keyof O]: Ref<Artifact.Value<K extends keyof O ? O[K] : K extends keyof I ? I[K] : never>>
  } & Wrote<keyof O>
>

/** Marks which names of a state its task wrote itself. */
export type Wrote<N> = [N] extends [never] ? unknown : { readonly "~wrote"?: N }

/** The names that a state's task wrote. */
export type WrittenOf<S> = S extends { readonly "~wrote"?: infer W } ? Exclude<W, undefined> : never

/** The names of all refs of a state. */
export type NamesOf<S> = Exclude<keyof S, "~wrote">

/** Any state. */
export type Any = { readonly [name: string]: Ref<unknown> }

/** @internal */
export const originOf = (state: object): Origin | undefined => (state as { readonly [origin]?: Origin })[origin] // the type says what the task wrote, the value whence it came

/** @internal */
export const make = (refs: { readonly [name: string]: Ref<unknown> }, from: Origin): Any =>
  Object.defineProperty({ ...refs }, origin, { value: from, enumerable: false })
