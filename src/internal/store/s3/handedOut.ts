/**
 * Which files of a cache that processes share were handed out as paths: none of them may go while its process may still read
 * it. Each process leaves a mark for each such file, named by the artifact and the process. A process that was killed leaves its
 * marks behind; they count for nothing where it is seen to be gone, and for a day where it can't be seen, on another host.
 */
import { randomBytes } from "node:crypto"
import { rmSync } from "node:fs"
import * as Fs from "node:fs/promises"
import * as Os from "node:os"
import * as Path from "node:path"
import { entries } from "../files/directories.ts"
import { isMissing, lookAt, timeOf } from "../files/look.ts"
import { isAlive } from "../processes.ts"

export interface HandedOut {
  /** Marks a file, before its path is handed out. */
  readonly mark: (digest: string) => Promise<void>
  /** Whether another process may read the file. */
  readonly isUsed: (digest: string) => Promise<boolean>
  /** Removes the marks of this process. */
  readonly clear: () => void
}

/** How long a mark counts whose process can't be looked for. */
const unseenMs = 24 * 60 * 60 * 1000

/** @param now Milliseconds since the epoch, by the clock that files have. */
export const make = (cache: string, now: () => number): HandedOut => {
  const directory = Path.join(cache, "handed-out")
  const host = Os.hostname()
  // Several stores of one process may share the cache.
  const own = `${process.pid}.${randomBytes(6).toString("hex")}.${host}`
  const marked = new Set<string>()

  const isStale = async (name: string): Promise<boolean> => {
    const [, pid, , ...rest] = name.split(".")
    if (rest.join(".") === host) return !isAlive(Number(pid))
    const look = await lookAt(Path.join(directory, name))
    return look === undefined || timeOf(look) < now() - unseenMs
  }

  return {
    mark: async (digest) => {
      if (marked.has(digest)) return
      const path = Path.join(directory, `${digest}.${own}`)
      const write = () => Fs.writeFile(path, "")
      await write().catch(async (cause) => {
        if (!isMissing(cause)) throw cause
        await Fs.mkdir(directory, { recursive: true })
        await write()
      })
      marked.add(digest)
    },
    isUsed: async (digest) => {
      for (const name of await entries(directory)) {
        if (!name.startsWith(`${digest}.`) || name.endsWith(`.${own}`)) continue
        if (!(await isStale(name))) return true
        await Fs.rm(Path.join(directory, name), { force: true })
      }
      return false
    },
    clear: () => {
      for (const digest of marked) rmSync(Path.join(directory, `${digest}.${own}`), { force: true })
      marked.clear()
    }
  }
}
