/**
 * A file at an http(s) URL, of which only the needed ranges are fetched, each with a request of its own. Each answer must be
 * of the same file as the first one, and of the range that was asked for.
 */
import * as Effect from "effect/Effect"
import { codeOf, messageOf } from "../cause.ts"
import { SourceError, tailBytes, withTail } from "./ranges.ts"

interface Answer {
  readonly bytes: ArrayBuffer
  readonly headers: Headers
  /** The bytes are these of the file, which has `total`. Absent if they are the whole file. */
  readonly range?: { readonly start: number; readonly end: number; readonly total: number }
}

/** Opens a URL for as long as the scope lasts. */
export const openUrl = Effect.fnUntraced(function* (url: string) {
  const controller = yield* Effect.acquireRelease(
    Effect.sync(() => new AbortController()),
    (controller) => Effect.sync(() => controller.abort()) // ends what is still under way, when interrupted
  )
  const { address, authorization } = yield* Effect.try({ try: () => addressOf(url), catch: flaw })
  const get = async (range: string): Promise<Answer> => {
    // A part of compressed bytes can't be decompressed.
    const headers = { range: `bytes=${range}`, "accept-encoding": "identity", ...authorization }
    const response = await fetch(address, { headers, signal: controller.signal })
    if (response.status === 404 || response.status === 410) {
      throw new SourceError("missing", `there is no such file (the server answered ${response.status})`)
    }
    if (!response.ok) {
      throw new SourceError("unreadable", `the server answered ${response.status} ${response.statusText}`.trimEnd())
    }
    const answer = { bytes: await response.arrayBuffer(), headers: response.headers }
    return response.status === 206 ? { ...answer, range: rangeOf(answer) } : answer
  }
  // One request brings the end and says how long the file is.
  const first = yield* Effect.tryPromise({ try: () => get(`-${tailBytes}`), catch: flaw })
  const { range } = first
  if (range === undefined) return withTail(first.bytes.byteLength, neverRead, { start: 0, bytes: first.bytes }) // ranges are not served
  if (range.end !== range.total) return yield* Effect.fail(otherRange)
  const read = async (start: number, end: number): Promise<ArrayBuffer> => {
    const answer = await get(`${start}-${end - 1}`).catch((cause) => Promise.reject(flaw(cause)))
    if (isOfAnotherFile(first, answer)) throw replaced
    if (answer.range === undefined) return answer.bytes.slice(start, end)
    if (answer.range.start !== start || answer.range.end !== end) throw otherRange
    return answer.bytes
  }
  return withTail(range.total, read, { start: range.start, bytes: first.bytes })
})

/** A URL without its user and password, which `fetch` refuses, and the header that takes their place. */
const addressOf = (url: string) => {
  if (!URL.canParse(url)) throw new SourceError("unreadable", "it is not a valid URL")
  const address = new URL(url)
  const { password, username } = address
  if (username === "" && password === "") return { address }
  address.username = ""
  address.password = ""
  const credentials = Buffer.from(`${decoded(username)}:${decoded(password)}`).toString("base64")
  return { address, authorization: { authorization: `Basic ${credentials}` } }
}

/** A part of a URL as it was before it was encoded. A `%` that encodes nothing stands for itself. */
const decoded = (part: string): string => {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

/** The range that an answer says its bytes are. */
const rangeOf = ({ bytes, headers }: Answer): NonNullable<Answer["range"]> => {
  const [, first, last, all] = /^bytes (\d+)-(\d+)\/(\d+)$/i.exec(headers.get("content-range") ?? "") ?? []
  if (all === undefined) throw new SourceError("unreadable", "the server sent a part of it without saying of what")
  const range = { start: Number(first), end: Number(last) + 1, total: Number(all) }
  if (range.end - range.start !== bytes.byteLength) {
    const message = `the server sent ${bytes.byteLength} bytes and called them the bytes ${first} to ${last}`
    throw new SourceError("unreadable", message)
  }
  return range
}

/** Whether two answers differ in what a server tells of a file. What only one of them has says nothing. */
const isOfAnotherFile = (first: Answer, next: Answer): boolean => {
  const differ = (name: string): boolean => {
    const [before, after] = [first.headers.get(name), next.headers.get(name)]
    return before !== null && after !== null && before !== after
  }
  return (
    (next.range?.total ?? next.bytes.byteLength) !== first.range?.total || differ("etag") || differ("last-modified")
  )
}

const replaced = new SourceError("unreadable", "it was replaced while it was read")
const otherRange = new SourceError("unreadable", "the server sent another range than the one it was asked for")

const neverRead = (): Promise<ArrayBuffer> => Promise.reject(new Error("the whole file is there"))

/** What undici says is in the cause of what `fetch` throws. */
const flaw = (cause: unknown): SourceError => {
  if (cause instanceof SourceError) return cause
  const inner = cause instanceof Error && cause.cause !== undefined ? cause.cause : cause
  return new SourceError("unreadable", `the server can't be reached (${codeOf(inner) || messageOf(inner)})`)
}
