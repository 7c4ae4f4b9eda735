/**
 * Which run databases keep artifacts in a place. Garbage collection goes by the runs of one database and can't see those
 * of another, so it removes nothing from a place that several use. Each database leaves a mark there, named by its random
 * token, before it first writes.
 */
import * as Effect from "effect/Effect"
import { ArtifactError } from "./artifactError.ts"

/** Where the marks are, below the directory or the prefix of the artifacts. */
export const folder = "databases"

export interface Owners {
  /** The place, for messages. */
  readonly place: string
  /** Where the mark of a database is, for messages. */
  readonly pathOf: (token: string) => string
  readonly mark: (token: string) => Effect.Effect<void, ArtifactError>
  /** The tokens of all databases that have left a mark. */
  readonly tokens: Effect.Effect<ReadonlyArray<string>, ArtifactError>
}

/** What a mark is named like: consoles and file systems leave other things beside them, a mark for the folder itself for one. */
const isToken = (name: string): boolean => /^[\da-f]{32}$|^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/.test(name)

/** Fails if other databases than the one with this token keep artifacts in the place. */
export const checkAlone = ({ pathOf, place, tokens }: Owners, own: string): Effect.Effect<void, ArtifactError> =>
  Effect.flatMap(tokens, (names) => {
    const all = names.filter(isToken)
    const [other] = all.filter((token) => token !== own)
    if (other === undefined) return Effect.void
    return Effect.fail(
      new ArtifactError({
        reason: "unwritable",
        message:
          `No artifacts were removed from ${place}: ${new Set([...all, own]).size} run databases keep artifacts there, and ` +
          "gc sees only the runs of one. A copy of a database counts as another one. Give each database a prefix or " +
          `directory of its own, and copy its runs there. If the other database no longer exists, remove ${pathOf(other)}.`
      })
    )
  })
