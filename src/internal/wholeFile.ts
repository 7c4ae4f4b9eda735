/**
 * A file that is written for somebody. It has a temporary name beside its own until it is complete, so that nobody takes a part
 * for all of it. Where something else has its name, a device or a pipe, that is written to: a file in its place would
 * leave `/dev/null` a file for everybody.
 */
import { randomUUID } from "node:crypto"
import { constants, rmSync, type Stats } from "node:fs"
import { type FileHandle, open, readlink, realpath, rename, rm, stat } from "node:fs/promises"
import { basename, dirname, join, resolve } from "node:path"
import { setTimeout } from "node:timers/promises"
import * as Effect from "effect/Effect"
import { codeOf } from "./cause.ts"

/** A file under its temporary name. */
interface Writing {
  /** Adds the whole part, however often the system has to be asked. */
  readonly write: (part: Uint8Array) => Promise<void>
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

/**
 * Writes a file. What is there stays until the new one is complete.
 *
 * @param failed Makes an error of what went wrong.
 * @param fill Appends the parts. If it fails or is interrupted, nothing of the file is left.
 */
export const write = <E, E2, R>(
  path: string,
  failed: (cause: unknown) => E,
  fill: (append: (part: Uint8Array) => Effect.Effect<void, E>) => Effect.Effect<void, E2, R>
): Effect.Effect<void, E | E2, R> => {
  const attempt = <A>(run: () => Promise<A>) => Effect.tryPromise({ try: run, catch: failed })
  return Effect.acquireUseRelease(
    attempt(() => begin(path)),
    (file) =>
      Effect.andThen(
        fill((part) => attempt(() => file.write(part))),
        attempt(file.finish)
      ),
    ({ close }) => Effect.promise(close)
  )
}

/** Begins to write a file. */
export const begin = async (path: string): Promise<Writing> => {
  const there = await lookAt(path)
  if (there?.isDirectory() === true) throw Object.assign(new Error("it is a directory"), { code: "EISDIR" })
  if (there?.isFIFO() === true) return toPipe(path)
  if (there !== undefined && !there.isFile()) {
    const handle = await open(path, "w")
    const close = () => handle.close().catch(() => undefined) // closed already, where all went well
    return { write: (part) => handle.appendFile(part), finish: () => handle.close(), close }
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
    write: (part) => handle.appendFile(part),
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

/** How long until a pipe is tried again that has no reader, or is full. */
const pipeMs = 10

/**
 * Writes to a pipe once it has a reader, as far as that reads. Nothing here waits within the system: a process can't exit
 * while one of its threads does.
 */
const toPipe = (path: string): Writing => {
  let isClosed = false
  let pipe: FileHandle | undefined
  const untilDone = async <A>(attempt: () => Promise<A>, hindrance: string): Promise<A> => {
    for (;;) {
      try {
        return await attempt()
      } catch (error) {
        if (isClosed || codeOf(error) !== hindrance) throw error
        await setTimeout(pipeMs)
      }
    }
  }
  const close = async () => {
    isClosed = true
    await pipe?.close().catch(() => undefined) // closed already, where all went well
  }
  const opened = async () => {
    pipe ??= await untilDone(() => open(path, constants.O_WRONLY | constants.O_NONBLOCK), "ENXIO")
    if (isClosed) await close() // the system opened it meanwhile
    return pipe
  }
  return {
    write: async (part) => {
      const to = await opened()
      for (let at = 0; at < part.length; ) {
        const { bytesWritten } = await untilDone(() => to.write(part, at), "EAGAIN")
        at += bytesWritten
      }
    },
    finish: async () => {
      await (await opened()).close() // also where there is nothing to write: the reader waits for an end
    },
    close
  }
}

const lookAt = async (path: string): Promise<Stats | undefined> => {
  try {
    return await stat(path)
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined
    throw error
  }
}
