/**
 * A reserve of disk space beside the database. To remove runs, SQLite must first write: on a disk without a free block,
 * nothing could be removed. So a store keeps a small file that garbage collection, or opening the store on a full disk,
 * gives up first; it is made when the store is opened, and again when it is closed.
 */
import * as Fs from "node:fs"
import * as Path from "node:path"
import { freeBytes } from "../obstacle.ts"

/** Enough for SQLite's shared memory and a transaction that removes a run. */
const reserveBytes = 512 * 1024

/** With more than this there is plenty. */
const plentyBytes = 4 * reserveBytes

/** The reserve beside one database. */
export interface Reserve {
  /** Gives the space up. Says whether there was any. */
  readonly release: () => boolean
  /** Makes the reserve, if there is plenty of space. */
  readonly make: () => void
  /** Takes what space there is, at most the whole reserve. */
  readonly take: () => void
}

export const of = (database: string): Reserve => {
  const path = `${database}-reserve`
  return {
    release: () => {
      try {
        const size = Fs.statSync(path, { throwIfNoEntry: false })?.size ?? 0
        Fs.rmSync(path, { force: true })
        return size > 0
      } catch {
        return false // another user's, or a read-only disk
      }
    },
    make: () => {
      if (freeBytes(Path.dirname(path)) > plentyBytes) write(path)
    },
    take: () => write(path)
  }
}

const write = (path: string): void => {
  try {
    if (Fs.existsSync(path)) return
    Fs.writeFileSync(path, new Uint8Array(reserveBytes)) // not a hole: its blocks must be its own
  } catch {
    // The disk is full, and what could be written is the reserve; or it may not be written to.
  }
}
