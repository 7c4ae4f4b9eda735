/**
 * Second names of the files of a store, for tools that go by a file's extension: `named/abcdef….parquet` is a symbolic
 * link to `ab/abcdef…`. All processes share them. A name that was not asked for since a time, and whose file is gone, is
 * removed with other leftovers.
 */
import * as Fs from "node:fs/promises"
import * as Path from "node:path"
import { codeOf } from "../../cause.ts"
import { type Directories, entries } from "./directories.ts"
import { lookAt, timeOf } from "./look.ts"
import type { Places } from "./places.ts"

export interface Names {
  /** Names a file, and yields the path. */
  readonly make: (digest: string, extension: string, now: number) => Promise<string>
  /** Removes names of files that are gone. */
  readonly tidy: (before: number) => Promise<void>
}

export const make = ({ named, pathOf }: Places, directories: Directories): Names => ({
  make: async (digest, extension, now) => {
    const path = Path.join(named, `${digest}${extension}`)
    const target = Path.relative(named, pathOf(digest))
    const isNew = await directories.within(named, () =>
      Fs.symlink(target, path).then(
        () => true,
        (cause) => {
          if (codeOf(cause) === "EEXIST") return false
          throw cause
        }
      )
    )
    if (!isNew && (await Fs.readlink(path)) !== target) throw new Error(`${path} is something else`)
    // It may belong to another user who is reading it, so its age must not be changed.
    await Fs.lutimes(path, now / 1000, now / 1000).catch(() => undefined)
    return path
  },
  tidy: async (before) => {
    for (const name of await entries(named)) {
      const path = Path.join(named, name)
      if ((await lookAt(pathOf(name.slice(0, 64)))) !== undefined) continue
      const look = await Fs.lstat(path, { bigint: true }).catch(() => undefined)
      if (look !== undefined && timeOf(look) < before) await Fs.rm(path, { force: true })
    }
  }
})
