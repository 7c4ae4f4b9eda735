/**
 * Which run databases keep artifacts in a place. Garbage collection goes by the runs of one database and can't see those
 * of another, so it removes nothing from a place that several use. Each database leaves a mark there, named by its random
 * token, before it first writes. The database of a store in a directory, which has its artifacts beside it, leaves none.
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
  /** None for a database that needs no mark, because it is beside its artifacts. */
  readonly mark?: (token: string) => Effect.Effect<void, ArtifactError>
  /** The path of another database that is beside the artifacts, and has left no mark. */
  readonly beside?: Effect.Effect<string | undefined, ArtifactError>
  /** The tokens of all databases that have left a mark. */
  readonly tokens: Effect.Effect<ReadonlyArray<string>, ArtifactError>
}

/** What a mark is named like: consoles and file systems leave other things beside them, a mark for the folder itself for one. */
const isToken = (name: string): boolean => /^[\da-f]{32}$|^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/.test(name)

/** Fails if other databases than the one with this token keep artifacts in the place. */
export const checkAlone = (
  { beside = Effect.undefined, pathOf, place, tokens }: Owners,
  own: string
): Effect.Effect<void, ArtifactError> =>
  Effect.flatMap(Effect.all([tokens, beside]), ([names, unmarked]) => {
    const marks = names.filter((token) => isToken(token) && token !== own).map(pathOf)
    const others = unmarked === undefined ? marks : [unmarked, ...marks]
    const [other] = others
    if (other === undefined) return Effect.void
    return Effect.fail(
      new ArtifactError({
        reason: "unwritable",
        message:
          `No artifacts were removed from ${place}: ${others.length + 1} run databases keep artifacts there, and ` +
          "gc sees only the runs of one. A copy of a database counts as another one. Give each database a prefix or " +
          `directory of its own, and copy its runs there. If the other database no longer exists, remove ${other}.`
      })
    )
  })
