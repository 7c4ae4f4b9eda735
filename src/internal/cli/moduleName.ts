/** Finds the file that `--module` names: a path, or a package's name such as `@me/flows` or `@me/flows/nightly`. */
import { existsSync, readFileSync } from "node:fs"
import * as Module from "node:module"
import { dirname, join, resolve } from "node:path"
import { hasProperty } from "effect/Predicate"
import { codeOf } from "../cause.ts"

/** A target in the `exports` of a package.json. */
type Target = string | null | ReadonlyArray<Target> | { readonly [condition: string]: Target }

const conditions: ReadonlySet<string> = new Set(["node", "import", "module-sync", "default"])

/** The path for the first matching condition. */
const pathOf = (target: Target | undefined): string | undefined => {
  if (typeof target === "string") return target
  if (target === null || target === undefined) return undefined
  if (Array.isArray(target)) return pathOf(target[0])
  for (const [condition, nested] of Object.entries(target)) {
    const path = conditions.has(condition) ? pathOf(nested) : undefined
    if (path !== undefined) return path
  }
  return undefined
}

/** The path of an entry in a map of subpaths with patterns such as `./*`. */
const subpathOf = (exports: object, entry: string): string | undefined => {
  for (const [key, target] of Object.entries(exports)) {
    const [before = "", after] = key.split("*")
    if (key === entry) return pathOf(target)
    if (after !== undefined && entry.startsWith(before) && entry.endsWith(after)) {
      return pathOf(target)?.replaceAll("*", entry.slice(before.length, entry.length - after.length))
    }
  }
  return undefined
}

/** Resolves packages that export an entry for `import` only, which `require.resolve` does not find. */
const resolveImport = (name: string, from: string): string | undefined => {
  const manifest = Module.findPackageJSON(name, from)
  if (manifest === undefined) return undefined
  const { exports } = JSON.parse(readFileSync(manifest, "utf8")) as { readonly exports?: Target }
  const [, packageName, subpath] = /^(@[^/]+\/[^/]+|[^/]+)(\/.+)?$/.exec(name) ?? []
  const entry = packageName === undefined || subpath === undefined ? "." : `.${subpath}`
  const path = hasProperty(exports, ".") ? subpathOf(exports, entry) : entry === "." ? pathOf(exports) : undefined
  return path === undefined ? undefined : join(dirname(manifest), path)
}

/**
 * The path of a module, resolved from the working directory, or `undefined` if there is no such file or package. A file
 * takes precedence over a package of the same name.
 */
export const find = (name: string, cwd: string): string | undefined => {
  const path = resolve(cwd, name)
  if (existsSync(path)) return path
  if (/^\.{0,2}[\\/]/.test(name)) return undefined
  const from = join(cwd, "index.js")
  try {
    return Module.createRequire(from).resolve(name)
  } catch (error) {
    return codeOf(error) === "ERR_PACKAGE_PATH_NOT_EXPORTED" ? resolveImport(name, from) : undefined
  }
}
