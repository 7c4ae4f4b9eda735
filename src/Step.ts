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
import * as Checked from "./internal/checked.ts"
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

/** What every task can fail with, whatever its step does: an error of the store or of the executor. */
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

/** The arguments of a step's body: its inputs, or for a join the states of its branches and its inputs. */
export type BodyOf<S> =
  Types<S> extends { readonly branches: infer B }
    ? [states: { readonly [K in keyof B]: Seen<B[K]> }, input: Values<InputOf<S>>]
    : [input: Values<InputOf<S>>]

/** What a task of the step can fail with: the errors of its body, and `TaskTimeout` if the step has a `timeout`. */
export type FailureOf<S> = Types<S> extends { readonly error: infer E } ? E : never

/** The services that a step's body needs besides `CurrentTask`. */
export type NeedsOf<S> = Types<S> extends { readonly services: infer R } ? R : never

/**
 * When a failed attempt is followed by another: an Effect `Schedule`, or options with one. `X` is the type that the step's
 * `error` schema describes; in a step without that schema, errors are `unknown` here.
 */
export type Retry<X> =
  | Schedule.Schedule<unknown, X | TaskError | TaskTimeout>
  | {
      /** When the next attempt starts, and how many there are. Without one, the next attempt starts at once. */
      readonly schedule?: Schedule.Schedule<unknown, X | TaskError | TaskTimeout>
      /** At most this many attempts after the first. */
      readonly times?: number
      /** Retries only errors for which this returns true. */
      readonly while?: (error: X | TaskError | TaskTimeout) => boolean
    }

/** The options of a step, except its body. */
export interface Options<I extends Artifact.Fields, O extends Artifact.Fields, T extends Duration.Input, X, L = never> {
  /** What the step does, in a sentence; plans and the page show it. */
  readonly description?: string
  /** The artifacts that the step reads: a schema or an `Artifact` for each name. */
  readonly input?: I
  /** The artifacts that the step writes: a schema or an `Artifact` for each name. The body must return all of them. */
  readonly output?: O
  /** The schema of the body's failures. A step that can fail needs it to run on another thread or machine. */
  readonly error?: Schema.Schema<X>
  /**
   * Part of the task key. Change it when the meaning of the body changes, so that a resume executes the step again. With
   * `"code"`, the version is the source of `run` itself; formatting, comments and the functions that `run` calls don't count.
   */
  readonly version?: string
  /** When a failed attempt is followed by another. Default: never. */
  readonly retry?: Retry<NoInfer<X>>
  /** How long one attempt may take, such as `"10 seconds"`; one that takes longer fails with `TaskTimeout`. Default: no limit. */
  readonly timeout?: T
  /**
   * Takes over the outputs of a task with the same key in any earlier run, instead of executing the step. Change the version to
   * execute it again; `"code"` does so whenever the source of `run` changes. Default: only a resumed run takes over outputs.
   */
  readonly cache?: { readonly version: string }
  /** Where the executor of worker threads runs the step. Default: on a thread. */
  readonly runsOn?: "thread" | "fiber"
  /**
   * Set it to `false` if the step uses no service of the flow's layer (`Flow.provide`). Its tasks then don't wait until the layer
   * is built, and don't fail if it can't be built. The compiler refuses this if the body needs a service.
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
 * Makes a step: a named, typed unit of work that reads and writes artifacts. Call it with its inputs in a flow's body to get a
 * task. Throws `FlowError` if the name, an option or a schema can't be used.
 *
 * @param name Unique within a flow: letters, digits, "_" and "-". It appears in task ids, paths and URLs.
 * @param options.run The body. It gets the decoded inputs, which are readonly, and returns an Effect of the outputs. It may use a
 *   `Scope`, which closes when the attempt has ended and its outputs are stored.
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
    /** The body: from the decoded inputs, an Effect of the outputs by name. */
    readonly run: (
      input: Values<I>
    ) => BodyResult<Returned, NoInfer<O>, E, R, { readonly input: Values<NoInfer<I>>; readonly error: NoInfer<X> }>
  } & Covers<E, X> &
    Layerless<L, R>
): Step<Name, I, O, E | TimeoutError<T>, Exclude<R, CurrentTask | Scope>> =>
  fromDefinition(define(name, options, undefined)) as never // the definition is erased, this signature is its type

