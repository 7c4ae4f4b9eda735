/** The directories of a store: made when they are needed, as widely shared as those above them, and synced. */
import * as Fs from "node:fs/promises"
import * as Path from "node:path"
import { isMissing, lookAt } from "./look.ts"

/** The names in a directory; none if it does not exist. */
export const entries = async (directory: string): Promise<ReadonlyArray<string>> => {
  try {
    return await Fs.readdir(directory)
  } catch (cause) {
    if (isMissing(cause)) return []
    throw cause
  }
}

/** The directories below a root: made when they are needed, with the root's sharing, and synced. */
export interface Directories {
  /** Runs `use`, which needs a directory directly below the root; makes that directory if it is missing. */
  readonly within: <A>(path: string, use: () => Promise<A>) => Promise<A>
  /** Makes renames in a directory durable. Callers that arrive while a sync is under way share the next one. */
  readonly sync: (path: string) => Promise<void>
}

export const directories = (root: string): Directories => {
  // Where the root is another one than at first, its file system was unmounted or replaced: nothing may be written
  // there.
  const identity = identityOf(root)
  const syncs = new Map<string, { running: Promise<void>; next: Promise<void> | undefined }>()
  const start = (path: string): Promise<void> => {
    const entry: { running: Promise<void>; next: Promise<void> | undefined } = {
      running: syncDirectory(path),
      next: undefined
    }
    syncs.set(path, entry)
    const over = () => {
      if (entry.next === undefined) syncs.delete(path)
    }
    entry.running.then(over, over)
    return entry.running
  }
  const sync = (path: string): Promise<void> => {
    const entry = syncs.get(path)
    if (entry === undefined) return start(path)
    entry.next ??= entry.running.catch(() => undefined).then(() => start(path))
    return entry.next
  }
  return {
    sync,
    within: async (path, use) => {
      try {
        return await use()
      } catch (cause) {
        const first = await identity
        if (!isMissing(cause) || (first !== undefined && first !== (await identityOf(root)))) throw cause
        await makeDirectory(path)
        await sync(root)
        return await use()
      }
    }
  }
}

/**
 * Makes a directory and those above it, unless they exist, syncs their names, and checks that this process may write to
 * it.
 */
export const makeWritable = async (path: string): Promise<void> => {
  const missing: Array<string> = []
  for (let at = path; (await lookAt(at)) === undefined; at = Path.dirname(at)) missing.unshift(at)
  for (const directory of missing) await makeDirectory(directory)
  for (const directory of missing) await syncDirectory(Path.dirname(directory)).catch(() => undefined) // it may not be ours to read
  if (!(await Fs.stat(path)).isDirectory())
    throw Object.assign(new Error(`${path} is not a directory`), { code: "ENOTDIR", path })
  await Fs.access(path, Fs.constants.W_OK)
}

/** What tells a file or directory from another one under the same path; undefined if it is missing. */
const identityOf = (path: string): Promise<string | undefined> =>
  Fs.stat(path, { bigint: true }).then(
    ({ dev, ino }) => `${dev}/${ino}`,
    () => undefined
  )

/**
 * Makes a directory whose parent exists. In a directory that its group may write to, the group may write to the new one
 * as well, whatever this process's umask is.
 */
export const makeDirectory = async (path: string): Promise<void> => {
  try {
    await Fs.mkdir(path)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "EEXIST") throw cause
    return
  }
  if (process.platform === "win32") return
  const { mode } = await Fs.stat(Path.dirname(path))
  if ((mode & 0o020) !== 0) await Fs.chmod(path, mode & 0o7777)
}

/** Makes the names in a directory durable. Some systems have no such call for directories, and need none. */
export const syncDirectory = async (path: string): Promise<void> => {
  if (process.platform === "win32") return
  const directory = await Fs.open(path, "r")
  try {
    await directory.sync()
  } catch (cause) {
    if (!["EINVAL", "ENOTSUP", "EPERM", "EISDIR"].includes((cause as NodeJS.ErrnoException).code ?? "")) throw cause
  } finally {
    await directory.close()
  }
}
