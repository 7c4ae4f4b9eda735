/**
 * A step is a named, typed unit of work: input artifacts in, output artifacts out. This module describes steps and the ways
 * to compose their tasks; nothing here runs anything. Applying a step to inputs gives a task, a plain `Effect` that needs
 * `CurrentRun`, so tasks compose with `Effect.all`, `Effect.catchTag`, `if` and recursion like any other effect.
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Schedule from "effect/Schedule"
import type * as Schema from "effect/Schema"
import type { Scope } from "effect/Scope"
import type * as Artifact from "./Artifact.ts"
import type { ArtifactError, ArtifactStore } from "./ArtifactStore.ts"
import { CurrentRun } from "./CurrentRun.ts"
import type { CurrentTask } from "./CurrentTask.ts"
import type { ExecutorError, TaskTimeout, WorkerDied } from "./Executor.ts"
import * as Numbers from "./internal/numbers.ts"
import * as Definition from "./internal/run/definition.ts"
import * as Merge from "./internal/run/merge.ts"
import type { BodyResult, CoveredBy, TimeoutError, WithoutLayer } from "./internal/step/body.ts"
import { define, fromDefinition } from "./internal/step/define.ts"
import type { Mergeable, NamesIn, Resolution, ValueIn } from "./internal/step/merging.ts"
import type { Ref, Value as RefValue } from "./Ref.ts"
import type { RunStore, StoreError } from "./RunStore.ts"
import type { Given, Refs, Simplify, State, Values } from "./State.ts"

export { MergeConflict } from "./internal/run/merge.ts"
export type { Body, BodyResult, IsAny, Yielded } from "./internal/step/body.ts"
export type { Mergeable, Resolution } from "./internal/step/merging.ts"

/** What every task can fail with, whatever its step does: the store, or the executor. */
export type TaskError = ArtifactError | StoreError | ExecutorError | WorkerDied

/** Exists in types alone, and only in this module, so that no editor offers it. */
declare const types: unique symbol

/** A typed unit of work. Applied to its inputs, values or refs, it gives a task. */
export interface Step<in out Name extends string, I extends Artifact.Fields, O extends Artifact.Fields, out E, out R> {
  (
    ...given: keyof I extends never ? [given?: object] : [given: Given<Values<I>>]
  ): Effect.Effect<State<I, O>, E | TaskError, R | ArtifactStore | CurrentRun>
  readonly stepName: Name
  readonly [Definition.definition]: Definition.Definition
  readonly [types]: { readonly input: I; readonly output: O; readonly error: E; readonly services: R }
}

/** Any step or join. */
export interface Any {
  readonly stepName: string
  readonly [Definition.definition]: Definition.Definition
  readonly [types]: { readonly input: any; readonly output: any; readonly error: any; readonly services: any }
}

type Types<S> = S extends { readonly [types]: infer T } ? T : never

/** The fields of a step's inputs. */
export type InputOf<S> = Types<S> extends { readonly input: infer I extends Artifact.Fields } ? I : never

/** The fields of a step's outputs. */
export type OutputOf<S> = Types<S> extends { readonly output: infer O extends Artifact.Fields } ? O : never

/** What a step's body gets: its inputs, or a join's states and inputs. */
export type BodyOf<S> =
  Types<S> extends { readonly branches: infer B }
    ? [states: { readonly [K in keyof B]: Seen<B[K]> }, input: Values<InputOf<S>>]
    : [input: Values<InputOf<S>>]

/** What a step's body fails with, and a `timeout` makes of it. */
export type FailureOf<S> = Types<S> extends { readonly error: infer E } ? E : never

/** The services that a step's body needs besides `CurrentTask`. */
export type NeedsOf<S> = Types<S> extends { readonly services: infer R } ? R : never

/**
 * When a failed task is attempted again: an Effect `Schedule`, or options around one. `X` is what the step's `error` schema
 * describes; without one, an error is `unknown` to them.
 */
