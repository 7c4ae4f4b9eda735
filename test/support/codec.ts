/** Artifacts without a store: encode to one block of bytes, decode from it. */
import * as Effect from "effect/Effect"
import type * as Artifact from "../../src/Artifact.ts"

/** The bytes of a value, its parts put together. */
export const encode = <A>(artifact: Artifact.Artifact<A>, value: A): Effect.Effect<Uint8Array, Artifact.CodecError> =>
  Effect.map(artifact.encode(value), (encoded) => {
    if ("path" in encoded) throw new Error(`stored as the file ${encoded.path}`)
    return new Uint8Array(Buffer.concat(encoded))
  })

/** The value of bytes. */
export const decode = <A>(artifact: Artifact.Artifact<A>, bytes: Uint8Array): Effect.Effect<A, Artifact.CodecError> =>
  artifact.decode({ bytes: Effect.succeed(bytes), path: Effect.die("no path") })

/** A value through its bytes. */
export const roundTrip = <A>(artifact: Artifact.Artifact<A>, value: A): Effect.Effect<A, Artifact.CodecError> =>
  Effect.flatMap(encode(artifact, value), (bytes) => decode(artifact, bytes))
