/**
 * Whether something wrote to a file that is open. What is read of a file while it is written to is a mix of two states that
 * the file never had. A program that has a file open keeps reading the same file when another one takes its
 * name. (Of a single long write that began before the file was opened, the system gives no sign.)
 */
import type { BigIntStats } from "node:fs"
import type { FileHandle } from "node:fs/promises"

/** An open file as it was when `watch` looked at it. */
export interface Watched {
  readonly stats: BigIntStats
  /** Whether it was written to since. */
  readonly isChanged: () => Promise<boolean>
}

/** Looks at an open file, to tell later whether it was written to. */
export const watch = async (file: FileHandle): Promise<Watched> => {
  const stats = await file.stat({ bigint: true })
  return { stats, isChanged: async () => differ(stats, await file.stat({ bigint: true })) }
}

/**
 * Whether a file was written to between two looks at it. Of a file that nobody may write to, the time says nothing: a store
 * sets those of its files, to tell which are in use.
 */
export const differ = (before: BigIntStats, after: BigIntStats): boolean =>
  after.size !== before.size ||
  after.ino !== before.ino ||
  (after.mtimeNs !== before.mtimeNs && (after.mode & writable) !== 0n)

/** The bits of a mode that let somebody write. */
const writable = 0o222n
