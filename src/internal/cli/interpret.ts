/**
 * What a command line does, from its words to an exit code: it is parsed, the verb that was chosen runs, and what went
 * wrong is said in a sentence.
 */
import * as Cause from "effect/Cause"
import * as Console from "effect/Console"
import * as CliConfig from "effect/cli/CliConfig"
import * as CliError from "effect/cli/CliError"
import * as CliOutput from "effect/cli/CliOutput"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Path from "effect/Path"
import * as ChildProcessSpawner from "effect/process/ChildProcessSpawner"
import * as References from "effect/References"
import * as Stdio from "effect/Stdio"
import * as Terminal from "effect/Terminal"
import { failureOf, fromCause } from "../run/errorRecord.ts"
import * as Cli from "./cli.ts"
import * as Commands from "./commands.ts"
import { Blobs, Database, Directory, FlowName, maybe, type Select } from "./flags.ts"
import { loadSubject } from "./module.ts"
import * as Parameters from "./parameterFlags.ts"
import { choose } from "./store.ts"
import * as Usage from "./usage.ts"

/**
 * Runs a command line.
 *
 * @param bin Whether it is the package's own, and not a flow file's.
 * @returns The exit code. What there is to say has been said.
 */
export const interpret = (cli: Cli.Cli, bin: boolean, argv: ReadonlyArray<string>): Effect.Effect<number> =>
  // A run that was interrupted has an exit code, too.
  Effect.uninterruptibleMask((restore) =>
    Effect.map(
      Effect.exit(
        restore(
          Effect.flatMap(bin ? loadSubject(argv) : Effect.succeed(cli.subject), (subject) =>
            program({ ...cli, subject }, bin, argv)
          )
        )
      ),
      (exit) => {
        const code = conclude(cli, exit)
        cli.state.code = code
        return code
      }
    )
  )

/** Parses, then runs what was chosen. */
const program = Effect.fnUntraced(function* (cli: Cli.Cli, bin: boolean, argv: ReadonlyArray<string>) {
  const { subject } = cli
  const parameters = (partial: boolean) =>
    subject === undefined ? Effect.succeed([]) : Parameters.flags(subject.flow, Commands.reserved, { partial })
  const flags: Commands.Parameters = { run: yield* parameters(false), resume: yield* parameters(true) }
  let chosen: Effect.Effect<void, unknown> = Effect.void
  const select = ((then) =>
    Effect.gen(function* () {
      const named = bin ? maybe(yield* FlowName) : undefined
      const level = yield* References.MinimumLogLevel // of `--log-level`
      const given = {
        directory: maybe(yield* Directory),
        database: maybe(yield* Database),
        blobs: maybe(yield* Blobs)
      }
      const action = Effect.flatMap(choose(cli, given), (store) =>
        then({ store, flow: subject?.flow.flowName ?? named })
      )
      chosen = Effect.provideService(action, References.MinimumLogLevel, level)
    })) as Select // the global flags are there whenever a command has been chosen
  const command =
    bin || subject === undefined ? Commands.forAny(cli, flags, select) : Commands.forFlow(cli, subject, flags, select)
  yield* Effect.provide(Command.runWith(command, { version: cli.version })(argv), surroundings(cli, bin, argv))
  // Outside of what the parser was given: a flow must not find a file system that does nothing.
  yield* chosen
})

/** What the parser wants. No flag of ours reads a file or asks a question, so most of it is empty, and quickly loaded. */
const surroundings = (cli: Cli.Cli, bin: boolean, argv: ReadonlyArray<string>) =>
  Layer.mergeAll(
    FileSystem.layerNoop({}),
    Path.layer,
    Stdio.layerTest({}),
    Layer.succeed(Terminal.Terminal, absent as never), // never asked: no flag prompts
    Layer.succeed(ChildProcessSpawner.ChildProcessSpawner, absent as never), // as above
    CliConfig.layer({
      // Without the wizard, which asks; and a flow's file is no command that a shell completes.
      builtIns: [GlobalFlag.Help, GlobalFlag.Version, ...(bin ? [completions] : []), GlobalFlag.LogLevel] as never // as they come
    }),
    CliOutput.layerPresenter(Usage.presenter(cli, argv)),
    Layer.succeed(Console.Console, { ...globalThis.console, log: (text: unknown) => Cli.print(cli, String(text)) })
  )

const absent = {}

const completions = {
  ...GlobalFlag.Completions,
  flag: Flag.withMetavar(GlobalFlag.Completions.flag, "shell")
}

/** How the program ended, as an exit code; what has not been said of it yet is said. */
const conclude = (cli: Cli.Cli, exit: Exit.Exit<void, unknown>): number => {
  if (Exit.isSuccess(exit)) return Cli.exitCodes.succeeded
  const { cause } = exit
  if (Cause.hasInterruptsOnly(cause)) {
    return cli.state.service === true ? Cli.exitCodes.succeeded : Cli.exitCodes.interrupted
  }
  const error = failureOf(cause)?.error
  if (error instanceof Cli.Exit) {
    if (error.message !== "") Cli.say(cli, error.message)
    return error.code
  }
  if (CliError.isCliError(error)) {
    // The presenter has said what was wrong, or shown the help that was asked for.
    return error._tag === "ShowHelp" && error.errors.length === 0 && error.commandPath.length < 2
      ? Cli.exitCodes.succeeded
      : Cli.exitCodes.usage
  }
  const record = fromCause(cause)
  Cli.say(cli, record.stack ?? record.message) // a stack only of what no type announced: it is a mistake in here
  return Cli.exitCodes.failed
}
