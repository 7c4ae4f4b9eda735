/** Reads every object of a store and checks it against its name, and moves intact ones to their places. */
import * as Effect from "effect/Effect"
import type { Client } from "../../s3/client.ts"
import type { ArtifactError } from "../artifactError.ts"
import type { Checked } from "../blobs.ts"
import type { Places } from "./places.ts"
import * as Problem from "./problem.ts"
import { objects } from "./sweep.ts"

/** How many objects are read at once. */
const concurrency = 4

/** Whether the bytes of an object have a digest. */
type Check = (digest: string, key: string) => Effect.Effect<boolean, ArtifactError>

export const verify = (
  client: Client,
  places: Places,
  isIntact: Check,
  each: (checked: Checked) => void
): Effect.Effect<void, ArtifactError> =>
  objects(client, places, (page) =>
    Effect.forEach(
      page,
      ({ key, size }) => {
        const named = places.digestIn(key)
        if (named === undefined) return Effect.void
        const { digest, isRight } = named
        const checked = {
          digest,
          path: places.show(key),
          size,
          place: isRight ? ("right" as const) : ("wrong" as const)
        }
        return Effect.matchEffect(isIntact(digest, key), {
          onSuccess: (intact) => Effect.sync(() => each({ ...checked, intact })),
          onFailure: (error) =>
            error.reason === "missing"
              ? Effect.void // removed in the meantime
              : Effect.sync(() => each({ ...checked, size: 0, intact: false, error: error.message.replace(/\.$/, "") }))
        })
      },
      { concurrency, discard: true }
    )
  )

/** Copies an intact object from a wrong place to its own and removes it there. Says whether it did. */
export const restore = Effect.fnUntraced(function* (
  client: Client,
  places: Places,
  digest: string,
  from: string,
  isIntact: Check
): Effect.fn.Return<boolean, ArtifactError> {
  const key = places.keyOf(digest)
  const isThere = yield* Effect.catch(isIntact(digest, key), (error) =>
    error.reason === "missing" ? Effect.succeed(false) : Effect.fail(error)
  )
  if (isThere || !(yield* isIntact(digest, from))) return false
  yield* Effect.mapError(client.copy(from, key), (error) => Problem.unwritable(places, digest, error))
  yield* Effect.mapError(client.remove([from]), (error) => Problem.ofStore(places, "removed", error))
  return true
})
