/** Finds recent artifacts by their digests in `recent_blobs` (`recentBlobs.ts`), which has no index. */
import * as Effect from "effect/Effect"
import type { StoreError } from "../../../RunStore.ts"
import type { Database } from "./database.ts"
import * as RecentBlobs from "./recentBlobs.ts"

export interface Finder {
  /** The bytes of a recent artifact, as they are; undefined where there is none. */
  readonly bytes: (digest: string) => Effect.Effect<Uint8Array | undefined, StoreError>
  /** Whether some of these artifacts are recent. */
  readonly hasAny: (digests: Iterable<string>) => Effect.Effect<boolean, StoreError>
}

/** A finder remembers so many places beyond those of rows that are still there, before it starts anew. */
const rememberedPlaces = 4 * RecentBlobs.movedAtOnce

/** Reads each new row's digest once, and remembers its place: going through all rows for each artifact would be quadratic. */
export const make = (database: Database): Finder => {
  if (database.dialect === "pg") return { bytes: () => Effect.succeed(undefined), hasAny: () => Effect.succeed(false) }
  const places = new Map<string, number>()
  let last = 0
  let limit = rememberedPlaces
  const refresh: Effect.Effect<void, StoreError> = Effect.suspend(() =>
    Effect.flatMap(
      database.query(
        "SELECT sequence, digest FROM recent_blobs WHERE sequence > ? UNION ALL SELECT MAX(seq), NULL FROM sqlite_sequence WHERE name = 'recent_blobs'",
        [last]
      ),
      (rows) => {
        const newest = Number(rows.at(-1)?.sequence ?? 0)
        // A number can only become smaller where another database has taken the place of the one that was read before.
        if (last > 0 && (newest < last || places.size > limit)) {
          places.clear()
          last = 0
          return refresh
        }
        for (const { digest, sequence } of rows) if (digest !== null) places.set(digest, sequence)
        if (last === 0) limit = 2 * places.size + rememberedPlaces
        last = newest
        return Effect.void
      }
    )
  )
  return {
    bytes: (digest) =>
      Effect.flatMap(refresh, () => {
        const place = places.get(digest)
        if (place === undefined) return Effect.succeed(undefined)
        return Effect.map(
          database.query(
            "SELECT bytes FROM recent_blobs WHERE sequence = ? AND digest = ? UNION ALL SELECT bytes FROM blobs WHERE digest = ?",
            [place, digest, digest]
          ),
          ([row]) => row?.bytes as Uint8Array | undefined // the column's type
        )
      }),
    hasAny: (digests) =>
      Effect.map(refresh, () => {
        for (const digest of digests) if (places.has(digest)) return true
        return false
      })
  }
}
