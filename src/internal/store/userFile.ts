/**
 * A user's file that becomes an artifact. If something writes to it while it is read, what is read is a mix of two states
 * that the file never had, so it is refused. A file that is replaced by another one of its name is read to its end. (Of a
 * single long write that began before the file was opened, the system gives no sign.)
 */
import * as Fs from "node:fs/promises"
import { ArtifactError } from "./artifactError.ts"
import * as Bytes from "./bytes.ts"

/** Why a file could not be stored: what is known already, or that it can't be read. */
export const unreadable = (path: string, cause: unknown): ArtifactError =>
  cause instanceof ArtifactError ? cause : Bytes.failed("unreadable", `The file ${path} can't be read`, cause)

/** The refusal. */
export const changed = (path: string): ArtifactError =>
  new ArtifactError({
    reason: "unreadable",
    message: `The file ${path} changed while it was being stored. Store it when nothing writes to it.`
  })

/** Opens a file; `check` fails if it was written to since. */
export const open = async (
  path: string
): Promise<{ readonly file: Fs.FileHandle; readonly check: () => Promise<void> }> => {
  const file = await Fs.open(path, "r")
  try {
    const before = await file.stat({ bigint: true })
    return {
      file,
      check: async () => {
        const { mtimeNs, size } = await file.stat({ bigint: true })
        if (mtimeNs !== before.mtimeNs || size !== before.size) throw changed(path)
      }
    }
  } catch (cause) {
    await file.close()
    throw cause
  }
}

/** What is read of a file to which nothing writes meanwhile. */
export const read = async <A>(path: string, use: (file: Fs.FileHandle) => Promise<A>): Promise<A> => {
  const { check, file } = await open(path)
  try {
    const result = await use(file)
    await check()
    return result
  } finally {
    await file.close()
  }
}