export type Retry<X> =
  | Schedule.Schedule<unknown, X | TaskError | TaskTimeout>
  | {
      readonly schedule?: Schedule.Schedule<unknown, X | TaskError | TaskTimeout>
      /** At most this many attempts after the first. */
      readonly times?: number
      /** Only errors for which this holds are retried. */
      readonly while?: (error: X | TaskError | TaskTimeout) => boolean
    }

/** The options of a step, except its body. */
export interface Options<I extends Artifact.Fields, O extends Artifact.Fields, T extends Duration.Input, X, L = never> {
  /** What the step does, in a sentence; plans and the page show it. */
  readonly description?: string
  /** What it reads, by name: schemas or artifacts. */
  readonly input?: I
  /** What it writes, by name: schemas or artifacts. */
  readonly output?: O
  /** The schema of its failures; needed where tasks run in another thread or process. */
  readonly error?: Schema.Schema<X>
  /**
   * Part of the task key: change it when the body's meaning changes, and a resume executes the step again. `"code"` makes it
   * the source of `run` itself, formatting and comments ignored, but not the functions that `run` calls.
   */
  readonly version?: string
  readonly retry?: Retry<NoInfer<X>>
  /** How long an attempt may take; then it fails with `TaskTimeout`. */
  readonly timeout?: T
  /** Takes over the outputs of any earlier run's task with the same key. A version of `"code"` is the source of `run`. */
  readonly cache?: { readonly version: string }
  /** Where an executor with threads runs it. */
  readonly runsOn?: "thread" | "fiber"
  /**
   * `false` for a step that uses no service of the flow's own layer (`Flow.provide`): its tasks start without waiting until
   * the layer is built, and don't fail when it can't be. The compiler refuses it where the body needs a service.
   */
  readonly layer?: L
}

/** Rejects, in a sentence, an error schema that leaves out a failure of the body. What every task can fail with needs no schema. */
export type Covers<E, X> = CoveredBy<E, X | TaskError>

/** Rejects, in a sentence, `layer: false` on a step whose body needs a service that no task has by itself. */
export type Layerless<L, R> = [L] extends [never]
  ? unknown
  : WithoutLayer<Exclude<R, CurrentTask | Scope | ArtifactStore | RunStore>>

/**
 * A step.
 *
 * @param name Unique within a flow; it appears in task ids, paths and URLs: letters, digits, "_" and "-".
 * @param options.run The body: gets the decoded inputs, yields the outputs. Inputs are readonly. It has a `Scope`, which closes
 *   when the attempt has ended and its outputs are stored.
 *
 * @example
 * ```ts
 * const square = Step.make("square", {
 *   input: { x: Schema.Number },
 *   output: { y: Schema.Number },
 *   run: ({ x }) => Effect.succeed({ y: x * x })
 * })
 * ```
 *
 * Gotchas: a task is its step's name, version and inputs. What a body reads from elsewhere (a file, a clock, a database)
 * is not part of its identity: declare a file as `Artifact.file()`, and raise `version` when the code changes meaning.
 */
export const make = <
  const Name extends string,
  const I extends Artifact.Fields = {},
  const O extends Artifact.Fields = {},
  E = never,
  R = never,
  T extends Duration.Input = never,
  X = unknown,
  Returned = unknown,
  L extends false = never
>(
  name: Name,
  options: Options<I, O, T, X, L> & {
    readonly run: (
      input: Values<I>
    ) => BodyResult<Returned, NoInfer<O>, E, R, { readonly input: Values<NoInfer<I>>; readonly error: NoInfer<X> }>
  } & Covers<E, X> &
    Layerless<L, R>
): Step<Name, I, O, E | TimeoutError<T>, Exclude<R, CurrentTask | Scope>> =>
  fromDefinition(define(name, options, undefined)) as never // the definition is erased, this signature is its type

/** A branch of a join that takes many states of one step: those that `Step.forEach` gives. */
export interface Many<S extends Any> {
  readonly many: S
}

/**
 * A branch of a join that takes a list of states of one step, in the order of their items.
 *
 * @param step The step whose states it takes.
 *
 * @example
 * ```ts
 * const pick = Step.join("pick", { scores: Step.many(sweep) }, {
 *   output: { best: Schema.Number },
 *   run: ({ scores }) => Effect.succeed({ best: Math.max(...scores.map((score) => score.auc)) })
 * })
 * ```
 */
