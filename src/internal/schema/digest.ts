/**
 * SHA-256 in hexadecimal. Artifacts are named by the digest of their bytes. Everything else that is hashed (task keys,
 * schemas) starts with a domain string, so that two kinds of digest are never confused.
 */
import * as crypto from "node:crypto"

// Not imported by name, because an older Node could then not load this file and report that it is too old.
const { createHash, hash } = crypto

/** The digest of bytes in one or more parts. Copies none of them. */
export const ofChunks = (chunks: ReadonlyArray<Uint8Array>): string => {
  if (chunks.length === 1) return hash("sha256", chunks[0] as Uint8Array, "hex") // its length is 1
  const state = createHash("sha256")
  for (const chunk of chunks) state.update(chunk)
  return state.digest("hex")
}

/** The digest of texts in a domain. Each text is prefixed with its length, so different lists never hash alike. */
export const ofTexts = (domain: string, texts: ReadonlyArray<string>): string => {
  let joined = domain
  for (const text of texts) joined += `\n${text.length}:${text}`
  return hash("sha256", joined, "hex")
}
