/**
 * Holds a large JSON value on a worker thread, which parses and searches it, and tells the page the parts that it shows.
 */
import { type Hits, type Path, searchJson } from "./jsonSearch.ts"
import { beginning } from "./jsonText.ts"

/** The first items of a part are told at once, the others in steps of this many. */
export const partSize = 100
const previewLength = 400

/** What is known of a part without its own parts. */
export interface Part {
  readonly key: string
  readonly kind: "object" | "array" | "string" | "number" | "boolean" | "null"
  /** The number of its parts, or of its characters. */
  readonly size: number
  /** A text, cut after some characters; a number or a word. */
  readonly text: string
}

export type JsonQuestion =
  | { readonly id: number; readonly _tag: "Open"; readonly url: string }
  | { readonly id: number; readonly _tag: "Parts"; readonly path: Path; readonly from: number }
  | { readonly id: number; readonly _tag: "Text"; readonly path: Path }
  | { readonly id: number; readonly _tag: "Search"; readonly text: string }

export type JsonAnswer =
  | { readonly id: number; readonly parts: ReadonlyArray<Part> }
  | { readonly id: number; readonly text: string }
  | { readonly id: number; readonly hits: Hits }
  /** `status` is that of the server's answer: 200 where the bytes came, and are not JSON. */
  | { readonly id: number; readonly error: string; readonly status: number }

let root: unknown

const at = (path: Path): unknown =>
  path.reduce((value: unknown, key) => (value as Readonly<Record<string, unknown>>)[key], root) // told by this worker

const partOf = (key: string, value: unknown): Part => {
  if (value === null) return { key, kind: "null", size: 0, text: "null" }
  if (Array.isArray(value)) return { key, kind: "array", size: value.length, text: "" }
  if (typeof value === "object") return { key, kind: "object", size: Object.keys(value).length, text: "" }
  if (typeof value === "string")
    return { key, kind: "string", size: value.length, text: beginning(value, previewLength) }
  return { key, kind: typeof value === "number" ? "number" : "boolean", size: 0, text: String(value) }
}

const partsOf = (value: unknown, from: number): ReadonlyArray<Part> => {
  if (typeof value !== "object" || value === null) return []
  return Array.isArray(value)
    ? value.slice(from, from + partSize).map((item, i) => partOf(String(from + i), item))
    : Object.keys(value)
        .slice(from, from + partSize)
        .map((key) => partOf(key, (value as Readonly<Record<string, unknown>>)[key])) // an object of JSON
}

let latestSearch = 0

/** Searches in steps, between which other questions are answered. It gives up when something else is searched for. */
const search = async (text: string): Promise<Hits> => {
  const own = ++latestSearch
  const steps = searchJson(root, text)
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
    await new Promise((resolve) => setTimeout(resolve))
    if (own !== latestSearch) return { paths: [], total: 0 }
  }
}

const answer = async (question: JsonQuestion): Promise<JsonAnswer> => {
  const { id } = question
  switch (question._tag) {
    case "Open": {
      const response = await fetch(question.url)
      const { status } = response
      if (!response.ok) return { id, error: `The server answered with ${status}.`, status }
      const text = await response.text()
      try {
        root = JSON.parse(text)
      } catch (cause) {
        return { id, error: `The value can't be read: ${cause}`, status }
      }
      return { id, parts: [partOf("", root)] }
    }
    case "Parts":
      return { id, parts: partsOf(at(question.path), question.from) }
    case "Text":
      return { id, text: String(at(question.path)) }
    case "Search":
      return { id, hits: await search(question.text) }
  }
}

self.onmessage = ({ data }: MessageEvent<JsonQuestion>) => {
  answer(data).then(
    (told) => self.postMessage(told),
    (cause) =>
      self.postMessage({ id: data.id, error: `The value can't be read: ${cause}`, status: 0 } satisfies JsonAnswer)
  )
}
