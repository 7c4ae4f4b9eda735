/**
 * What a start takes, part by part: Node and tsx alone, effect, the library, `--help`, and a run of `examples/branch.ts`
 * from its start through each step to its exit. Medians of five and the best of them, in milliseconds, and for Node what
 * the main thread computed, which another program's load disturbs less. All programs take turns, because a machine's
 * speed may drift.
 *
 * `npm run bench start` measures this checkout as its users load it, so build it first. `npm run bench start DIRECTORY`
 * sets another checkout, installed and built, beside it.
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
const sources = { nothing: "", effect, library: `${effect}; import "effect-flow"; import "effect-flow/nbow"` }

/**
 * Where each checkout has the programs above, as files: tsx compiles code from the command line anew at each start, which
 * takes it longer than loading a file.
 */
const folders = new Map(checkouts.map((checkout) => [checkout, mkdtempSync(join(checkout, ".bench-"))]))
for (const folder of folders.values()) {
  for (const [name, source] of Object.entries(sources)) writeFileSync(join(folder, `${name}.mjs`), source)
}

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
const file = (name: keyof typeof sources) => (checkout: string) => [join(folders.get(checkout) ?? "", `${name}.mjs`)]
const data = hasData ? ["--train-file", dataFile("train.parquet"), "--valid-file", dataFile("valid.parquet")] : []
const help = () => ["examples/branch.ts", "--help"]
const branch = (checkout: string) => [
  "examples/branch.ts",
  ...data,
  "--directory",
  join(directory, `${checkouts.indexOf(checkout)}`)
]
const alone = "effect"
const program: Readonly<Record<string, (checkout: string) => ReadonlyArray<string>>> = {
  nothing: file("nothing"),
  [alone]: file("effect"),
  "effect, the library": file("library"),
  "branch.ts --help": help,
  "branch.ts": branch
}

/** By what is measured, how it is started. */
const programs = new Map([
  ...Object.entries(program).map(([what, words]) => [`node ${what}`, words] as const),
  ...Object.entries(program).map(
    ([what, words]) => [`tsx ${what}`, (checkout: string) => [tsx(checkout), ...words(checkout)]] as const
  )
])

const median = (values: ReadonlyArray<number>): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN

/** Durations by part, for each checkout. */
type Measured = ReadonlyArray<Map<string, Array<number>>>

const measure = async (): Promise<Measured> => {
  const measured = checkouts.map(() => new Map<string, Array<number>>())
  for (let round = 0; round < rounds; round++) {
    for (const [what, words] of programs) {
      for (const [index, checkout] of checkouts.entries()) {
        for (const [part, duration] of await time(checkout, what, words(checkout))) {
          const all = measured[index]?.get(part)
          if (all === undefined) measured[index]?.set(part, [duration])
          else all.push(duration)
        }
      }
    }
  }
  return measured
}

/** Prints the figures. */
const run = async (): Promise<void> => {
  const measured = await measure()
  const isBeside = checkouts.length > 1
  const heading = (text: string) => text.padStart(10) + (isBeside ? "beside  ratio".padStart(16) : "")
  console.log(hasData ? "the tutorial's data" : "the example's own data")
  console.log(`${"".padEnd(36)}${heading("median")}${heading("best")}`)
  const column = (part: string, choose: (values: ReadonlyArray<number>) => number) => {
    const [own = Number.NaN, other = Number.NaN] = measured.map((parts) => choose(parts.get(part) ?? []))
    const ratio = other >= 1 ? (own / other).toFixed(2) : "" // of what takes no time, a ratio says nothing
    return own.toFixed(0).padStart(10) + (isBeside ? `${other.toFixed(0).padStart(9)}  ${ratio.padEnd(5)}` : "")
  }
  const best = (values: ReadonlyArray<number>) => Math.min(...values)
  for (const part of measured[0]?.keys() ?? []) {
    console.log(`${part.padEnd(36)}${column(part, median)}${column(part, best)}`)
  }
  for (const by of ["node", "tsx"]) {
    const ratios = measured.map((parts) => {
      const ratio = (choose: typeof best) =>
        choose(parts.get(`${by} branch.ts --help`) ?? []) / choose(parts.get(`${by} ${alone}`) ?? [])
      return `${ratio(median).toFixed(2)} (best: ${ratio(best).toFixed(2)})`
    })
    console.log(`${by} branch.ts --help takes this many times as long as effect alone: ${ratios.join(" beside ")}`)
  }
}

await run().finally(() => {
  for (const folder of [directory, ...folders.values()]) rmSync(folder, { recursive: true, force: true })
})
