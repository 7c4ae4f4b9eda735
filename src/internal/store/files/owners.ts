/** The marks of the run databases that keep artifacts in a directory: an empty file for each. */
import * as Fs from "node:fs/promises"
import * as Path from "node:path"
import type * as Effect from "effect/Effect"
import type { ArtifactError } from "../artifactError.ts"
import { folder, type Owners } from "../owners.ts"
import { type Directories, entries } from "./directories.ts"

/** @param working Work on files as an effect, as the store does it. */
export const make = (
  directory: string,
  directories: Directories,
  working: <A>(work: () => Promise<A>) => Effect.Effect<A, ArtifactError>
): Owners => {
  const marks = Path.join(directory, folder)
  const pathOf = (token: string): string => Path.join(marks, token)
  return {
    place: directory,
    pathOf,
    mark: (token) =>
      working(async () => {
        await directories.within(marks, async () => (await Fs.open(pathOf(token), "a")).close())
        await directories.sync(marks)
      }),
    tokens: working(() => entries(marks))
  }
}
