/**
 * A flow is a named program over steps, with typed parameters. Its body is a plain Effect generator: it composes tasks with
 * `yield*`, `Effect.all`, `if` and loops, and it may run again on resume, so what must happen once belongs in a step.
 *
 * A flow lists its steps because a task crosses to other threads and processes as data: a worker finds the body there.
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type { Scope } from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { ArtifactError, ArtifactStore } from "./ArtifactStore.ts"
import { CurrentRun } from "./CurrentRun.ts"
import type { ExecutorError } from "./Executor.ts"
import { FlowError, type ParameterError } from "./FlowError.ts"
import * as Checked from "./internal/checked.ts"
import type { BodyResult, Duplicate, OutputSchemas } from "./internal/flow/body.ts"
import * as GivenChecks from "./internal/flow/given.ts"
import type * as Reading from "./internal/history/reading.ts"
import * as Crashed from "./internal/life/crashed.ts"
import type { Event } from "./internal/life/event.ts"
import * as LifeHandle from "./internal/life/handle.ts"
import { OnStop } from "./internal/life/onStop.ts"
import * as Resumed from "./internal/life/resume.ts"
import { oneEffect } from "./internal/requirements.ts"
import * as Definition from "./internal/run/definition.ts"
import * as ParameterValues from "./internal/run/parameters.ts"
import { runFlow } from "./internal/run/runFlow.ts"
import { problemOf } from "./internal/schema/schemaTraits.ts"
import type { Outside, RunStore, StoreError } from "./RunStore.ts"
import type { Simplify } from "./State.ts"
import type * as Step from "./Step.ts"
import type { TagError } from "./Tags.ts"

export { FlowError, ParameterError } from "./FlowError.ts"
export type { BodyResult, DeclaredOutput, OutputSchemas } from "./internal/flow/body.ts"
export { iterate, match, when } from "./internal/flow/choices.ts"
export { FailedTask } from "./internal/run/failedTask.ts"

/** The parameters of a flow: schemas by name, with defaults and descriptions (see `parameter`). */
export type Parameters = { readonly [name: string]: Schema.Codec<any, any> }

/** The parameters as the body gets them: decoded, with defaults filled in. */
export type Decoded<P extends Parameters> = Simplify<Schema.Struct.Type<P>>

/** The parameters as a caller gives them: those with a default may be left out. */
export type Given<P extends Parameters> = keyof P extends never
  ? { readonly [name: string]: never } // without it, an object with any names would do
  : Simplify<Schema.Struct.MakeIn<P>>

/** Exists in types alone, and only in this module, so that no editor offers it. */
declare const types: unique symbol

/** A named program over steps. */
export interface Flow<in out Name extends string, P extends Parameters, out Out, out E, out R>
  extends Definition.FlowDefinition {
  /** The flow's name, which runs record. */
  readonly flowName: Name
  /** The schemas of the parameters, by name. */
  readonly parameters: P
  /** The steps whose tasks the body runs. */
  readonly steps: ReadonlyArray<Step.Any>
  readonly [types]: { readonly parameters: P; readonly output: Out; readonly error: E; readonly services: R }
}

/** Any flow with a certain output: `Flow.Yielding<Flow.Output<typeof Train>>` is each flow that yields the same as `Train`. */
export interface Yielding<out Out> {
  readonly [types]: { readonly output: Out }
}

/** Any flow. */
export interface Any extends Flow<any, any, any, any, any> {}

type Types<F> = F extends { readonly [types]: infer T } ? T : never

/** What a flow's body yields. */
export type Output<F> = Types<F> extends { readonly output: infer Out } ? Out : never

/**
 * Makes a flow: a named program over steps. Run it with `Flow.run`, or give it to `FlowCli.main`.
 *
 * @param name It names the flow in the store and on the command line: letters, digits, "_" and "-".
 * @param options.parameters A schema for each parameter; see `Flow.parameter` for defaults and descriptions.
 * @param options.output Schemas for what the body yields, by name. Only instances of classes need one: refs, plain data,
 *   dates, maps, sets, bigints and bytes are recorded as they are.
 * @param options.steps Every step whose tasks the body runs.
 * @param options.run The body: from the parameters, an Effect of what the run yields. It may use a `Scope`, which closes when the
 *   body has ended.
 *
 * Throws `FlowError` if two steps have the same name, and if a parameter or an output can't be stored or is a secret.
 *
 * @example
 * ```ts
 * const SquareFlow = Flow.make("SquareFlow", {
 *   parameters: { x: Flow.parameter(Schema.Number, { default: 3, description: "What to square" }) },
 *   steps: [square],
 *   run: ({ x }) => square({ x })
 * })
 * ```
 */
