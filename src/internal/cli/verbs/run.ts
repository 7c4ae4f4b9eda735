/**
 * The verbs that run a flow, `run` and `resume`: they show progress, print the result to stdout, set the exit code and,
 * after a failure, print a paragraph with the error, where its log is, and how to resume.
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import { ArtifactStore } from "../../../ArtifactStore.ts"
import { CurrentRun } from "../../../CurrentRun.ts"
import { CurrentTask } from "../../../CurrentTask.ts"
import * as Flow from "../../../Flow.ts"
import { RunObserver } from "../../../RunObserver.ts"
import { failureOf, fromCause } from "../../run/errorRecord.ts"
import { LaterTags } from "../../run/laterTags.ts"
import { format } from "../../run/logLine.ts"
import * as Output from "../../run/output.ts"
import { directoryTag, gitTags, programTag, SystemTags } from "../../run/systemTags.ts"
import * as Units from "../../units.ts"
import * as Cli from "../cli.ts"
import * as Failure from "../failure.ts"
import * as Reporter from "../live/reporter.ts"
import * as Watch from "../signalWatch.ts"
import { requireStore, unansweredStart, withStore } from "../store.ts"
import * as Telemetry from "../telemetry.ts"

/** The flags of both verbs. */
export interface Options {
  readonly tags: ReadonlyArray<string>
  readonly executor: "fibers" | "threads" | "cluster"
  readonly concurrency: number | undefined
  readonly log: "text" | "json"
  readonly quiet: boolean
  readonly json: boolean
  readonly sync: boolean
}

/** How a run starts. */
export type Start =
  | { readonly _tag: "Run"; readonly parameters: object }
  | {
      readonly _tag: "Resume"
      readonly origin: string | undefined
      readonly from: string | undefined
      readonly dropParameters: ReadonlyArray<string>
      readonly evenIfRunning: boolean
      readonly parameters: object
    }

/** Runs the flow. Fails with `Exit` if it does not succeed. */
export const run = (cli: Cli.Cli, chosen: Cli.Chosen, subject: Cli.Subject, start: Start, options: Options) =>
  // The closing paragraph must be printed even after an interruption.
  Effect.uninterruptibleMask((restore) => runMasked(cli, chosen, subject, start, options, restore))

const runMasked = Effect.fnUntraced(function* (
  cli: Cli.Cli,
  chosen: Cli.Chosen,
  subject: Cli.Subject,
  start: Start,
  options: Options,
  restore: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
) {
  Watch.start()
  const systemTags = yield* SystemTags
  const clock = yield* Effect.clockWith(Effect.succeed)
  const reporter = Reporter.make({
    mode: Reporter.modeFor(cli.stderr, options, cli.environment),
    stream: cli.stderr,
    environment: cli.environment,
    store: Cli.storeName(chosen.store),
    now: () => clock.currentTimeMillisUnsafe()
  })
  cli.state.announce = reporter.note
  let inUserCode = false
  const within = <A, E, R>(isUsers: boolean, effect: Effect.Effect<A, E, R>) =>
    Effect.acquireUseRelease(
      Effect.sync(() => {
        inUserCode = isUsers
      }),
      () => effect,
      () =>
        Effect.sync(() => {
          inUserCode = !isUsers
        })
    )
  const flow = subject.flow as Flow.Flow<string, any, unknown, unknown, Cli.Stores> // erased: the flags were made from its parameters
  const flowRun = Effect.suspend(() =>
    start._tag === "Run"
      ? Flow.run(flow, start.parameters, { tags: options.tags })
      : Flow.resume(flow, {
          parameters: start.parameters,
          dropParameters: start.dropParameters,
          evenIfRunning: start.evenIfRunning,
          ...(start.origin === undefined ? undefined : { origin: start.origin }),
          ...(start.from === undefined ? undefined : { from: start.from }),
          ...(options.tags.length === 0 ? undefined : { tags: options.tags })
        })
  )
  const program = Effect.gen(function* () {
    const services =
      subject.layer === undefined ? within(false, flowRun) : Effect.provide(within(false, flowRun), subject.layer)
    yield* withExecutor(subject, options, services)
    yield* Effect.sync(reporter.close)
    yield* printOutput(cli, reporter, options)
  }).pipe(
    Effect.provideService(RunObserver, reporter.observe),
    Effect.provideService(
      SystemTags,
      Effect.map(systemTags, (tags) => ({
        ...tags,
        [programTag]: Cli.program(cli, subject),
        [directoryTag]: process.cwd()
      }))
    ),
    Effect.provideService(LaterTags, gitTags),
    Telemetry.observed(cli, flow.flowName),
    Effect.provideService(Logger.CurrentLoggers, new Set([outsideRuns(reporter)]))
  )
  // Where nothing ever ran there is nothing to resume, and no reason to create a store.
  if (start._tag === "Resume") yield* requireStore(cli, chosen)
  // A flow's layer and the spans of a run need time to close. Before that, and once it is done, a signal need not wait for a
  // store that does not answer, if no run was begun.
  cli.state.leave = () => (inUserCode || reporter.progress.run() !== undefined ? undefined : unansweredStart)
  const exit = yield* Effect.exit(restore(withStore(chosen, within(true, program), { sync: options.sync })))
  reporter.close()
  cli.state.announce = undefined
  if (Exit.isSuccess(exit)) return
  const interrupted = Cause.hasInterruptsOnly(exit.cause)
  const record = reporter.progress.run()
  if (record === undefined || record.status === "running") {
    // No run was started, or its end could not be recorded.
    if (interrupted || failureOf(exit.cause)?.error instanceof Cli.Exit) return yield* Effect.failCause(exit.cause)
    const error = fromCause(exit.cause)
    return yield* new Cli.Exit({
      code: /^(ParameterError|TagError|FlowError)$/.test(error.tag) ? Cli.exitCodes.usage : Cli.exitCodes.failed,
      message: error.stack ?? error.message
    })
  }
  const paragraph = Failure.paragraph(cli, chosen, reporter.progress, record)
  Cli.say(cli, options.log === "json" ? Reporter.messageJson(clock.currentTimeMillisUnsafe(), paragraph) : paragraph)
  return yield* interrupted ? Effect.failCause(exit.cause) : new Cli.Exit({ code: Cli.exitCodes.failed, message: "" })
})

