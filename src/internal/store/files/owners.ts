/**
 * The marks of the run databases that keep artifacts in a directory: an empty file for each. Someone who moves to Postgres may
 * name the directory in which a local store has its artifacts, so each of the two looks for the other.
 */
import * as Fs from "node:fs/promises"
import * as Path from "node:path"
import type * as Effect from "effect/Effect"
import type { ArtifactError } from "../artifactError.ts"
import { folder, type Owners } from "../owners.ts"
import { type Directories, entries } from "./directories.ts"
import { lookAt } from "./look.ts"

/**
 * @param isShared Whether the database is elsewhere, as in Postgres, and leaves a mark.
 * @param work.read Looks at files, as the store does it.
 * @param work.write Writes files.
 */
export const make = (
  directory: string,
  isShared: boolean,
  directories: Directories,
  work: {
    readonly read: <A>(work: () => Promise<A>) => Effect.Effect<A, ArtifactError>
    readonly write: <A>(work: () => Promise<A>) => Effect.Effect<A, ArtifactError>
  }
): Owners => {
  const marks = Path.join(directory, folder)
  const pathOf = (token: string): string => Path.join(marks, token)
  const all = { place: directory, pathOf, tokens: work.read(() => entries(marks)) }
  if (!isShared) return all
  return {
    ...all,
    mark: (token) =>
      work.write(async () => {
        await directories.within(marks, async () => (await Fs.open(pathOf(token), "a")).close())
        await directories.sync(marks)
      }),
    beside: work.read(async () => {
      if (Path.basename(await Fs.realpath(directory)) !== "blobs") return undefined
      const database = Path.join(await Fs.realpath(directory), "..", "runs.sqlite")
      return (await lookAt(database)) === undefined ? undefined : database
    })
  }
}
