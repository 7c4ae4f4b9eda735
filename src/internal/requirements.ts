/**
 * What this package needs around it: a Node that is new enough, its peers, and one copy of effect in the program. Importing
 * this checks the first two; `oneEffect` checks the third, with the schemas that a program declares.
 *
 * A package manager warns of such a mistake at best, and what follows from it is hard to read: a syntax error in a
 * dependency, a value that "is not a string". So it is said in one sentence, before anything runs.
 */
import { existsSync, lstatSync } from "node:fs"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import * as SchemaAST from "effect/SchemaAST"
import { getCurrentVersion } from "effect/Version"
import * as Location from "./location.ts"

/** Something that this package needs is missing, too old, or there twice. */
export class RequirementError extends Error {
  override readonly name = "RequirementError"
}

/**
 * Throws the sentence. A program that does not catch it ends with exit code 1, and the sentence is all that it prints; a
 * test runner or a server that does catch it has an error with a stack, as usual.
 */
const refuse = (message: string): never => {
  const error = new RequirementError(message)
  process.on?.("uncaughtExceptionMonitor", (uncaught) => {
    if (uncaught !== error) return
    process.stderr.write(`${message}\n`)
    process.exit(1)
  })
  throw error
}

/** Whether a version is at least another: `major.minor` counts. */
const isAtLeast = (version: string, [major, minor]: readonly [number, number]): boolean => {
  const [ofMajor = 0, ofMinor = 0] = version.split(".").map(Number)
  return ofMajor > major || (ofMajor === major && ofMinor >= minor)
}

const nodeVersion: string | undefined = globalThis.process?.versions?.node
if (nodeVersion !== undefined && !isAtLeast(nodeVersion, [22, 19])) {
  refuse(`effect-flow needs Node 22.19 or later, and this is Node ${nodeVersion}.`)
}

const effectVersion = getCurrentVersion()
if (/^\d+\.\d+/.test(effectVersion) && !isAtLeast(effectVersion, [4, 1])) {
  refuse(
    `effect-flow needs effect 4.1 or later, and this is effect ${effectVersion}: run \`npm install effect@latest\`.`
  )
}

const twoCopies = (how: string): never =>
  refuse(
    `This program has two copies of effect: effect-flow uses one (${effectVersion}), and ${how} another. ` +
      "Run `npm ls effect` to see both, and `npm install effect@latest effect-flow@latest` to have one."
  )

/**
 * Where a package is, seen from a file: "missing" where it is not installed, and "unknown" where this process may not look.
 */
const packageOf = (name: string, from: string): string => {
  try {
    return createRequire(from).resolve(`${name}/package.json`)
  } catch (error) {
    return (error as { readonly code?: unknown }).code === "MODULE_NOT_FOUND" ? "missing" : "unknown"
  }
}

/**
 * Whether a package and effect lie side by side, in the directory where a file finds both: the usual case, which takes a
 * few looks where resolving takes milliseconds at every start.
 */
const liesBesideEffect = (name: string, from: string): boolean => {
  for (let folder = dirname(fileURLToPath(from)); ; folder = dirname(folder)) {
    const installed = join(folder, "node_modules")
    const hasEffect = existsSync(join(installed, "effect"))
    const hasPackage = existsSync(join(installed, name))
    if (hasEffect && hasPackage) {
      // A link leads to a directory from which another effect may be found.
      return !lstatSync(join(installed, name)).isSymbolicLink() && !existsSync(join(installed, name, "node_modules"))
    }
    if (hasEffect || hasPackage || folder === dirname(folder)) return false
  }
}

// Looked up only where this file is an installed package's: a bundle has its peers within.
const { isChunk, self } = Location
if (isChunk && self !== undefined) {
  const name = "@effect/platform-node"
  const peer = liesBesideEffect(name, self) ? undefined : packageOf(name, self)
  if (peer === "missing") {
    refuse(`effect-flow needs ${name} beside it, and it is not installed: run \`npm install ${name}\`.`)
  }
  if (peer !== undefined && peer !== "unknown" && packageOf("effect", peer) !== packageOf("effect", self)) {
    twoCopies(`${name} uses`)
  }
}

// All nodes of schemas extend one class, which a second copy of effect has a second of.
const Node = Object.getPrototypeOf(SchemaAST.String) as new () => object

/**
 * Refuses a schema of another copy of effect, which this one could neither read nor run.
 *
 * @param schema Anything. A value that is not a schema passes.
 */
export const oneEffect = (schema: unknown): void => {
  const ast = (schema as { readonly ast?: unknown } | undefined)?.ast
  if (!SchemaAST.isAST(ast) || ast instanceof Node) return
  twoCopies("a schema was made with")
}
