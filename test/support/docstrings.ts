/**
 * The public surface as the source declares it: every export of a public module with its docstring, and the examples in
 * them. It reads the text, because the compiler of this version has no interface for programs.
 */
import { globSync, readFileSync } from "node:fs"
import { dirname, join, relative } from "node:path"

const src = join(import.meta.dirname, "..", "..", "src")

/** An export of a public module. */
export interface PublicExport {
  /** The public module that exports it, such as `Step`. */
  readonly module: string
  readonly name: string
  readonly kind: string
  /** The file and line that declare it, which may be internal: `internal/run/merge.ts:12`. */
  readonly place: string
  /** Its docstring; empty where it has none. */
  readonly docstring: string
}

const declaration = /^export (?:declare )?(?:abstract )?(const|class|interface|type|function|namespace) (\w+)/

/** The docstring that ends on the line above. */
const docstringAbove = (lines: ReadonlyArray<string>, index: number): string => {
  if (!lines[index - 1]?.trimEnd().endsWith("*/")) return ""
  let start = index - 1
  while (start > 0 && !lines[start]?.trimStart().startsWith("/**")) start--
  return lines.slice(start, index).join("\n")
}

const declared = (module: string, file: string): ReadonlyArray<PublicExport> => {
  const text = readFileSync(file, "utf8")
  const lines = text.split("\n")
  const target = (path: string) => join(dirname(file), path)
  const own = lines.flatMap((line, index) => {
    const [, kind, name] = declaration.exec(line) ?? []
    if (kind === undefined || name === undefined) return []
    const place = `${relative(src, file)}:${index + 1}`
    return [{ module, name, kind, place, docstring: docstringAbove(lines, index) }]
  })
  const named = [...text.matchAll(/^export (?:type )?\{([^}]*)\} from "(\.[^"]*)"/gm)].flatMap(([, list, path]) => {
    const names = (list ?? "").split(",").map(
      (item) =>
        item
          .trim()
          .replace(/^type /, "")
          .split(" as ")[0]
    )
    return declared(module, target(path ?? "")).filter(({ name }) => names.includes(name))
  })
  const all = [...text.matchAll(/^export \* from "(\.[^"]*)"/gm)].flatMap(([, path]) =>
    declared(module, target(path ?? ""))
  )
  return [...own, ...named, ...all].filter(({ docstring }) => !docstring.includes("@internal"))
}

/** Every export of every public module. */
export const publicExports = (): ReadonlyArray<PublicExport> =>
  globSync(["*.ts", "nbow/*.ts"], { cwd: src })
    .filter((file) => !/(^|\/)(index|bin)\.ts$/.test(file))
    .sort()
    .flatMap((file) => declared(file.replace(/^nbow\/|\.ts$/g, ""), join(src, file)))

/** The examples of a docstring: the code blocks in it. */
export const examples = (docstring: string): ReadonlyArray<string> =>
  [...docstring.replaceAll(/^ *\* ?/gm, "").matchAll(/^```ts\n([\s\S]*?)^```/gm)].map((match) => match[1] ?? "")
