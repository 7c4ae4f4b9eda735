/**
 * The runs that this process drives, for the case that it ends before they do: by `process.exit`, an uncaught error, or a
 * signal. Then there is no event loop to wait on any more, and each run writes its end synchronously.
 */
import { writeSync } from "node:fs"
import type { ErrorRecord, RunStatus } from "../../RunRecord.ts"
import { fromError } from "./errorRecord.ts"
import * as Printing from "./printing.ts"

/** Why runs end before their time. */
export interface Ending {
  readonly status: Exclude<RunStatus, "running" | "succeeded">
  readonly error: ErrorRecord
}

/** A run that can be ended at once. */
export interface LiveRun {
  readonly id: string
  readonly flow: string
  readonly endNow: (ending: Ending) => void
}

const live = new Set<LiveRun>()

/** Why the process is about to end, where that is known before it does. */
let announced: Ending | undefined

/** Whether the event loop ran out of work, so that nobody called `process.exit`. */
let drained = false

/** How many runs this process drives. */
export const count = (): number => live.size

/** Adds a run. The function that it returns removes it again. */
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
 * @returns What was recorded, as a sentence for stderr; nothing where no run was live.
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
  const named = runs.map(({ flow, id }) => `${id} of flow "${flow}"`).join(", ")
  const ended = ending.status === "failed" ? "failed" : "interrupted"
  return [`${sentence(ending.error.message)} Run ${named} ended as ${ended}.`, ...problems].join(" ")
}

const sentence = (text: string): string => (/[.!?…]$/.test(text) ? text : `${text}.`)

/** Notes why runs are being interrupted: it becomes the reason in their records. */
export const announceInterruption = (ending: Ending): void => {
  interruption = ending
}

/** Why runs are being interrupted, where it is known. */
export const interruptionError = (): ErrorRecord | undefined => interruption?.error

let interruption: Ending | undefined

/** The ending by an error that nothing caught. */
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

/** The ending by a signal. */
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
  // A program that takes this process for finished must not take the run for it, too.
  if (process.exitCode === undefined || Number(process.exitCode) === 0) process.exitCode = 1
}

/** Writes to stderr at once. */
export const sayNow = (text: string): void => {
  try {
    writeSync(2, `${text}\n`)
  } catch {} // a closed stderr: there is nobody to tell
}

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const

/** A program that listens itself decides what a signal does; else it does what it always does, after the record. */
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
