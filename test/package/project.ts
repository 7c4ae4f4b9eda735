/**
 * The package as its users get it: packed once, and installed in temporary folders by package managers from the registry.
 * All projects of a run share the tarball and one folder of tools.
 */
import { execFile } from "node:child_process"
import { cpSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"

/** This repository. */
export const repository = join(import.meta.dirname, "..", "..")

/** Where everything of this run is. */
export const directory = mkdtempSync(join(tmpdir(), "effect-flow-package-"))

/** How a command ended. */
export interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
  readonly output: string
}

/** Runs a command to its end. */
export const run = (
  cwd: string,
  [command = "", ...words]: ReadonlyArray<string>,
  env: Readonly<Record<string, string>> = {}
): Promise<Ended> =>
  new Promise((resolve) => {
    // What npm tells its scripts about this repository is not meant for what they start.
    const own = Object.entries(process.env).filter(([name]) => !/^npm_|^NODE_OPTIONS$|^VITEST/.test(name))
    const options = { cwd, env: { ...Object.fromEntries(own), NO_COLOR: "1", ...env }, maxBuffer: 1 << 26 }
    execFile(command, words, options, (error, stdout, stderr) =>
      resolve({
        code: error === null ? 0 : typeof error.code === "number" ? error.code : 1,
        stdout,
        stderr,
        output: stdout + stderr
      })
    )
  })

/** Runs a command that must succeed. */
export const must = async (...args: Parameters<typeof run>): Promise<Ended> => {
  const ended = await run(...args)
  if (ended.code !== 0) throw new Error(`${args[1].join(" ")} ended with code ${ended.code}:\n${ended.output}`)
  return ended
}

/** Writes the files of a project, by their paths, and yields its folder. */
export const project = (name: string, files: Readonly<Record<string, string>>): string => {
  const root = join(directory, name)
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  return root
}

/** A package.json. */
export const manifest = (fields: object = {}): string => JSON.stringify({ private: true, type: "module", ...fields })

const quiet = ["--no-audit", "--no-fund", "--loglevel=error"]

/** Installs packages with npm. */
export const install = (root: string, ...packages: ReadonlyArray<string>): Promise<Ended> =>
  must(root, ["npm", "install", ...quiet, ...packages])

/** Packs the package and yields the tarball. */
export const pack = async (): Promise<string> => {
  const { stdout } = await must(repository, ["npm", "pack", "--json", "--silent", "--pack-destination", directory])
  const [{ filename }] = JSON.parse(stdout.slice(stdout.search(/^\[/m))) as [{ readonly filename: string }]
  return join(directory, filename)
}

/** A copy of a project's packages, to break something in. Links would lead back to the original. */
export const copyOf = (root: string, name: string): string => {
  const copy = join(directory, name)
  cpSync(root, copy, { recursive: true, verbatimSymlinks: true })
  return copy
}

/** README's fenced code of a language, in its order. */
export const readmeBlocks = (language = "ts"): ReadonlyArray<string> =>
  [
    ...readFileSync(join(repository, "README.md"), "utf8").matchAll(
      new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, "gm")
    )
  ].map((match) => match[1] as string) // the one group