export const make = <
  const Name extends string,
  Out,
  E,
  R,
  const S extends ReadonlyArray<Step.Any>,
  const P extends Parameters = {},
  Returned = unknown,
  const O extends OutputSchemas = {}
>(
  name: Name,
  options: {
    /** What the flow does, in a sentence; `--help` shows it. */
    readonly description?: string
    /** A schema for each parameter; `Flow.parameter` adds a default and a description. */
    readonly parameters?: P
    /** Schemas for what the body yields, by name. Only instances of classes need one. */
    readonly output?: O
    /** Every step whose tasks the body runs. */
    readonly steps: S
    /** The body: from the parameters, an Effect of what the run yields. It runs again on resume. */
    readonly run: (parameters: Decoded<P>) => BodyResult<Returned, Out, E, R, NoInfer<O>, Decoded<NoInfer<P>>>
  } & Duplicate<S>
): Flow<Name, P, Out, E, Exclude<R, CurrentRun | Scope>> => {
  Definition.checkName("a flow", name)
  Checked.list(`\`steps\` of flow "${name}"`, options?.steps, Definition.isStep, "steps")
  const isBody = typeof options.run === "function"
  Checked.expect(`\`run\` of flow "${name}"`, options.run, isBody, "a function that returns an Effect")
  const definitions = new Map<string, Definition.Definition>()
  for (const step of options.steps) {
    if (definitions.has(step.stepName)) {
      const error = new FlowError({
        reason: "duplicate",
        message: `Flow "${name}" lists two steps named "${step.stepName}". Give one of them another name: a task is found by its step's name.`
      })
      Error.captureStackTrace(error, make) // what is of use is where the flow was made
      throw error
    }
    definitions.set(step.stepName, step[Definition.definition])
  }
  Definition.checkFields(`\`parameters\` of flow "${name}"`, options.parameters)
  Definition.checkFields(`\`output\` of flow "${name}"`, options.output)
  for (const [parameter, schema] of Object.entries(options.parameters ?? {})) {
    Definition.checkName(`a parameter of flow "${name}"`, parameter)
    oneEffect(schema)
    Definition.refuseProblem(`The parameters of flow "${name}"`, parameter, problemOf(schema))
  }
  for (const [output, schema] of Object.entries(options.output ?? {}))
    Definition.refuseProblem(`The output of flow "${name}"`, output, problemOf(schema))
  return {
    flowName: name,
    description: options.description,
    parameters: options.parameters ?? ({} as P), // its default
    output: options.output,
    steps: options.steps,
    layer: undefined,
    body: options.run,
    definitions
  } as never // the rest of a flow's interface is in its type alone
}

/** A parameter with a default: a caller may leave it out. */
export type Defaulted<S extends Schema.Codec<any, any>> = Schema.withConstructorDefault<
  S & Schema.WithoutConstructorDefault
>

/**
 * Describes a parameter of a flow: its schema, its default, and the text that the command line shows.
 *
 * @param schema What values it takes. A run that is given another value fails with `ParameterError`.
 * @param options.default The value of a parameter that is not given. Without one, the parameter is required.
 * @param options.description Shown by `--help`.
 *
 * @example
 * ```ts
 * const rate = Flow.parameter(Schema.Number, { default: 0.1, description: "The learning rate" })
 * ```
 */
export const parameter = <S extends Schema.Codec<any, any>, Default extends S["Type"] = never>(
  schema: S,
  options: {
    /** Shown by `--help`. */
    readonly description?: string
    /** The value of a parameter that is not given. Without one, the parameter is required. */
    readonly default?: Default
  } = {}
): [Default] extends [never] ? S : Defaulted<S> => {
  Checked.expect("The first argument of Flow.parameter", schema, Schema.isSchema(schema), "a schema")
  Checked.options("Flow.parameter", options)
  const described =
    options.description === undefined && options.default === undefined
      ? schema
      : schema.annotate({
          ...(options.description === undefined ? undefined : { description: options.description }),
          ...("default" in options ? { default: options.default } : undefined)
        })
  return (
    "default" in options
      ? (described as Schema.String).pipe(Schema.withConstructorDefault(Effect.succeed(options.default as string)))
      : described
  ) as never // the signature says which
}

