/**
 * Holds a large JSON value on a worker thread, which parses and searches it, and tells the page the parts that it shows.
 */

/** The first items of a part are told at once, the others in steps of this many. */
export const partSize = 100
const hitsLimit = 1000
const previewLength = 400

/** A way to a part: keys and places from the root. */
export type Path = ReadonlyArray<string>

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

export interface Hits {
  /** Found in keys and values, in the order of the value. */
  readonly paths: ReadonlyArray<Path>
  readonly total: number
}

export type JsonAnswer =
  | { readonly id: number; readonly parts: ReadonlyArray<Part> }
  | { readonly id: number; readonly text: string }
  | { readonly id: number; readonly hits: Hits }
  | { readonly id: number; readonly error: string }

let root: unknown

const at = (path: Path): unknown =>
  path.reduce((value: unknown, key) => (value as Readonly<Record<string, unknown>>)[key], root) // told by this worker

const partOf = (key: string, value: unknown): Part => {
  if (value === null) return { key, kind: "null", size: 0, text: "null" }
  if (Array.isArray(value)) return { key, kind: "array", size: value.length, text: "" }
  if (typeof value === "object") return { key, kind: "object", size: Object.keys(value).length, text: "" }
  if (typeof value === "string") return { key, kind: "string", size: value.length, text: value.slice(0, previewLength) }
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

const search = (text: string): Hits => {
  const wanted = text.toLowerCase()
  const paths: Array<Path> = []
  let total = 0
  // A stack of its own: a value may be nested deeper than the engine's stack.
  const stack: Array<{ readonly value: unknown; readonly path: ReadonlyArray<string> }> = [{ value: root, path: [] }]
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    const { path, value } = next
    const key = path.at(-1)
    const isHit =
      key?.toLowerCase().includes(wanted) === true ||
      ((typeof value !== "object" || value === null) && String(value).toLowerCase().includes(wanted))
    if (isHit) {
      total++
      if (paths.length < hitsLimit) paths.push(path)
    }
    if (typeof value !== "object" || value === null) continue
    const keys = Object.keys(value)
    for (let i = keys.length - 1; i >= 0; i--) {
      const name = keys[i] as string // within bounds
      const item = (value as Readonly<Record<string, unknown>>)[name] // an object or a list of JSON
      // Leaves that don't match are passed without a path of their own.
      if ((typeof item !== "object" || item === null) && !name.toLowerCase().includes(wanted)) {
        if (!String(item).toLowerCase().includes(wanted)) continue
      }
      stack.push({ value: item, path: [...path, name] })
    }
  }
  return { paths, total }
}

const answer = async (question: JsonQuestion): Promise<JsonAnswer> => {
  const { id } = question
  switch (question._tag) {
    case "Open": {
      const response = await fetch(question.url)
      if (!response.ok) return { id, error: `The server answered with ${response.status}.` }
      root = await response.json()
      return { id, parts: [partOf("", root)] }
    }
    case "Parts":
      return { id, parts: partsOf(at(question.path), question.from) }
    case "Text":
      return { id, text: String(at(question.path)) }
    case "Search":
      return { id, hits: search(question.text) }
  }
}

self.onmessage = ({ data }: MessageEvent<JsonQuestion>) => {
  answer(data).then(
    (told) => self.postMessage(told),
    (cause) => self.postMessage({ id: data.id, error: `The value can't be read: ${cause}` } satisfies JsonAnswer)
  )
}
