/**
 * Runs before the library is compiled: removes what an earlier build left, which would be published otherwise, and writes
 * the version of package.json into the source, so that nothing has to be looked up when the package is imported.
 */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"

const root = join(import.meta.dirname, "..")
const dist = join(root, "dist")
const source = join(root, "src", "internal", "run", "version.ts")

if (existsSync(dist)) {
  // The page is built on its own.
  for (const name of readdirSync(dist)) if (name !== "ui") rmSync(join(dist, name), { recursive: true })
}

const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { readonly version: string }
const line = `export const version = ${JSON.stringify(version)}`
const before = readFileSync(source, "utf8")
const after = before.replace(/^export const version = .*$/m, line)
if (!after.includes(line)) throw new Error(`${source} has no line for the version.`)
if (after !== before) writeFileSync(source, after)
