/** Processes of the cluster's tests: workers and drivers that are started, waited for, killed and stopped. */
import { type ChildProcess, spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

/** A process that runs. */
export interface Process {
  readonly child: ChildProcess
  /** What it has printed. */
  readonly output: () => string
  /** Waits until it has printed something. */
  readonly prints: (text: string) => Effect.Effect<void>
  readonly exit: Effect.Effect<number | null>
  readonly kill: (signal: NodeJS.Signals) => Effect.Effect<void>
}

/**
 * Starts one of this directory's programs with its options; it is killed when the scope ends.
 *
 * @param machine The words of a command that executes the program elsewhere, such as in a network namespace.
 */
export const start = (
  program: string,
  options: object,
  machine: ReadonlyArray<string> = []
): Effect.Effect<Process, never, Scope.Scope> => {
  const [first = "", ...rest] = [
    ...machine,
    process.execPath,
    fileURLToPath(new URL(program, import.meta.url)),
    JSON.stringify(options)
  ]
  return run(first, rest)
}

/** Starts a program; it is killed when the scope ends. */
export const run = (program: string, words: ReadonlyArray<string>): Effect.Effect<Process, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => {
        const child = spawn(program, words, { stdio: ["ignore", "pipe", "pipe"] })
        let output = ""
        const listeners = new Set<() => void>()
        const take = (chunk: Buffer) => {
          output += chunk.toString()
          for (const listener of listeners) listener()
        }
        child.stdout.on("data", take)
        child.stderr.on("data", take)
        return { child, listeners, output: () => output }
      }),
      ({ child }) =>
        Effect.promise(
          () =>
            new Promise<void>((resolve) => {
              if (child.exitCode !== null || child.signalCode !== null) return resolve()
              child.once("exit", () => resolve())
              child.kill("SIGKILL")
            })
        )
    ),
    ({ child, listeners, output }): Process => ({
      child,
      output,
      prints: (text) =>
        Effect.callback((resume) => {
          const look = () => {
            if (output().includes(text)) resume(Effect.void)
            else if (child.exitCode !== null)
              resume(Effect.die(new Error(`${[program, ...words].join(" ")} ended: ${output()}`)))
          }
          listeners.add(look)
          child.once("exit", look)
          look()
          return Effect.sync(() => listeners.delete(look))
        }),
      exit: Effect.callback((resume) => {
        if (child.exitCode !== null || child.signalCode !== null) return resume(Effect.succeed(child.exitCode))
        child.once("exit", (code) => resume(Effect.succeed(code)))
      }),
      kill: (signal) => Effect.sync(() => child.kill(signal))
    })
  )

/** A worker that is ready. */
export const worker = Effect.fnUntraced(function* (options: object, machine?: ReadonlyArray<string>) {
  const process = yield* start("./worker.ts", options, machine)
  yield* process.prints("Working at")
  return process
})
