/**
 * The file that a worker thread runs, and the reasons why Node may not start one. They lie in how the process was built or
 * started (a bundle, the permission model, flags), so they must not be blamed on the module that exports the flow.
 */
import { existsSync } from "node:fs"
import { fileURLToPath } from "node:url"
import * as Effect from "effect/Effect"
import { hasProperty } from "effect/Predicate"
import { ExecutorError } from "../../../Executor.ts"
import { messageOf } from "../../cause.ts"
import * as Location from "../../location.ts"

/** Worker threads can't be started in this process. */
export const notStarted = (why: string): ExecutorError =>
  new ExecutorError({ reason: "settings", message: `A worker thread could not be started: ${why}.` })

/** The program of a thread. Fails in a bundle, which does not have it. */
export const locate: Effect.Effect<URL, ExecutorError> = Effect.suspend(() => {
  const program = Location.self === undefined ? undefined : Location.programAt("workers/thread/worker")
  if (program !== undefined && existsSync(fileURLToPath(program))) return Effect.succeed(program)
  return Effect.fail(
    notStarted(
      `effect-flow is part of a bundle${Location.self === undefined ? "" : ` (${fileURLToPath(Location.self)})`}, and a thread needs its own ` +
        "files. Leave effect-flow, effect and @effect/platform-node out of the bundle (esbuild: --packages=external), or " +
        "run the flow on fibers"
    )
  )
})

/** Why Node refused to start a thread. */
export const whyNot = (error: unknown): string => {
  return hasProperty(error, "code") && error.code === "ERR_ACCESS_DENIED"
    ? "Node's permission model forbids it. Start Node with --allow-worker, or run the flow on fibers"
    : messageOf(error).replace(/\.$/, "")
}

/** Flags that decide how modules are found and loaded. A thread needs them to import what its process could import. */
const loading = /^(?:--import|--require|-r|--loader|--experimental-loader|--conditions|-C)$/

/**
 * The flags of a thread. It inherits its process's, except where the process runs code from the command line or from
 * stdin: Node then refuses to start a thread from a file, because of `--input-type`. In that case, a thread gets only
 * the flags that decide how modules are loaded, because Node refuses others (such as `--title`) if they are passed
 * explicitly.
 */
export const flags = (execArgv: ReadonlyArray<string>): { readonly execArgv?: Array<string> } => {
  if (!execArgv.some((flag) => flag.startsWith("--input-type"))) return {}
  const kept: Array<string> = []
  for (const [index, flag] of execArgv.entries()) {
    const [name = flag] = flag.split("=")
    if (!loading.test(name)) continue
    kept.push(flag)
    const value = execArgv[index + 1]
    if (name === flag && value !== undefined) kept.push(value)
  }
  return { execArgv: kept }
}
