/**
 * Watches for signals on a thread of its own. While a step computes on the main thread without yielding, the event loop
 * can't handle Ctrl-C. If the main thread has not acknowledged a signal in time, the watching thread ends it: through
 * the inspector, which interrupts running JavaScript, or, if native code is running, by killing the process. A main thread
 * that has been interrupted gets more time, because it records how its runs ended.
 *
 * This uses a Node feature meant for its own tests (signals on worker threads). Without that feature, Ctrl-C waits for
 * the step.
 */
import { closeSync } from "node:fs"
import { Worker } from "node:worker_threads"
import * as LiveRuns from "../run/liveRuns.ts"
import * as Cli from "./cli.ts"

/** Whether the main thread has acknowledged a signal, and whether the watching thread gets signals yet. */
let answered: Int32Array | undefined

/** Acknowledges a signal: the event loop is alive, or the process is ending as the watching thread asked. */
export const acknowledge = (): void => {
  if (answered !== undefined) Atomics.store(answered, 0, 1)
}

/** Whether the watching thread has started. A signal before that waits for the main thread's event loop. */
export const isWatching = (): boolean => answered !== undefined && Atomics.load(answered, 1) === 1

/** The name of the global function that the watching thread calls on the main thread. */
const leaveName = "effect-flow/leave"

/** Starts watching. It ends with the process. */
export const start = (): void => {
  if (answered !== undefined) return
  answered = new Int32Array(new SharedArrayBuffer(8))
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
  } catch {} // this Node has no worker threads or flags for them
}

/** Records the end of the runs and exits, in the middle of whatever this thread is doing. */
const leave = (signal: NodeJS.Signals): void => {
  acknowledge()
  const said = LiveRuns.endAll(LiveRuns.bySignal(signal))
  if (said !== undefined) LiveRuns.sayNow(said)
  try {
    closeSync(2) // otherwise Node prints to stderr that it waits for a debugger
  } catch {}
  process.exit(Cli.exitCodes.interrupted)
}

/** The watching thread's program: plain JavaScript, so that it starts without the main thread's loaders. */
const program = `
const { workerData } = require("node:worker_threads")
const inspector = require("node:inspector")
const answerMs = 700
const killMs = 1500
const recordMs = 10000
const { Signal } = require("internal/test/binding").internalBinding("signal_wrap")
const { constants } = require("node:os")
for (const name of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  const signal = new Signal()
  signal.onsignal = () => setTimeout(() => {
    if (Atomics.load(workerData.answered, 0) === 1) return
    const session = new inspector.Session()
    session.connectToMainThread()
    const kill = () => process.kill(process.pid, "SIGKILL")
    setTimeout(() => {
      if (Atomics.load(workerData.answered, 0) === 1) setTimeout(kill, recordMs)
      else kill()
    }, killMs)
    session.post("Runtime.evaluate", {
      expression: "globalThis[Symbol.for(" + JSON.stringify(workerData.leave) + ")](" + JSON.stringify(name) + ")"
    })
  }, answerMs)
  signal.start(constants.signals[name])
}
Atomics.store(workerData.answered, 1, 1)
setInterval(() => {}, 2 ** 30)
`