/**
 * Gives a flow the layer that its steps need. The layer is built once a run, in each process that executes steps, when the first
 * step is about to start. Tasks that are taken over or found in the cache do not build it, and a step with `layer: false` starts
 * while it is being built.
 *
 * Gotchas: the layer serves the steps, not the flow's body.
 *
 * @example
 * ```ts
 * const RunnableFlow = Flow.provide(BranchNLPFlow, Tensorflow.layer)
 * ```
 */
export const provide = <Name extends string, P extends Parameters, Out, E, R, ROut, E2, RIn>(
  flow: Flow<Name, P, Out, E, R>,
  layer: Layer.Layer<ROut, E2, RIn>
): Flow<Name, P, Out, E | E2, Exclude<R, ROut> | RIn> => {
  GivenChecks.flow("The first argument of Flow.provide", flow)
  Checked.expect("The second argument of Flow.provide", layer, Layer.isLayer(layer), "a Layer")
  return { ...flow, layer: flow.layer === undefined ? layer : Layer.provideMerge(flow.layer, layer) } as never // the types say what changed
}

/** What `Flow.run` yields: the run's id, and what the flow's body yielded. */
export interface Result<out Out> {
  /** The run's id. */
  readonly id: string
  /** What the flow's body yielded: states and refs, usually. `yield*` a ref to get its value. */
  readonly output: Out
}

type RunError = ArtifactError | StoreError | ExecutorError | ParameterError | TagError

/** How a run is started. */
export interface StartOptions {
  /**
   * The run's id: 1 to 128 letters, digits, ".", "_" or "-". With an id, a start is safe to repeat. If the flow already has a run
   * with this id and the same parameters, no second one starts: its result is used if it has ended, it is awaited if it is
   * running, and it is continued if its process is gone. Default: a new id.
   */
  readonly id?: string
  /** The tags that the run starts with. */
  readonly tags?: ReadonlyArray<string>
}

/** What an id may be refused with. */
type IdError<Options> = Options extends { readonly id: string } ? FlowError | Reading.RunNotFound : never

/**
 * Runs a flow to its end. The run is recorded, however it ends.
 *
 * @param parameters The flow's parameters; those with a default may be left out.
 * @param options See `StartOptions`.
 * @returns The run's id and what the body yielded. Fails as the flow's steps and body fail, and with the stores' errors.
 *
 * @example
 * ```ts
 * const { id, output } = yield* Flow.run(SquareFlow, { x: 4 }).pipe(Effect.provide(Storage.layerMemory))
 * ```
 */
export const run = <Name extends string, P extends Parameters, Out, E, R, const Options extends StartOptions = {}>(
  flow: Flow<Name, P, Out, E, R>,
  parameters: Given<P>,
  options: Options = {} as Options // its default
): Effect.Effect<Result<Out>, E | RunError | IdError<Options>, R | ArtifactStore | Outside.RunStore> => {
  GivenChecks.flow("The first argument of Flow.run", flow)
  GivenChecks.start("Flow.run", options)
  const ran =
    options.id === undefined
      ? Effect.flatMap(ParameterValues.make(flow, parameters), (complete) => runFlow(flow, complete, options))
      : Effect.flatMap(LifeHandle.start(flow, parameters, options), (handle) =>
          Effect.map(handle.await, (output) => ({ id: handle.id, output }))
        )
  return ran as never // erased within
}

/** A started run, held by the program that started it. */
export interface Handle<out Out, out E> {
  /** The run's id. */
  readonly id: string
  /**
   * Waits until the run has ended, in this or any other process, and yields what the flow's body yielded, or fails as it failed.
   * If the run was interrupted, this is interrupted too; `Run.get` says why. If the run's process dies, this one continues the run.
   */
  readonly await: Effect.Effect<Out, E | RunError | Reading.RunNotFound>
  /** Interrupts the run, and waits until it has ended. Does nothing if it has ended already. */
  readonly interrupt: Effect.Effect<void, StoreError | Reading.RunNotFound>
  /** Everything that happens in the run, from its start to its end. See `Run.events`. */
  readonly events: Stream.Stream<Event, StoreError | FlowError | Reading.RunNotFound>
}

