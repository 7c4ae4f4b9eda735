/**
 * Keeps what a body prints with its task: `console.log` and `process.stdout.write` within a step become lines of the
 * task's log, on fibers as on worker threads, and don't mix with results on stdout. The async context identifies the
 * task, so that the output of concurrent bodies, their promises and timers is attributed correctly.
 */
import { AsyncLocalStorage } from "node:async_hooks"
import { Console } from "node:console"
import { Writable } from "node:stream"

/** The stream that something was printed to. */
export type StreamName = "stdout" | "stderr"

/** A task, or the body of a run's flow where there is no task. */
export interface Owner {
  readonly run: string
  readonly task?: string
}

/** Takes a printed line. */
export type TakeLine = (stream: StreamName, line: string) => void

/** Hears of the begin of a line that is not complete yet: what was added to it, or what it is now. */
export type TellPartial = (stream: StreamName, text: string, isAdded: boolean) => void

/** The output of one body. */
export class Printing {
  /** The body that prints. */
  readonly owner: Owner
  readonly #take: TakeLine
  readonly #tell: TellPartial | undefined
  #partial: { stdout: string; stderr: string } | undefined
  #decoders: { readonly [name in StreamName]: InstanceType<typeof TextDecoder> } | undefined
  #console: Console | undefined
  #ended = false

  constructor(owner: Owner, take: TakeLine, tell?: TellPartial) {
    this.owner = owner
    this.#take = take
    this.#tell = tell
  }

  /** Whether the body has ended. Later output does not belong to the task. */
  get ended(): boolean {
    return this.#ended
  }

