/**
 * The command line as a process: it runs what was typed and ends with an exit code. However the process ends, its run is
 * recorded as ended: the first Ctrl-C (or SIGTERM, SIGHUP) interrupts the run, which then cleans up; a second one, an error
 * that nothing caught, and a closed or broken stdout write the record at once.
 */
import * as Effect from "effect/Effect"
import * as LiveRuns from "../run/liveRuns.ts"
import { version } from "../run/version.ts"
import * as Cli from "./cli.ts"
import { interpret } from "./interpret.ts"
import { invocation, nameOf } from "./program.ts"
import * as Watch from "./signalWatch.ts"

/** An interruption that takes longer than this is announced. */
const announceMs = 1000

/**
 * Runs the command line of this process and ends it.
 *
 * @param subject The flow it belongs to; none for the package's own.
 * @param succeed `Effect.succeed`, as the flow's module has it.
 */
export const start = (subject: Cli.Subject | undefined, succeed: typeof Effect.succeed = Effect.succeed): void => {
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
  process.stdout.on("error", (error: NodeJS.ErrnoException) => onStdoutError(cli, error))
  process.stderr.on("error", () => {}) // there is nobody to tell
  process.on("uncaughtException", (error, origin) => {
    const ending = LiveRuns.uncaught(error, origin)
    LiveRuns.sayNow(LiveRuns.endAll(ending) ?? `${ending.error.message}${stackOf(error)}`)
    process.exit(Cli.exitCodes.failed)
  })
  const fiber = Effect.runFork(interpret(cli, bin, process.argv.slice(2)))
  let interrupted = false
  const onSignal = (signal: NodeJS.Signals) => {
    if (interrupted) {
      const said = LiveRuns.endAll(LiveRuns.bySignal(signal))
      if (said !== undefined) LiveRuns.sayNow(said)
      process.exit(Cli.exitCodes.interrupted)
    }
    interrupted = true
    LiveRuns.announceInterruption(LiveRuns.bySignal(signal))
    Watch.acknowledge()
    fiber.interruptUnsafe()
    const announce = () =>
      (cli.state.announce ?? ((text) => Cli.say(cli, text)))(
        "Waiting for what can't be interrupted at once. Another Ctrl-C leaves without waiting."
      )
    setTimeout(announce, announceMs).unref()
  }
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, onSignal)
  // A fiber that was interrupted has no result, but the command line has.
  fiber.addObserver(() => end(cli.state.code ?? Cli.exitCodes.interrupted))
}

/**
 * A reader that has seen enough, `head` say, closes stdout. A run goes on without it; a verb that only prints is done. Any other
 * error loses results.
 */
const onStdoutError = (cli: Cli.Cli, error: NodeJS.ErrnoException): void => {
  if (error.code === "EPIPE") {
    if (LiveRuns.count() === 0) process.exit(cli.state.code ?? Cli.exitCodes.succeeded)
    return
  }
  const message = `Results could not be written to stdout: ${error.message}.`
  LiveRuns.sayNow(LiveRuns.endAll({ status: "failed", error: { tag: "StdoutError", message } }) ?? message)
  process.exit(Cli.exitCodes.failed)
}

/** A mistake in the command line itself shows where it is. */
const stackOf = (error: unknown): string =>
  error instanceof Error && error.stack !== undefined ? `\n${error.stack}` : ""

/** Ends the process when what was written has left it: something in it may still be open. */
const end = (code: number) => {
  process.exitCode = code
  process.stdout.write("", () => process.stderr.write("", () => process.exit(code)))
}