/** What a flow's steps and body may fail with. */
export type Failure<F> = Types<F> extends { readonly error: infer E } ? E : never

/** What a flow's steps and body need. */
export type Services<F> = Types<F> extends { readonly services: infer R } ? R : never

/**
 * Starts a run without waiting for its end. The run lives as long as the store's layer; `Flow.layerOnStop` says what becomes of it
 * when that layer is closed.
 *
 * @param parameters The flow's parameters; those with a default may be left out.
 * @param options See `StartOptions`.
 * @returns The run's handle, as soon as the run is recorded. Fails with `FlowError` of the reason `id` if there is a run with this
 *   id of another flow or with other parameters.
 *
 * @example
 * ```ts
 * const handle = yield* Flow.start(SquareFlow, { x: 4 }, { id: "order-17" })
 * const output = yield* handle.await
 * ```
 */
export const start = <Name extends string, P extends Parameters, Out, E, R>(
  flow: Flow<Name, P, Out, E, R>,
  parameters: Given<P>,
  options: StartOptions = {}
): Effect.Effect<Handle<Out, E>, RunError | FlowError, R | ArtifactStore | Outside.RunStore> => {
  GivenChecks.flow("The first argument of Flow.start", flow)
  GivenChecks.start("Flow.start", options)
  return LifeHandle.start(flow, parameters, options) as never // erased within
}

/** The handle of a run of one of several flows. */
export type HandleOf<F> = F extends Any ? Handle<Output<F>, Failure<F>> : never

/**
 * Resumes the crashed runs of flows: those whose process is gone and that nobody has resumed. Each is resumed once, however many
 * processes call this at the same moment. If a resume crashed too, that resume is continued. A run that can't be resumed, for
 * example because the flow's parameters have changed, is left alone with a warning. So is a run that crashes its process each
 * time, because it would otherwise be resumed at every start of the program, and one that was copied from another store, where
 * it may be resumed, too.
 *
 * @param options.maxResumes A run is left alone after this many resumes in a row that crashed before they finished a task.
 *   It can still be resumed with `Flow.resume`. Default: 5.
 * @returns The handles of the new runs, which this process drives. Their `origin`s are the crashed runs.
 *
 * @example
 * ```ts
 * const handles = yield* Flow.resumeCrashed([SquareFlow])
 * ```
 */
export const resumeCrashed = <const F extends ReadonlyArray<Any>>(
  flows: F,
  options: {
    /** A run is left alone after this many resumes in a row that crashed before they finished a task. Default: 5. */
    readonly maxResumes?: number
  } = {}
): Effect.Effect<
  ReadonlyArray<HandleOf<F[number]>>,
  StoreError,
  Services<F[number]> | ArtifactStore | Outside.RunStore
> => {
  GivenChecks.flows("Flow.resumeCrashed", flows)
  return Crashed.resumeCrashed(flows, { maxResumes: maxResumesOf("Flow.resumeCrashed", options) }) as never // erased within
}

const maxResumesOf = (of: string, options: { readonly maxResumes?: number }): number =>
  Checked.wholeNumber(`\`maxResumes\` of ${of}`, Checked.options(of, options).maxResumes, 1) ??
  Crashed.defaultMaxResumes

/**
 * A layer that resumes the crashed runs of flows when it is built, and looks for new ones from then on.
 *
 * @param options.every How often it looks. Default: 30 seconds.
 * @param options.maxResumes As in `Flow.resumeCrashed`. Default: 5.
 *
 * @example
 * ```ts
 * const supervised = Flow.supervise([SquareFlow], { every: "10 seconds" })
 * ```
 */
