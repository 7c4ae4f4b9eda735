/** Shared by the artifact stores: bytes in parts without copies, and failures of the medium as sentences. */
import { concat } from "../schema/bytes.ts"
import { ArtifactError } from "./artifactError.ts"
import { reasonOf } from "./obstacle.ts"

export { compact, sizeOf } from "../schema/bytes.ts"

/**
 * Bytes are hashed, written and streamed in parts of this size: big enough to cost few calls, short enough to yield
 * between.
 */
export const partSize = 8 * 1024 * 1024

/** The parts as one array; one part is returned as it is. */
export const join = (chunks: ReadonlyArray<Uint8Array>, size: number): Uint8Array =>
  chunks.length === 1 ? (chunks[0] as Uint8Array) : concat(chunks, size) // its length was just looked at

/** Views of bytes, or of a range of them, of `partSize` each. */
export function* parts(
  bytes: Uint8Array,
  range?: { readonly start: number; readonly end: number }
): Generator<Uint8Array> {
  const end = Math.min(range?.end ?? bytes.length, bytes.length)
  for (let at = Math.max(range?.start ?? 0, 0); at < end; at += partSize) {
    yield bytes.subarray(at, Math.min(at + partSize, end))
  }
}

/** An error of the medium as a sentence: what can't be done, and why in the words of the system. */
export const failed = (reason: ArtifactError["reason"], what: string, cause: unknown, digest?: string): ArtifactError =>
  new ArtifactError({ reason, message: `${what}: ${reasonOf(cause)}.`, ...(digest === undefined ? {} : { digest }) })
