/**
 * What keeps a store from its files, as sentences use it. The system gives one code, ENOSPC, to a disk without space and
 * to one without room for another file, and SQLite says of both, and of a process that has too many files open, only
 * that it can't open a file. So the file system and the process are asked.
 */
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as Cause from "../cause.ts"

/**
 * What a file is. `undefined` if there is none, and "hidden" if that can't be seen: in a directory that this user may not search,
 * or on a disk that reports an error.
 */
export const statOf = (path: string): Fs.Stats | "hidden" | undefined => {
  try {
    return Fs.statSync(path, { throwIfNoEntry: false })
  } catch {
    return "hidden"
  }
}

/** The size of a file; 0 where it is unknown. */
export const sizeOf = (path: string): number => {
  const stat = statOf(path)
  return stat === undefined || stat === "hidden" ? 0 : stat.size
}

/** With less than this a disk is full. */
const fullBytes = 64 * 1024

/** So many files a store opens or makes at once: the database, its log, its shared memory, and their directory. */
const neededFiles = 4

const noInodes = "the file system has no room for another file (it is out of inodes). Remove files that nobody needs"

/** Free bytes of the file system of a path, and whether it can hold another file. Unknown is as good as plenty. */
const room = (path: string): { readonly bytes: number; readonly hasInodes: boolean } => {
  try {
    const { bavail, bsize, ffree, files } = Fs.statfsSync(path)
    return { bytes: bavail * bsize, hasInodes: files === 0 || ffree >= neededFiles } // some file systems don't count files
  } catch {
    return { bytes: Number.POSITIVE_INFINITY, hasInodes: true }
  }
}

/** How many bytes are free on the file system of a path; infinitely many where that is unknown. */
export const freeBytes = (path: string): number => room(path).bytes

/** Whether the file system of a path has next to no space left. */
export const isFull = (path: string): boolean => freeBytes(path) < fullBytes

/** A system error in words, with its code. */
export const reasonOf = (cause: unknown): string => {
  const path = Cause.codeOf(cause) === "ENOSPC" ? (cause as NodeJS.ErrnoException).path : undefined
  return path !== undefined && !isFull(Path.dirname(path)) && !room(Path.dirname(path)).hasInodes
    ? `${noInodes} (ENOSPC)`
    : Cause.reasonOf(cause)
}

/** Why no file can be opened or made in a directory, if that is so. */
export const ofDirectory = (directory: string): string | undefined => {
  if (!canOpen(neededFiles)) return "too many files are open. Close some, or allow the process more of them (ulimit -n)"
  if (isFull(directory)) return "no space is left on the disk. Free some, or remove old runs with gc"
  return room(directory).hasInodes ? undefined : noInodes
}

/** Whether this process can open so many more files. */
const canOpen = (count: number): boolean => {
  const opened: Array<number> = []
  try {
    while (opened.length < count) opened.push(Fs.openSync(process.execPath, "r"))
    return true
  } catch (cause) {
    return !["EMFILE", "ENFILE"].includes(Cause.codeOf(cause))
  } finally {
    for (const file of opened) Fs.closeSync(file)
  }
}
