/**
 * Local files of artifacts that a store can't keep in a directory of its own: one in memory, and one that is only read.
 * They lie in a temporary directory, which is made when it is needed and removed with the store, or at the end of the
 * process.
 */
import { mkdtempSync, rmSync, statfsSync } from "node:fs"
import * as Fs from "node:fs/promises"
import * as Os from "node:os"
import * as Path from "node:path"
import { codeOf } from "../cause.ts"

/** A directory of files that are written once, and whole before they have their name: others may be reading them. */
export interface TemporaryFiles {
  /** A file with these bytes. */
  readonly write: (name: string, bytes: Uint8Array) => Promise<string>
  /** Another name of a file elsewhere. */
  readonly link: (name: string, target: string) => Promise<string>
  /** Removes the directory. */
  readonly close: () => Promise<void>
}

export const make = (): TemporaryFiles => {
  let directory: string | undefined
  const paths = new Map<string, Promise<string>>()
  const remove = (): void => {
    if (directory !== undefined) rmSync(directory, { recursive: true, force: true })
  }
  const once = (name: string, create: (path: string) => Promise<void>): Promise<string> => {
    const earlier = paths.get(name)
    if (earlier !== undefined) return earlier
    const creation = (async () => {
      if (directory === undefined) {
        directory = temporaryDirectory()
        process.once("exit", remove)
      }
      const path = Path.join(directory, name)
      await create(path)
      return path
    })()
    paths.set(name, creation)
    creation.catch(() => paths.delete(name))
    return creation
  }
  return {
    write: (name, bytes) =>
      once(name, async (path) => {
        await Fs.writeFile(`${path}.part`, bytes, { mode: 0o444 })
        await Fs.rename(`${path}.part`, path)
      }),
    link: (name, target) => once(name, (path) => linkOrCopy(target, path)),
    close: async () => {
      process.off("exit", remove)
      if (directory !== undefined) await Fs.rm(directory, { recursive: true, force: true })
    }
  }
}

/** Gives a file a second name; where the system has no symbolic links for this user, a copy. */
const linkOrCopy = async (target: string, path: string): Promise<void> => {
  try {
    await Fs.symlink(target, path)
  } catch (cause) {
    if (!["EPERM", "ENOSYS", "ENOTSUP", "EOPNOTSUPP"].includes(codeOf(cause))) throw cause
    await Fs.copyFile(target, `${path}.part`)
    await Fs.rename(`${path}.part`, path)
  }
}

/** A temporary directory: in memory where the usual place is full. */
export const temporaryDirectory = (): string => {
  const places = [Os.tmpdir(), "/dev/shm"].filter((place) => hasRoom(place))
  return mkdtempSync(Path.join(places[0] ?? Os.tmpdir(), "effect-flow-"))
}

const roomBytes = 16 * 1024 * 1024

const hasRoom = (directory: string): boolean => {
  try {
    const { bavail, bsize } = statfsSync(directory)
    return bavail * bsize > roomBytes
  } catch {
    return false // it does not exist
  }
}
