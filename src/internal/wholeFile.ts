/**
 * A file that is written for somebody. It has a temporary name beside its own until it is complete, so that nobody takes a part
 * for all of it. Where something else has its name, a device or a pipe, that is written to: a file in its place would
 * leave `/dev/null` a file for everybody.
 */
import { randomUUID } from "node:crypto"
import type { Stats } from "node:fs"
import { type FileHandle, open, realpath, rename, rm, stat } from "node:fs/promises"
import { basename, dirname, join } from "node:path"
import { codeOf } from "./cause.ts"

/** A file under its temporary name. */
export interface Writing {
  readonly handle: FileHandle
  /** Gives the file its name. */
  readonly finish: () => Promise<void>
  /** Removes what was written, unless it has its name. */
  readonly close: () => Promise<void>
}

/** A name has 255 bytes at most, and some letters have four. */
const nameLimit = 40

/** Begins to write a file. What is there stays until the new one is complete. */
export const begin = async (path: string): Promise<Writing> => {
  const there = await lookAt(path)
  if (there?.isDirectory() === true) throw Object.assign(new Error("it is a directory"), { code: "EISDIR" })
  if (there !== undefined && !there.isFile()) {
    const handle = await open(path, "w")
    const close = () => handle.close().catch(() => undefined) // closed already, where all went well
    return { handle, finish: () => handle.close(), close }
  }
  // A symbolic link stays one.
  const target = there === undefined ? path : await realpath(path)
  const temporary = join(dirname(target), `.${basename(target).slice(0, nameLimit)}.${randomUUID()}.tmp`)
  const handle = await open(temporary, "wx", there?.mode)
  return {
    handle,
    finish: async () => {
      await handle.close()
      await rename(temporary, target)
    },
    close: async () => {
      await handle.close().catch(() => undefined) // closed already, where all went well
      await rm(temporary, { force: true }) // renamed already, where all went well
    }
  }
}

const lookAt = async (path: string): Promise<Stats | undefined> => {
  try {
    return await stat(path)
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined
    throw error
  }
}