/** Provides the executor that the flags select. */
const withExecutor = Effect.fnUntraced(function* (
  subject: Cli.Subject,
  { concurrency, executor }: Options,
  effect: Effect.Effect<unknown, unknown, Cli.Stores>
) {
  const Executor = yield* Effect.promise(() => import("../../../Executor.ts"))
  const layers = {
    fibers: () => Executor.layerFibers(concurrency === undefined ? {} : { concurrency }),
    threads: () =>
      Executor.layerThreads({
        module: subject.module,
        ...(concurrency === undefined ? undefined : { size: concurrency })
      }),
    cluster: () => Executor.layerCluster()
  }
  return yield* Effect.provide(effect, layers[executor]())
})

/**
 * Shows log messages from outside a run, for example while a layer is built. Inside a run, the run's own logger shows
 * them.
 */
const outsideRuns = (reporter: Reporter.Reporter) =>
  Logger.make<unknown, void>(({ cause, date, fiber, message }) => {
    const { context } = fiber
    const inside =
      Option.isSome(Context.getOption(context, CurrentRun)) || Option.isSome(Context.getOption(context, CurrentTask))
    if (!inside) reporter.note(`${reporter.style.dim(Units.clock(date.getTime()))} ${format(message, cause)}`)
  })

// --- the result ----------------------------------------------------------------------------------------------------

/** A JSON artifact up to this size is printed as its value. */
const inlineLimitBytes = 64 * 1024

/**
 * Prints the flow's output as a line of JSON to stdout, if stdout is not a terminal or `--json` or `--quiet` is set.
 * Refs of small JSON artifacts are printed as their values, other refs as `{ "$ref": … }`, which `dump` accepts.
 */
const printOutput = Effect.fnUntraced(function* (cli: Cli.Cli, reporter: Reporter.Reporter, options: Options) {
  const output = reporter.progress.run()?.output
  if (!(options.json || options.quiet || cli.stdout.isTTY !== true)) return
  if ((output === undefined || output === null) && !options.json) return
  Cli.print(cli, JSON.stringify(yield* resolve(Output.display(output ?? null))))
})

const resolve = (value: unknown): Effect.Effect<unknown, never, ArtifactStore> =>
  Effect.gen(function* () {
    if (typeof value !== "object" || value === null) return value
    if (Array.isArray(value)) return yield* Effect.forEach(value, resolve)
    const ref = Output.refIn(value)
    if (ref === undefined) {
      const fields: Record<string, unknown> = {}
      for (const [name, field] of Object.entries(value)) fields[name] = yield* resolve(field)
      return fields
    }
    const address = {
      $ref: ref.writer === undefined ? ref.name : `${ref.writer}/${ref.name}`,
      format: ref.format,
      size: ref.size,
      digest: ref.digest
    }
    if (ref.format !== "json" || ref.size > inlineLimitBytes) return address
    const store = yield* ArtifactStore
    return yield* store.get(ref.digest).pipe(
      Effect.map((bytes): unknown => JSON.parse(new TextDecoder().decode(bytes))),
      Effect.catchCause(() => Effect.succeed(address)) // the run succeeded, so an unreadable output must not fail the command
    )
  })
