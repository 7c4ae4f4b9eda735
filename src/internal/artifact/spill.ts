/**
 * Where the parts of an encoded value are gathered: in memory while they are few, then in a temporary file, so that a
 * large value is not in memory a second time. Where no temporary file can be written, memory has to do.
 */
import { randomUUID } from "node:crypto"
import { rmSync } from "node:fs"
import * as Fs from "node:fs/promises"
import * as Os from "node:os"
import * as Path from "node:path"
import * as Effect from "effect/Effect"
import type { Encoded } from "./artifact.ts"

/** Up to this many bytes stay in memory. */
const defaultLimitBytes = 64 * 1024 ** 2

/** Gathers parts. */
export interface Spill {
  readonly add: (parts: ReadonlyArray<Uint8Array>) => Effect.Effect<void>
  /** All parts. The code that stores a file also removes it. */
  readonly end: Effect.Effect<Encoded>
  /** Removes the file if there will be no end. */
  readonly discard: Effect.Effect<void>
}

/** Begins to gather. */
export const make = (limitBytes = defaultLimitBytes): Spill => {
  let parts: Array<Uint8Array> = []
  let size = 0
  let file: { readonly handle: Fs.FileHandle; readonly path: string; written: number } | undefined
  let isPossible = true

  const spill = async (): Promise<void> => {
    try {
      if (file === undefined) {
        const path = Path.join(Os.tmpdir(), `effect-flow-encoding-${randomUUID()}`)
        file = { path, handle: await Fs.open(path, "wx+", 0o600), written: 0 }
        watch(path)
      }
      const { handle, written } = file
      let at = written
      for (const part of parts) {
        for (let done = 0; done < part.length; )
          done += (await handle.write(part, done, undefined, at + done)).bytesWritten
        at += part.length
      }
      file.written = at
      parts = []
      size = 0
    } catch {
      isPossible = false
      if (file === undefined) return
      // What is in the file so far comes back; the parts that did not fit it are still at hand.
      const { handle, written } = file
      const bytes = new Uint8Array(written)
      await handle.read(bytes, 0, written, 0)
      parts.unshift(bytes)
      await close()
    }
  }
  const close = async (): Promise<void> => {
    const opened = file
    file = undefined
    if (opened === undefined) return
    await opened.handle.close()
    await remove(opened.path)
  }
  return {
    add: (more) =>
      Effect.suspend(() => {
        for (const part of more) size += part.length
        parts.push(...more)
        return size > limitBytes && isPossible ? Effect.promise(spill) : Effect.void
      }),
    end: Effect.suspend((): Effect.Effect<Encoded> => {
      if (file === undefined) return Effect.succeed(parts)
      return Effect.promise(async (): Promise<Encoded> => {
        await spill()
        if (file === undefined) return parts
        const { handle, path } = file
        await handle.close()
        return { path, remove: Effect.promise(() => remove(path)) }
      })
    }),
    discard: Effect.promise(close)
  }
}

/** Files that nobody has stored yet. They are removed at the end of the process. */
const open = new Set<string>()
let isWatched = false

const watch = (path: string): void => {
  open.add(path)
  if (isWatched) return
  isWatched = true
  process.once("exit", () => {
    for (const path of open) rmSync(path, { force: true })
  })
}

const remove = async (path: string): Promise<void> => {
  await Fs.rm(path, { force: true })
  open.delete(path)
}
