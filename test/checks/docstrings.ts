/**
 * Holds the public surface to its documentation: every export of a public module has a docstring, and every function an
 * example. (That the examples compile is a test.) Fails with the list of what is missing.
 *
 * Run it with `npm run check:docstrings`.
 */
import { examples, publicExports } from "../support/docstrings.ts"

const exports = publicExports()
const undocumented = exports.filter(({ docstring }) => docstring === "")
// Capitals are schemas, services and classes, whose docstring says what they hold.
const functions = exports.filter(({ kind, name }) => kind === "const" && /^[a-z]/.test(name))
const withoutExample = functions.filter(({ docstring }) => examples(docstring).length === 0)

for (const { module, name, place } of undocumented) console.error(`src/${place}: ${module}.${name} has no docstring.`)
for (const { module, name, place } of withoutExample) console.error(`src/${place}: ${module}.${name} has no @example.`)
const share = (missing: ReadonlyArray<unknown>, all: ReadonlyArray<unknown>) =>
  `${(100 * (1 - missing.length / all.length)).toFixed(1)} %`
console.log(
  `${exports.length} public exports: ${share(undocumented, exports)} have a docstring; ${functions.length} functions: ${share(withoutExample, functions)} have an example.`
)
process.exitCode = undocumented.length + withoutExample.length === 0 ? 0 : 1
