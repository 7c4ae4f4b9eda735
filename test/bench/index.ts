/**
 * Every benchmark, one after the other, each in a process of its own; or those that are named: `npm run bench tasks nbow`.
 * They print figures and never fail: a machine that others use too has no verdict to give.
 */
import { spawnSync } from "node:child_process"
import { readdirSync } from "node:fs"
import { basename, join } from "node:path"

const all = readdirSync(import.meta.dirname)
  .filter((file) => file.endsWith(".ts") && file !== basename(import.meta.filename))
  .map((file) => basename(file, ".ts"))
const wanted = process.argv.slice(2)

for (const name of wanted.length === 0 ? all : wanted) {
  console.log(`\n— ${name} —`)
  spawnSync(process.execPath, [...process.execArgv, join(import.meta.dirname, `${name}.ts`)], { stdio: "inherit" })
}
