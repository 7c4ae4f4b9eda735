/** A user's file that becomes an artifact. It is refused if something writes to it while it is read (`fileState.ts`). */
import * as Fs from "node:fs/promises"
import * as FileState from "../fileState.ts"
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
    const { isChanged } = await FileState.watch(file)
    return {
      file,
      check: async () => {
        if (await isChanged()) throw changed(path)
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
