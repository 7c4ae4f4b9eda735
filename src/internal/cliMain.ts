/**
 * The command line's main program: it parses what was typed, runs the verb, and ends the process with an exit code. The
 * first Ctrl-C interrupts what runs, and the run is recorded as interrupted; from then on the signals do what they always
 * do, so that a second one leaves at once, even from a step that never lets go of the thread.
 */
import * as Cause from "effect/Cause"
import * as CliConfig from "effect/cli/CliConfig"
import * as CliError from "effect/cli/CliError"
import * as CliOutput from "effect/cli/CliOutput"
import * as Command from "effect/cli/Command"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import * as ChildProcessSpawner from "effect/process/ChildProcessSpawner"
import * as Stdio from "effect/Stdio"
import * as Terminal from "effect/Terminal"
import * as Cli from "./cli.ts"
import * as Commands from "./cliCommands.ts"
import { loadSubject } from "./cliModule.ts"
import * as Parameters from "./cliParameters.ts"
import { invocation, nameOf } from "./cliProgram.ts"
import * as Usage from "./cliUsage.ts"
import { Directory, FlowName, type Select } from "./cliVerbs.ts"
import { failureOf, fromCause } from "./errorRecord.ts"
import { version } from "./systemTags.ts"

/** Milliseconds before it is said that an interruption takes its time. */
const patience = 1000

/**
 * Runs the command line of this process and ends it.
 *
 * @param subject The flow it belongs to; none for the package's own.
 */
export const start = (subject: Cli.Subject | undefined): void => {
  // A reader that has seen enough, `head` say, is no reason to fail.
  process.stdout.on("error", () => process.exit(Cli.exitCodes.succeeded))
  process.stderr.on("error", () => {})
  const argv = process.argv.slice(2)
  const bin = subject === undefined
  const base: Cli.Cli = {
    subject,
    name: nameOf(process.argv, bin),
    invocation: invocation({ argv: process.argv, execArgv: process.execArgv, cwd: process.cwd(), bin }),
    version,
    stdout: process.stdout,
    stderr: process.stderr,
    environment: process.env,
    announce: { line: undefined }
  }
  const fiber = Effect.runFork(
    Effect.flatMap(bin ? loadSubject(argv) : Effect.succeed(subject), (subject) =>
      program({ ...base, subject }, bin, argv)
    )
  )
  const interrupt = () => {
    process.off("SIGINT", interrupt)
    process.off("SIGTERM", interrupt)
    fiber.interruptUnsafe()
    const announce = () =>
      (base.announce.line ?? ((text) => Cli.say(base, text)))(
        "Waiting for what can't be interrupted at once. Another Ctrl-C leaves without waiting."
      )
    setTimeout(announce, patience).unref()
  }
  process.on("SIGINT", interrupt)
  process.on("SIGTERM", interrupt)
  fiber.addObserver((exit) => end(conclude(base, exit)))
}

/** Ends the process when what was written has left it: something in it may still be open. */
const end = (code: number) => {
  process.exitCode = code
  process.stdout.write("", () => process.stderr.write("", () => process.exit(code)))
}

/** Parses, then runs what was chosen. */
const program = Effect.fnUntraced(function* (cli: Cli.Cli, bin: boolean, argv: ReadonlyArray<string>) {
  const { subject } = cli
  const parameters = (partial: boolean) =>
    subject === undefined ? Effect.succeed([]) : Parameters.flags(subject.flow, Commands.reserved, { partial })
  const flags: Commands.Parameters = { run: yield* parameters(false), resume: yield* parameters(true) }
  let chosen: Effect.Effect<void, unknown> = Effect.void
  const select = ((action) =>
    Effect.gen(function* () {
      const named = bin ? Option.getOrUndefined(yield* FlowName) : undefined
      chosen = action({ directory: yield* Directory, flow: subject?.flow.flowName ?? named })
    })) as Select // the global flags are there whenever a command has been chosen
  const command =
    bin || subject === undefined ? Commands.forAny(cli, flags, select) : Commands.forFlow(cli, subject, flags, select)
  yield* Effect.provide(Command.runWith(command, { version: cli.version })(argv), surroundings(cli))
  // Outside of what the parser was given: a flow must not find a file system that does nothing.
  yield* chosen
})

/** What the parser wants. No flag of ours reads a file or asks a question, so most of it is empty, and quickly loaded. */
const surroundings = (cli: Cli.Cli) =>
  Layer.mergeAll(
    FileSystem.layerNoop({}),
    Path.layer,
    Stdio.layerTest({}),
    Layer.succeed(Terminal.Terminal, absent as never), // never asked: no flag prompts
    Layer.succeed(ChildProcessSpawner.ChildProcessSpawner, absent as never), // as above
    CliConfig.layer({
      builtIns: [GlobalFlag.Help, GlobalFlag.Version, GlobalFlag.Completions, GlobalFlag.LogLevel] as never // without the wizard, which asks
    }),
    CliOutput.layerPresenter(Usage.presenter(cli))
  )

const absent = {}

/** How the program ended, as an exit code; what has not been said of it yet is said. */
const conclude = (cli: Cli.Cli, exit: Exit.Exit<void, unknown>): number => {
  if (Exit.isSuccess(exit)) return Cli.exitCodes.succeeded
  const { cause } = exit
  if (Cause.hasInterruptsOnly(cause)) return Cli.exitCodes.interrupted
  const error = failureOf(cause)?.error
  if (error instanceof Cli.Exit) {
    if (error.message !== "") Cli.say(cli, error.message)
    return error.code
  }
  if (CliError.isCliError(error)) {
    // The presenter has said what was wrong, or shown the help that was asked for.
    return error._tag === "ShowHelp" && error.errors.length === 0 ? Cli.exitCodes.succeeded : Cli.exitCodes.usage
  }
  const record = fromCause(cause)
  Cli.say(cli, record.stack ?? record.message) // a stack only of what no type announced: it is a mistake in here
  return Cli.exitCodes.failed
}
