/**
 * Builds the package into `dist`. TypeScript writes a file and its declarations for each module, Vite the chunks that Node
 * loads, and Vite once more the page. None of them needs another's result, so they run at once. Types are not checked
 * here: `npm run check` does, and declarations come out the same without.
 *
 * What an earlier build left is removed first, because it would be published otherwise, and the version of package.json
 * goes into the source, so that nothing has to be looked up when the package is imported.
 *
 * Usage: `node scripts/build.ts` for all, `node scripts/build.ts library` for all but the page.
 */
import { spawn } from "node:child_process"
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { build } from "vite"

const root = join(import.meta.dirname, "..")
const dist = join(root, "dist")
const source = join(root, "src", "internal", "run", "version.ts")

const clean = (): void => {
  if (!existsSync(dist)) return
  for (const name of readdirSync(dist)) if (name !== "ui") rmSync(join(dist, name), { recursive: true })
}

const writeVersion = (): void => {
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { readonly version: string }
  const line = `export const version = ${JSON.stringify(version)}`
  const before = readFileSync(source, "utf8")
  const after = before.replace(/^export const version = .*$/m, line)
  if (!after.includes(line)) throw new Error(`${source} has no line for the version.`)
  if (after !== before) writeFileSync(source, after)
}

/**
 * Compiles the source with TypeScript. Several checkers would each find out the same types, and a garbage collector that
 * starts early would look through them again and again: without, this takes 40% less of the processors, which the other
 * builds use meanwhile, and no more memory.
 */
const compile = (): Promise<void> =>
  new Promise((resolve, reject) => {
    const compiler = join(root, "node_modules", "typescript", "bin", "tsc")
    const options = ["-p", join(root, "src"), "--noCheck", "--checkers", "1"]
    const env = { ...process.env, GOGC: "400" }
    const child = spawn(process.execPath, [compiler, ...options], { stdio: "inherit", env })
    child.on("error", reject)
    child.on("exit", (code) => (code === 0 ? resolve() : reject(new Error(`TypeScript ended with code ${code}.`))))
  })

/** Bundles what Node loads. Both builds have a `bin.js`: the chunks are written last, because theirs is the package's. */
const bundle = (compiled: Promise<void>) =>
  build({
    configFile: join(root, "scripts", "library.config.ts"),
    logLevel: "warn",
    plugins: [{ name: "written-last", generateBundle: { order: "post", handler: () => compiled } }]
  })

const buildPage = () => build({ configFile: join(root, "src", "ui", "vite.config.ts"), logLevel: "warn" })

const [part] = process.argv.slice(2)
clean()
writeVersion()
const compiled = compile()
await Promise.all([compiled, bundle(compiled), ...(part === "library" ? [] : [buildPage()])])
