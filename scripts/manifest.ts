/**
 * Readies package.json and README.md for a package, and puts them back. `npm pack` and `npm publish` call it before and
 * after: fields that serve development stay out of the published manifest, and README's relative links become absolute,
 * since its pictures and examples are not part of the package.
 *
 * Usage: `tsx scripts/manifest.ts clean` and `tsx scripts/manifest.ts restore`.
 */
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"

const root = join(import.meta.dirname, "..")
const backup = join(root, "node_modules", ".cache", "manifest")
const files = ["package.json", "README.md"]

/** Fields of package.json that only development needs. */
const development = ["scripts", "devDependencies", "allowScripts"]

/** The condition of `exports` under which this repository's tests and type checks get the source instead of the build. */
const sourceCondition = "effect-flow-source"

const restore = (): void => {
  if (!existsSync(backup)) return
  for (const file of files) copyFileSync(join(backup, file), join(root, file))
  rmSync(backup, { recursive: true })
}

const clean = (): void => {
  restore() // an earlier pack may have been stopped halfway
  mkdirSync(backup, { recursive: true })
  for (const file of files) copyFileSync(join(root, file), join(backup, file))

  const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as Record<string, unknown>
  const { homepage } = manifest as { readonly homepage: string }
  const repository = homepage.replace(/#.*$/, "")
  for (const field of development) delete manifest[field]
  for (const target of Object.values(manifest.exports as Record<string, Record<string, string> | string | null>)) {
    if (typeof target === "object" && target !== null) delete target[sourceCondition]
  }
  writeFileSync(join(root, "package.json"), `${JSON.stringify(manifest, undefined, 2)}\n`)

  const pictures = `${repository.replace("//github.com/", "//raw.githubusercontent.com/")}/main/`
  const readme = readFileSync(join(root, "README.md"), "utf8")
    .replaceAll(/(!\[[^\]]*\]\()(?![a-z]+:|#)/g, `$1${pictures}`)
    .replaceAll(/((?<!!)\[[^\]]*\]\()(?![a-z]+:|#)/g, `$1${repository}/blob/main/`)
  writeFileSync(join(root, "README.md"), readme)
}

const [action] = process.argv.slice(2)
if (action === "clean") clean()
else if (action === "restore") restore()
else throw new Error("say clean or restore")