export const many = <S extends Any>(step: S): Many<S> => ({ many: step })

/** The branches that a join declares. */
export type Branches = { readonly [name: string]: Any | Many<any> }

/** What a join's body sees of a branch: the values of its state. */
export type Seen<B> = B extends Many<infer S> ? ReadonlyArray<SeenOf<S>> : SeenOf<B>
type SeenOf<S> = Simplify<Omit<Values<InputOf<S>>, keyof OutputOf<S>> & Values<OutputOf<S>>>

/**
 * The values of a join's own inputs. Written as a conditional type so that omitting `input` does not stop TypeScript from
 * inferring the states before it checks `run`.
 */
export type OwnInput<I> = [I] extends [infer J extends Artifact.Fields] ? Values<J> : never

/** What a join takes for a branch: the state of a task of its step, or a list of them. */
export type StateOf<B> =
  B extends Many<infer S> ? ReadonlyArray<Refs<InputOf<S>, OutputOf<S>>> : Refs<InputOf<B>, OutputOf<B>>

type SuccessOf<T> = T extends Effect.Effect<infer A, any, any> ? A : T
type ErrorOf<T> = T extends Effect.Effect<any, infer E, any> ? E : never
type ServicesOf<T> = T extends Effect.Effect<any, any, infer R> ? R : never
type NameOf<B> =
  B extends Many<infer S>
    ? `a list of tasks of step "${NameOf<S>}"`
    : B extends { readonly stepName: infer N extends string }
      ? N
      : never
type Wanted<B> = B extends Many<any> ? NameOf<B> : `a task of step "${NameOf<B>}"`

/**
 * What a join takes: the branches as they are, or a sentence that says what is wrong with them. While nothing is known of
 * `A`, the keys of `B` give the compiler the names to infer by.
 */
export type Joined<B, A> = [keyof A] extends [never]
  ? { readonly [K in keyof B]: unknown }
  : [Exclude<keyof B, keyof A>] extends [never]
    ? [Exclude<keyof A, keyof B>] extends [never]
      ? [Misplaced<B, A>] extends [never]
        ? A
        : {
            readonly [K in keyof A]: K extends Misplaced<B, A>
              ? Complaint<`branch "${K & string}" takes ${Wanted<B[K & keyof B]>}`>
              : A[K]
          }
      : `join has no branch "${Exclude<keyof A, keyof B> & string}"`
    : `join forgot branch "${Exclude<keyof B, keyof A> & string}"`

type Misplaced<B, A> = {
  [K in keyof B]: K extends keyof A ? (SuccessOf<A[K]> extends StateOf<B[K]> ? never : K) : never
}[keyof B]

/** A type that nothing has. The compiler begins its message with the name of the property that is missing: the sentence. */
export type Complaint<Sentence extends string> = { readonly [S in Sentence]: never }

/** A step that brings branches together. It takes tasks, and runs them concurrently, or the states that they yielded. */
export interface Join<
  in out Name extends string,
  B extends Branches,
  I extends Artifact.Fields,
  O extends Artifact.Fields,
  out E,
  out R
> {
  // A tighter constraint on `A` would influence how branches such as `Effect.flatMap(…)` are inferred.
  <A extends object>(
    branches: Joined<B, A>,
    ...input: keyof I extends never ? [input?: object] : [input: Given<Values<I>>]
  ): Effect.Effect<
    State<I, O>,
    E | TaskError | ErrorOf<A[keyof A]>,
    R | ArtifactStore | CurrentRun | ServicesOf<A[keyof A]>
  >
  readonly stepName: Name
  readonly [Definition.definition]: Definition.Definition
  readonly [types]: {
    readonly input: I
    readonly output: O
    readonly error: E
    readonly services: R
    readonly branches: B
  }
}