export const supervise = <const F extends ReadonlyArray<Any>>(
  flows: F,
  options: {
    /** How often it looks for crashed runs. Default: 30 seconds. */
    readonly every?: Duration.Input
    /** As in `Flow.resumeCrashed`. Default: 5. */
    readonly maxResumes?: number
  } = {}
): Layer.Layer<never, never, Services<F[number]> | ArtifactStore | Outside.RunStore> => {
  GivenChecks.flows("Flow.supervise", flows)
  const maxResumes = maxResumesOf("Flow.supervise", options)
  const everyMs = Checked.durationMs("`every` of Flow.supervise", options.every) ?? 30_000
  return Layer.effectDiscard(Effect.forkScoped(Crashed.supervise(flows, everyMs, maxResumes))) as never // erased within
}

/**
 * A layer that says what becomes of the runs that `Flow.start`, `Flow.resumeCrashed` and `Flow.supervise` started when their
 * program stops: when the store's layer is closed, or by SIGTERM where nothing else listens for it.
 *
 * @param action `finish` waits for them, and interrupts those that take too long; `interrupt` (the default without this layer)
 *   records them as interrupted; `leave` leaves them unfinished, so that another process with the same store resumes
 *   them (`Flow.supervise`).
 * @param options.within How long `finish` waits. Default: 30 seconds.
 *
 * @example
 * ```ts
 * const stopping = Flow.layerOnStop("finish", { within: "1 minute" })
 * ```
 */
export const layerOnStop = (
  action: "finish" | "interrupt" | "leave",
  options: {
    /** How long `finish` waits. Default: 30 seconds. */
    readonly within?: Duration.Input
  } = {}
): Layer.Layer<never> =>
  Layer.succeed(OnStop, {
    action,
    within: Checked.durationMs("`within` of Flow.layerOnStop", options.within) ?? 30_000
  })

/** How a run is resumed. */
export interface ResumeOptions<P extends Parameters> {
  /** The run to resume: its id, a unique prefix of it, or `latest`. Default: the latest run of the flow. */
  readonly origin?: string
  /**
   * A step to execute again even though it has finished. Tasks that depend on it are executed again only if its outputs change.
   * Name a step of a called flow as `child/step`.
   */
  readonly from?: string
  /** Parameters that replace the origin's. */
  readonly parameters?: Partial<Given<P>>
  /** Parameters of the origin that the flow no longer has. Without this, such a parameter is an error. */
  readonly dropParameters?: ReadonlyArray<string>
  /** Tags of the new run. Default: the origin's. */
  readonly tags?: ReadonlyArray<string>
  /** Resumes the origin although it is still running: its unfinished tasks are then executed twice. */
  readonly evenIfRunning?: boolean
}

/**
 * Starts a new run that takes over the finished tasks of an earlier one, its origin. The body runs again from the top, but a task
 * that finished in the origin with the same key is not executed again.
 *
 * @param options See `ResumeOptions`.
 * @returns The new run's id and what the body yielded. Fails as `run` does, with `FlowError` if the origin is
 *   still running or `from` names no step, and with `ParameterError` if the origin has a parameter that the flow no longer has.
 *
 * @example
 * ```ts
 * const { output } = yield* Flow.resume(SquareFlow, { from: "square" })
 * ```
 */
export const resume = <Name extends string, P extends Parameters, Out, E, R>(
  flow: Flow<Name, P, Out, E, R>,
  options: ResumeOptions<P> = {}
): Effect.Effect<Result<Out>, E | RunError | Reading.RunNotFound | FlowError, R | ArtifactStore | Outside.RunStore> => {
  GivenChecks.flow("The first argument of Flow.resume", flow)
  GivenChecks.resume(options)
  return Resumed.resume(flow, options) as never // erased within
}

/**
 * Runs a flow from the body of another one. The called flow has a run of its own, which is recorded as a child of this run and
 * resumed with it.
 *
 * @param child The flow to run.
 * @param parameters The child's parameters; those with a default may be left out.
 * @returns What the child's body yielded; its refs stay refs. Fails as the child fails.
 *
 * @example
 * ```ts
 * const { y } = yield* Flow.call(SquareFlow, { x: 4 })
 * ```
 */
export const call = <Name extends string, P extends Parameters, Out, E, R>(
  child: Flow<Name, P, Out, E, R>,
  parameters: Given<P>
): Effect.Effect<Out, E | RunError, R | ArtifactStore | RunStore | CurrentRun> => {
  GivenChecks.flow("The first argument of Flow.call", child)
  return Effect.flatMap(CurrentRun, (run) => run.call(child, parameters)) as never // erased within
}
