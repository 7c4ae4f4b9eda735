/**
 * The digest of a step's source for a driver and a worker to compare. The two may have loaded the same file in different
 * ways. Bundlers and test runners rewrite what a module imports, so nothing is said about code that they produced. esbuild,
 * and so tsx, numbers names that are declared again in an inner block (`auc2`), so numbers at the ends of names don't count.
 */
import { canonicalCode } from "../../code/canonicalCode.ts"
import { codeDigest, sourcesOf } from "../../code/codeDigest.ts"
import type { Definition } from "../../run/definition.ts"
import * as Digest from "../../schema/digest.ts"

/** What Vite and Vitest, webpack, Turbopack and Bun make of an import that is used in a function. */
const bundled = /__vi_import_|__vite_|__webpack_|__WEBPACK_|__TURBOPACK__|\(0,\s*[\w$.]+\)\(/

/** A source as it is compared: without the numbers of names, and with `{ name: name }` as `{ name }`. */
const comparable = (source: string): string =>
  canonicalCode(source)
    .replace(/([A-Za-z_$][\w$]*?)\d+(?![\w$])/g, "$1")
    .replace(/(?<![\w$.])([A-Za-z_$][\w$]*)\s*:\s*\1(?![\w$.([])/g, "$1")

/** The digest, or none if the code can't be compared. */
export const comparableCode = ({ run }: Pick<Definition, "run">): string | undefined => {
  const sources = sourcesOf(run)
  if (codeDigest(run) === "" || sources.some((source) => bundled.test(source))) return undefined
  return Digest.ofTexts("effect-flow/comparable-code/1", sources.map(comparable))
}
