/**
 * The group that a process belongs to if nobody names one: it is named after the package in whose directory the process
 * runs, so two applications that share a database do not share their workers by accident.
 */
import { readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import * as Digest from "../../schema/digest.ts"

/** A group's name is part of the names of tables, so it is short. */
const maxLength = 24

/** A name without a package. */
const otherwise = "work"

/** A package's name as that of a group. */
export const fromPackageName = (name: string): string => {
  const plain = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "_")
    .replace(/^[^a-z]+|_+$/g, "")
  if (plain === "") return otherwise
  if (plain.length <= maxLength) return plain
  const digest = Digest.ofChunks([new TextEncoder().encode(name)]).slice(0, 6)
  return `${plain.slice(0, maxLength - 7)}_${digest}`
}

/** The group of a process that runs in a directory. */
export const byDefault = (directory: string): string => {
  for (let at = directory; ; at = dirname(at)) {
    const name = packageName(join(at, "package.json"))
    if (name !== undefined) return fromPackageName(name)
    if (dirname(at) === at) return otherwise
  }
}

const packageName = (file: string): string | undefined => {
  try {
    const { name } = JSON.parse(readFileSync(file, "utf8")) as { readonly name?: unknown } // looked at below
    return typeof name === "string" ? name : undefined
  } catch {
    return undefined // no package, or not a readable one
  }
}
