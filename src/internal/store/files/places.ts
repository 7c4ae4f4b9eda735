/** Where the files of a store lie, all of them below one directory. */
import * as Path from "node:path"
import { entries } from "./directories.ts"

export interface Places {
  readonly directory: string
  /** Files that are half written, and files that a sweep has taken away. */
  readonly temporary: string
  /** Files that no longer have their digest. */
  readonly damaged: string
  /** Second names of files. */
  readonly named: string
  /** Where the file of a digest lies: `ab/abcdef…`. */
  readonly pathOf: (digest: string) => string
  /** Where a sweep takes it. */
  readonly sweptPathOf: (digest: string) => string
}

export const make = (directory: string): Places => ({
  directory,
  temporary: Path.join(directory, "tmp"),
  damaged: Path.join(directory, "damaged"),
  named: Path.join(directory, "named"),
  pathOf: (digest) => Path.join(directory, digest.slice(0, 2), digest),
  sweptPathOf: (digest) => Path.join(directory, "tmp", `swept-${digest}`)
})

export const isDigest = (digest: string): boolean => /^[0-9a-f]{64}$/.test(digest)

/** Every artifact's file, wherever it lies, damaged ones included. */
export async function* files({ directory }: Places): AsyncGenerator<readonly [digest: string, path: string]> {
  for (const folder of await entries(directory)) {
    if (folder.length !== 2 && folder !== "damaged") continue
    for (const digest of await entries(Path.join(directory, folder)))
      if (isDigest(digest)) yield [digest, Path.join(directory, folder, digest)]
  }
}
