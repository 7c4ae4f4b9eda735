/** Starts the page's server and flows as processes of their own, each ended with its scope. */
import { type ChildProcess, spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import * as Effect from "effect/Effect"

const loader = new URL("../../node_modules/tsx/dist/loader.mjs", import.meta.url).href
const fileOf = (name: string) => fileURLToPath(new URL(`./${name}.ts`, import.meta.url))

const start = (name: string, args: ReadonlyArray<string>, environment: Readonly<Record<string, string>> = {}) =>
  Effect.acquireRelease(
    Effect.sync(() =>
      spawn(process.execPath, ["--import", loader, fileOf(name), ...args], {
        stdio: ["ignore", "pipe", "inherit"],
        env: { ...process.env, ...environment }
      })
    ),
    (child) => stop(child)
  )

/** Ends a process, and waits for its end. */
export const stop = (child: ChildProcess, signal: NodeJS.Signals = "SIGTERM"): Effect.Effect<void> =>
  Effect.callback<void>((resume) => {
    if (child.exitCode !== null || child.signalCode !== null) return resume(Effect.void)
    child.once("exit", () => resume(Effect.void))
    child.kill(signal)
  })

/** The first line that a process prints. */
export const firstLine = (child: ChildProcess): Effect.Effect<string> =>
  Effect.callback<string>((resume) => {
    let text = ""
    child.stdout?.on("data", (part: Buffer) => {
      text += part.toString()
      const end = text.indexOf("\n")
      if (end !== -1) resume(Effect.succeed(text.slice(0, end)))
    })
    child.once("exit", (code) =>
      resume(Effect.die(new Error(`The process ended with ${code} before it printed a line.`)))
    )
  })

/** Serves a store; its address, and its process. */
export const serve = Effect.fnUntraced(function* (directory: string, port = 0, name = directory) {
  const child = yield* start("serve", [directory, String(port), name])
  return { url: yield* firstLine(child), child }
})

/** Runs a flow to its end; how long it took. */
export const runFlow = Effect.fnUntraced(function* (
  directory: string,
  flow: string,
  parameters: unknown,
  environment: Readonly<Record<string, string>> = {}
) {
  const child = yield* start("run", [directory, flow, JSON.stringify(parameters)], environment)
  const result: { readonly took: number; readonly ended: string } = JSON.parse(yield* firstLine(child))
  return result
})
