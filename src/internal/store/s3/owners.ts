/** The marks of the run databases that keep artifacts under a prefix of a bucket: an empty object for each. */
import * as Effect from "effect/Effect"
import type { Client } from "../../s3/client.ts"
import * as Digest from "../../schema/digest.ts"
import { ArtifactError } from "../artifactError.ts"
import { folder, type Owners } from "../owners.ts"
import type { Places } from "./places.ts"
import * as Problem from "./problem.ts"

export const make = (client: Client, places: Places): Owners => {
  const marks = `${places.prefix}${folder}/`
  return {
    place: places.show(places.prefix),
    pathOf: (token) => places.show(marks + token),
    mark: (token) =>
      client.put(marks + token, { body: [], size: 0, digest: Digest.ofChunks([]) }, { isNew: true }).pipe(
        Effect.asVoid,
        Effect.catchIf(
          ({ kind }) => kind === "changed", // it was left before
          () => Effect.void
        ),
        Effect.mapError(
          ({ reason }) =>
            new ArtifactError({
              reason: "unwritable",
              message: `This run database can't leave its mark in ${places.show(marks)}, which it does before it keeps artifacts in ${places.show(places.prefix)}: ${reason}.`
            })
        )
      ),
    tokens: Effect.mapBoth(client.list(marks), {
      onSuccess: ({ items }) => items.map(({ key }) => key.slice(marks.length)),
      onFailure: (error) => Problem.ofStore(places, "listed", error)
    })
  }
}
