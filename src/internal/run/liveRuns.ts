/**
 * The runs that this process drives, in case it ends before they do: by `process.exit`, an uncaught error, or a signal.
 * The event loop no longer runs then, so each run records its end synchronously.
 */
import { writeSync } from "node:fs"
import type { ErrorRecord, RunStatus } from "../../RunRecord.ts"
import { fromError } from "./errorRecord.ts"
import * as Printing from "./printing.ts"

/** Why runs end early. */
export interface Ending {
  readonly status: Exclude<RunStatus, "running" | "succeeded">
  readonly error: ErrorRecord
}

/** A run that can be ended synchronously. */
export interface LiveRun {
  readonly id: string
  readonly flow: string
  readonly endNow: (ending: Ending) => void
}

const live = new Set<LiveRun>()

/** Why the process is about to end, if known. */
let announced: Ending | undefined

/** Whether the event loop ran out of work, so `process.exit` was not called. */
let drained = false

/** The number of runs that this process drives. */
export const count = (): number => live.size

/** Adds a run. Returns a function that removes it. */
export const add = (run: LiveRun): (() => void) => {
  if (live.size === 0) listen()
  live.add(run)
  return () => {
    live.delete(run)
    if (live.size === 0) unlisten()
  }
}

/**
 * Records the end of every live run, once.
 *
 * @returns A message for stderr about what was recorded, or `undefined` if no run was live.
 */
export const endAll = (ending: Ending): string | undefined => {
  if (live.size === 0) return undefined
  const runs = [...live]
  live.clear()
  unlisten()
  Printing.endAll()
  const problems: Array<string> = []
  for (const run of runs) {
    try {
      run.endNow(ending)
    } catch (cause) {
      problems.push(`Its end could not be recorded: ${fromError(cause).message}`)
    }
  }
  const named = runs.slice(0, mostNamed).map(({ flow, id }) => `${id} of flow "${flow}"`)
  const others = runs.length - named.length
  if (others > 0) named.push(`${others} more`)
  const ended = ending.status === "failed" ? "failed" : "interrupted"
  const which = `${runs.length === 1 ? "Run" : "Runs"} ${named.join(", ")}`
  return [`${sentence(ending.error.message)} ${which} ended as ${ended}.`, ...new Set(problems)].join(" ")
}

/** How many runs the message names. */
const mostNamed = 5

const sentence = (text: string): string => (/[.!?…]$/.test(text) ? text : `${text}.`)

/** Sets the reason for interrupting runs, which is recorded. */
export const announceInterruption = (ending: Ending): void => {
  interruption = ending
}

/** Why runs are being interrupted, if known. */
export const interruptionError = (): ErrorRecord | undefined => interruption?.error

let interruption: Ending | undefined

/** The ending after an uncaught error. */
export const uncaught = (error: unknown, origin: NodeJS.UncaughtExceptionOrigin): Ending => {
  const where = Printing.label()
  const record = fromError(error)
  const how =
    origin === "unhandledRejection"
      ? "A promise was rejected, and nothing awaited it"
      : "An error was thrown, and nothing caught it"
  return {
    status: "failed",
    error: {
      ...record,
      message: `${how}${where === undefined ? "" : `, in ${where}`}: ${record.tag}: ${record.message}`
    }
  }
}

/** The ending after a signal. */
export const bySignal = (signal: NodeJS.Signals): Ending => ({
  status: "interrupted",
  error: {
    tag: "Interrupted",
    message: `The process was interrupted by ${signal === "SIGINT" ? "Ctrl-C (SIGINT)" : signal}.`
  }
})

const onUncaught = (error: unknown, origin: NodeJS.UncaughtExceptionOrigin): void => {
  announced = uncaught(error, origin)
}

const onBeforeExit = (): void => {
  drained = true
}

const onExit = (code: number): void => {
  const where = Printing.label()
  const said = endAll(
    announced ?? {
      status: "failed",
      error: {
        tag: "ProcessExit",
        message: drained
          ? "The process ended while a run was under way: there was nothing left that it could wait for."
          : `The process ended while a run was under way: process.exit(${code}) was called${where === undefined ? "" : ` in ${where}`}.`
      }
    }
  )
  if (said === undefined) return
  if (announced === undefined) sayNow(said)
  // The exit code must not be 0, because the run did not succeed.
  if (process.exitCode === undefined || Number(process.exitCode) === 0) process.exitCode = 1
}

/** Writes to stderr synchronously. */
export const sayNow = (text: string): void => {
  try {
    writeSync(2, `${text}\n`)
  } catch {} // a closed stderr can't be reported anywhere
}

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const

/**
 * If the program has its own listener, that decides what a signal does. Otherwise the signal has its default effect
 * after the end is recorded.
 */
const onSignal = (signal: NodeJS.Signals): void => {
  if (process.listenerCount(signal) > 1) return
  const said = endAll(bySignal(signal))
  if (said !== undefined) sayNow(said)
  process.kill(process.pid, signal)
}

const listen = (): void => {
  drained = false
  process.on("exit", onExit)
  process.on("beforeExit", onBeforeExit)
  process.on("uncaughtExceptionMonitor", onUncaught)
  for (const signal of signals) process.on(signal, onSignal)
}

const unlisten = (): void => {
  process.off("exit", onExit)
  process.off("beforeExit", onBeforeExit)
  process.off("uncaughtExceptionMonitor", onUncaught)
  for (const signal of signals) process.off(signal, onSignal)
}
