/** Shared by the artifact stores: bytes in parts without copies, and failures of the medium as sentences. */

import { ArtifactError } from "./artifactError.ts"
import { reasonOf } from "./obstacle.ts"

/**
 * Bytes are hashed, written and streamed in parts of this size: big enough to cost few calls, short enough to yield
 * between.
 */
export const partSize = 8 * 1024 * 1024

/** The length of all parts together. */
export const sizeOf = (chunks: ReadonlyArray<Uint8Array>): number => {
  let size = 0
  for (const chunk of chunks) size += chunk.length
  return size
}

/** The parts as one array; one part is returned as it is. */
export const join = (chunks: ReadonlyArray<Uint8Array>, size: number): Uint8Array => {
  if (chunks.length === 1) return chunks[0] as Uint8Array // its length was just looked at
  const joined = new Uint8Array(size)
  let at = 0
  for (const chunk of chunks) {
    joined.set(chunk, at)
    at += chunk.length
  }
  return joined
}

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