/** A branch of a join that takes a list of states of one step, such as `Step.forEach` yields. Made by `Step.many`. */
export interface Many<S extends Any> {
  readonly many: S
}

/**
 * Declares a branch of a join that takes a list of states of one step, such as `Step.forEach` yields, in their order.
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
export const many = <S extends Any>(step: S): Many<S> => ({
  many: Checked.expect("The argument of Step.many", step, Definition.isStep(step), "a step")
})

/** The branches that a join declares. */
export type Branches = { readonly [name: string]: Any | Many<any> }

/** What a join's body gets for a branch: the values of everything that the branch's task was given and wrote. */
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
 * What a join takes: the branches as they are, or a sentence that says what is wrong with them. While the compiler knows
 * nothing of `A`, the keys of `B` tell it which names to infer.
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

/** A type that no value has. The compiler begins its message with the name of the missing property, which is the sentence. */
export type Complaint<Sentence extends string> = { readonly [S in Sentence]: never }

/** A step that brings branches together. It takes tasks, which it runs concurrently, or the states that they have yielded. */
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
 * Makes a step that joins branches. Call it with a task for each branch; it runs them concurrently, and its body gets what each
 * of them was given and wrote. Throws `FlowError` if the name, an option or a schema can't be used.
 *
 * @param name Unique within a flow: letters, digits, "_" and "-".
 * @param branches For each branch, the step whose task it takes, or `Step.many(step)` for a list of tasks.
 * @param options.run The body. It gets the values of each branch's state, and of `input`, and returns an Effect of the outputs.
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
 * Gotchas: the body also gets what each branch was given. Within one process that costs nothing; in another process, those
 * artifacts are read from the store.
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
    /** The body: from the values of each branch's state, and of `input`, an Effect of the outputs by name. */
    readonly run: (
      states: { readonly [K in keyof B]: Seen<B[K]> },
      input: OwnInput<I>
    ) => BodyResult<Returned, NoInfer<O>, E, R, { readonly input: Values<NoInfer<I>>; readonly error: NoInfer<X> }>
  } & Covers<E, X> &
    Layerless<L, R>
): Join<Name, B, I, O, E | TimeoutError<T>, Exclude<R, CurrentTask | Scope>> =>
  // Without branches it would be a step of another kind, whose body gets its input first.
  fromDefinition(
    define(name, options, Checked.things(`The branches of step "${name}"`, branches, "an object of steps by name"))
  ) as never // the definition is erased, this signature is its type

/**
 * Runs one task for each element of a list.
 *
 * @param items A list, or a ref of one. From a ref, a plan draws the tasks without knowing how many there are.
 * @param task Makes the task. It gets the element as a ref, to pass to a step or to `yield*`, and its index.
 * @param options.concurrency How many tasks run at once. Default: 16.
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
  options?: {
    /** How many tasks run at once. Default: 16. */
    readonly concurrency?: number | "unbounded"
  }
): Effect.Effect<ReadonlyArray<S>, E | ArtifactError, R | ArtifactStore | CurrentRun> =>
  Effect.flatMap(CurrentRun, (run) => {
    Checked.expect(
      "The second argument of Step.forEach",
      task,
      typeof task === "function",
      "a function that makes a task of an item"
    )
    const concurrency = Checked.options("Step.forEach", options)?.concurrency
    return run.forEach(items, task as never, Checked.concurrency("`concurrency` of Step.forEach", concurrency) ?? 16)
  }) as never // erased below

/** What `forEach` passes on for an item: a ref of its value. An item that is a ref already, such as a part of a dataset, stays that ref. */
export type Item<A> = [A] extends [never] ? Ref<A> : [A] extends [Ref<unknown>] ? A : Ref<A>

/** The refs of merged states. `C` names the branch that wins for each name in conflict. */
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
 * Merges the refs of several states into one state, as Metaflow's `merge_artifacts` does. A name that all branches inherited
 * unchanged is not a conflict. A name that one branch wrote and another has too must be resolved, or the call does not compile.
 *
 * @param states The states, by branch.
 * @param resolve For each name in conflict, the branch whose ref wins.
 * @returns The merged refs, which are also an effect that yields them. The effect fails with `MergeConflict` if branches
 *   inherited a name with different digests; reading such a name without yielding first is a defect.
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
