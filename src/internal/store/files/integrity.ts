/**
 * Which files are what their names say. A file that was verified need not be hashed again while it looks the same. One
 * that no longer has its digest is set apart in `damaged/`.
 */
import * as Fs from "node:fs/promises"
import * as Path from "node:path"
import type { Directories } from "./directories.ts"
import { fingerprint, isUntouched, type Look, lookAt } from "./look.ts"
import { hashFile } from "./parts.ts"
import type { Places } from "./places.ts"
import * as Problem from "./problem.ts"

export interface Integrity {
  /** Whether this process has verified a file of this digest. */
  readonly has: (digest: string) => boolean
  /** Whether it has verified this very file, as it looks now. */
  readonly knows: (digest: string, look: Look) => boolean
  readonly remember: (digest: string, look: Look) => void
  /** Fails, and sets the file apart, where its bytes have another digest. */
  readonly check: (digest: string, actual: string, look: Look) => Promise<void>
  /** Whether a file is what its name says, by its looks where they allow, else by its bytes. */
  readonly isIntact: (digest: string, look: Look, size: number | undefined) => Promise<boolean>
  /** Moves a damaged file out of the way, unless someone has replaced it since. Says whether it did. */
  readonly setApart: (digest: string, inode: bigint) => Promise<boolean>
}

/** @param readOnly Damaged files stay where they are. */
export const make = (places: Places, directories: Directories, readOnly: boolean): Integrity => {
  const { damaged, pathOf } = places
  const verified = new Map<string, string>()
  const knows = (digest: string, look: Look): boolean => verified.get(digest) === fingerprint(look)
  const remember = (digest: string, look: Look): void => void verified.set(digest, fingerprint(look))
  const setApart = async (digest: string, inode: bigint): Promise<boolean> => {
    verified.delete(digest)
    if (readOnly) return false
    try {
      if ((await lookAt(pathOf(digest)))?.ino !== inode) return false
      await directories.within(damaged, () => Fs.rename(pathOf(digest), Path.join(damaged, digest)))
      return true
    } catch {
      return false // another user's file, or a read-only disk: the error of the reader tells the story
    }
  }
  return {
    has: (digest) => verified.has(digest),
    knows,
    remember,
    setApart,
    check: async (digest, actual, look) => {
      if (actual !== digest) throw Problem.altered(places, digest, await setApart(digest, look.ino))
      remember(digest, look)
    },
    isIntact: async (digest, look, size) => {
      if (size !== undefined && BigInt(size) !== look.size) return false
      if (knows(digest, look) || isUntouched(look)) return true
      if ((await hashFile(pathOf(digest))) === digest) return true
      await setApart(digest, look.ino)
      return false
    }
  }
}
