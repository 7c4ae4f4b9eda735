/**
 * Every benchmark, one after the other, each in a process of its own; or those that are named: `npm run bench tasks nbow`.
 * Other words are arguments of the benchmarks: `npm run bench start ../another-checkout`.
 * They print figures and never fail: a machine that others use too has no verdict to give.
 */
import { spawnSync } from "node:child_process"
import { readdirSync } from "node:fs"
import { basename, join } from "node:path"

const all = readdirSync(import.meta.dirname)
  .filter((file) => file.endsWith(".ts") && file !== basename(import.meta.filename))
  .map((file) => basename(file, ".ts"))
const words = process.argv.slice(2)
const wanted = all.filter((name) => words.includes(name))
const args = words.filter((word) => !all.includes(word))
if (words.length > 0 && wanted.length === 0) {
  console.error(`"${words[0]}" is not a benchmark. There are: ${all.join(", ")}.`)
  process.exit(2)
}

for (const name of wanted.length === 0 ? all : wanted) {
  console.log(`\n— ${name} —`)
  const file = join(import.meta.dirname, `${name}.ts`)
  spawnSync(process.execPath, [...process.execArgv, file, ...args], { stdio: "inherit" })
}
