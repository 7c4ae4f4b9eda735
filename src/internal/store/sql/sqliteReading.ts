/**
 * Opens a SQLite database for reading only, so that nothing in its directory needs to change.
 *
 * In WAL mode even a reader wants a file for shared memory beside the database. Where that can't be made (a full disk,
 * a read-only medium, another user's directory), no other process has the database open: it can be read as it is, or,
 * where a process that died left a write-ahead log behind, from a temporary copy. Either is opened anew when the
 * database's files change.
 */
import * as Fs from "node:fs"
import * as Path from "node:path"
import type { DatabaseSync } from "node:sqlite"
import { pathToFileURL } from "node:url"
import * as Obstacle from "../obstacle.ts"
import { temporaryDirectory } from "../temporaryFiles.ts"
import type * as SqliteModule from "./sqliteModule.ts"

/** A database that is open. */
export interface Opened {
  readonly database: DatabaseSync
  /** Whether the database has changed in a way that this connection can't see. */
  readonly isStale: () => boolean
  readonly close: () => void
}

/**
 * SQLite's result codes for a file that can't be made: an error of the device, a read-only database, no space, no
 * permission.
 */
const unmakeable: ReadonlySet<number> = new Set([8, 10, 13, 14])

/**
 * Opens a database. Throws SQLite's error if it can't be read at all.
 *
 * @param busyTimeoutMs How long SQLite itself waits for a lock.
 */
export const open = (
  sqlite: NonNullable<ReturnType<typeof SqliteModule.load>>,
  path: string,
  busyTimeoutMs: number
): Opened => {
  const connect = (location: string | URL): DatabaseSync => {
    const database = new sqlite.DatabaseSync(location, { timeout: busyTimeoutMs, readOnly: true })
    try {
      database.prepare("SELECT COUNT(*) FROM sqlite_master").get()
      return database
    } catch (cause) {
      database.close()
      throw cause
    }
  }
  try {
    const file = fileOf(path)
    const database = connect(path)
    // A connection goes on with the file that it has opened, also when that was removed or replaced.
    const isStale = (): boolean => {
      const now = fileOf(path)
      return now !== file && now !== "hidden"
    }
    return { database, isStale, close: () => database.close() }
  } catch (cause) {
    const code = (cause as { readonly errcode?: number }).errcode // what `node:sqlite` throws
    if (code === undefined || !unmakeable.has(code & 0xff) || !Fs.existsSync(path)) throw cause
    const before = fingerprint(path)
    const isStale = (): boolean => fingerprint(path) !== before
    if (Obstacle.sizeOf(`${path}-wal`) === 0) {
      const url = pathToFileURL(path)
      url.searchParams.set("immutable", "1")
      const database = connect(url)
      return { database, isStale, close: () => database.close() }
    }
    const directory = temporaryDirectory()
    const remove = (): void => Fs.rmSync(directory, { recursive: true, force: true })
    try {
      const copy = Path.join(directory, "runs.sqlite")
      for (const suffix of ["", "-wal"]) Fs.copyFileSync(`${path}${suffix}`, `${copy}${suffix}`)
      for (const suffix of ["", "-wal"]) Fs.chmodSync(`${copy}${suffix}`, 0o600)
      const database = connect(copy)
      const close = (): void => {
        database.close()
        remove()
      }
      return { database, isStale, close }
    } catch (cause) {
      remove()
      throw cause
    }
  }
}

/** Which file has a name: nothing where none has, and `hidden` where this user may not look. */
const fileOf = (path: string): number | "hidden" | undefined => {
  const stat = Obstacle.statOf(path)
  return stat === "hidden" ? stat : stat?.ino
}

/** Changes whenever the database or its write-ahead log does, and where they can't be seen any more. */
const fingerprint = (path: string): string => [path, `${path}-wal`].map(stateOf).join(" ")

const stateOf = (file: string): string => {
  try {
    const stat = Fs.statSync(file, { throwIfNoEntry: false, bigint: true })
    return stat === undefined ? "" : `${stat.ino}/${stat.size}/${stat.mtimeNs}`
  } catch {
    return "hidden"
  }
}
