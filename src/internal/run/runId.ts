/**
 * Ids of runs: 26 characters that sort by start, in lower case, safe in a path and a URL. They are ULIDs (a time in
 * milliseconds, then 80 random bits; Crockford's base 32): unique across hosts without asking anyone. Within one process
 * two of the same millisecond sort in the order in which they were made. Source: the ULID specification.
 */
import { randomFillSync } from "node:crypto"

const alphabet = "0123456789abcdefghjkmnpqrstvwxyz"
const state = { time: -1, random: new Uint8Array(16) }

/** The next id at a time in milliseconds since the epoch. */
export const make = (now: number): string => {
  if (now === state.time) increment()
  else {
    state.time = now
    randomFillSync(state.random)
    for (let i = 0; i < 16; i++) state.random[i] = (state.random[i] as number) & 31 // 16 digits of 5 bits
  }
  let id = ""
  for (let i = 0, rest = now; i < 10; i++, rest = Math.floor(rest / 32)) id = alphabet[rest % 32] + id
  for (const digit of state.random) id += alphabet[digit]
  return id
}

const increment = () => {
  for (let i = 15; i >= 0; i--) {
    const digit = state.random[i] as number // 16 of them
    state.random[i] = (digit + 1) & 31
    if (digit < 31) return
  }
}
