/**
 * Watches for signals from a thread of its own, for a step that computes on this thread without a pause: while it does, the
 * event loop hears of no Ctrl-C. Where the main thread has not answered a signal after a while, the watching thread makes
 * it leave: through the inspector, which interrupts running JavaScript, and where native code runs, by killing the process.
 *
 * This uses what Node keeps for its own tests (signals on a worker thread); where that is missing, Ctrl-C waits for the step.
 */
import { closeSync } from "node:fs"
import { Worker } from "node:worker_threads"
import * as LiveRuns from "../run/liveRuns.ts"
import * as Cli from "./cli.ts"

let answered: Int32Array | undefined

/** Answers a signal: the event loop is alive. */
export const acknowledge = (): void => {
  if (answered !== undefined) Atomics.store(answered, 0, 1)
}

/** The function that the watching thread calls on this one, by its name. */
const leaveName = "effect-flow/leave"

/** Watches until the process ends. */
export const start = (): void => {
  if (answered !== undefined) return
  answered = new Int32Array(new SharedArrayBuffer(4))
  Object.defineProperty(globalThis, Symbol.for(leaveName), { value: leave, configurable: true })
  try {
    const thread = new Worker(program, {
      eval: true,
      execArgv: ["--expose-internals", "--no-warnings"],
      env: {},
      stdout: true,
      stderr: true,
      workerData: { answered, leave: leaveName }
    })
    thread.on("error", () => {})
    thread.unref()
  } catch {} // a Node without worker threads or flags for them
}

/** Records the end of the runs and leaves, in the midst of whatever this thread does. */
const leave = (signal: NodeJS.Signals): void => {
  const said = LiveRuns.endAll(LiveRuns.bySignal(signal))
  if (said !== undefined) LiveRuns.sayNow(said)
  try {
    closeSync(2) // or else Node says there that it waits for a debugger
  } catch {}
  process.exit(Cli.exitCodes.interrupted)
}

/** The watching thread's program: plain JavaScript, so that it starts without any loader of the main thread's. */
const program = `
const { workerData } = require("node:worker_threads")
const inspector = require("node:inspector")
const answerMs = 700
const killMs = 600
const { Signal } = require("internal/test/binding").internalBinding("signal_wrap")
const { constants } = require("node:os")
for (const name of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  const signal = new Signal()
  signal.onsignal = () => setTimeout(() => {
    if (Atomics.load(workerData.answered, 0) === 1) return
    const session = new inspector.Session()
    session.connectToMainThread()
    setTimeout(() => process.kill(process.pid, "SIGKILL"), killMs)
    session.post("Runtime.evaluate", {
      expression: "globalThis[Symbol.for(" + JSON.stringify(workerData.leave) + ")](" + JSON.stringify(name) + ")"
    })
  }, answerMs)
  signal.start(constants.signals[name])
}
setInterval(() => {}, 2 ** 30)
`
