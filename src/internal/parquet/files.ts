/**
 * Which files a source stands for: a path, a URL, an object in a bucket, a pattern (`data/*.parquet`,
 * `s3://bucket/data/*.parquet`), or a list of those.
 */
import { readdir, stat } from "node:fs/promises"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import { codeOf, reasonOf } from "../cause.ts"
import { isHttp, isObject, nameOf, objectFlaw, objects, pathOf, SourceError } from "./source.ts"

/** Where tables are read from: a path or a pattern, a `file:`, http(s) or `s3:` URL, or a list of them. */
export type Source = string | URL | ReadonlyArray<string | URL>

/** How a source is called in messages. */
export const sourceName = (source: Source): string =>
  typeof source === "string" || source instanceof URL
    ? nameOf(source)
    : source.length === 0
      ? "no file"
      : source.map(nameOf).join(", ")

/** The files of a source, those of a pattern in the order of their names. */
export const filesOf = (source: Source): Effect.Effect<ReadonlyArray<string>, SourceError> => {
  if (typeof source === "string") return expand(source)
  if (source instanceof URL) return Effect.succeed([nameOf(source)])
  return source.length === 0
    ? Effect.fail(new SourceError("missing", "the list of files is empty"))
    : Effect.map(
        Effect.forEach(source, (item) => (item instanceof URL ? Effect.succeed([nameOf(item)]) : expand(item))),
        (files) => files.flat()
      )
}

const isPattern = (path: string): boolean => /[*?[{]/.test(path)

const expand = (path: string): Effect.Effect<ReadonlyArray<string>, SourceError> => {
  if (isHttp(path)) return Effect.succeed([path])
  if (isObject(path)) return expandObjects(path)
  return Effect.flatMap(pathOf(path), (local) =>
    isPattern(local) ? expandPattern(path, local) : Effect.succeed([path])
  )
}

const expandPattern = (path: string, local: string): Effect.Effect<ReadonlyArray<string>, SourceError> =>
  Effect.tryPromise({
    try: async () => {
      if (await exists(local)) return [path] // a file whose name has a star in it
      const files = await matching(local)
      if (files.length === 0) throw new SourceError("missing", "no file fits the pattern")
      return files
    },
    catch: (cause) =>
      cause instanceof SourceError ? cause : new SourceError("unreadable", `it can't be read: ${reasonOf(cause)}`)
  })

/** The objects that a pattern fits; an address without one stands for itself. */
const expandObjects = (text: string): Effect.Effect<ReadonlyArray<string>, SourceError> => {
  const [address = "", query] = text.split(/\?((?:endpoint|region|forcePathStyle)=.*)/s)
  if (!isPattern(address)) return Effect.succeed([text])
  const options = query === undefined ? "" : `?${query}`
  const fits = expressionOf(address)
  return Effect.gen(function* () {
    const { list } = yield* objects
    const addresses = yield* Effect.mapError(list(address.slice(0, address.search(/[*?[{]/)) + options), objectFlaw)
    const files = addresses.filter((name) => fits.test(name.slice(0, name.length - options.length)))
    return files.length === 0 ? yield* Effect.fail(new SourceError("missing", "no object fits the pattern")) : files
  })
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false
  )

/** The files that a pattern fits. `**` stands for any number of directories; hidden files fit only what begins with a dot. */
const matching = async (pattern: string): Promise<ReadonlyArray<string>> => {
  const parts = pattern.split("/")
  const firstPattern = parts.findIndex(isPattern)
  const base = parts.slice(0, firstPattern).join("/")
  const start = base === "" ? (pattern.startsWith("/") ? "/" : "") : base
  const matching: Array<string> = []
  await walk(start, parts.slice(firstPattern), matching)
  return [...new Set(matching)].sort()
}

const walk = async (
  directory: string,
  [part, ...rest]: ReadonlyArray<string>,
  matching: Array<string>
): Promise<void> => {
  if (part === undefined) return
  const entries = await readdir(directory === "" ? "." : directory, { withFileTypes: true }).catch((cause: unknown) => {
    if (["ENOENT", "ENOTDIR"].includes(codeOf(cause))) return []
    throw cause
  })
  if (part === "**") await walk(directory, rest, matching)
  const fits = part === "**" ? undefined : expressionOf(part)
  for (const entry of entries) {
    const path = directory === "" ? entry.name : join(directory, entry.name)
    const isDirectory = entry.isDirectory() || (entry.isSymbolicLink() && part !== "**" && (await isDirectoryAt(path)))
    if (fits === undefined) {
      if (isDirectory && !entry.name.startsWith(".")) await walk(path, [part, ...rest], matching)
      continue
    }
    if (!fits.test(entry.name) || (entry.name.startsWith(".") && !part.startsWith("."))) continue
    if (rest.length > 0) {
      if (isDirectory) await walk(path, rest, matching)
    } else if (!isDirectory) matching.push(path)
  }
}

const isDirectoryAt = (path: string): Promise<boolean> =>
  stat(path).then(
    (stats) => stats.isDirectory(),
    () => false
  )

/** A pattern as a regular expression: `**`, `*`, `?`, `[a-z]`, `[!a]` and `{a,b}`. */
const expressionOf = (part: string): RegExp => {
  let expression = ""
  let depth = 0
  for (let at = 0; at < part.length; at++) {
    const char = part[at] as string // within bounds
    const close = char === "[" ? part.indexOf("]", at + 2) : -1
    if (part.startsWith("**/", at)) {
      expression += "(?:.*/)?"
      at += 2
    } else if (char === "*") expression += "[^/]*"
    else if (char === "?") expression += "[^/]"
    else if (close > 0) {
      expression += `[${part
        .slice(at + 1, close)
        .replace(/^!/, "^")
        .replaceAll("\\", "\\\\")
        .replaceAll("[", "\\[")}]`
      at = close
    } else if (char === "{" && part.indexOf("}", at) > 0) {
      expression += "(?:"
      depth++
    } else if (char === "}" && depth > 0) {
      expression += ")"
      depth--
    } else if (char === "," && depth > 0) expression += "|"
    else expression += char.replace(/[\\^$.*+?()[\]{}|]/, "\\$&")
  }
  return new RegExp(`^${expression}$`)
}
