/**
 * What a start takes, part by part: Node and tsx alone, effect, the library, `--help`, and a run of `examples/branch.ts`
 * from its start through each step to its exit. Medians of five, in milliseconds, and for Node what the main thread
 * computed, which another program's load disturbs less.
 *
 * `npm run bench start` measures this checkout as its users load it, so build it first. `npm run bench start DIRECTORY`
 * sets another checkout, installed and built, beside it: both take turns.
 */
import { spawn } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { dataFile, hasData } from "../support/data.ts"

const rounds = 5

const here = join(import.meta.dirname, "..", "..")
const checkouts = [here, ...process.argv.slice(2).map((checkout) => resolve(checkout))]
const directory = mkdtempSync(join(tmpdir(), "effect-flow-bench-"))

const effect = 'import "effect/Effect"; import "effect/Schema"'
const library = `${effect}; import "effect-flow"; import "effect-flow/nbow"`

/** Notes what the main thread has computed when it ends. */
const hook = join(directory, "hook.mjs")
writeFileSync(
  hook,
  `import { writeFileSync } from "node:fs"
import { isMainThread } from "node:worker_threads"
if (isMainThread && process.threadCpuUsage !== undefined) process.on("exit", () => {
  const { system, user } = process.threadCpuUsage()
  writeFileSync(process.env.BENCH_COMPUTED, String((user + system) / 1000))
})
`
)

/** Durations by what took them, in milliseconds. */
type Parts = Map<string, number>

/** Starts a program and reads the parts of a run from its log. */
const time = (checkout: string, what: string, words: ReadonlyArray<string>): Promise<Parts> =>
  new Promise((resolve, reject) => {
    const computed = join(directory, "computed")
    rmSync(computed, { force: true })
    // The conditions and the cache that tests and `npm run bench` set are not a user's.
    const { NODE_OPTIONS: _, NODE_COMPILE_CACHE: __, ...env } = process.env
    const started = performance.now()
    const child = spawn(process.execPath, [...words], {
      cwd: checkout,
      env: { ...env, NODE_OPTIONS: `--import ${hook}`, BENCH_COMPUTED: computed },
      stdio: ["ignore", "ignore", "pipe"]
    })
    const parts: Parts = new Map()
    let said = ""
    let last = started
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      said += text
      if (!parts.has(`${what}: to the first step`) && /\] started/.test(said)) {
        parts.set(`${what}: to the first step`, performance.now() - started)
      }
      last = performance.now()
    })
    child.on("error", reject)
    child.on("close", (code) => {
      if (code !== 0) return reject(new Error(`${words.join(" ")} in ${checkout} ended with code ${code}:\n${said}`))
      const ended = performance.now()
      for (const [, step = "", amount, unit] of said.matchAll(/\[(\w+)\/\d+\] succeeded in ([\d.]+) (ms|s)\b/g)) {
        parts.set(`${what}:   ${step}`, Number(amount) * (unit === "s" ? 1000 : 1))
      }
      if (parts.size > 0) parts.set(`${what}: exit`, ended - last)
      parts.set(what, ended - started)
      if (what.startsWith("node")) parts.set(`${what}: computed`, Number(readFileSync(computed, "utf8")))
      resolve(parts)
    })
  })

const tsx = (checkout: string) => join(checkout, "node_modules", "tsx", "dist", "cli.mjs")
const code = (text: string) => ["--input-type=module", "-e", text]
const data = hasData ? ["--train-file", dataFile("train.parquet"), "--valid-file", dataFile("valid.parquet")] : []
const branch = ["examples/branch.ts"]

const programs: Readonly<Record<string, (checkout: string) => ReadonlyArray<string>>> = {
  node: () => code(""),
  "node, effect": () => code(effect),
  "node, effect, the library": () => code(library),
  "node branch.ts --help": () => [...branch, "--help"],
  "node branch.ts": (checkout) => [
    ...branch,
    ...data,
    "--directory",
    join(directory, `${checkouts.indexOf(checkout)}`)
  ],
  tsx: (checkout) => [tsx(checkout), ...code("")],
  "tsx, effect": (checkout) => [tsx(checkout), ...code(effect)],
  "tsx, effect, the library": (checkout) => [tsx(checkout), ...code(library)],
  "tsx branch.ts --help": (checkout) => [tsx(checkout), ...branch, "--help"],
  "tsx branch.ts": (checkout) => [
    tsx(checkout),
    ...branch,
    ...data,
    "--directory",
    join(directory, `${checkouts.indexOf(checkout)}`)
  ]
}

const median = (values: ReadonlyArray<number>): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN

/** Prints the figures. */
const run = async (): Promise<void> => {
  console.log(hasData ? "the tutorial's data" : "the example's own data")
  console.log(`${"".padEnd(42)}${checkouts.length > 1 ? "this".padStart(8) + "other".padStart(8) : ""}`)
  for (const [what, program] of Object.entries(programs)) {
    const measured = checkouts.map(() => new Map<string, Array<number>>())
    for (let round = 0; round < rounds; round++) {
      for (const [index, checkout] of checkouts.entries()) {
        for (const [part, duration] of await time(checkout, what, program(checkout))) {
          const all = measured[index]?.get(part)
          if (all === undefined) measured[index]?.set(part, [duration])
          else all.push(duration)
        }
      }
    }
    for (const part of measured[0]?.keys() ?? []) {
      const [own = Number.NaN, other] = measured.map((parts) => median(parts.get(part) ?? []))
      const beside = other === undefined ? "" : `${other.toFixed(0).padStart(8)}  ${(own / other).toFixed(2)}`
      console.log(`${part.padEnd(42)}${own.toFixed(0).padStart(8)}${beside}`)
    }
  }
}

await run().finally(() => rmSync(directory, { recursive: true, force: true }))
