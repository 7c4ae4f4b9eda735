/**
 * The command line as a process: it runs the command and ends with its exit code. However the process ends, the end of
 * its run is recorded: the first Ctrl-C (or SIGTERM, SIGHUP) interrupts the run, which then cleans up; a second one, an
 * uncaught error, and a closed or broken stdout write the record immediately. A process that drives no run has nothing to
 * record, so the first Ctrl-C ends it although its store does not answer.
 */
import * as Effect from "effect/Effect"
import * as LiveRuns from "../run/liveRuns.ts"
import * as Printing from "../run/printing.ts"
import { version } from "../run/version.ts"
import * as Cli from "./cli.ts"
import { interpret } from "./interpret.ts"
import { invocation, nameOf } from "./program.ts"
import * as Watch from "./signalWatch.ts"

/** If interrupting takes longer than this, the process ends if it may, or else the user is told why it does not. */
const announceMs = 1000

/** Files that are being written when the command is done get this long. */
const graceMs = 1000

/**
 * Runs the command line of this process and ends it.
 *
 * @param subject The flow of the command line. Absent for the package's own.
 * @param succeed The flow module's own `Effect.succeed`, to detect a second copy of effect.
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
    // A loader that compiles modules to CommonJS has loaded a second copy of Effect, whose schemas this copy can't
    // read.
    Cli.say(
      cli,
      `${cli.name} runs as CommonJS, and with it a second copy of Effect. Add "type": "module" to its package.json, or name it .mts.`
    )
    end(cli, Cli.exitCodes.usage)
    return
  }
  Printing.keepStdoutForResults()
  process.stdout.on("error", (error: NodeJS.ErrnoException) => onStdoutError(cli, error))
  process.stderr.on("error", () => {}) // a closed stderr can't be reported anywhere
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
    setTimeout(onDelay, announceMs).unref()
  }
  const onDelay = () => {
    const { announce = (text: string) => Cli.say(cli, text), service } = cli.state
    const leave = LiveRuns.count() === 0 ? cli.state.leave?.() : undefined
    if (leave !== undefined) {
      announce(leave)
      return end(cli, service === true ? Cli.exitCodes.succeeded : Cli.exitCodes.interrupted)
    }
    announce("Waiting for work that can't be interrupted immediately. Press Ctrl-C again to exit without waiting.")
  }
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, onSignal)
  // An interrupted fiber has no result, but the command line needs an exit code.
  fiber.addObserver(() => end(cli, cli.state.code ?? Cli.exitCodes.interrupted))
}

/**
 * A reader such as `head` closes stdout when it has read enough. A run continues without it, and a verb that only
 * prints is done. Any other error loses results.
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

/** A bug in the command line itself is shown with its stack. */
const stackOf = (error: unknown): string =>
  error instanceof Error && error.stack !== undefined ? `\n${error.stack}` : ""

/**
 * Ends the process once its output has been flushed, because open handles may keep it alive. A loader such as tsx may still
 * be writing what it compiled to its cache. If it is cut off, an empty file is left there, and the next start compiles the
 * program again. So files that are being written are waited for.
 */
const end = (cli: Cli.Cli, code: number) => {
  process.exitCode = code
  const deadline = performance.now() + graceMs
  const exit = () => {
    if (performance.now() < deadline && isUsingFiles()) setTimeout(exit, 5).unref()
    else process.exit(code)
  }
  process.stdout.write("", (error) => {
    // What was printed last could not be written, and the stream has not told of it yet.
    if (error) onStdoutError(cli, error)
    process.stderr.write("", exit)
  })
}

const isUsingFiles = (): boolean => process.getActiveResourcesInfo().some((name) => name.startsWith("FSReq"))