  write(stream: StreamName, chunk: string | Uint8Array): void {
    if (typeof chunk !== "string") this.#decoders ??= { stdout: new TextDecoder(), stderr: new TextDecoder() }
    const text = typeof chunk === "string" ? chunk : (this.#decoders?.[stream].decode(chunk, { stream: true }) ?? "")
    const partial = this.#begin()
    // A bar of a million dots is one line: it is put together once, and not looked through for each dot.
    if (!text.includes("\n")) {
      partial[stream] += text
      this.#tell?.(stream, text, true)
      return
    }
    const before = partial[stream]
    const lines = (before + text).split("\n")
    partial[stream] = lines.pop() ?? ""
    // The observer of the line may print it.
    if (lines.length > 0) outside(() => lines.forEach((line) => void this.#take(stream, line)))
    if (before !== "" || partial[stream] !== "") this.#tell?.(stream, partial[stream], false)
  }

  /** Takes over the begin of a line that another thread tells of. */
  tellPartial(...[stream, text, isAdded]: Parameters<TellPartial>): void {
    const partial = this.#begin()
    partial[stream] = isAdded ? partial[stream] + text : text
  }

  #begin(): { stdout: string; stderr: string } {
    if (this.#partial === undefined) {
      this.#partial = { stdout: "", stderr: "" }
      printed.add(this)
    }
    return this.#partial
  }

  /** The console of this body alone, once it has indented, counted or measured: that is not seen by others. */
  consoleFor(name: ConsoleMethod): Console | undefined {
    if (stateful.has(name)) this.#console ??= consoleInto(() => (this.#ended ? undefined : this))
    return this.#console
  }

  /** Flushes a last line without a line break. */
  end(): void {
    if (this.#ended) return
    const partial = this.#partial
    if (partial !== undefined) {
      outside(() => {
        for (const stream of ["stdout", "stderr"] as const) {
          if (partial[stream] === "") continue
          this.#take(stream, partial[stream])
          this.#tell?.(stream, "", false)
        }
      })
    }
    this.#ended = true
    printed.delete(this)
    if (only === this) only = undefined
  }
}

/** Bodies that have printed and not ended. */
const printed = new Set<Printing>()

/** Flushes the last lines of all bodies before the process ends. */
export const endAll = (): void => {
  for (const printing of printed) printing.end()
}

const current = new AsyncLocalStorage<Printing>()

/** Calls a function and captures its output and that of everything it starts. */
export const during = (printing: Printing, run: () => void): void => {
  install()
  if (elsewhere !== undefined) only = printing
  current.run(printing, run)
}

/** The body that this code belongs to, by the async context: `train/3 of run 01k9…`. */
export const label = (): string | undefined => {
  const owner = (current.getStore() ?? only)?.owner
  return owner === undefined ? undefined : `${owner.task ?? "the flow's body"} of run ${owner.run}`
}

/** Calls a function without capturing its output, for example a logger that prints to the console. */
export const outside = <A>(run: () => A): A => {
  const kept = only
  only = undefined
  try {
    return current.getStore() === undefined ? run() : current.exit(run)
  } finally {
    only = kept
  }
}

/** Receives output that belongs to no body. Default: the stream that it was written to. */
let elsewhere: ((chunk: string | Uint8Array) => boolean) | undefined

/** Whether stdout is for results alone: what a body that has ended left running prints to stderr then. */
let isForResults = false

/** Keeps stdout for results. What prints outside of bodies is not a body's, and prints where it wants. */
export const keepStdoutForResults = (): void => {
  isForResults = true
}

/** Returns a caller of functions in the async context of this moment: what they print belongs to this body. */
export const within = (): (<A>(run: () => A) => A) => {
  const snapshot = AsyncLocalStorage.snapshot()
  return (run) => snapshot(run)
}

/** On a worker thread, which runs one body at a time: the current body. */
let only: Printing | undefined

const taker = (): Printing | undefined => {
  const printing = current.getStore() ?? only
  return printing?.ended === true ? undefined : printing
}

let installed = false

/**
 * Takes over the streams of a worker thread. Since it runs one body at a time, output without an async context belongs
 * to that body.
 *
 * @param rest Receives output while no body runs.
 */
export const installExclusive = (rest: (chunk: string | Uint8Array) => boolean): void => {
  elsewhere = rest
  install()
}

/** Takes over the streams and the console of this thread, once. */
const install = (): void => {
  if (installed) return
  installed = true
  for (const stream of ["stdout", "stderr"] as const) captureStream(stream)
  captureConsole()
}

/** What a stream was given: text, or bytes as text in another encoding (`hex`, `base64`), as Node writes it. */
const decoded = (chunk: string | Uint8Array, encoding: unknown): string | Uint8Array =>
  typeof chunk === "string" &&
  typeof encoding === "string" &&
  Buffer.isEncoding(encoding) &&
  !/^utf-?8$/i.test(encoding)
    ? Buffer.from(chunk, encoding)
    : chunk

const captureStream = (stream: StreamName): void => {
  const write = process[stream].write
  process[stream].write = function (this: unknown, ...words: ReadonlyArray<unknown>): boolean {
    const chunk = words[0] as string | Uint8Array // the argument of `write`
    const printing = taker()
    if (printing === undefined && elsewhere === undefined) {
      const into = isForResults && current.getStore() !== undefined ? "stderr" : stream
      return Reflect.apply(into === stream ? write : process[into].write, process[into], words)
    }
    const text = decoded(chunk, words[1])
    if (printing === undefined) elsewhere?.(text)
    else printing.write(stream, text)
    const done = words.findLast((word) => typeof word === "function")
    if (done !== undefined) queueMicrotask(done as () => void)
    return true
  } as typeof process.stdout.write
  // A body that ends a stream ends its own output; others have more to say.
  const { end } = process[stream]
  process[stream].end = function (this: unknown, ...words: ReadonlyArray<unknown>) {
    if (taker() === undefined) return Reflect.apply(end, process[stream], words)
    const [chunk] = words
    if (typeof chunk === "function") queueMicrotask(chunk as () => void)
    else if (chunk !== undefined && chunk !== null) Reflect.apply(process[stream].write, process[stream], words)
    return process[stream]
  } as typeof process.stdout.end
}

/** Methods that change what a console prints later. */
const stateful: ReadonlySet<string> = new Set([
  "group",
  "groupCollapsed",
  "groupEnd",
  "count",
  "countReset",
  "time",
  "timeEnd",
  "timeLog"
])

const methods = [
  ...(["log", "info", "debug", "warn", "error", "trace", "dir", "dirxml", "table", "assert"] as const),
  ...(["group", "groupCollapsed", "groupEnd", "count", "countReset", "time", "timeEnd", "timeLog"] as const)
]
type ConsoleMethod = (typeof methods)[number]

/** A console whose lines a body takes. */
const consoleInto = (taker: () => Printing | undefined): Console => {
  const into = (stream: StreamName) =>
    new Writable({
      decodeStrings: false,
      write: (chunk: string | Uint8Array, _encoding, done) => {
        taker()?.write(stream, chunk)
        done()
      }
    })
  return new Console({ stdout: into("stdout"), stderr: into("stderr") })
}

/** A console that does not write to the process's streams (a test runner's) is captured by its methods. */
const captureConsole = (): void => {
  const shared = consoleInto(taker)
  for (const name of methods) {
    const original: (...words: Array<never>) => void = globalThis.console[name]
    globalThis.console[name] = (...words: Array<never>) => {
      const printing = taker()
      if (printing === undefined) return Reflect.apply(original, globalThis.console, words)
      const console = printing.consoleFor(name) ?? shared
      return Reflect.apply(console[name], console, words)
    }
  }
}
