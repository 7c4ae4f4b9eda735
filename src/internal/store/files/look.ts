/** What the system knows of a file: its size, its times and its identity, and what they reveal. */
import type { BigIntStats } from "node:fs"
import * as Fs from "node:fs/promises"

/** Whether an error says that a file does not exist. */
export const isMissing = (cause: unknown): boolean => (cause as NodeJS.ErrnoException | undefined)?.code === "ENOENT"

/** What the system knows of a file, with times in nanoseconds. */
export type Look = BigIntStats

/** Looks at a file; undefined if it is missing. */
export const lookAt = async (path: string): Promise<Look | undefined> => {
  try {
    return await Fs.stat(path, { bigint: true })
  } catch (cause) {
    if (isMissing(cause)) return undefined
    throw cause
  }
}

/** Two looks at a file that are equal saw the same bytes, as far as the system knows. */
export const fingerprint = ({ ctimeNs, ino, size }: Look): string => `${ctimeNs}/${ino}/${size}`

/** When a file was last put or touched, in milliseconds since the epoch. (The system rounds what it is given down.) */
export const timeOf = ({ mtimeNs }: Look): number => Math.round(Number(mtimeNs) / 1e6)

/** How far the change time of a file that we touched may be from the time we gave it. */
const longestTouchNs = 5_000_000_000n

/**
 * Whether a file looks as the store left it. The store sets modification times itself, so they differ a little from the
 * change time that the system keeps; a program that writes to the file makes both equal, and one that copies it moves
 * them apart.
 */
export const isUntouched = ({ ctimeNs, mtimeNs }: Look): boolean => {
  const apart = ctimeNs - mtimeNs
  return apart !== 0n && apart < longestTouchNs && apart > -longestTouchNs
}

/** Sets both times of a file, in milliseconds since the epoch. */
export const setTime = (path: string, at: number): Promise<void> => Fs.utimes(path, at / 1000, at / 1000)

/** Whether an error says that the file belongs to another user. */
export const isForbidden = (cause: unknown): boolean =>
  ["EPERM", "EACCES"].includes((cause as NodeJS.ErrnoException | undefined)?.code ?? "")
