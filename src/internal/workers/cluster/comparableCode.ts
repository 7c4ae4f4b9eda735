/**
 * The digest of a step's source, if a driver's and a worker's can be compared. Bundlers and test runners rename what a module
 * imports, so that the same step has another text in each of them: then nothing is said about its code.
 */
import { codeDigest, sourcesOf } from "../../code/codeDigest.ts"
import type { Definition } from "../../run/definition.ts"

/** What Vite and Vitest, webpack, Turbopack and Bun make of an import that is used in a function. */
const bundled = /__vi_import_|__vite_|__webpack_|__WEBPACK_|__TURBOPACK__|\(0,\s*[\w$.]+\)\(/

/** The digest, or none. */
export const comparableCode = ({ run }: Pick<Definition, "run">): string | undefined =>
  sourcesOf(run).some((source) => bundled.test(source)) ? undefined : codeDigest(run) || undefined
