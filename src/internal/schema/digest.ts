/**
 * SHA-256, in hexadecimal. Artifacts are named by the digest of their bytes; everything else that is hashed (task keys,
 * schemas) starts with a domain of its own, so that no two kinds of digest can ever be taken for each other.
 */
import * as crypto from "node:crypto"

// Not imported by name: an older Node could not load this file, and so not say that it is too old.
const { createHash, hash } = crypto

/** The digest of bytes given in one or more parts, none of which is copied. */
export const ofChunks = (chunks: ReadonlyArray<Uint8Array>): string => {
  if (chunks.length === 1) return hash("sha256", chunks[0] as Uint8Array, "hex") // its length was just looked at
  const state = createHash("sha256")
  for (const chunk of chunks) state.update(chunk)
  return state.digest("hex")
}

/** The digest of texts under a domain, each text led by its length, so that no two lists run together. */
export const ofTexts = (domain: string, texts: ReadonlyArray<string>): string => {
  let joined = domain
  for (const text of texts) joined += `\n${text.length}:${text}`
  return hash("sha256", joined, "hex")
}
