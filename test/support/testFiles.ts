/**
 * How a worker of vitest imports the test files, once in each worker. vitest gives a file an address of its own at each
 * import, for which Node strips the types and compiles it again in every run, and tells its main process of each import in
 * a message, so that it knows which tests a change concerns. A run that watches nothing needs neither.
 */
import { registerHooks } from "node:module"
import { remember } from "./resolutions.ts"

const isDone = Symbol.for("effect-flow/testFiles")

// vitest imports this file for each test file.
if (!Reflect.has(globalThis, isDone)) {
  Reflect.set(globalThis, isDone, true)
  remember()
  registerHooks({
    resolve: (specifier, context, next) => next(specifier.replace(/%3Fvitest=\d+$/, ""), context)
  })
}
