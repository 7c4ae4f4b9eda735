/**
 * The sign that processes wait for the lock of a SQLite database. SQLite has no queue for its lock: a process that
 * commits transaction after transaction could keep others out for as long as it likes. So a process that waits sets the
 * time of a file beside the database, and one that has just committed looks at it, and pauses if someone waits.
 */
import * as Fs from "node:fs"
import * as Obstacle from "../obstacle.ts"

/** The sign beside one database. */
export interface Queue {
  /** Says that this process waits. */
  readonly announce: () => void
  /** Whether some process has been waiting until just now. */
  readonly hasWaiting: () => boolean
}

/** How long a sign is valid, and how often a waiting process renews it. */
const signMs = 100
const renewMs = 25

/** How often a process that writes without pause looks for the sign. */
const lookMs = 5

/** How long a process steps aside when others wait. */
export const stepAsideMs = 5

/** A queue that is always empty. */
export const none: Queue = { announce: () => {}, hasWaiting: () => false }

/** @param now The clock that the file system has too: milliseconds since the epoch. */
export const make = (database: string, now: () => number): Queue => {
  const path = `${database}-waiting`
  let announced = 0
  let looked = 0
  return {
    announce: () => {
      if (now() - announced < renewMs) return
      announced = now()
      try {
        Fs.closeSync(Fs.openSync(path, "w", 0o666))
        Fs.utimesSync(path, announced / 1000, announced / 1000)
      } catch {
        // A full or read-only disk, or another user's file: waiting works without the sign.
      }
    },
    hasWaiting: () => {
      if (Math.abs(now() - looked) < lookMs) return false
      looked = now()
      const stat = Obstacle.statOf(path)
      if (stat === undefined || stat === "hidden") return false
      return Math.abs(now() - stat.mtimeMs) < signMs && Math.abs(stat.mtimeMs - announced) > 1
    }
  }
}
