/**
 * The SHA-256 of a large object's bytes while they pass. Hashing takes as long as sending or receiving them, so it is done
 * on a thread of its own, which reads the bytes where they are, in shared memory. Node can hash on the system's threads, too,
 * but only a whole at once and a copy of it.
 */
import { createHash } from "node:crypto"
import { Worker } from "node:worker_threads"

/** A digest in the making. */
export interface Hashing {
  /** An array that can be hashed without a copy. */
  readonly array: (length: number) => Uint8Array
  /** Adds bytes, in the order of the calls. When the promise is there, they may be written over. */
  readonly add: (bytes: Uint8Array) => Promise<void>
  /** The digest of all that was added, in hexadecimal. */
  readonly digest: () => Promise<string>
  /** Ends the thread. Nothing may be asked afterwards. */
  readonly close: () => void
}

/** A thread takes 20 MB of memory, and as long to start as hashing this many bytes does. */
const threadBytes = 96 * 1024 * 1024

/** @param size How many bytes there will be, about. */
export const make = (size: number): Hashing => (size < threadBytes ? here() : (onThread() ?? here()))

/** On the thread that calls. */
const here = (): Hashing => {
  const hash = createHash("sha256")
  return {
    array: (length) => new Uint8Array(length),
    add: async (bytes) => void hash.update(bytes),
    digest: async () => hash.digest("hex"),
    close: () => {}
  }
}

const onThread = (): Hashing | undefined => {
  let thread: Worker
  try {
    thread = new Worker(program, {
      eval: true,
      // Without the loaders of the program that this is part of.
      execArgv: [],
      env: {},
      resourceLimits: { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 32 }
    })
  } catch {
    return undefined // this process may start no threads
  }
  const waiting: Array<{ readonly resolve: (answer: string) => void; readonly reject: (cause: unknown) => void }> = []
  let failure: unknown
  const fail = (cause: unknown): void => {
    failure ??= cause
    for (const { reject } of waiting.splice(0)) reject(failure)
  }
  thread.on("message", (answer: string) => waiting.shift()?.resolve(answer))
  thread.on("error", fail)
  thread.on("exit", () => fail(new Error("the thread that computes a digest has ended")))
  const ask = (bytes: Uint8Array | undefined): Promise<string> => {
    const answer = new Promise<string>((resolve, reject) => {
      if (failure === undefined) waiting.push({ resolve, reject })
      else reject(failure)
    })
    answer.catch(() => {}) // a caller that waits for it still gets the failure
    thread.postMessage(bytes)
    return answer
  }
  return {
    array: (length) => new Uint8Array(new SharedArrayBuffer(length)),
    add: async (bytes) => void (await ask(bytes)),
    digest: () => ask(undefined),
    close: () => void thread.terminate()
  }
}

/** The thread's program: plain JavaScript, so that it starts without a loader, and is there in an application's bundle. */
const program = `
const { parentPort } = require("node:worker_threads")
const hash = require("node:crypto").createHash("sha256")
parentPort.on("message", (bytes) => {
  if (bytes === undefined) parentPort.postMessage(hash.digest("hex"))
  else {
    hash.update(bytes)
    parentPort.postMessage("")
  }
})
`
