/**
 * Finds the flow that `--module` and `--flow` name: one of the module's exports, or the flow it passed to
 * `FlowCli.main`.
 */
import { statSync } from "node:fs"
import { pathToFileURL } from "node:url"
import * as Effect from "effect/Effect"
import { messageOf } from "../cause.ts"
import * as FlowLayers from "../workers/flowLayers.ts"
import * as Cli from "./cli.ts"
import * as ModuleName from "./moduleName.ts"

/** Reads a flag's value before the command line is parsed, because the other flags depend on it. */
const valueOf = (argv: ReadonlyArray<string>, flag: string): string | undefined => {
  for (const [index, word] of argv.entries()) {
    if (word === "--") return undefined
    if (word === flag) return argv[index + 1]
    if (word.startsWith(`${flag}=`)) return word.slice(flag.length + 1)
  }
  return undefined
}

/**
 * The flows of a module, with their layers.
 *
 * @param path An absolute path.
 * @param file The module as the command line names it.
 */
const flowsOf = Effect.fnUntraced(function* (path: string, file: string) {
  const before = FlowLayers.all().length
  const module = yield* Effect.tryPromise({
    try: () => import(pathToFileURL(path).href) as Promise<Readonly<Record<string, unknown>>>,
    catch: (error) => refuse(`${file} can't be loaded: ${messageOf(error)}`)
  })
  const flows = new Set(Object.values(module).filter(FlowLayers.isFlow))
  // A flow file without exports has passed its flow to `FlowCli.main`, and so may have the files that it imports.
  if (flows.size === 0) for (const { flow } of FlowLayers.all().slice(before)) flows.add(flow)
  return [...flows].map((flow): Cli.Subject => ({ flow, layer: FlowLayers.layerOf(flow), module: path }))
})

const refuse = (message: string) => new Cli.Exit({ code: Cli.exitCodes.usage, message })

/** The flow that a command line names, or `undefined` if it names no module. */
export const loadSubject = Effect.fnUntraced(function* (argv: ReadonlyArray<string>) {
  const file = valueOf(argv, "--module")
  if (file === undefined) return undefined
  if (file === "") return yield* refuse("--module is empty. Name the file that exports the flow.")
  const path = ModuleName.find(file, process.cwd())
  if (path === undefined) return yield* refuse(`--module names ${file}, but there is no such file or package.`)
  if (statSync(path).isDirectory())
    return yield* refuse(`--module names ${file}, which is a directory. Name the file in it that exports the flow.`)
  const flows = yield* flowsOf(path, file)
  const name = valueOf(argv, "--flow")
  const matching = name === undefined ? flows : flows.filter(({ flow }) => flow.flowName === name)
  const [first, second] = matching
  const names = flows.map(({ flow }) => flow.flowName).join(", ")
  if (first === undefined) {
    return yield* refuse(
      flows.length === 0
        ? `${file} exports no flow. Export one: export const MyFlow = Flow.make(…).`
        : `${file} has no flow "${name}"; it has: ${names}.`
    )
  }
  // A worker executes the tasks of all flows that its module exports.
  if (second !== undefined && argv.find((word) => !word.startsWith("-")) !== "worker")
    return yield* refuse(`${file} has several flows; select one with --flow: ${names}.`)
  return first
})
