/**
 * Ids of runs: 26 characters that sort by start, in lower case, safe in a path and a URL. They are ULIDs (a time in
 * milliseconds, then 80 random bits; Crockford's base 32): unique across hosts without asking anyone. Source: the ULID
 * specification.
 *
 * An id never sorts below the newest one in the store, even where the clock was set back: `latest` is the run that was
 * started last.
 */
import { randomFillSync } from "node:crypto"
import * as Effect from "effect/Effect"
import { FlowError } from "../../FlowError.ts"

const alphabet = "0123456789abcdefghjkmnpqrstvwxyz"
const state = { time: -1, random: new Uint8Array(16) }

const given = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/
const reserved: ReadonlySet<string> = new Set(["latest"])

/** Checks an id that a caller chose: it stands in paths, URLs and the ids of tasks. */
export const check = (flow: string, id: string): Effect.Effect<string, FlowError> =>
  typeof id === "string" && given.test(id) && !reserved.has(id)
    ? Effect.succeed(id)
    : Effect.fail(
        new FlowError({
          reason: "id",
          message: `A run of flow "${flow}" can't have the id ${shown(id)}: an id has 1 to 128 letters, digits, ".", "_" or "-", begins with a letter or a digit, and is not "latest".`
        })
      )

const shown = (id: unknown): string => {
  const text = typeof id === "string" ? JSON.stringify(id) : String(id)
  return text.length > 60 ? `${text.slice(0, 57)}…" (${String(id).length} characters)` : text
}

/** Sorts after every id made here: a time of 48 bits begins with a digit up to 7. */
export const end = "8"

const timeDigits = 10
const isUlid = /^[0-7][0-9a-hjkmnp-tv-z]{25}$/

/**
 * The next id.
 *
 * @param now Milliseconds since the epoch.
 * @param newest The newest id in the store. Other ids are ignored.
 */
export const make = (now: number, newest?: string): string => {
  const id = at(now)
  return newest === undefined || id > newest || !isUlid.test(newest) ? id : at(timeOf(newest) + 1)
}

/** Within one process, ids of the same millisecond sort in the order in which they were made. */
const at = (time: number): string => {
  if (time === state.time) increment()
  else {
    state.time = time
    randomFillSync(state.random)
    for (let i = 0; i < 16; i++) state.random[i] = (state.random[i] as number) & 31 // 16 digits of 5 bits
  }
  let id = ""
  for (let i = 0, rest = time; i < timeDigits; i++, rest = Math.floor(rest / 32)) id = alphabet[rest % 32] + id
  for (const digit of state.random) id += alphabet[digit]
  return id
}

const timeOf = (id: string): number =>
  [...id.slice(0, timeDigits)].reduce((time, digit) => time * 32 + alphabet.indexOf(digit), 0)

const increment = () => {
  for (let i = 15; i >= 0; i--) {
    const digit = state.random[i] as number // 16 of them
    state.random[i] = (digit + 1) & 31
    if (digit < 31) return
  }
}