/**
 * A step that joins branches.
 *
 * @param branches The steps whose states it takes, by branch; `Step.many(step)` for a list of them.
 * @param options.run The body: gets the values of each branch's state, and of `input`.
 *
 * @example
 * ```ts
 * const compare = Step.join("compare", { baseline, train }, {
 *   output: { better: Schema.Boolean },
 *   run: ({ baseline, train }) => Effect.succeed({ better: train.accuracy > baseline.accuracy })
 * })
 * // in a flow's body
 * yield* compare({ baseline: baseline(data), train: train(data) })
 * ```
 *
 * Gotchas: the body gets what each branch was given, too, decoded: within one process that costs nothing, in another it
 * is read.
 */
export const join = <
  const Name extends string,
  const B extends Branches,
  const I extends Artifact.Fields = {},
  const O extends Artifact.Fields = {},
  E = never,
  R = never,
  T extends Duration.Input = never,
  X = unknown,
  Returned = unknown,
  L extends false = never
>(
  name: Name,
  branches: B,
  options: Options<I, O, T, X, L> & {
    readonly run: (
      states: { readonly [K in keyof B]: Seen<B[K]> },
      input: OwnInput<I>
    ) => BodyResult<Returned, NoInfer<O>, E, R, { readonly input: Values<NoInfer<I>>; readonly error: NoInfer<X> }>
  } & Covers<E, X> &
    Layerless<L, R>
): Join<Name, B, I, O, E | TimeoutError<T>, Exclude<R, CurrentTask | Scope>> =>
  fromDefinition(define(name, options, branches)) as never // the definition is erased, this signature is its type

/**
 * One task per element of a list.
 *
 * @param items A list, or a ref of one: then a plan draws the tasks without knowing how many there are.
 * @param task From an element (a ref: pass it to a step, or `yield*` it) and its index.
 * @param options.concurrency How many run at once. Default: 16.
 * @returns What the tasks yield, in the order of the items.
 *
 * @example
 * ```ts
 * const best = yield* pick({ scores: Step.forEach([0.1, 0.01], (rate) => sweep({ rate })) })
 * ```
 */
export const forEach = <A, S, E, R>(
  items: ReadonlyArray<A> | Ref<ReadonlyArray<A>>,
  task: (item: Item<A>, index: number) => Effect.Effect<S, E, R>,
  options?: { readonly concurrency?: number | "unbounded" }
): Effect.Effect<ReadonlyArray<S>, E | ArtifactError, R | ArtifactStore | CurrentRun> =>
  Effect.flatMap(CurrentRun, (run) =>
    run.forEach(items, task as never, Numbers.concurrency("`concurrency` of Step.forEach", options?.concurrency) ?? 16)
  ) as never // erased below

/** What a task of `forEach` is given for an item: a ref of its value, and for an item that is a ref (a part of a dataset) that ref. */
export type Item<A> = [A] extends [never] ? Ref<A> : [A] extends [Ref<unknown>] ? A : Ref<A>

/** The refs of merged states; `C` names the branch that wins, where there is a choice. */
export type Merged<B, C = {}> = {
  readonly [N in NamesIn<B>]: Ref<
    N extends keyof C
      ? C[N] extends keyof B
        ? N extends keyof B[C[N]]
          ? RefValue<B[C[N]][N]>
          : never
        : never
      : ValueIn<B, N>
  >
} & {}

/**
 * Metaflow's `merge_artifacts`: the refs of several states as one. A name that all branches inherited unchanged is no
 * conflict; a name that one of them wrote while another has it too must be resolved, and the types say so.
 *
 * @param states By branch.
 * @param resolve For each such name, the branch whose ref wins.
 * @returns The refs, and at the same time an effect that yields them, or fails with `MergeConflict` where a name was
 *   inherited with different digests. Reading such a name without having yielded is a defect.
 *
 * @example
 * ```ts
 * const merged = yield* Step.merge({ scored, trained }, { accuracy: "trained", note: "trained" })
 * ```
 */
export const merge = <
  const B extends { readonly [branch: string]: object },
  const C extends { readonly [name: string]: string } = {}
>(
  states: Mergeable<B, C>,
  resolve?: Resolution<B, C>
): Merged<B, C> & Effect.Effect<Merged<B, C>, Merge.MergeConflict> =>
  Merge.merge(states as never, (resolve ?? {}) as never) as never // erased within; the signature is its type
