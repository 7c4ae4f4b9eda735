/**
 * The digest of a step's source, if a driver's and a worker's can be compared. Bundlers and test runners rename
 * imports, so the same step has a different text in each of them. Its code is then not compared.
 */
import { codeDigest, sourcesOf } from "../../code/codeDigest.ts"
import type { Definition } from "../../run/definition.ts"

/** How Vite, Vitest, webpack, Turbopack and Bun rewrite an import that a function uses. */
const bundled = /__vi_import_|__vite_|__webpack_|__WEBPACK_|__TURBOPACK__|\(0,\s*[\w$.]+\)\(/

/** The digest of the source, or `undefined` if it can't be compared. */
export const comparableCode = ({ run }: Pick<Definition, "run">): string | undefined =>
  sourcesOf(run).some((source) => bundled.test(source)) ? undefined : codeDigest(run) || undefined
