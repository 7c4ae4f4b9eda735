/**
 * The command line as a process: it runs what was typed and ends with an exit code. The first Ctrl-C interrupts what runs,
 * and the run is recorded as interrupted; from then on the signals do what they always do, so that a second one leaves at
 * once.
 */
import * as Effect from "effect/Effect"
import { version } from "../run/version.ts"
import * as Cli from "./cli.ts"
import { interpret } from "./interpret.ts"
import { invocation, nameOf } from "./program.ts"

/** Milliseconds before it is said that an interruption takes its time. */
const patience = 1000

/**
 * Runs the command line of this process and ends it.
 *
 * @param subject The flow it belongs to; none for the package's own.
 * @param succeed `Effect.succeed`, as the flow's module has it.
 */
export const start = (subject: Cli.Subject | undefined, succeed: typeof Effect.succeed = Effect.succeed): void => {
  // A reader that has seen enough, `head` say, is no reason to fail.
  process.stdout.on("error", () => process.exit(Cli.exitCodes.succeeded))
  process.stderr.on("error", () => {})
  const bin = subject === undefined
  const cli: Cli.Cli = {
    subject,
    name: nameOf(process.argv, bin),
    invocation: invocation({ argv: process.argv, execArgv: process.execArgv, cwd: process.cwd(), bin }),
    version,
    stdout: process.stdout,
    stderr: process.stderr,
    environment: process.env,
    state: {}
  }
  if (succeed !== Effect.succeed) {
    // A loader that makes CommonJS of modules has made a second copy of Effect, whose schemas this one can't read.
    Cli.say(
      cli,
      `${cli.name} runs as CommonJS, and with it a second copy of Effect. Add "type": "module" to its package.json, or name it .mts.`
    )
    end(Cli.exitCodes.usage)
    return
  }
  const fiber = Effect.runFork(interpret(cli, bin, process.argv.slice(2)))
  const interrupt = () => {
    process.off("SIGINT", interrupt)
    process.off("SIGTERM", interrupt)
    fiber.interruptUnsafe()
    const announce = () =>
      (cli.state.announce ?? ((text) => Cli.say(cli, text)))(
        "Waiting for what can't be interrupted at once. Another Ctrl-C leaves without waiting."
      )
    setTimeout(announce, patience).unref()
  }
  process.on("SIGINT", interrupt)
  process.on("SIGTERM", interrupt)
  // A fiber that was interrupted has no result, but the command line has.
  fiber.addObserver(() => end(cli.state.code ?? Cli.exitCodes.interrupted))
}

/** Ends the process when what was written has left it: something in it may still be open. */
const end = (code: number) => {
  process.exitCode = code
  process.stdout.write("", () => process.stderr.write("", () => process.exit(code)))
}
