/**
 * Builds the library's JavaScript: a file for each public module, which only names what it exports, and behind them a few
 * chunks, because Node (and even more a loader such as tsx) resolves, reads and compiles each file on its own. TypeScript
 * writes the declarations.
 *
 * What a flow file loads is one chunk, what its command line needs another; what is loaded on demand stays apart.
 */
import { readdirSync, readFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { defineConfig, type Plugin } from "vite"

const root = join(import.meta.dirname, "..")
const source = join(root, "src")

/** Programs that run in a thread or process of their own. */
const programs = ["internal/store/sql/writeNowPostgres", "internal/workers/thread/worker"]

const modulesIn = (folder: string): ReadonlyArray<string> =>
  readdirSync(join(source, folder)).flatMap((name) => (name.endsWith(".ts") ? [join(folder, name.slice(0, -3))] : []))

const entries = [...modulesIn("."), ...modulesIn("nbow"), ...programs]
const fileOf = (module: string): string => join(source, `${module}.ts`)

/** The modules that load with a module, itself included. */
const loadedWith = (module: string, found = new Set<string>()): ReadonlySet<string> => {
  if (found.has(module)) return found
  found.add(module)
  const text = readFileSync(module, "utf8")
  for (const [, name = ""] of text.matchAll(/^(?:import|export) (?!type )(?:[^"'`;]*? from )?"(\.[^"]*)"/gm))
    loadedWith(resolve(module, "..", name), found)
  return found
}

/** A chunk, by the modules that it has with all that they load. Earlier ones take what several need. */
const chunks: Readonly<Record<string, ReadonlyArray<string>>> = {
  library: ["index"],
  nbow: ["nbow/index"],
  commandLine: ["internal/cli/main"],
  running: ["internal/cli/verbs/run", "internal/store/sql/sqlite", "internal/parquet/reader", "internal/parquet/writer"]
}
const groups = Object.entries(chunks).map(([name, modules]) => {
  const found = new Set(modules.flatMap((module) => [...loadedWith(fileOf(module))]))
  return { name, test: (id: string) => found.has(id) || id === "\0rolldown/runtime.js" }
})

/**
 * Moves the dynamic imports of all chunks into one small file. tsx rewrites every file that has one: it parses the file
 * and draws its source map anew, which for a large chunk takes longer than loading it.
 */
const loaders: Plugin = {
  name: "loaders",
  generateBundle: {
    order: "post",
    handler(_, bundle) {
      const functions = new Map([["url", "(url) => import(url)"]])
      for (const chunk of Object.values(bundle)) {
        if (chunk.type !== "chunk" || !/^internal\/[^/]+$/.test(chunk.fileName)) continue
        const before = chunk.code
        chunk.code = before
          .replaceAll(/\bimport\("([^"]+)"\)/g, (expression, file: string) => {
            const name = file.replace(/\.js$/, "").replace(/^\W+/, "").replaceAll(/\W/g, "_")
            functions.set(name, `() => ${expression}`)
            return `$load.${name}()`
          })
          .replaceAll(/\bimport\((?=\w)/g, "$$load.url(")
        if (chunk.code !== before) chunk.code = `import * as $load from "./loaders.js";${chunk.code}`
      }
      const source = [...functions].sort().map(([name, load]) => `export const ${name} = ${load};\n`)
      this.emitFile({ type: "asset", fileName: "internal/loaders.js", source: source.join("") })
    }
  }
}

export default defineConfig({
  root,
  publicDir: false,
  plugins: [loaders],
  build: {
    ssr: true,
    target: "es2024",
    outDir: "dist",
    emptyOutDir: false,
    minify: false,
    sourcemap: true,
    rolldownOptions: {
      input: Object.fromEntries(entries.map((entry) => [entry, fileOf(entry)])),
      external: /^[^./]/,
      treeshake: { moduleSideEffects: (_: string, external: boolean) => !external },
      output: {
        format: "esm",
        entryFileNames: "[name].js",
        chunkFileNames: "internal/[name].js",
        sourcemapExcludeSources: true,
        minifyInternalExports: false,
        comments: { jsdoc: false },
        codeSplitting: { groups }
      }
    }
  }
})
