/**
 * Keeps what a body prints with its task: `console.log` and `process.stdout.write` within a step become lines of the task's
 * log, on fibers as on worker threads, and never stand among the results on stdout. The async context tells whose line it
 * is, so that bodies which run at the same time, and their promises and timers, are told apart.
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

/** What one body prints, from its start to its end. */
export class Printing {
  /** Whose prints they are. */
  readonly owner: Owner
  readonly #take: TakeLine
  #partial: { stdout: string; stderr: string } | undefined
  #decoders: { readonly [name in StreamName]: InstanceType<typeof TextDecoder> } | undefined
  #ended = false

  constructor(owner: Owner, take: TakeLine) {
    this.owner = owner
    this.#take = take
  }

  /** Whether the body has ended: what it still prints is none of its task's lines. */
  get ended(): boolean {
    return this.#ended
  }

  write(stream: StreamName, chunk: string | Uint8Array): void {
    if (typeof chunk !== "string") this.#decoders ??= { stdout: new TextDecoder(), stderr: new TextDecoder() }
    const text = typeof chunk === "string" ? chunk : (this.#decoders?.[stream].decode(chunk, { stream: true }) ?? "")
    if (this.#partial === undefined) {
      this.#partial = { stdout: "", stderr: "" }
      printed.add(this)
    }
    const lines = (this.#partial[stream] + text).split("\n")
    this.#partial[stream] = lines.pop() ?? ""
    // Whoever shows the line may print it.
    if (lines.length > 0) outside(() => lines.forEach((line) => void this.#take(stream, line)))
  }

  /** Takes a last line that has no line break. */
  end(): void {
    if (this.#ended) return
    const partial = this.#partial
    if (partial !== undefined) {
      outside(() => {
        if (partial.stdout !== "") this.#take("stdout", partial.stdout)
        if (partial.stderr !== "") this.#take("stderr", partial.stderr)
      })
    }
    this.#ended = true
    printed.delete(this)
    if (only === this) only = undefined
  }
}

/** What has printed and not ended. */
const printed = new Set<Printing>()

/** Takes the last lines of all bodies, because the process is about to end. */
export const endAll = (): void => {
  for (const printing of printed) printing.end()
}

const current = new AsyncLocalStorage<Printing>()

/** Calls a function whose prints, and those of all that it starts, are kept. */
export const during = (printing: Printing, run: () => void): void => {
  install()
  if (elsewhere !== undefined) only = printing
  current.run(printing, run)
}

/** Whose code this is, as far as the async context tells: `train/3 of run 01k9…`. */
export const label = (): string | undefined => {
  const owner = (current.getStore() ?? only)?.owner
  return owner === undefined ? undefined : `${owner.task ?? "the flow's body"} of run ${owner.run}`
}

/** Calls a function whose prints go where they would without this module: a logger that prints to the console, say. */
export const outside = <A>(run: () => A): A => {
  const kept = only
  only = undefined
  try {
    return current.getStore() === undefined ? run() : current.exit(run)
  } finally {
    only = kept
  }
}

/** Where prints go that belong to no body. Default: the stream that they were written to. */
let elsewhere: ((chunk: string | Uint8Array) => boolean) | undefined

/** On a worker thread, which runs one body at a time: the body that runs now. */
let only: Printing | undefined

const taker = (): Printing | undefined => {
  const printing = current.getStore() ?? only
  return printing?.ended === true ? undefined : printing
}

let installed = false

/**
 * Takes over the streams of a worker thread. Because it runs one body at a time, even what has lost its async context is that
 * body's.
 *
 * @param rest Takes what is printed while no body runs.
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

const captureStream = (stream: StreamName): void => {
  const write = process[stream].write
  process[stream].write = function (this: unknown, ...words: ReadonlyArray<unknown>): boolean {
    const chunk = words[0] as string | Uint8Array // what a stream takes
    const printing = taker()
    if (printing === undefined && elsewhere === undefined) {
      return Reflect.apply(write, process[stream], words)
    }
    if (printing === undefined) elsewhere?.(chunk)
    else printing.write(stream, chunk)
    const done = words.findLast((word) => typeof word === "function")
    if (done !== undefined) queueMicrotask(done as () => void)
    return true
  } as typeof process.stdout.write
}

/** A console that does not write to the process's streams (a test runner's) must be asked by its own methods. */
const captureConsole = (): void => {
  const into = (stream: StreamName) =>
    new Writable({
      decodeStrings: false,
      write: (chunk: string | Uint8Array, _encoding, done) => {
        taker()?.write(stream, chunk)
        done()
      }
    })
  const own = new Console({ stdout: into("stdout"), stderr: into("stderr") })
  for (const name of ["log", "info", "debug", "warn", "error", "trace", "dir", "table"] as const) {
    const original: (...words: Array<never>) => void = globalThis.console[name]
    globalThis.console[name] = (...words: Array<never>) =>
      taker() === undefined ? Reflect.apply(original, globalThis.console, words) : Reflect.apply(own[name], own, words)
  }
}
