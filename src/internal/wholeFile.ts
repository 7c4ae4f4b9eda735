/**
 * A file that is written for somebody. It has a temporary name beside its own until it is complete, so that nobody takes a part
 * for all of it. Where something else has its name, a device or a pipe, that is written to: a file in its place would
 * leave `/dev/null` a file for everybody.
 */
import { randomUUID } from "node:crypto"
import { rmSync, type Stats } from "node:fs"
import { type FileHandle, open, readlink, realpath, rename, rm, stat } from "node:fs/promises"
import { basename, dirname, join, resolve } from "node:path"
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

/** So many symbolic links in a row are followed, as systems do. */
const linksLimit = 40

/** Temporary files, which a process removes also where it ends at once. */
const unfinished = new Set<string>()
const removeUnfinished = () => {
  for (const path of unfinished) rmSync(path, { force: true })
}
const remember = (path: string) => {
  if (unfinished.size === 0) process.on("exit", removeUnfinished)
  unfinished.add(path)
}
const forget = (path: string) => {
  if (unfinished.delete(path) && unfinished.size === 0) process.off("exit", removeUnfinished)
}

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
  const target = there === undefined ? await linkedFrom(path) : await realpath(path)
  const temporary = join(dirname(target), `.${basename(target).slice(0, nameLimit)}.${randomUUID()}.tmp`)
  const handle = await open(temporary, "wx", there?.mode)
  remember(temporary)
  const close = async () => {
    await handle.close().catch(() => undefined) // closed already, where all went well
    await rm(temporary, { force: true }) // renamed already, where all went well
    forget(temporary)
  }
  try {
    if (there !== undefined) await handle.chmod(there.mode & 0o777) // the process's umask was taken off
  } catch (error) {
    await close()
    throw error
  }
  return {
    handle,
    finish: async () => {
      await handle.close()
      await rename(temporary, target)
      forget(temporary)
    },
    close
  }
}

/** Where a symbolic link leads that names no file yet; the path itself where it is no link. */
const linkedFrom = async (path: string): Promise<string> => {
  let target = path
  for (let links = 0; links < linksLimit; links++) {
    const next = await readlink(target).catch(() => undefined) // nothing is there, or no link
    if (next === undefined) break
    target = resolve(await realpath(dirname(target)), next)
  }
  return target
}

const lookAt = async (path: string): Promise<Stats | undefined> => {
  try {
    return await stat(path)
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined
    throw error
  }
}
