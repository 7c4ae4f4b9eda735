/** Interprets a command line: parses it, runs the verb, reports errors in a sentence and returns the exit code. */
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
import { Blobs, CacheDirectory, Database, Directory, FlowName, maybe, type Select } from "./flags.ts"
import { loadSubject } from "./module.ts"
import * as Parameters from "./parameterFlags.ts"
import { choose } from "./store.ts"
import * as Usage from "./usage.ts"

/**
 * Runs a command line.
 *
 * @param bin Whether this is the package's own command line instead of a flow file's.
 * @returns The exit code. All messages have been printed.
 */
export const interpret = (cli: Cli.Cli, bin: boolean, argv: ReadonlyArray<string>): Effect.Effect<number> =>
  // An interrupted run must yield an exit code, too.
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

/** Parses the command line, then runs the verb. */
const program = Effect.fnUntraced(function* (cli: Cli.Cli, bin: boolean, argv: ReadonlyArray<string>) {
  const { subject } = cli
  const parameters = (partial: boolean) =>
    subject === undefined ? Effect.succeed([]) : Parameters.flags(subject.flow, Commands.reserved, { partial })
  const flags: Commands.Parameters = { run: yield* parameters(false), resume: yield* parameters(true) }
  let chosen: Effect.Effect<void, unknown> = Effect.void
  const select = ((then) =>
    Effect.gen(function* () {
      const named = bin ? maybe(yield* FlowName) : undefined
      const level = yield* References.MinimumLogLevel // set by `--log-level`
      const given = {
        directory: maybe(yield* Directory),
        database: maybe(yield* Database),
        blobs: maybe(yield* Blobs),
        cacheDirectory: maybe(yield* CacheDirectory)
      }
      const action = Effect.flatMap(choose(cli, given), (store) =>
        then({ store, flow: subject?.flow.flowName ?? named })
      )
      chosen = Effect.provideService(action, References.MinimumLogLevel, level)
    })) as Select // the global flags have been read whenever a command was parsed
  const command =
    bin || subject === undefined ? Commands.forAny(cli, flags, select) : Commands.forFlow(cli, subject, flags, select)
  yield* Effect.provide(Command.runWith(command, { version: cli.version })(argv), surroundings(cli, bin, argv))
  // The verb runs outside the parser's services: a flow must not see the parser's stub file system.
  yield* chosen
})

/**
 * The services that the parser requires. No flag reads a file or prompts, so most of them are unused. Their keys alone
 * are imported, so that the build can leave out what they would load.
 */
const surroundings = (cli: Cli.Cli, bin: boolean, argv: ReadonlyArray<string>) =>
  Layer.mergeAll(
    Layer.succeed(FileSystem.FileSystem, stub),
    Layer.succeed(Path.Path, stub),
    Layer.succeed(Stdio.Stdio, stub),
    Layer.succeed(Terminal.Terminal, stub),
    Layer.succeed(ChildProcessSpawner.ChildProcessSpawner, stub),
    CliConfig.layer({
      // No wizard, because it prompts. No completions for flow files, because they are not commands on the PATH.
      builtIns: [GlobalFlag.Help, GlobalFlag.Version, ...(bin ? [completions] : []), GlobalFlag.LogLevel] as never // the type wants a fixed tuple
    }),
    CliOutput.layerPresenter(Usage.presenter(cli, argv)),
    Layer.succeed(Console.Console, { ...globalThis.console, log: (text: unknown) => Cli.print(cli, String(text)) })
  )

const stub = {} as never

const completions = {
  ...GlobalFlag.Completions,
  flag: Flag.withMetavar(GlobalFlag.Completions.flag, "shell")
}

/** Turns the program's exit into an exit code, and prints what has not been reported yet. */
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
    // The presenter has already printed the mistake or the requested help.
    return error._tag === "ShowHelp" && error.errors.length === 0 && error.commandPath.length < 2
      ? Cli.exitCodes.succeeded
      : Cli.exitCodes.usage
  }
  const record = fromCause(cause)
  Cli.say(cli, record.stack ?? record.message) // only unexpected errors have a stack: they are bugs in this program
  return record.tag === "TagError" ? Cli.exitCodes.usage : Cli.exitCodes.failed
}
