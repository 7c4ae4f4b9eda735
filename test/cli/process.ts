/** The command line as a process of its own, started as a user would: by Node alone, or by `tsx`. */
import { type ChildProcess, spawn } from "node:child_process"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import { optionsForTsx } from "../support/resolutions.ts"

const root = join(import.meta.dirname, "..", "..")

/** The fixture's file. */
export const flowFile = join(root, "test", "cli", "fixtures", "flow.ts")

/** How a process ended. */
export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** A process that runs. */
export interface Running {
  readonly child: ChildProcess
  /** When something stands on stderr. */
  readonly says: (text: string) => Effect.Effect<void>
  readonly ended: Effect.Effect<Ended>
}

/** How a process is started. */
export interface Options {
  readonly env?: Record<string, string>
  /** Default: Node alone, which starts in half of the time. */
  readonly by?: "node" | "tsx"
}

/** Starts a file with words. It is killed when the scope closes, in case it still runs. */
export const start = (file: string, words: ReadonlyArray<string>, options: Options = {}) =>
  Effect.acquireRelease(
    Effect.sync((): Running => {
      const isTsx = options.by === "tsx"
      const loader = isTsx ? { NODE_OPTIONS: optionsForTsx } : {}
      const child = spawn(process.execPath, [...(isTsx ? ["--import", "tsx"] : []), file, ...words], {
        cwd: root,
        env: { ...process.env, NO_COLOR: "", FORCE_COLOR: "", ...loader, ...options.env },
        stdio: ["ignore", "pipe", "pipe"]
      })
      let stdout = ""
      let stderr = ""
      const waiting = new Set<() => void>()
      child.stdout.setEncoding("utf8").on("data", (text: string) => {
        stdout += text
      })
      child.stderr.setEncoding("utf8").on("data", (text: string) => {
        stderr += text
        for (const look of waiting) look()
      })
      const closed = new Promise<Ended>((resolve, reject) => {
        child.on("error", reject)
        child.on("close", (code, signal) => {
          resolve({ code, signal, stdout, stderr })
          for (const look of waiting) look()
        })
      })
      return {
        child,
        ended: Effect.promise(() => closed),
        says: (text) =>
          Effect.callback((resume) => {
            const look = () => {
              if (stderr.includes(text)) resume(Effect.void)
              else if (child.exitCode !== null || child.signalCode !== null) {
                resume(Effect.die(new Error(`It ended without saying "${text}":\n${stderr}`)))
              }
            }
            waiting.add(look)
            look()
            return Effect.sync(() => void waiting.delete(look))
          })
      }
    }),
    ({ child }) => Effect.sync(() => void child.kill("SIGKILL"))
  )

/** Runs a file with words to its end. */
export const run = (file: string, words: ReadonlyArray<string>, options?: Options) =>
  Effect.scoped(Effect.flatMap(start(file, words, options), ({ ended }) => ended))
