/**
 * Builds what Node loads, `dist/node`: a file for each public module, which only names what it exports, and behind them a
 * few chunks, because Node (and even more a loader such as tsx) resolves, reads and compiles each file on its own. What a
 * flow file loads is one chunk, what its command line needs another; what is loaded on demand stays apart.
 *
 * Bundlers get what TypeScript compiles, a file for each module, of which they can leave out more.
 */
import { readdirSync, readFileSync } from "node:fs"
import { dirname, join, posix, relative, resolve } from "node:path"
import { fileURLToPath } from "node:url"
import { defineConfig, type Plugin, type Rolldown } from "vite"

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
  compileCache: ["internal/cli/compileCache"], // the package's own command line turns it on before it loads anything
  library: ["index"],
  nbow: ["nbow/index"],
  commandLine: ["internal/cli/main"],
  running: ["internal/cli/verbs/run", "internal/store/sql/sqlite", "internal/parquet/reader", "internal/parquet/writer"]
}
const groups = Object.entries(chunks).map(([name, modules]) => {
  const found = new Set(modules.flatMap((module) => [...loadedWith(fileOf(module))]))
  return {
    name,
    test: (id: string) =>
      found.has(id) || (name === "commandLine" && id.startsWith(effect)) || id === "\0rolldown/runtime.js"
  }
})

/** What the parser of the command line needs of effect and no flow does: `effect/cli`, and the keys of its services. */
const parser =
  /^(?:cli\/.*|FileSystem|Path|PlatformError|Stdio|Terminal|process\/ChildProcessSpawner|internal\/record)$/
/** Parquet's codecs. */
const codecs = /^(?:hyparquet|hysnappy|fzstd)/
const effect = dirname(fileURLToPath(import.meta.resolve("effect")))

/**
 * Leaves dependencies out of the build, except for two: Parquet's codecs, which are seventy modules, and the parser, which
 * is built into the chunk of the command line without what this command line does not use of it (prompts, files, streams).
 * That saves Node some sixty modules more at each start. Everything else of effect stays a peer's, so there is one copy of
 * what a flow sees.
 */
const dependencies: Plugin = {
  name: "dependencies",
  enforce: "pre",
  resolveId(id, importer = "") {
    const isEffects = importer.startsWith(effect)
    const path = isEffects && id.startsWith(".") ? resolve(importer, "..", id) : resolve(effect, `${id.slice(7)}.js`)
    const module = relative(effect, path).replace(/\.js$/, "")
    const isParsers = isEffects || importer.startsWith(join(source, "internal", "cli"))
    if (isParsers && (isEffects || id.startsWith("effect/")) && parser.test(module)) {
      return { id: path, moduleSideEffects: false }
    }
    if (isEffects) return { id: `effect/${module}`, external: true }
    return /^[./\0]/.test(id) || codecs.test(id) ? undefined : { id, external: true }
  }
}

/**
 * Makes the parser's segmenter of texts when a text is not ASCII. It takes Node some ten milliseconds to make, which is a
 * good part of what the parser takes.
 */
const lateSegmenter: Plugin = {
  name: "late-segmenter",
  transform: {
    filter: { id: /effect\/dist\/cli\/CliOutput\.js$/ },
    handler(code) {
      const made = /const graphemeSegmenter = [^;]*;/
      if (!made.test(code)) throw new Error("effect's CliOutput makes no segmenter any more: remove this plugin")
      return {
        code: code.replace(
          made,
          `let segmenter;
const graphemeSegmenter = {
  segment: (text) => /^[ -~]*$/.test(text)
    ? Array.from(text, (segment) => ({ segment }))
    : (segmenter ??= new Intl.Segmenter(undefined, { granularity: "grapheme" })).segment(text)
};`
        ),
        map: null
      }
    }
  }
}

/** The names that a file exports, where all that it does is to export names of one other file. */
const forwarded = (chunk: Rolldown.OutputAsset | Rolldown.OutputChunk | undefined) => {
  const [, names, file] =
    (chunk?.type === "chunk" && /^export \{ ([^}]*) \} from "([^"]+)";$/.exec(chunk.code.trim())) || []
  if (names === undefined || file === undefined) return undefined
  const renamed = names.split(", ").map((name) => name.split(" as "))
  return { file, names: renamed.map(([from, to = from]) => `${to}: $.${from}`).join(", ") }
}

/** The folder of the chunks. */
const folder = "node/internal"

/**
 * Moves the dynamic imports of all chunks into one small file. tsx rewrites every file that has one: it parses the file
 * and draws its source map anew, which for a large chunk takes longer than loading it. A file that only forwards names is
 * passed over, and left out if it is nobody's way in.
 */
const loaders: Plugin = {
  name: "loaders",
  generateBundle: {
    order: "post",
    handler(_, bundle) {
      const functions = new Map([["url", "(url) => import(url)"]])
      const passedOver = new Set<string>()
      const load = (file: string): string => {
        // A bundler only warns of an optional package that is not installed, if the import's failure is handled.
        if (!file.startsWith("."))
          return `async () => { try { return await import("${file}") } catch (error) { throw error } }`
        const path = posix.join(folder, file)
        const to = forwarded(bundle[path])
        if (to === undefined) return `() => import("${file}")`
        passedOver.add(path)
        const target = `./${posix.relative(folder, posix.join(posix.dirname(path), to.file))}`
        return `() => import("${target}").then(($) => ({ ${to.names} }))`
      }
      for (const chunk of Object.values(bundle)) {
        if (chunk.type !== "chunk" || posix.dirname(chunk.fileName) !== folder) continue
        const before = chunk.code
        chunk.code = before
          .replaceAll(/\bimport\("([^"]+)"\)/g, (_, file: string) => {
            const name = file.replace(/\.js$/, "").replace(/^\W+/, "").replaceAll(/\W/g, "_")
            functions.set(name, load(file))
            return `$load.${name}()`
          })
          .replaceAll(/\bimport\((?=\w)/g, "$$load.url(")
        if (chunk.code !== before) chunk.code = `import * as $load from "./loaders.js";${chunk.code}`
      }
      const rest = Object.values(bundle).map((chunk) => (chunk.type === "chunk" ? chunk.code : ""))
      for (const path of passedOver) {
        const chunk = bundle[path]
        if (chunk?.type !== "chunk" || chunk.isEntry || rest.some((code) => code.includes(posix.basename(path))))
          continue
        delete bundle[path]
      }
      const source = [...functions].sort().map(([name, load]) => `export const ${name} = ${load};\n`)
      this.emitFile({ type: "asset", fileName: `${folder}/loaders.js`, source: source.join("") })
    }
  }
}

export default defineConfig({
  root,
  publicDir: false,
  plugins: [dependencies, lateSegmenter, loaders],
  ssr: { noExternal: codecs },
  build: {
    ssr: true,
    target: "es2024",
    outDir: "dist",
    emptyOutDir: false,
    minify: false,
    license: { fileName: "node/licenses.md" },
    sourcemap: true,
    rolldownOptions: {
      checks: { pluginTimings: false },
      input: Object.fromEntries(entries.map((entry) => [entry, fileOf(entry)])),
      treeshake: { moduleSideEffects: (_: string, external: boolean) => !external },
      output: {
        format: "esm",
        entryFileNames: ({ name }) => (name === "bin" ? "bin.js" : `node/${name}.js`),
        chunkFileNames: `${folder}/[name].js`,
        sourcemapExcludeSources: true,
        minifyInternalExports: false,
        comments: { jsdoc: false },
        codeSplitting: { groups }
      }
    }
  }
})
